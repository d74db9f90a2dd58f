"""Web push subscriptions: one for each token, which it goes with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from storage.tables import push_subscription, token
from storage.types import new_id

SubscriptionRow = Row[Any]


def of_token(conn: Connection, token_id: int) -> SubscriptionRow | None:
    """The subscription of the app that has this token."""
    return conn.execute(select(push_subscription).where(push_subscription.c.token_id == token_id)).first()


def of_account(conn: Connection, account_id: int) -> list[SubscriptionRow]:
    """Every subscription of a member whose token still opens something."""
    query = (
        select(push_subscription)
        .join(token, token.c.id == push_subscription.c.token_id)
        .where(token.c.account_id == account_id, token.c.revoked_at.is_(None))
    )
    return list(conn.execute(query))


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
