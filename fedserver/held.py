"""What is held of new members' posts: their authors see that it waits, moderators publish or refuse it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from fedserver import posts, settings
from fedserver.content.text import clean_text
from fedserver.context import Server
from fedserver.errors import Forbidden, NotFound
from fedserver.mail import plan_mail, quoted
from fedserver.moderation import audit
from fedserver.moderation.permissions import Permission, require
from fedserver.posts import Draft
from fedserver.settings import InstanceSettings
from fedserver.viewer import Member
from storage import accounts, held, scheduled, users
from storage.accounts import AccountRow
from storage.media import MediaRow
from storage.paging import Window
from storage.types import now_ms

__all__ = ["Window"]

NAMES: Final = ("held_words", "held_hosts", "held_links", "spam_marks")
_read_draft: Final = msgspec.json.Decoder(Draft).decode


@dataclass(frozen=True, slots=True)
class HeldPost:
    """Something that waits: what its author wants to post, and what it was found by."""

    id: int
    author: AccountRow
    draft: Draft
    why: str
    written_at: int
    media: list[MediaRow]


async def own(server: Server, member: Member, window: Window) -> list[HeldPost]:
    """What waits of the member's own, the newest first."""
    return await server.db.read(_page, window, member.account_id)


async def waiting(server: Server, member: Member, window: Window) -> list[HeldPost]:
    """What waits, the newest first. Raises Forbidden."""
    require(member, Permission.MANAGE_REPORTS)
    return await server.db.read(_page, window, None)


async def withdraw(server: Server, member: Member, held_id: int) -> None:
    """Do not publish what one has written oneself. Raises NotFound."""

    def unit(conn: Connection) -> None:
        row = held.by_id(conn, held_id)
        if row is None or row.account_id != member.account_id:
            raise NotFound
        scheduled.remove(conn, held_id)

    await server.db.write(unit)


async def publish(server: Server, member: Member, held_id: int) -> int:
    """Publish it in its author's name; the post. Raises Forbidden, NotFound, and what `posts.create` raises."""
    require(member, Permission.MANAGE_REPORTS)
    row = await server.db.read(held.by_id, held_id)
    if row is None:
        raise NotFound
    draft = _read_draft(row.draft)
    await posts.find_strangers(server, draft)

    def unit(conn: Connection) -> int:
        author = _decided(conn, member, held_id, "publish_held")
        post_id = posts.create_unit(conn, server, author.id, draft, vetted=True)
        users.change(conn, author.id, vouched_at=now_ms())
        return post_id

    return await server.db.write(unit)


async def refuse(server: Server, member: Member, held_id: int, *, message: str = "") -> None:
    """Do not publish it, and tell its author, with a message if there is one. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_REPORTS)

    def unit(conn: Connection) -> None:
        row = held.by_id(conn, held_id)
        author = _decided(conn, member, held_id, "refuse_held")
        assert row is not None
        told = {
            "message": quoted(clean_text(message)[:1_000]),
            "said": quoted(_read_draft(row.draft).text[:500]),
        }
        plan_mail(conn, author.id, "held_refused", told)

    await server.db.write(unit)


async def change_rules(server: Server, member: Member, values: Mapping[str, Any]) -> InstanceSettings:
    """Set what posts of new members are held for. Raises Forbidden, Invalid."""
    require(member, Permission.MANAGE_REPORTS)
    wanted = {name: value for name, value in values.items() if name in NAMES}
    changed = await server.db.write(settings.change_unit, server.config, member, wanted)
    server.remembered.forget_settings()
    return changed


def _decided(conn: Connection, member: Member, held_id: int, action: str) -> AccountRow:
    """It waits no longer, and the log says who decided; its author."""
    row = held.by_id(conn, held_id)
    author = None if row is None else accounts.by_id(conn, row.account_id)
    if row is None or author is None or not scheduled.remove(conn, held_id):
        raise NotFound("Somebody else has decided about this already.")
    if author.suspended_at is not None and action == "publish_held":
        raise Forbidden("Its author is suspended.")
    audit.note(conn, member, action, ("account", author.id, author.username), after={"for": row.held_for})
    return author


def _page(conn: Connection, window: Window, account_id: int | None) -> list[HeldPost]:
    rows = held.page(conn, window, account_id=account_id)
    authors = dict(accounts.by_ids(conn, {row.account_id for row in rows}))
    media = scheduled.media_of(conn, [row.id for row in rows])
    return [
        HeldPost(
            row.id, authors[row.account_id], _read_draft(row.draft), row.held_for, row.scheduled_at,
            media.get(row.id, []),
        )
        for row in rows
        if row.account_id in authors
    ]  # fmt: skip
