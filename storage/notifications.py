"""What happened to a member, newest last; and how far they have read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from storage.database import integrity_conflict
from storage.paging import Window
from storage.tables import marker, notification
from storage.types import new_id, now_ms


def add(
    conn: Connection,
    *,
    account_id: int,
    type_: str,
    from_account_id: int,
    post_id: int | None = None,
    report_id: int | None = None,
    dedupe: str,
) -> int | None:
    """Notify once for each `dedupe`; the new id, or None when it had been notified before."""
    notification_id = new_id()
    try:
        with conn.begin_nested():
            conn.execute(
                insert(notification).values(
                    id=notification_id,
                    account_id=account_id,
                    type=type_,
                    from_account_id=from_account_id,
                    post_id=post_id,
                    report_id=report_id,
                    dedupe=dedupe,
                )
            )
    except IntegrityError as error:
        if integrity_conflict(error):
            return None
        raise
    return notification_id


def page(
    conn: Connection,
    account_id: int,
    window: Window,
    *,
    types: Sequence[str] = (),
    exclude: Sequence[str] = (),
    from_account_id: int | None = None,
    hidden_ids: Iterable[int] = (),
) -> list[Row[Any]]:
    """Notifications of a member, without those from accounts in `hidden_ids`."""
    query = select(notification).where(notification.c.account_id == account_id)
    if types:
        query = query.where(notification.c.type.in_(list(types)))
    if exclude:
        query = query.where(notification.c.type.not_in(list(exclude)))
    if from_account_id is not None:
        query = query.where(notification.c.from_account_id == from_account_id)
    hidden = list(hidden_ids)
    if hidden:
        query = query.where(notification.c.from_account_id.not_in(hidden))
    return window.rows(conn, query, notification.c.id)


def by_id(conn: Connection, account_id: int, notification_id: int) -> Row[Any] | None:
    """Only the member's own."""
    return conn.execute(
        select(notification).where(
            notification.c.id == notification_id, notification.c.account_id == account_id
        )
    ).first()


def dismiss(conn: Connection, account_id: int, notification_id: int) -> None:
    conn.execute(
        delete(notification).where(
            notification.c.id == notification_id, notification.c.account_id == account_id
        )
    )


def clear(conn: Connection, account_id: int) -> None:
    conn.execute(delete(notification).where(notification.c.account_id == account_id))


def take_back(conn: Connection, account_id: int, dedupe: str) -> None:
    """What it told of was undone."""
    conn.execute(
        delete(notification).where(notification.c.account_id == account_id, notification.c.dedupe == dedupe)
    )


def remove_between(conn: Connection, account_id: int, from_account_id: int) -> None:
    """Whatever one account told the other of: after a block."""
    conn.execute(
        delete(notification).where(
            notification.c.account_id == account_id, notification.c.from_account_id == from_account_id
        )
    )


def unread_count(conn: Connection, account_id: int, *, limit: int) -> int:
    """How many are newer than the marker, counted up to `limit`."""
    read = select(marker.c.last_read_id).where(
        marker.c.account_id == account_id, marker.c.timeline == "notifications"
    )
    unread = (
        select(notification.c.id)
        .where(
            notification.c.account_id == account_id,
            notification.c.id > func.coalesce(read.scalar_subquery(), 0),
        )
        .limit(limit)
        .subquery()
    )
    return conn.scalar(select(func.count()).select_from(unread)) or 0


def markers(conn: Connection, account_id: int, timelines: Sequence[str]) -> list[Row[Any]]:
    return list(
        conn.execute(
            select(marker).where(marker.c.account_id == account_id, marker.c.timeline.in_(list(timelines)))
        )
    )


def put_marker(conn: Connection, account_id: int, timeline: str, last_read_id: int) -> None:
    """Remember how far a member has read; the version counts the moves."""
    changed = conn.execute(
        update(marker)
        .where(marker.c.account_id == account_id, marker.c.timeline == timeline)
        .values(last_read_id=last_read_id, version=marker.c.version + 1, updated_at=now_ms())
    )
    if not changed.rowcount:
        conn.execute(
            insert(marker).values(
                account_id=account_id,
                timeline=timeline,
                last_read_id=last_read_id,
                version=1,
                updated_at=now_ms(),
            )
        )
