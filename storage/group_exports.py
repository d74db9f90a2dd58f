"""A group's threads from the oldest to the newest, a page at a time, with what an export says of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from storage.tables import group_thread, post


def threads(conn: Connection, group_id: int, after_id: int, *, limit: int) -> list[Any]:
    """The next threads of a group, by the ids of their first posts; those that were merged are with those they went
    into."""
    query = select(group_thread).where(
        group_thread.c.group_id == group_id,
        group_thread.c.post_id > after_id,
        group_thread.c.merged_into_id.is_(None),
    )
    return list(conn.execute(query.order_by(group_thread.c.post_id).limit(limit)))


def posts(
    conn: Connection,
    group_id: int,
    thread_ids: Sequence[int],
    after: tuple[int, int],
    visible: ColumnElement[bool],
    *,
    limit: int,
) -> list[Any]:
    """The next posts of these threads, thread by thread, each from its beginning, that are `visible` (a condition over
    `post`); `after` is the thread and id of the last one before."""
    thread_id, post_id = after
    query = select(post).where(
        post.c.thread_id.in_(thread_ids),
        or_(post.c.thread_id > thread_id, and_(post.c.thread_id == thread_id, post.c.id > post_id)),
        post.c.group_id == group_id,
        post.c.boost_of_id.is_(None),
        post.c.deleted_at.is_(None),
        visible,
    )
    return list(conn.execute(query.order_by(post.c.thread_id, post.c.id).limit(limit)))
