"""People without an account who get a member's posts by e-mail."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, exists, func, insert, select, update

from storage.hot import Hot
from storage.tables import account, email_subscription, post, user
from storage.types import new_id, now_ms

# Attributes are the table's columns; also `username`, `display_name` of the account.
SubscriptionRow = Row[Any]

_any: Hot[Any] = Hot(
    lambda: (
        select(account.c.id)
        .where(account.c.id == bindparam("account_id"), account.c.mails_posts)
        .where(
            exists().where(
                email_subscription.c.account_id == account.c.id,
                email_subscription.c.confirmed_at.is_not(None),
            )
        )
    ),
    tuple,
)


def _rows() -> Any:
    return select(email_subscription, account.c.username, account.c.display_name).join(
        account, account.c.id == email_subscription.c.account_id
    )


def by_id(conn: Connection, subscription_id: int) -> SubscriptionRow | None:
    return conn.execute(_rows().where(email_subscription.c.id == subscription_id)).first()


def by_secret(conn: Connection, secret: str) -> SubscriptionRow | None:
    return conn.execute(_rows().where(email_subscription.c.secret == secret)).first()


def of_address(conn: Connection, account_id: int, email_key: str) -> SubscriptionRow | None:
    """The subscription of this address (folded) to an account."""
    query = _rows().where(
        email_subscription.c.account_id == account_id, email_subscription.c.email_key == email_key
    )
    return conn.execute(query).first()


def asked_since(conn: Connection, email_key: str, since_ms: int) -> int:
    """How many subscriptions have been asked for this address since then."""
    query = (
        select(func.count())
        .select_from(email_subscription)
        .where(email_subscription.c.email_key == email_key, email_subscription.c.created_at > since_ms)
    )
    return conn.scalar(query) or 0


def add(conn: Connection, **columns: Any) -> int:
    """A new one, not confirmed; its id."""
    subscription_id = new_id()
    conn.execute(insert(email_subscription).values(id=subscription_id, created_at=now_ms(), **columns))
    return subscription_id


def confirm(conn: Connection, subscription_id: int) -> None:
    """Whoever reads the mailbox wants it."""
    conn.execute(
        update(email_subscription)
        .where(email_subscription.c.id == subscription_id, email_subscription.c.confirmed_at.is_(None))
        .values(confirmed_at=now_ms())
    )


def remove(conn: Connection, subscription_id: int) -> None:
    conn.execute(delete(email_subscription).where(email_subscription.c.id == subscription_id))


def confirmed_ids(conn: Connection, account_id: int, after_id: int, *, limit: int) -> list[int]:
    """The next of those who get an account's posts."""
    query = (
        select(email_subscription.c.id)
        .where(
            email_subscription.c.account_id == account_id,
            email_subscription.c.confirmed_at.is_not(None),
            email_subscription.c.id > after_id,
        )
        .order_by(email_subscription.c.id)
    )
    return list(conn.scalars(query.limit(limit)))


def count(conn: Connection, account_id: int) -> int:
    """How many get an account's posts."""
    query = (
        select(func.count())
        .select_from(email_subscription)
        .where(email_subscription.c.account_id == account_id, email_subscription.c.confirmed_at.is_not(None))
    )
    return conn.scalar(query) or 0


def has_any(conn: Connection, account_id: int) -> bool:
    """Whether somebody gets this account's posts, and its member still wants that."""
    return _any.first(conn, account_id=account_id) is not None


def offers(conn: Connection, account_id: int) -> bool:
    """Whether the posts of this account may be had by e-mail: its member is in good standing and wants it."""
    query = (
        select(account.c.id)
        .join(user, user.c.account_id == account.c.id)
        .where(
            account.c.id == account_id,
            account.c.mails_posts,
            account.c.suspended_at.is_(None),
            account.c.deleted_at.is_(None),
            account.c.moved_to_id.is_(None),
            user.c.disabled_at.is_(None),
        )
    )
    return conn.execute(query).first() is not None


def posts_to_send(conn: Connection, account_id: int, from_id: int, *, limit: int) -> list[int]:
    """Ids of the account's public posts from this one on that answer nobody else, oldest first; no boosts."""
    query = (
        select(post.c.id)
        .where(
            post.c.account_id == account_id,
            post.c.id >= from_id,
            post.c.visibility == "public",
            post.c.kind != "boost",
            post.c.in_reply_to_uri == "",
            post.c.deleted_at.is_(None),
        )
        .order_by(post.c.id)
    )
    return list(conn.scalars(query.limit(limit)))


def forget_unconfirmed(conn: Connection, before_ms: int) -> int:
    """Forget those asked for before this instant that nobody has confirmed; how many."""
    stale = delete(email_subscription).where(
        email_subscription.c.confirmed_at.is_(None), email_subscription.c.created_at < before_ms
    )
    return conn.execute(stale).rowcount
