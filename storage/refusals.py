"""Who was refused at the door, known by a keyed digest of the address alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from storage.paging import Window
from storage.tables import account, join_refusal
from storage.types import new_id, now_ms

RefusalRow = Row[Any]
"""A row of `join_refusal`, with `actor`, the user name of who refused; None once that account is gone."""


def _select() -> Any:
    return select(join_refusal, account.c.username.label("actor")).outerjoin_from(
        join_refusal, account, account.c.id == join_refusal.c.actor_id
    )


def add(conn: Connection, *, email_digest: bytes, reason: str, actor_id: int) -> None:
    """Remember that somebody was refused."""
    conn.execute(
        insert(join_refusal).values(
            id=new_id(), email_digest=email_digest, reason=reason, actor_id=actor_id, created_at=now_ms()
        )
    )


def of_addresses(conn: Connection, email_digests: Sequence[bytes]) -> list[RefusalRow]:
    """The refusals of any of these addresses, the newest first."""
    if not email_digests:
        return []
    query = _select().where(join_refusal.c.email_digest.in_(email_digests))
    return list(conn.execute(query.order_by(join_refusal.c.id.desc())))


def page(conn: Connection, window: Window) -> list[RefusalRow]:
    """All of them, the newest first."""
    return window.rows(conn, _select(), join_refusal.c.id)


def by_id(conn: Connection, refusal_id: int) -> RefusalRow | None:
    """One of them."""
    return conn.execute(_select().where(join_refusal.c.id == refusal_id)).first()


def remove(conn: Connection, refusal_id: int) -> None:
    """Forget one."""
    conn.execute(delete(join_refusal).where(join_refusal.c.id == refusal_id))


def remove_of(conn: Connection, email_digest: bytes) -> None:
    """Forget all of an address."""
    conn.execute(delete(join_refusal).where(join_refusal.c.email_digest == email_digest))


def remove_older(conn: Connection, before_ms: int) -> None:
    """Forget those from before this instant."""
    conn.execute(delete(join_refusal).where(join_refusal.c.created_at < before_ms))
