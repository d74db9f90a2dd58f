"""Lists of members: who is in one, and which posts. What enters them is `storage.timelines`' business."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, delete, func, insert, select, update

from storage import kept_out
from storage.hot import Hot
from storage.paging import Window
from storage.tables import account, follow, list_account, list_entry, member_list
from storage.types import AnyOf, new_id

# Attributes are the table's columns.
ListRow = Any


def of_member(conn: Connection, owner_id: int) -> list[ListRow]:
    """A member's lists, oldest first."""
    query = select(member_list).where(member_list.c.account_id == owner_id).order_by(member_list.c.id)
    return list(conn.execute(query))


def with_account(conn: Connection, owner_id: int, account_id: int) -> list[ListRow]:
    """Those of a member's lists that an account is in."""
    query = (
        select(member_list)
        .join(list_account, list_account.c.list_id == member_list.c.id)
        .where(member_list.c.account_id == owner_id, list_account.c.account_id == account_id)
        .order_by(member_list.c.id)
    )
    return list(conn.execute(query))


def by_id(conn: Connection, owner_id: int, list_id: int) -> ListRow | None:
    """Only the member's own."""
    return conn.execute(
        select(member_list).where(member_list.c.id == list_id, member_list.c.account_id == owner_id)
    ).first()


def count(conn: Connection, owner_id: int) -> int:
    """How many lists a member has."""
    query = select(func.count()).select_from(member_list).where(member_list.c.account_id == owner_id)
    return conn.scalar(query) or 0


def add(conn: Connection, owner_id: int, *, title: str, replies_policy: str, exclusive: bool) -> int:
    """A new list without anybody; its id."""
    list_id = new_id()
    conn.execute(
        insert(member_list).values(
            id=list_id, account_id=owner_id, title=title, replies_policy=replies_policy, exclusive=exclusive
        )
    )
    return list_id


def change(conn: Connection, list_id: int, **columns: Any) -> None:
    """Set title, replies_policy, exclusive."""
    if columns:
        conn.execute(update(member_list).where(member_list.c.id == list_id).values(**columns))


def remove(conn: Connection, list_id: int) -> None:
    """With everything in it."""
    conn.execute(delete(member_list).where(member_list.c.id == list_id))


# -- who is in it


def accounts(conn: Connection, list_id: int, window: Window | None) -> list[Row[Any]]:
    """(id of the entry as relation_id, account columns…), the last one added first; all without a window."""
    query = (
        select(list_account.c.id.label("relation_id"), account)
        .join(account, account.c.id == list_account.c.account_id)
        .where(list_account.c.list_id == list_id, kept_out.shows(account))
    )
    if window is None:
        return list(conn.execute(query.order_by(list_account.c.id.desc())))
    return window.rows(conn, query, list_account.c.id)


def follows(conn: Connection, owner_id: int, account_ids: Sequence[int]) -> dict[int, tuple[int, bool]]:
    """By account: the follow with which the member may put it into a list, and whether it has been accepted."""
    query = select(follow.c.target_id, follow.c.id, follow.c.accepted).where(
        follow.c.account_id == owner_id, follow.c.target_id.in_(list(account_ids))
    )
    return {row.target_id: (row.id, bool(row.accepted)) for row in conn.execute(query)}


def member_ids(conn: Connection, list_id: int, account_ids: Sequence[int]) -> set[int]:
    """Those of these accounts that are in the list."""
    query = select(list_account.c.account_id).where(
        list_account.c.list_id == list_id, list_account.c.account_id.in_(list(account_ids))
    )
    return set(conn.scalars(query))


def add_account(conn: Connection, list_id: int, account_id: int, follow_id: int | None) -> None:
    """It must not be there yet; `follow_id` is None for the owner alone."""
    conn.execute(
        insert(list_account).values(id=new_id(), list_id=list_id, account_id=account_id, follow_id=follow_id)
    )


def remove_accounts(conn: Connection, list_id: int, account_ids: Sequence[int]) -> None:
    """Those that are there."""
    conn.execute(
        delete(list_account).where(
            list_account.c.list_id == list_id, list_account.c.account_id.in_(list(account_ids))
        )
    )


# -- which posts are in it


def _select_containing() -> Select[Any]:
    return (
        select(list_entry.c.list_id, member_list.c.account_id)
        .join(member_list, member_list.c.id == list_entry.c.list_id)
        .where(
            list_entry.c.post_id == bindparam("post_id"), AnyOf(list_entry.c.list_id, bindparam("list_ids"))
        )
    )


_containing: Hot[Any] = Hot(_select_containing, tuple)


def containing(conn: Connection, post_id: int, list_ids: Sequence[int]) -> list[tuple[int, int]]:
    """(list, owner) of those of these lists that a post has entered, in one statement: for streams."""
    return _containing.run(conn, post_id=post_id, list_ids=list(list_ids))
