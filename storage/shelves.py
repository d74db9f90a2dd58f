"""Shelves: resources in an order that somebody chose, who may put things on them, and who follows them. Rows, no rules."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, exists, func, insert, select, update

from storage.hot import insert_row
from storage.paging import Window
from storage.tables import block, post, resource, shelf, shelf_curator, shelf_follow, shelf_item
from storage.types import new_id, now_ms

# Attributes are the table's columns.
ShelfRow = Row[Any]
# Attributes are those of `shelf_item`, and the post's `uri`.
ItemRow = Row[Any]


# -- shelves


def add(conn: Connection, account_id: int, *, uri: str, shelf_id: int, **columns: Any) -> None:
    """A new shelf of this server, empty."""
    now = now_ms()
    conn.execute(
        insert(shelf).values(
            id=shelf_id, uri=uri, account_id=account_id, created_at=now, changed_at=now, **columns
        )
    )


def by_id(conn: Connection, shelf_id: int, shown: ColumnElement[bool] | None = None) -> ShelfRow | None:
    """A shelf, if `shown` holds for it."""
    query = select(shelf).where(shelf.c.id == shelf_id)
    return conn.execute(query if shown is None else query.where(shown)).first()


def page(
    conn: Connection,
    shown: ColumnElement[bool],
    window: Window,
    *,
    account_id: int | None = None,
    curator_id: int | None = None,
    follower_id: int | None = None,
    post_id: int | None = None,
) -> list[ShelfRow]:
    """Shelves for which `shown` holds, newest first: those of an account, those it may put things on, those it follows, those
    that hold a resource."""
    query = select(shelf).where(shown)
    if account_id is not None:
        query = query.where(shelf.c.account_id == account_id)
    if curator_id is not None:
        query = query.where((shelf.c.account_id == curator_id) | is_curator(curator_id))
    if follower_id is not None:
        query = query.where(
            exists().where(shelf_follow.c.shelf_id == shelf.c.id, shelf_follow.c.account_id == follower_id)
        )
    if post_id is not None:
        query = query.where(
            exists().where(shelf_item.c.shelf_id == shelf.c.id, shelf_item.c.post_id == post_id)
        )
    return window.rows(conn, query, shelf.c.id)


def is_curator(account_id: int) -> ColumnElement[bool]:
    """A condition over `shelf`."""
    return exists().where(shelf_curator.c.shelf_id == shelf.c.id, shelf_curator.c.account_id == account_id)


def number_of(conn: Connection, account_id: int) -> int:
    """How many shelves an account has."""
    return conn.scalar(select(func.count()).select_from(shelf).where(shelf.c.account_id == account_id)) or 0


def lock(conn: Connection, shelf_id: int) -> None:
    """Let nobody else change what is on a shelf until this unit is done."""
    conn.execute(select(shelf.c.id).where(shelf.c.id == shelf_id).with_for_update()).first()


def change(conn: Connection, shelf_id: int, **columns: Any) -> None:
    conn.execute(update(shelf).where(shelf.c.id == shelf_id).values(**columns))


def remove(conn: Connection, shelf_id: int) -> None:
    """With its order, notes, curators and followers."""
    conn.execute(delete(shelf).where(shelf.c.id == shelf_id))


# -- what is on them


def items(
    conn: Connection, shelf_id: int, shown: ColumnElement[bool], *, limit: int, offset: int = 0
) -> list[ItemRow]:
    """What is on a shelf in its order, as far as `shown` holds for the post."""
    query = (
        select(shelf_item, post.c.uri)
        .join(post, post.c.id == shelf_item.c.post_id)
        .join(resource, resource.c.post_id == post.c.id)
        .where(shelf_item.c.shelf_id == shelf_id, resource.c.withdrawn_at.is_(None), shown)
        .order_by(shelf_item.c.position, shelf_item.c.post_id)
    )
    return list(conn.execute(query.limit(limit).offset(offset)))


def items_counts(conn: Connection, shelf_ids: Collection[int], shown: ColumnElement[bool]) -> dict[int, int]:
    """How many things are on each of these shelves for which `shown` holds; shelves without any are left out."""
    if not shelf_ids:
        return {}
    query = (
        select(shelf_item.c.shelf_id, func.count())
        .join(post, post.c.id == shelf_item.c.post_id)
        .join(resource, resource.c.post_id == post.c.id)
        .where(shelf_item.c.shelf_id.in_(set(shelf_ids)), resource.c.withdrawn_at.is_(None), shown)
        .group_by(shelf_item.c.shelf_id)
    )
    return {row[0]: row[1] for row in conn.execute(query)}


def post_ids(conn: Connection, shelf_id: int) -> list[int]:
    """All that is on a shelf in its order, whoever may see it."""
    query = select(shelf_item.c.post_id).where(shelf_item.c.shelf_id == shelf_id)
    return list(conn.scalars(query.order_by(shelf_item.c.position, shelf_item.c.post_id)))


def put_item(conn: Connection, shelf_id: int, post_id: int, added_by_id: int, note: str | None) -> bool:
    """Put a resource at the end of a shelf, or give it another note where it is there; whether it was not."""
    last = conn.scalar(select(func.max(shelf_item.c.position)).where(shelf_item.c.shelf_id == shelf_id))
    added = insert_row(
        conn,
        shelf_item,
        {
            "shelf_id": shelf_id,
            "post_id": post_id,
            "added_by_id": added_by_id,
            "position": 0 if last is None else last + 1,
            "note": note or "",
            "added_at": now_ms(),
        },
        unless_there=True,
    )
    if not added and note is not None:
        conn.execute(
            update(shelf_item)
            .where(shelf_item.c.shelf_id == shelf_id, shelf_item.c.post_id == post_id)
            .values(note=note)
        )
    return bool(added)


def arrange(conn: Connection, shelf_id: int, ids: Sequence[int]) -> None:
    """Give what is on a shelf this order."""
    conn.execute(
        update(shelf_item)
        .where(shelf_item.c.shelf_id == shelf_id, shelf_item.c.post_id == bindparam("of_post"))
        .values(position=bindparam("at")),
        [{"of_post": post_id, "at": at} for at, post_id in enumerate(ids)],
    )


def remove_item(conn: Connection, shelf_id: int, post_id: int) -> bool:
    """Take a resource off a shelf; whether it was there."""
    done = conn.execute(
        delete(shelf_item).where(shelf_item.c.shelf_id == shelf_id, shelf_item.c.post_id == post_id)
    )
    return done.rowcount > 0


def latest_item(conn: Connection, shelf_id: int, since_ms: int) -> Any:
    """(post_id, added_by_id) of what was put on a shelf last, if that was after an instant."""
    query = select(shelf_item.c.post_id, shelf_item.c.added_by_id).where(
        shelf_item.c.shelf_id == shelf_id, shelf_item.c.added_at > since_ms
    )
    return conn.execute(query.order_by(shelf_item.c.added_at.desc(), shelf_item.c.post_id.desc())).first()


# -- who may put things on them


def curators(conn: Connection, shelf_ids: Iterable[int]) -> dict[int, list[int]]:
    """By shelf, the ids of those who may put things on it beside its owner."""
    query = select(shelf_curator).where(shelf_curator.c.shelf_id.in_(set(shelf_ids)))
    found: dict[int, list[int]] = {}
    for row in conn.execute(query.order_by(shelf_curator.c.account_id)):
        found.setdefault(row.shelf_id, []).append(row.account_id)
    return found


def add_curator(conn: Connection, shelf_id: int, account_id: int) -> None:
    insert_row(conn, shelf_curator, {"shelf_id": shelf_id, "account_id": account_id}, unless_there=True)


def remove_curator(conn: Connection, shelf_id: int, account_id: int) -> None:
    conn.execute(
        delete(shelf_curator).where(
            shelf_curator.c.shelf_id == shelf_id, shelf_curator.c.account_id == account_id
        )
    )


# -- who follows them


def follow(conn: Connection, shelf_id: int, account_id: int) -> None:
    insert_row(
        conn,
        shelf_follow,
        {"shelf_id": shelf_id, "account_id": account_id, "created_at": now_ms()},
        unless_there=True,
    )


def unfollow(conn: Connection, shelf_id: int, account_id: int) -> None:
    conn.execute(
        delete(shelf_follow).where(
            shelf_follow.c.shelf_id == shelf_id, shelf_follow.c.account_id == account_id
        )
    )


def followers(conn: Connection, shelf_id: int) -> list[int]:
    """Who follows a shelf, without whom its owner blocks."""
    blocked = exists().where(
        block.c.account_id == shelf.c.account_id, block.c.target_id == shelf_follow.c.account_id
    )
    query = select(shelf_follow.c.account_id).join(shelf, shelf.c.id == shelf_follow.c.shelf_id)
    return list(conn.scalars(query.where(shelf_follow.c.shelf_id == shelf_id, ~blocked)))


def followers_counts(conn: Connection, shelf_ids: Collection[int]) -> dict[int, int]:
    """How many follow each of these shelves; those that nobody follows are left out."""
    if not shelf_ids:
        return {}
    query = (
        select(shelf_follow.c.shelf_id, func.count())
        .where(shelf_follow.c.shelf_id.in_(set(shelf_ids)))
        .group_by(shelf_follow.c.shelf_id)
    )
    return {row[0]: row[1] for row in conn.execute(query)}


def followed(conn: Connection, account_id: int, shelf_ids: Collection[int]) -> set[int]:
    """Those of these shelves that an account follows."""
    query = select(shelf_follow.c.shelf_id).where(
        shelf_follow.c.account_id == account_id, shelf_follow.c.shelf_id.in_(set(shelf_ids))
    )
    return set(conn.scalars(query))


def mint() -> int:
    """The id of a shelf to come, of which its address is made."""
    return new_id()
