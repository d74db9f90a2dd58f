"""Lists: members sort whom they follow into timelines of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import visibility
from fedserver.context import Server
from fedserver.errors import Invalid, NotFound
from fedserver.groups import as_lists
from fedserver.groups.as_lists import Unchangeable
from fedserver.viewer import Member
from storage import accounts as stored_accounts
from storage import lists, timelines
from storage.accounts import AccountRow
from storage.lists import ListRow
from storage.paging import Window
from storage.signals import signal

__all__ = ["ListRow"]

REPLIES_POLICIES: Final = ("followed", "list", "none")
TITLE_CHARACTERS_MAX: Final = 255
LISTS_MAX: Final = 50
ACCOUNTS_MAX: Final = 5_000


async def of_member(server: Server, member: Member) -> list[ListRow]:
    """A member's lists, oldest first, and the groups they are in."""

    def unit(conn: Connection) -> list[ListRow]:
        own = lists.of_member(conn, member.account_id)
        return [*own, *as_lists.of_member(conn, member.account_id)]

    return await server.db.read(unit)


async def with_account(server: Server, member: Member, account_id: int) -> list[ListRow]:
    """Those of a member's lists that an account is in."""

    def unit(conn: Connection) -> list[ListRow]:
        own = lists.with_account(conn, member.account_id, account_id)
        return [*own, *as_lists.with_account(conn, member.account_id, account_id)]

    return await server.db.read(unit)


async def one(server: Server, member: Member, list_id: int) -> ListRow:
    """One of the member's lists, or a group they are in. Raises NotFound."""

    def unit(conn: Connection) -> ListRow:
        return as_lists.one(conn, member.account_id, list_id) or _own(conn, member.account_id, list_id)

    return await server.db.read(unit)


async def create(
    server: Server, member: Member, title: str, *, replies_policy: str = "list", exclusive: bool = False
) -> ListRow:
    """Raises Invalid."""
    columns = _checked(title=title, replies_policy=replies_policy, exclusive=exclusive)

    def unit(conn: Connection) -> ListRow:
        if lists.count(conn, member.account_id) >= LISTS_MAX:
            raise Invalid(
                {}, f"Validation failed: You have reached the maximum number of lists ({LISTS_MAX})"
            )
        return _own(conn, member.account_id, lists.add(conn, member.account_id, **columns))

    return await server.db.write(unit)


async def change(
    server: Server,
    member: Member,
    list_id: int,
    *,
    title: str | None = None,
    replies_policy: str | None = None,
    exclusive: bool | None = None,
) -> ListRow:
    """None leaves as it is. Posts of people in an exclusive list leave the home timeline, and come back with it.

    Raises Invalid, NotFound.
    """
    asked = {"title": title, "replies_policy": replies_policy, "exclusive": exclusive}
    columns = _checked(**{name: value for name, value in asked.items() if value is not None})

    def unit(conn: Connection) -> ListRow:
        before = _own(conn, member.account_id, list_id)
        lists.change(conn, list_id, **columns)
        after = _own(conn, member.account_id, list_id)
        if bool(after.exclusive) != bool(before.exclusive):
            moved = timelines.take_from_home if after.exclusive else timelines.bring_home
            moved(conn, member.account_id, list_id)
        return after

    return await server.db.write(unit)


async def remove(server: Server, member: Member, list_id: int) -> None:
    """Raises NotFound."""

    def unit(conn: Connection) -> None:
        row = _own(conn, member.account_id, list_id)
        if row.exclusive:
            lists.change(conn, list_id, exclusive=False)
            timelines.bring_home(conn, member.account_id, list_id)
        lists.remove(conn, list_id)
        signal(conn, "list", str(list_id))

    await server.db.write(unit)


async def accounts(server: Server, member: Member, list_id: int, window: Window | None) -> list[AccountRow]:
    """Who is in a list, the last one added first; everybody without a window. Raises NotFound."""

    def unit(conn: Connection) -> list[AccountRow]:
        if as_lists.one(conn, member.account_id, list_id) is not None:
            return as_lists.accounts(conn, list_id, window)
        return lists.accounts(conn, _own(conn, member.account_id, list_id).id, window)

    return await server.db.read(unit)


async def add_accounts(server: Server, member: Member, list_id: int, account_ids: Sequence[int]) -> None:
    """Put people into a list whom the member follows or asks to, or the member. All or none.

    Raises NotFound for who is not known, Invalid for anybody else and for who is in it already.
    """
    wanted = list(dict.fromkeys(account_ids))

    def unit(conn: Connection) -> None:
        row = _own(conn, member.account_id, list_id)
        rows = stored_accounts.by_ids(conn, wanted)
        if len(rows) < len(wanted) or not all(
            visibility.may_know(conn, one, member.account_id) for one in rows.values()
        ):
            raise NotFound("Record not found")
        known = lists.follows(conn, member.account_id, wanted)
        if any(one not in known and one != member.account_id for one in wanted):
            raise Invalid({}, "Validation failed: Account must be a followed account")
        if lists.member_ids(conn, list_id, wanted):
            raise Invalid({}, "Validation failed: Account has already been taken")
        if len(lists.accounts(conn, list_id, None)) + len(wanted) > ACCOUNTS_MAX:
            raise Invalid({}, f"Validation failed: A list can have {ACCOUNTS_MAX} accounts")
        for one in wanted:
            follow_id, accepted = known.get(one, (None, True))
            lists.add_account(conn, list_id, one, follow_id)
            if accepted:
                timelines.fill_list(conn, list_id, one)
        if row.exclusive:
            timelines.take_from_home(conn, member.account_id, list_id)

    await server.db.write(unit)


async def remove_accounts(server: Server, member: Member, list_id: int, account_ids: Sequence[int]) -> None:
    """Take people out of a list; those who are not in it do not matter. Raises NotFound."""
    gone = list(dict.fromkeys(account_ids))

    def unit(conn: Connection) -> None:
        row = _own(conn, member.account_id, list_id)
        there = lists.member_ids(conn, list_id, gone)
        lists.remove_accounts(conn, list_id, gone)
        timelines.empty_list_of(conn, list_id, gone)
        if row.exclusive:
            for one, (_, accepted) in lists.follows(conn, member.account_id, list(there)).items():
                if accepted:
                    timelines.fill_home(conn, member.account_id, one)

    await server.db.write(unit)


async def containing(server: Server, post_id: int, list_ids: Sequence[int]) -> list[tuple[int, int]]:
    """(list, owner) of those of these lists that a post has entered: for streams, which know the lists that
    somebody listens to. The signal ``list`` tells of a list that is gone."""
    return await server.db.read(lists.containing, post_id, list_ids)


def _own(conn: Connection, owner_id: int, list_id: int) -> ListRow:
    """A list of the member's that can be changed. Raises NotFound, Unchangeable."""
    row = lists.by_id(conn, owner_id, list_id)
    if row is None and as_lists.one(conn, owner_id, list_id) is not None:
        raise Unchangeable
    if row is None:
        raise NotFound("Record not found")
    return row


def _checked(**columns: Any) -> dict[str, Any]:
    if "title" in columns:
        columns["title"] = title = columns["title"].strip()
        if not title:
            raise Invalid({"title": "can't be blank"}, "Validation failed: Title can't be blank")
        if len(title) > TITLE_CHARACTERS_MAX:
            problem = f"is too long (maximum is {TITLE_CHARACTERS_MAX} characters)"
            raise Invalid({"title": problem}, f"Validation failed: Title {problem}")
    if columns.get("replies_policy", "list") not in REPLIES_POLICIES:
        raise Invalid(
            {"replies_policy": "is not included in the list"},
            f"'{columns['replies_policy']}' is not a valid replies_policy",
        )
    return columns
