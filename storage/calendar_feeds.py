"""Calendars elsewhere that this server reads again and again: rows of `calendar_feed`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, delete, func, or_, select, update

from storage.hot import insert_row
from storage.tables import calendar_feed
from storage.types import new_id, now_ms

# Attributes are the table's columns.
FeedRow = Any


def add(conn: Connection, **columns: Any) -> int:
    """The id of a new one, which is due at once."""
    feed_id = new_id()
    insert_row(conn, calendar_feed, {"id": feed_id, "created_at": now_ms(), "due_at": now_ms(), **columns})
    return feed_id


def by_id(conn: Connection, feed_id: int | None) -> FeedRow | None:
    return conn.execute(select(calendar_feed).where(calendar_feed.c.id == feed_id)).first()


def by_ids(conn: Connection, feed_ids: Collection[int]) -> dict[int, FeedRow]:
    """Those of these ids, by id."""
    query = select(calendar_feed).where(calendar_feed.c.id.in_(set(feed_ids)))
    return {row.id: row for row in conn.execute(query)}


def listed(conn: Connection, *, group_ids: Collection[int], of_server: bool) -> list[FeedRow]:
    """Those of these groups, and of the server, the oldest first."""
    wanted = [calendar_feed.c.group_id.in_(set(group_ids))]
    if of_server:
        wanted.append(calendar_feed.c.group_id.is_(None))
    return list(conn.execute(select(calendar_feed).where(or_(*wanted)).order_by(calendar_feed.c.id)))


def same(conn: Connection, url: str, group_id: int | None) -> FeedRow | None:
    """The one that reads this address for the same place."""
    place = calendar_feed.c.group_id.is_(None) if group_id is None else calendar_feed.c.group_id == group_id
    return conn.execute(select(calendar_feed).where(calendar_feed.c.url == url, place)).first()


def number(conn: Connection, group_id: int | None) -> int:
    """How many there are for a place."""
    place = calendar_feed.c.group_id.is_(None) if group_id is None else calendar_feed.c.group_id == group_id
    return int(conn.scalar(select(func.count()).select_from(calendar_feed).where(place)) or 0)


def due(conn: Connection, now: int, *, limit: int) -> list[int]:
    """The ids of those that are to be read."""
    query = select(calendar_feed.c.id).where(calendar_feed.c.state == "active", calendar_feed.c.due_at <= now)
    return list(conn.scalars(query.order_by(calendar_feed.c.due_at).limit(limit)))


def change(conn: Connection, feed_id: int, **columns: Any) -> None:
    conn.execute(update(calendar_feed).where(calendar_feed.c.id == feed_id).values(**columns))


def remove(conn: Connection, feed_id: int) -> None:
    conn.execute(delete(calendar_feed).where(calendar_feed.c.id == feed_id))
