"""Likes, boosts, bookmarks, pins, muted threads: what people do with a post."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select

from storage import kept_out
from storage.paging import Window
from storage.tables import account, bookmark, like, pin, post, thread_mute
from storage.types import new_id


@dataclass(slots=True)
class Standing:
    """What one viewer did with one post."""

    liked: bool = False
    boosted: bool = False
    bookmarked: bool = False
    pinned: bool = False
    muted: bool = False


def like_between(conn: Connection, account_id: int, post_id: int) -> Row[Any] | None:
    return conn.execute(
        select(like).where(like.c.account_id == account_id, like.c.post_id == post_id)
    ).first()


def like_by_uri(conn: Connection, uri: str) -> Row[Any] | None:
    return conn.execute(select(like).where(like.c.uri == uri)).first()


def add_like(
    conn: Connection, account_id: int, post_id: int, uri: str, *, like_id: int | None = None
) -> Row[Any]:
    """There must be none yet."""
    conn.execute(insert(like).values(id=like_id or new_id(), uri=uri, account_id=account_id, post_id=post_id))
    row = like_between(conn, account_id, post_id)
    assert row is not None
    return row


def remove_like(conn: Connection, like_id: int) -> None:
    conn.execute(delete(like).where(like.c.id == like_id))


def liked_by(conn: Connection, post_id: int, window: Window) -> list[Row[Any]]:
    """(id of the like, account columns…)."""
    query = (
        select(like.c.id.label("relation_id"), account)
        .join(account, account.c.id == like.c.account_id)
        .where(like.c.post_id == post_id, kept_out.shows(account))
    )
    return window.rows(conn, query, like.c.id)


def liked(conn: Connection, account_id: int, window: Window, seen: ColumnElement[bool]) -> list[Row[Any]]:
    """(id of the like as relation_id, post_id): what an account liked of the posts that are `seen`."""
    query = (
        select(like.c.id.label("relation_id"), like.c.post_id)
        .join(post, post.c.id == like.c.post_id)
        .where(like.c.account_id == account_id, seen)
    )
    return window.rows(conn, query, like.c.id)


def boost_between(conn: Connection, account_id: int, post_id: int) -> Row[Any] | None:
    return conn.execute(
        select(post).where(post.c.account_id == account_id, post.c.boost_of_id == post_id)
    ).first()


def boosted_by(conn: Connection, post_id: int, window: Window) -> list[Row[Any]]:
    """(id of the boost, account columns…)."""
    query = (
        select(post.c.id.label("relation_id"), account)
        .join(account, account.c.id == post.c.account_id)
        .where(post.c.boost_of_id == post_id, kept_out.shows(account))
    )
    return window.rows(conn, query, post.c.id)


def bookmarked(
    conn: Connection, account_id: int, window: Window, seen: ColumnElement[bool]
) -> list[Row[Any]]:
    """(id of the bookmark as relation_id, post_id), of the posts that are `seen`."""
    query = (
        select(bookmark.c.id.label("relation_id"), bookmark.c.post_id)
        .join(post, post.c.id == bookmark.c.post_id)
        .where(bookmark.c.account_id == account_id, seen)
    )
    return window.rows(conn, query, bookmark.c.id)


def put_bookmark(conn: Connection, account_id: int, post_id: int) -> bool:
    """Twice is as once. Whether it is new."""
    known = conn.execute(
        select(bookmark.c.id).where(bookmark.c.account_id == account_id, bookmark.c.post_id == post_id)
    ).first()
    if known is None:
        conn.execute(insert(bookmark).values(id=new_id(), account_id=account_id, post_id=post_id))
    return known is None


def remove_bookmark(conn: Connection, account_id: int, post_id: int) -> None:
    conn.execute(delete(bookmark).where(bookmark.c.account_id == account_id, bookmark.c.post_id == post_id))


def pinned(conn: Connection, account_id: int) -> list[int]:
    """Posts an account has pinned, the newest pin first."""
    return list(
        conn.scalars(select(pin.c.post_id).where(pin.c.account_id == account_id).order_by(pin.c.id.desc()))
    )


def put_pin(conn: Connection, account_id: int, post_id: int) -> bool:
    """False when it was pinned already."""
    if post_id in pinned(conn, account_id):
        return False
    conn.execute(insert(pin).values(id=new_id(), account_id=account_id, post_id=post_id))
    return True


def remove_pin(conn: Connection, account_id: int, post_id: int) -> bool:
    """False when it was not pinned."""
    return bool(
        conn.execute(delete(pin).where(pin.c.account_id == account_id, pin.c.post_id == post_id)).rowcount
    )


def mute_thread(conn: Connection, account_id: int, thread_id: int) -> None:
    """Twice is as once."""
    known = conn.execute(
        select(thread_mute.c.thread_id).where(
            thread_mute.c.account_id == account_id, thread_mute.c.thread_id == thread_id
        )
    ).first()
    if known is None:
        conn.execute(insert(thread_mute).values(account_id=account_id, thread_id=thread_id))


def unmute_thread(conn: Connection, account_id: int, thread_id: int) -> None:
    conn.execute(
        delete(thread_mute).where(
            thread_mute.c.account_id == account_id, thread_mute.c.thread_id == thread_id
        )
    )
