"""Each group that a member is in is also one of their lists, for apps that know no groups: it can be read, not changed.

Its id is that of the group's account; in it are the group's members, and its timeline has the first posts of the threads.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Select, bindparam, select

from fedserver.errors import Invalid
from storage import groups
from storage.groups import GroupRow
from storage.hot import Hot
from storage.paging import Window
from storage.tables import group_thread, membership
from storage.types import AnyOf

MEMBERS_AT_ONCE_MAX: Final = 5_000


class GroupList(NamedTuple):
    """A group as a list: the attributes of a row of `member_list` that are shown."""

    id: int
    title: str
    replies_policy: str = "none"
    exclusive: bool = False


class Unchangeable(Invalid):
    """A list that is a group was to be changed."""

    def __init__(self) -> None:
        super().__init__({}, "Validation failed: This list is a group. Join or leave the group instead.")


def of_member(conn: Connection, account_id: int) -> list[GroupList]:
    """The groups of a member, by name."""
    return [_list(row) for row in groups.of_member(conn, account_id)]


def with_account(conn: Connection, account_id: int, other_id: int) -> list[GroupList]:
    """The groups in which both are."""
    theirs = {row.account_id for row in groups.of_member(conn, other_id)}
    return [_list(row) for row in groups.of_member(conn, account_id) if row.account_id in theirs]


def one(conn: Connection, account_id: int, list_id: int) -> GroupList | None:
    """The group of this id as the member's list; None when they are not in it."""
    if groups.membership_of(conn, list_id, account_id) is None:
        return None
    row = groups.by_id(conn, list_id)
    return None if row is None or row.suspended_at is not None else _list(row)


def accounts(conn: Connection, group_id: int, window: Window | None) -> list[Any]:
    """Who is in it, as `storage.lists.accounts` has them."""
    return groups.members(conn, group_id, window or Window(limit=MEMBERS_AT_ONCE_MAX))


def _list(row: GroupRow) -> GroupList:
    return GroupList(row.account_id, row.display_name or row.username)


# -- for streams


def _select_containing() -> Select[Any]:
    return (
        select(group_thread.c.group_id, membership.c.account_id)
        .join(membership, membership.c.group_id == group_thread.c.group_id)
        .where(
            group_thread.c.post_id == bindparam("post_id"),
            group_thread.c.merged_into_id.is_(None),
            AnyOf(group_thread.c.group_id, bindparam("list_ids")),
            AnyOf(membership.c.account_id, bindparam("account_ids")),
        )
    )


_containing: Hot[Any] = Hot(_select_containing, tuple)


def containing(
    conn: Connection, post_id: int, list_ids: Sequence[int], account_ids: Collection[int]
) -> list[tuple[int, int]]:
    """(group, member) of those of these accounts in whose lists that are groups a post is, in one statement."""
    return _containing.run(conn, post_id=post_id, list_ids=list(list_ids), account_ids=list(account_ids))
