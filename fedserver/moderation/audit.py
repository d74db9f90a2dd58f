"""The log of what those who look after the server did: written in the unit that does it, never changed afterwards."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import csv_tables
from fedserver.context import Server
from fedserver.moderation.permissions import Permission, require
from fedserver.viewer import Member
from storage import audit
from storage.audit import Entry
from storage.paging import Window

__all__ = ["Checked", "Entry", "Sought", "Window", "note", "page"]

log = logging.getLogger("fedserver.audit")

TABLE_ROWS_MAX: Final = 50_000
STEP_ROWS: Final = 1_000
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


@dataclass(frozen=True, slots=True)
class Sought:
    """Which entries to list; "" and None for all. `since` and `until` are instants in ms, `until` not included."""

    actor_name: str = ""
    action: str = ""
    subject_type: str = ""
    subject_id: str = ""
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Kinds:
    """What there is to choose from."""

    actions: list[str]
    subjects: list[str]
    actors: list[str]


@dataclass(frozen=True, slots=True)
class Checked:
    """Whether the log is as it was written: the last entry's number and digest, and the first entry that is not as it
    should be (None: all are)."""

    last: Entry | None
    broken: int | None


async def page(server: Server, member: Member, sought: Sought, window: Window) -> list[Entry]:
    """Entries, the newest first. Raises Forbidden."""
    require(member, Permission.VIEW_AUDIT_LOG)
    return await server.db.read(lambda conn: _page(conn, sought, window))


def _page(conn: Connection, sought: Sought, window: Window) -> list[Entry]:
    return audit.page(
        conn,
        window,
        action=sought.action,
        subject_type=sought.subject_type,
        subject_id=sought.subject_id,
        actor_name=sought.actor_name,
        since_at=sought.since,
        until_at=sought.until,
    )


async def kinds(server: Server, member: Member) -> Kinds:
    """The actions, types and actors that the log has. Raises Forbidden."""
    require(member, Permission.VIEW_AUDIT_LOG)
    return Kinds(*await server.db.read(audit.kinds))


async def table(server: Server, member: Member, sought: Sought) -> bytes:
    """The same entries as CSV, the newest first, `TABLE_ROWS_MAX` at the most; that somebody took it along is logged.
    Raises Forbidden."""
    require(member, Permission.VIEW_AUDIT_LOG)

    def unit(conn: Connection) -> list[Entry]:
        found: list[Entry] = []
        window = Window(limit=STEP_ROWS)
        while len(found) < TABLE_ROWS_MAX:
            step = _page(conn, sought, window)
            found += step
            if len(step) < STEP_ROWS:
                break
            window = window.below(step[-1].number)
        return found

    rows = await server.db.read(unit)
    await server.db.write(note, member, "export", ("audit_log", "", ""), after={"rows": len(rows)})
    header = ("number", "time", "actor", "action", "type", "id", "name", "before", "after", "digest")
    return csv_tables.table(
        header,
        (
            (
                str(one.number),
                datetime.fromtimestamp(one.created_at / 1000, UTC).isoformat(timespec="milliseconds"),
                one.actor_name,
                one.action,
                one.subject_type,
                one.subject_id,
                one.subject_name,
                one.before,
                one.after,
                bytes(one.digest).hex(),
            )
            for one in rows
        ),
    )


async def check(server: Server, member: Member) -> Checked:
    """Read the whole log and compute each digest anew. Raises Forbidden."""
    require(member, Permission.VIEW_AUDIT_LOG)
    return await server.db.read(lambda conn: Checked(audit.head(conn), audit.first_broken(conn)))
