"""Where events were read from: rows of `event_origin`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, and_, delete, or_, select, update

from storage.hot import insert_row
from storage.tables import event, event_origin, occurrence, post
from storage.types import new_id, now_ms

# Attributes are the table's columns.
OriginRow = Any


def known(
    conn: Connection, account_id: int, feed_id: int | None, *, uids: Iterable[str], marks: Iterable[str]
) -> list[OriginRow]:
    """What this account has read before, by hand (`feed_id` None) or from a subscription, that has one of these names, or begins
    when and is called as one of these; the newest first."""
    query = select(event_origin).where(
        event_origin.c.account_id == account_id,
        event_origin.c.feed_id.is_(None) if feed_id is None else event_origin.c.feed_id == feed_id,
        or_(event_origin.c.uid.in_(set(uids) - {""}), event_origin.c.mark.in_(set(marks))),
    )
    return list(conn.execute(query.order_by(event_origin.c.id.desc())))


def of_posts(conn: Connection, post_ids: Collection[int]) -> dict[int, OriginRow]:
    """Where events were read from, by event."""
    query = select(event_origin).where(event_origin.c.post_id.in_(set(post_ids)))
    return {row.post_id: row for row in conn.execute(query)}


def add(conn: Connection, **columns: Any) -> int:
    """The id of a new row."""
    origin_id = new_id()
    insert_row(conn, event_origin, {"id": origin_id, "seen_at": now_ms(), **columns})
    return origin_id


def change(conn: Connection, origin_id: int, **columns: Any) -> None:
    conn.execute(update(event_origin).where(event_origin.c.id == origin_id).values(**columns))


def remove(conn: Connection, origin_ids: Collection[int]) -> None:
    conn.execute(delete(event_origin).where(event_origin.c.id.in_(set(origin_ids))))


def seen(conn: Connection, origin_ids: Collection[int], at_ms: int) -> None:
    """They are in what was read then."""
    conn.execute(update(event_origin).where(event_origin.c.id.in_(set(origin_ids))).values(seen_at=at_ms))


def not_seen(conn: Connection, feed_id: int, before_ms: int, *, ends_after_ms: int) -> list[Any]:
    """Events of a subscription that were not in it when it was read last, and are not over: their origin's columns, when they
    begin, and how many answers and likes their posts have."""
    query = (
        select(
            event_origin, event.c.starts_at, event.c.status,
            (post.c.replies_count + post.c.likes_count + post.c.boosts_count).label("noticed"),
        )
        .join(event, event.c.post_id == event_origin.c.post_id)
        .join(post, post.c.id == event_origin.c.post_id)
        .where(
            event_origin.c.feed_id == feed_id,
            event_origin.c.seen_at < before_ms,
            event.c.ends_at > ends_after_ms,
        )
    )  # fmt: skip
    return list(conn.execute(query))


def of_feed(conn: Connection, feed_id: int, *, ends_after_ms: int = 0) -> list[Any]:
    """The events of a subscription: their origin's columns, when they begin, and how many answers and likes they have."""
    return not_seen(conn, feed_id, 1 << 62, ends_after_ms=ends_after_ms)


def uids_here(conn: Connection, uids: Iterable[str]) -> dict[str, int]:
    """Which of these names are those of our own events, by name the event."""
    query = select(event.c.uid, event.c.post_id).join(post, post.c.id == event.c.post_id)
    found = query.where(event.c.uid.in_(set(uids) - {""}), post.c.visibility.in_(("public", "unlisted")))
    return {row.uid: row.post_id for row in conn.execute(found)}


def occurrences_changed(conn: Connection, post_id: int) -> list[Any]:
    """Occurrences that are not as the schedule says."""
    changed = and_(occurrence.c.post_id == post_id, occurrence.c.status != "scheduled")
    return list(conn.execute(select(occurrence).where(changed).order_by(occurrence.c.key)))
