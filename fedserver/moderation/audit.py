"""The log of what those who look after the server did: written in the unit that does it, never changed afterwards."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection

from fedserver.context import Server
from fedserver.moderation.permissions import Permission, require
from fedserver.viewer import Member
from storage import audit
from storage.audit import Entry
from storage.paging import Window

__all__ = ["Entry", "Window", "note", "page"]

log = logging.getLogger("fedserver.audit")

ITSELF: Final = "fedserver"
"""Who decided when it was nobody: the command line, or a term that ran out."""


def note(
    conn: Connection,
    actor: Member | None,
    action: str,
    subject: tuple[str, object, str],
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Log what `actor` does in this unit; None is the command line or the server itself.

    `subject` is its type, its id and the name by which people know it. `before` and `after` say what changed;
    nothing belongs there that must be forgotten some day, such as an address.
    """
    kind, subject_id, name = subject
    entry = audit.add(
        conn,
        actor_id=None if actor is None else actor.account_id,
        actor_name=ITSELF if actor is None else actor.username,
        action=action,
        subject_type=kind,
        subject_id=str(subject_id),
        subject_name=name,
        before=before or {},
        after=after or {},
    )
    # With the digest elsewhere too, cutting off the end of the log is noticed as well.
    log.info("Entry %d: %s %s by %s, %s", entry.number, action, kind, entry.actor_name, entry.digest.hex())


def was_noted(conn: Connection, actor: Member, action: str, kind: str, subject_id: object) -> bool:
    """Whether the log says that this member did this to this subject."""
    return audit.has(conn, actor.account_id, action, kind, str(subject_id))


async def page(
    server: Server,
    member: Member,
    window: Window,
    *,
    actor_id: int | None = None,
    action: str = "",
    subject_type: str = "",
    subject_id: str = "",
) -> list[Entry]:
    """Entries, the newest first. Raises Forbidden."""
    require(member, Permission.VIEW_AUDIT_LOG)

    def unit(conn: Connection) -> list[Entry]:
        return audit.page(
            conn,
            window,
            actor_id=actor_id,
            action=action,
            subject_type=subject_type,
            subject_id=subject_id,
        )

    return await server.db.read(unit)
