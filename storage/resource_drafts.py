"""What members have begun to say of resources and not published: rows of their own, since what is no post cannot leak."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from storage.tables import resource_draft
from storage.types import new_id, now_ms


def add(
    conn: Connection,
    account_id: int,
    described: bytes,
    *,
    receipt: bytes = b"{}",
    source_uri: str = "",
    beside: bytes = b"{}",
) -> int:
    """Keep what a member has begun to say of a resource; the draft's id."""
    draft_id, now = new_id(), now_ms()
    conn.execute(
        insert(resource_draft).values(
            id=draft_id, account_id=account_id, described=described.decode(), receipt=receipt.decode(),
            source_uri=source_uri, beside=beside.decode(), created_at=now, updated_at=now,
        )
    )  # fmt: skip
    return draft_id


def by_id(conn: Connection, account_id: int, draft_id: int) -> Any:
    """A draft of the member's own, or None."""
    return conn.execute(
        select(resource_draft).where(
            resource_draft.c.id == draft_id, resource_draft.c.account_id == account_id
        )
    ).first()


def of_account(conn: Connection, account_id: int) -> list[Any]:
    """The drafts of a member, newest first."""
    query = select(resource_draft).where(resource_draft.c.account_id == account_id)
    return list(conn.execute(query.order_by(resource_draft.c.updated_at.desc(), resource_draft.c.id.desc())))


def change(conn: Connection, draft_id: int, described: bytes, *, beside: bytes | None = None) -> None:
    """What a draft says now; without `beside` that stays as it is."""
    more = {} if beside is None else {"beside": beside.decode()}
    conn.execute(
        update(resource_draft)
        .where(resource_draft.c.id == draft_id)
        .values(described=described.decode(), updated_at=now_ms(), **more)
    )


def remove(conn: Connection, draft_id: int) -> None:
    conn.execute(delete(resource_draft).where(resource_draft.c.id == draft_id))
