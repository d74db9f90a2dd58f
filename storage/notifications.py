"""What happened to a member, newest last; and how far they have read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Row,
    Select,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from storage.hot import Hot, insert_row
from storage.paging import Window
from storage.tables import block, follow, marker, mute, notification, thread_mute, user
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
    added = insert_row(
        conn,
        notification,
        {
            "id": notification_id,
            "account_id": account_id,
            "type": type_,
            "from_account_id": from_account_id,
            "post_id": post_id,
            "report_id": report_id,
            "dedupe": dedupe,
        },
        unless_there=True,
    )
    return notification_id if added else None


def are_wanted(conn: Connection, account_id: int, from_account_id: int, thread_id: int | None) -> bool:
    """Whether this is a member who neither blocks, is blocked by, nor mutes notifications of the other account,
    nor has muted the thread; one statement."""
    found = _wanted.first(
        conn, account_id=account_id, from_id=from_account_id, thread_id=thread_id or 0, now=now_ms()
    )
    return found is not None


def _select_wanted() -> Select[Any]:
    account_id: BindParameter[int] = bindparam("account_id")
    from_id: BindParameter[int] = bindparam("from_id")
    return select(user.c.account_id).where(
        user.c.account_id == account_id,
        ~exists().where(block.c.account_id == account_id, block.c.target_id == from_id),
        ~exists().where(block.c.account_id == from_id, block.c.target_id == account_id),
        ~exists().where(
            mute.c.account_id == account_id,
            mute.c.target_id == from_id,
            mute.c.hides_notifications,
            or_(mute.c.expires_at.is_(None), mute.c.expires_at > bindparam("now")),
        ),
        ~exists().where(
            thread_mute.c.account_id == account_id, thread_mute.c.thread_id == bindparam("thread_id")
        ),
    )


_wanted: Hot[Any] = Hot(_select_wanted, tuple)


def who_asked_for_posts_of(conn: Connection, author_id: int) -> list[int]:
    """The members who want to be notified of everything this author posts."""
    return [account_id for (account_id,) in _asked.run(conn, author_id=author_id)]


_asked: Hot[tuple[int]] = Hot(
    lambda: (
        select(follow.c.account_id)
        .join(user, user.c.account_id == follow.c.account_id)
        .where(follow.c.target_id == bindparam("author_id"), follow.c.accepted, follow.c.notifies)
    ),
    tuple,
)


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
