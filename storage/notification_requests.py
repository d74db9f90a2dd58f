"""Senders whose mentions were filtered, and what waits behind each. What waits is counted, not kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, Select, delete, func, select, update

from storage import kept_out
from storage.hot import insert_row
from storage.paging import Window
from storage.tables import account, notification, notification_request, post
from storage.types import new_id

COUNTED_MAX: Final = 100
_TYPES: Final = ("mention", "quote")


class Waiting(NamedTuple):
    """How much waits behind the requests of a member, each counted up to `COUNTED_MAX`."""

    requests_count: int
    notifications_count: int


def put(conn: Connection, account_id: int, from_account_id: int) -> None:
    """There is a request of this sender; twice is as once."""
    insert_row(
        conn,
        notification_request,
        {"id": new_id(), "account_id": account_id, "from_account_id": from_account_id},
        unless_there=True,
    )


def _select_waiting(account_id: int) -> Select[Any]:
    """(id, from_account_id, notifications_count, last_id, last_post_id) of requests behind which something waits."""
    return (
        select(
            notification_request.c.id,
            notification_request.c.from_account_id,
            func.count().label("notifications_count"),
            func.max(notification.c.id).label("last_id"),
            func.max(notification.c.post_id).label("last_post_id"),
        )
        .join(
            notification,
            (notification.c.account_id == notification_request.c.account_id)
            & (notification.c.from_account_id == notification_request.c.from_account_id),
        )
        .join(account, account.c.id == notification_request.c.from_account_id)
        .where(
            notification_request.c.account_id == account_id,
            notification.c.filtered,
            notification.c.type.in_(_TYPES),
            kept_out.shows(account),
        )
        .group_by(notification_request.c.id, notification_request.c.from_account_id)
    )


def listed(conn: Connection, account_id: int, window: Window) -> list[Row[Any]]:
    """A page of a member's requests: id, from_account_id, notifications_count, last_id, last_post_id."""
    return window.rows(conn, _select_waiting(account_id), notification_request.c.id)


def by_id(conn: Connection, account_id: int, request_id: int) -> Row[Any] | None:
    """Only the member's own; the columns of `listed`."""
    query = _select_waiting(account_id).where(notification_request.c.id == request_id)
    return conn.execute(query).first()


def waiting(conn: Connection, account_id: int) -> Waiting:
    """How much waits, in all."""
    some = _select_waiting(account_id).limit(COUNTED_MAX).subquery()
    count, total = conn.execute(select(func.count(), func.sum(some.c.notifications_count))).one()
    return Waiting(count, min(int(total or 0), COUNTED_MAX))


def senders(conn: Connection, account_id: int, request_ids: Sequence[int]) -> list[int]:
    """Whose these requests are, as far as they are the member's."""
    query = select(notification_request.c.from_account_id).where(
        notification_request.c.account_id == account_id, notification_request.c.id.in_(request_ids)
    )
    return list(conn.scalars(query))


def private_mentions(conn: Connection, account_id: int, from_account_ids: Sequence[int]) -> list[int]:
    """The direct posts among what waits behind these senders' requests, oldest first."""
    query = (
        select(post.c.id)
        .join(notification, notification.c.post_id == post.c.id)
        .where(
            notification.c.account_id == account_id,
            notification.c.from_account_id.in_(from_account_ids),
            notification.c.filtered,
            notification.c.type == "mention",
            post.c.visibility == "direct",
        )
        .order_by(post.c.id)
    )
    return list(conn.scalars(query))


def unfilter(conn: Connection, account_id: int, from_account_ids: Sequence[int]) -> None:
    """Show everything that waits of these senders."""
    conn.execute(
        update(notification)
        .where(
            notification.c.account_id == account_id,
            notification.c.from_account_id.in_(from_account_ids),
            notification.c.filtered,
        )
        .values(filtered=False)
    )


def forget(conn: Connection, account_id: int, from_account_ids: Sequence[int]) -> None:
    """Remove everything that waits of these senders."""
    conn.execute(
        delete(notification).where(
            notification.c.account_id == account_id,
            notification.c.from_account_id.in_(from_account_ids),
            notification.c.filtered,
        )
    )


def remove(conn: Connection, account_id: int, from_account_ids: Sequence[int]) -> None:
    """Remove the requests of these senders."""
    conn.execute(
        delete(notification_request).where(
            notification_request.c.account_id == account_id,
            notification_request.c.from_account_id.in_(from_account_ids),
        )
    )
