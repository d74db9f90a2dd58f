"""Web push subscriptions: one for each token, which it goes with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from storage.hot import Hot
from storage.tables import push_subscription, token
from storage.types import AnyOf, new_id

SubscriptionRow = Row[Any]


def of_token(conn: Connection, token_id: int) -> SubscriptionRow | None:
    """The subscription of the app that has this token."""
    return conn.execute(select(push_subscription).where(push_subscription.c.token_id == token_id)).first()


def wanting(conn: Connection, account_ids: Sequence[int], type_: str) -> list[tuple[int, int]]:
    """The subscriptions of these members' apps that want to be woken for this type of notification, as (account id,
    subscription id)."""
    return [
        (account_id, subscription_id)
        for account_id, subscription_id, alerts in _of_accounts.run(conn, account_ids=list(account_ids))
        if json.loads(alerts).get(type_)
    ]


_of_accounts: Hot[tuple[int, int, str]] = Hot(
    lambda: (
        select(token.c.account_id, push_subscription.c.id, push_subscription.c.alerts)
        .join(token, token.c.id == push_subscription.c.token_id)
        .where(AnyOf(token.c.account_id, bindparam("account_ids")), token.c.revoked_at.is_(None))
    ),
    tuple,
)


def by_id(conn: Connection, subscription_id: int) -> SubscriptionRow | None:
    """With `account_id`, if its token still opens something."""
    query = (
        select(push_subscription, token.c.account_id)
        .join(token, token.c.id == push_subscription.c.token_id)
        .where(push_subscription.c.id == subscription_id, token.c.revoked_at.is_(None))
    )
    return conn.execute(query).first()


def put(
    conn: Connection,
    token_id: int,
    *,
    endpoint: str,
    p256dh: str,
    auth: str,
    standard: bool,
    alerts: Mapping[str, bool],
    policy: str,
    sealed_token: bytes | None,
) -> SubscriptionRow:
    """Subscribe; an earlier subscription of the token is replaced."""
    remove(conn, token_id)
    conn.execute(
        insert(push_subscription).values(
            id=new_id(),
            token_id=token_id,
            endpoint=endpoint,
            p256dh=p256dh,
            auth=auth,
            standard=standard,
            alerts=json.dumps(alerts),
            policy=policy,
            sealed_token=sealed_token,
        )
    )
    row = of_token(conn, token_id)
    assert row is not None
    return row


def change(
    conn: Connection, token_id: int, *, alerts: Mapping[str, bool], policy: str
) -> SubscriptionRow | None:
    """Choose other alerts; None when there is no subscription."""
    conn.execute(
        update(push_subscription)
        .where(push_subscription.c.token_id == token_id)
        .values(alerts=json.dumps(alerts), policy=policy)
    )
    return of_token(conn, token_id)


def remove(conn: Connection, token_id: int) -> None:
    """Nothing happens when there is none."""
    conn.execute(delete(push_subscription).where(push_subscription.c.token_id == token_id))


def refused(conn: Connection, subscription_id: int, *, at_most: int) -> None:
    """Its push service does not take what we send; after so many times in a row it is forgotten."""
    conn.execute(
        update(push_subscription)
        .where(push_subscription.c.id == subscription_id)
        .values(failures=push_subscription.c.failures + 1)
    )
    conn.execute(
        delete(push_subscription).where(
            push_subscription.c.id == subscription_id, push_subscription.c.failures >= at_most
        )
    )


def taken(conn: Connection, subscription_id: int) -> None:
    """It was refused before, and now it was taken."""
    conn.execute(
        update(push_subscription).where(push_subscription.c.id == subscription_id).values(failures=0)
    )


def forget(conn: Connection, subscription_id: int) -> None:
    """The app is not there any more."""
    conn.execute(delete(push_subscription).where(push_subscription.c.id == subscription_id))
