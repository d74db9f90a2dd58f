"""Posts that wait for their instant, with the uploads that are kept for them. Those in the same table that wait for a
moderator are in `storage.held`, and only they."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from storage.paging import Window
from storage.tables import idempotency, media, scheduled_post
from storage.types import new_id

ScheduledRow = Row[Any]


def add(
    conn: Connection, account_id: int, *, draft: bytes, scheduled_at: int, media_ids: Sequence[int]
) -> int:
    """Keep a draft (JSON) until its instant; its id. The uploads are the caller's to check."""
    scheduled_id = new_id()
    conn.execute(
        insert(scheduled_post).values(
            id=scheduled_id, account_id=account_id, draft=draft.decode(), scheduled_at=scheduled_at
        )
    )
    for position, media_id in enumerate(media_ids):
        conn.execute(
            update(media).where(media.c.id == media_id).values(scheduled_id=scheduled_id, position=position)
        )
    return scheduled_id


def by_id(conn: Connection, scheduled_id: int) -> ScheduledRow | None:
    """One that waits for its instant."""
    query = select(scheduled_post).where(scheduled_post.c.id == scheduled_id, scheduled_post.c.held_for == "")
    return conn.execute(query).first()


def own(conn: Connection, account_id: int, scheduled_id: int) -> ScheduledRow | None:
    """One of this member's."""
    row = by_id(conn, scheduled_id)
    return row if row is not None and row.account_id == account_id else None


def page(conn: Connection, account_id: int, window: Window) -> list[ScheduledRow]:
    """A member's, those written last first."""
    query = select(scheduled_post).where(
        scheduled_post.c.account_id == account_id, scheduled_post.c.held_for == ""
    )
    return window.rows(conn, query, scheduled_post.c.id)


def count(
    conn: Connection, account_id: int, *, since_ms: int = 0, until_ms: int | None = None, but_id: int = 0
) -> int:
    """How many a member has, of those due from `since_ms` until before `until_ms`; `but_id` does not count."""
    query = select(func.count()).where(
        scheduled_post.c.account_id == account_id,
        scheduled_post.c.held_for == "",
        scheduled_post.c.scheduled_at >= since_ms,
        scheduled_post.c.id != but_id,
    )
    if until_ms is not None:
        query = query.where(scheduled_post.c.scheduled_at < until_ms)
    return int(conn.scalar(query) or 0)


def change(conn: Connection, scheduled_id: int, **columns: Any) -> None:
    """Set columns."""
    conn.execute(update(scheduled_post).where(scheduled_post.c.id == scheduled_id).values(**columns))


def remove(conn: Connection, scheduled_id: int) -> bool:
    """Forget one; its uploads are nobody's again. False when it was not there (any more)."""
    conn.execute(update(media).where(media.c.scheduled_id == scheduled_id).values(scheduled_id=None))
    return bool(conn.execute(delete(scheduled_post).where(scheduled_post.c.id == scheduled_id)).rowcount)


def published(conn: Connection, scheduled_id: int, post_id: int) -> None:
    """What was asked for by the same key again is the post from now on."""
    conn.execute(update(idempotency).where(idempotency.c.post_id == scheduled_id).values(post_id=post_id))


def media_of(conn: Connection, scheduled_ids: Iterable[int]) -> dict[int, list[Row[Any]]]:
    """By id: the uploads in order."""
    wanted = list(scheduled_ids)
    found: dict[int, list[Row[Any]]] = {}
    if wanted:
        query = select(media).where(media.c.scheduled_id.in_(wanted)).order_by(media.c.position, media.c.id)
        for row in conn.execute(query):
            found.setdefault(row.scheduled_id, []).append(row)
    return found
