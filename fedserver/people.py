"""Accounts as the client API lists them: one, several, those who follow, are blocked, liked a post.

Rows are those of the `account` table; in a list each has `relation_id`, the cursor by which it is paged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from sqlalchemy import Connection, func, select

from fedserver import interactions as rules
from fedserver import mentions, visibility
from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.viewer import Member
from storage import accounts, interactions, relationships, users
from storage.accounts import AccountRow
from storage.paging import Window
from storage.relationships import Relationship
from storage.tables import block, follow
from storage.users import UserRow

__all__ = ["AccountRow", "Relationship"]

ACCOUNTS_ASKED_MAX: Final = 40

Listed = Callable[[Connection, int, Window], list[AccountRow]]


@dataclass(frozen=True, slots=True)
class Account:
    """An account, and the one it has moved to."""

    row: AccountRow
    moved: AccountRow | None


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """A member's own account with their preferences, and how many ask to follow."""

    row: AccountRow
    moved: AccountRow | None
    user: UserRow
    follow_requests_count: int


async def one(server: Server, viewer_id: int | None, account_id: int) -> Account:
    """An account. Raises NotFound."""
    return await server.db.read(_one, viewer_id, account_id)


def _one(conn: Connection, viewer_id: int | None, account_id: int) -> Account:
    row = visibility.known(conn, account_id, viewer_id)
    return Account(row, _moved(conn, row))


async def some(server: Server, viewer_id: int | None, account_ids: Sequence[int]) -> list[AccountRow]:
    """Those of these accounts that exist and the viewer may know of, in this order."""

    def unit(conn: Connection) -> list[AccountRow]:
        found = accounts.by_ids(conn, account_ids)
        rows = [found[one] for one in dict.fromkeys(account_ids) if one in found]
        return [row for row in rows if row.deleted_at is None and visibility.may_know(conn, row, viewer_id)]

    return await server.db.read(unit)


async def own(server: Server, member: Member) -> OwnAccount:
    """Everything a member sees of their own account."""

    def unit(conn: Connection) -> OwnAccount:
        row = accounts.by_id(conn, member.account_id)
        user = users.by_id(conn, member.account_id)
        if row is None or user is None:
            raise NotFound
        waiting = (
            select(func.count())
            .select_from(follow)
            .where(follow.c.target_id == member.account_id, follow.c.accepted.is_(False))
        )
        return OwnAccount(row, _moved(conn, row), user, conn.scalar(waiting) or 0)

    return await server.db.read(unit)


async def by_handle(server: Server, viewer_id: int | None, handle: str) -> AccountRow | None:
    """The known account that ``name``, ``@name`` or ``name@domain`` names; nobody is asked elsewhere."""
    name, _, domain = handle.strip().removeprefix("@").partition("@")
    domain = "" if not domain or mentions.is_ours(server, domain) else domain.lower()

    def unit(conn: Connection) -> AccountRow | None:
        row = accounts.by_handle(conn, name, domain)
        if row is None or row.deleted_at is not None or not visibility.may_know(conn, row, viewer_id):
            return None
        return row

    return await server.db.read(unit)


def _moved(conn: Connection, row: AccountRow) -> AccountRow | None:
    there = accounts.by_id(conn, row.moved_to_id) if row.moved_to_id is not None else None
    return None if there is None or there.suspended_at is not None else there


# -- lists


async def followers(
    server: Server, viewer_id: int | None, account_id: int, window: Window
) -> list[AccountRow]:
    """Who follows an account; nobody is named to others when it hides that. Raises NotFound."""
    return await server.db.read(_of_account, viewer_id, account_id, window, relationships.followers)


async def following(
    server: Server, viewer_id: int | None, account_id: int, window: Window
) -> list[AccountRow]:
    """Whom an account follows; as for `followers`."""
    following_known = partial(relationships.following, viewer_id=viewer_id)
    return await server.db.read(_of_account, viewer_id, account_id, window, following_known)


def _of_account(
    conn: Connection, viewer_id: int | None, account_id: int, window: Window, listed: Listed
) -> list[AccountRow]:
    row = visibility.known(conn, account_id, viewer_id)
    if row.suspended_at is not None or (row.hides_follows and viewer_id != account_id):
        return []
    if viewer_id is not None and relationships.block_between(conn, account_id, viewer_id) is not None:
        return []
    return listed(conn, account_id, window)


async def requests(server: Server, member: Member, window: Window) -> list[AccountRow]:
    """Who asks to follow a member."""

    def unit(conn: Connection) -> list[AccountRow]:
        return relationships.followers(conn, member.account_id, window, accepted=False)

    return await server.db.read(unit)


async def blocked(server: Server, member: Member, window: Window) -> list[AccountRow]:
    """Whom a member blocks."""
    return await server.db.read(relationships.blocked, member.account_id, window)


async def muted(server: Server, member: Member, window: Window) -> list[AccountRow]:
    """Whom a member mutes at present; rows have `mute_expires_at`."""
    return await server.db.read(relationships.muted, member.account_id, window)


async def liked_by(server: Server, viewer_id: int | None, post_id: int, window: Window) -> list[AccountRow]:
    """Who liked a post. Raises NotFound when the viewer may not see it."""
    return await server.db.read(_of_post, viewer_id, post_id, window, interactions.liked_by)


async def boosted_by(server: Server, viewer_id: int | None, post_id: int, window: Window) -> list[AccountRow]:
    """Who boosted a post. Raises NotFound when the viewer may not see it."""
    return await server.db.read(_of_post, viewer_id, post_id, window, interactions.boosted_by)


def _of_post(
    conn: Connection, viewer_id: int | None, post_id: int, window: Window, listed: Listed
) -> list[AccountRow]:
    row = rules.seen(conn, post_id, viewer_id)
    found = [one for one in listed(conn, row.id, window) if visibility.may_know(conn, one, viewer_id)]
    if viewer_id is None:
        return found
    hiding = set(conn.scalars(select(block.c.account_id).where(block.c.target_id == viewer_id)))
    return [one for one in found if one.id not in hiding]


async def familiar_followers(
    server: Server, member: Member, account_ids: Sequence[int]
) -> dict[int, list[AccountRow]]:
    """By account: whom the member follows among those who follow it; [] where it hides its followers. Who hides whom
    they follow is not named."""

    def unit(conn: Connection) -> dict[int, list[AccountRow]]:
        asked = [
            row
            for row in accounts.by_ids(conn, account_ids).values()
            if row.suspended_at is None and visibility.may_know(conn, row, member.account_id)
        ]
        open_ids = [row.id for row in asked if not row.hides_follows or row.id == member.account_id]
        pairs = relationships.followers_known_to(conn, member.account_id, open_ids)
        found = accounts.by_ids(conn, {one.account_id for one in pairs})
        familiar: dict[int, list[AccountRow]] = {row.id: [] for row in asked}
        for one in pairs:
            if len(familiar[one.target_id]) < ACCOUNTS_ASKED_MAX:
                familiar[one.target_id].append(found[one.account_id])
        return familiar

    return await server.db.read(unit)
