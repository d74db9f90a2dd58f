"""Decide whether something that happened is worth telling a member, and tell them once.

Types are those of the client API: mention, status, reblog, follow, follow_request, favourite, poll, update.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row

from fedserver import mail
from storage import notifications, relationships
from storage.paging import Window
from storage.signals import signal

TYPES: Final = (
    "mention", "status", "reblog", "follow", "follow_request", "favourite", "poll", "update", "admin.sign_up", "admin.report",
)  # fmt: skip


def notify(
    conn: Connection,
    account_id: int,
    type_: str,
    from_account_id: int,
    *,
    post_id: int | None = None,
    thread_id: int | None = None,
    report_id: int | None = None,
) -> None:
    """Tell a member, unless they are the one who did it, have blocked or muted them, or muted the thread.

    `thread_id` goes with whatever is about a post. The same thing is told once, however often it happens.
    """
    if account_id == from_account_id or not notifications.are_wanted(
        conn, account_id, from_account_id, thread_id
    ):
        return
    notification_id = notifications.add(
        conn,
        account_id=account_id,
        type_=type_,
        from_account_id=from_account_id,
        post_id=post_id,
        report_id=report_id,
        dedupe=dedupe_key(type_, from_account_id, report_id or post_id),
    )
    if notification_id is None:
        return
    signal(conn, f"notification:{account_id}", str(notification_id))
    mail.plan_notification_mail(conn, account_id, type_, post_id, from_account_id)


def take_back(
    conn: Connection, account_id: int, type_: str, from_account_id: int, post_id: int | None = None
) -> None:
    """What was told of has been undone."""
    notifications.take_back(conn, account_id, dedupe_key(type_, from_account_id, post_id))


def dedupe_key(type_: str, from_account_id: int, about_id: int | None) -> str:
    """What makes two notifications of one member the same."""
    return f"{type_}:{from_account_id}:{about_id or ''}"


def notify_of_new_post(
    conn: Connection, author_id: int, post_id: int, thread_id: int, *, except_for: Sequence[int]
) -> None:
    """Tell those members who asked to hear of everything this author posts."""
    for account_id in notifications.who_asked_for_posts_of(conn, author_id):
        if account_id not in except_for:
            notify(conn, account_id, "status", author_id, post_id=post_id, thread_id=thread_id)


def notify_author_of_poll(conn: Connection, account_id: int, post_id: int) -> None:
    """A member's own poll has ended: the one thing one is told of oneself."""
    notification_id = notifications.add(
        conn, account_id=account_id, type_="poll", from_account_id=account_id, post_id=post_id,
        dedupe=dedupe_key("poll", account_id, post_id),
    )  # fmt: skip
    if notification_id is not None:
        signal(conn, f"notification:{account_id}", str(notification_id))


def page(
    conn: Connection,
    account_id: int,
    window: Window,
    *,
    types: Sequence[str] = (),
    exclude: Sequence[str] = (),
    from_account_id: int | None = None,
) -> list[Row[Any]]:
    """A member's notifications; those from people they have come to block or mute are left out."""
    hidden = relationships.hidden_from(conn, account_id) - ({from_account_id} if from_account_id else set())
    return notifications.page(
        conn,
        account_id,
        window,
        types=types,
        exclude=exclude,
        from_account_id=from_account_id,
        hidden_ids=hidden,
    )
