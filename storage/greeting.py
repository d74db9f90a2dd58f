"""Who greets whom: somebody who asks to join, or who came not long ago; and what they are asked before they are let in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, func, insert, or_, select, update

from storage.duty_mail import News
from storage.paging import Window
from storage.tables import account, greeting, join_inquiry, post, user
from storage.types import new_id, now_ms

GreeterRow = Row[Any]
"""A row of `greeting`, with `greeter`, the user name of who greets."""
InquiryRow = Row[Any]
"""A row of `join_inquiry`, with `asker`, the user name of who asked; None once that account is gone."""
NewcomerRow = Row[Any]
"""An account's id, username, display_name and approved_at; `greeter_id`, `greeter`, and whether they `has_posted`."""


def put(conn: Connection, account_id: int, greeter_id: int, *, by_other: bool) -> None:
    """From now on this is who greets them."""
    remove(conn, account_id)
    conn.execute(
        insert(greeting).values(
            account_id=account_id, greeter_id=greeter_id, by_other=by_other, created_at=now_ms()
        )
    )


def remove(conn: Connection, account_id: int) -> None:
    """Nobody greets them."""
    conn.execute(delete(greeting).where(greeting.c.account_id == account_id))


def of_accounts(conn: Connection, account_ids: Sequence[int]) -> dict[int, GreeterRow]:
    """By account who greets them."""
    if not account_ids:
        return {}
    query = (
        select(greeting, account.c.username.label("greeter"))
        .join_from(greeting, account, account.c.id == greeting.c.greeter_id)
        .where(greeting.c.account_id.in_(account_ids))
    )
    return {row.account_id: row for row in conn.execute(query)}


def given_since(conn: Connection, greeter_id: int, since_ms: int) -> News:
    """How many were given to a member by somebody else after this instant."""
    query = select(func.count(), func.max(greeting.c.created_at)).where(
        greeting.c.greeter_id == greeter_id, greeting.c.by_other.is_(True), greeting.c.created_at > since_ms
    )
    return News._make(conn.execute(query).one())


def newcomers(
    conn: Connection, window: Window, since_ms: int, *, greeter_id: int | None = None
) -> list[NewcomerRow]:
    """Who was let in after this instant, the newest account first; those of one greeter where `greeter_id` says whose."""
    greets = account.alias("greets")
    query = (
        select(
            account.c.id,
            account.c.username,
            account.c.display_name,
            user.c.approved_at,
            greeting.c.greeter_id,
            greets.c.username.label("greeter"),
            exists()
            .where(post.c.account_id == account.c.id, post.c.boost_of_id.is_(None))
            .correlate(account)
            .label("has_posted"),
        )
        .select_from(
            user.join(account, account.c.id == user.c.account_id)
            .outerjoin(greeting, greeting.c.account_id == user.c.account_id)
            .outerjoin(greets, greets.c.id == greeting.c.greeter_id)
        )
        .where(
            user.c.approved_at > since_ms,
            user.c.confirmed_at.is_not(None),
            account.c.suspended_at.is_(None),
            account.c.deleted_at.is_(None),
        )
    )
    if greeter_id is not None:
        query = query.where(greeting.c.greeter_id == greeter_id)
    return window.rows(conn, query, account.c.id)


def remove_older(conn: Connection, before_ms: int) -> None:
    """Nobody greets any more whoever was let in before this instant."""
    old = select(user.c.account_id).where(user.c.approved_at < before_ms)
    conn.execute(delete(greeting).where(greeting.c.account_id.in_(old)))


# -- what is asked back


def _inquiries() -> Any:
    return select(join_inquiry, account.c.username.label("asker")).outerjoin_from(
        join_inquiry, account, account.c.id == join_inquiry.c.asker_id
    )


def ask(conn: Connection, account_id: int, *, asker_id: int, question: str) -> int:
    """Keep a question; its id."""
    inquiry_id = new_id()
    conn.execute(
        insert(join_inquiry).values(
            id=inquiry_id, account_id=account_id, asker_id=asker_id, question=question, created_at=now_ms()
        )
    )
    return inquiry_id


def inquiry(conn: Connection, inquiry_id: int) -> InquiryRow | None:
    """One question."""
    return conn.execute(_inquiries().where(join_inquiry.c.id == inquiry_id)).first()


def inquiries_of(conn: Connection, account_ids: Sequence[int]) -> dict[int, list[InquiryRow]]:
    """By account what they were asked, the first first."""
    found: dict[int, list[InquiryRow]] = {}
    if account_ids:
        query = _inquiries().where(join_inquiry.c.account_id.in_(account_ids)).order_by(join_inquiry.c.id)
        for row in conn.execute(query):
            found.setdefault(row.account_id, []).append(row)
    return found


def answer(conn: Connection, inquiry_id: int, text: str) -> None:
    """Keep what was answered."""
    conn.execute(
        update(join_inquiry).where(join_inquiry.c.id == inquiry_id).values(answer=text, answered_at=now_ms())
    )


def remove_inquiries(conn: Connection, account_id: int) -> None:
    """Forget what somebody was asked, and answered."""
    conn.execute(delete(join_inquiry).where(join_inquiry.c.account_id == account_id))


def answered_since(conn: Connection, account_id: int, since_ms: int) -> News:
    """How many have answered after this instant whom the member greets, or asked where nobody greets them."""
    query = (
        select(func.count(), func.max(join_inquiry.c.answered_at))
        .select_from(join_inquiry.outerjoin(greeting, greeting.c.account_id == join_inquiry.c.account_id))
        .where(
            join_inquiry.c.answered_at > since_ms,
            or_(
                greeting.c.greeter_id == account_id,
                greeting.c.greeter_id.is_(None) & (join_inquiry.c.asker_id == account_id),
            ),
        )
    )
    return News._make(conn.execute(query).one())
