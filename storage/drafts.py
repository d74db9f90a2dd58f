"""What members have begun to write and not sent."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from storage.tables import draft
from storage.types import now_ms


def put(conn: Connection, account_id: int, key: str, body: dict[str, Any]) -> None:
    """Keep it in place of what was kept under this key."""
    remove(conn, account_id, key)
    text = json.dumps(body, ensure_ascii=False)
    conn.execute(insert(draft).values(account_id=account_id, key=key, body=text, updated_at=now_ms()))


def get(conn: Connection, account_id: int, key: str) -> dict[str, Any] | None:
    body = conn.scalar(select(draft.c.body).where(draft.c.account_id == account_id, draft.c.key == key))
    return None if body is None else json.loads(body)


def of_member(conn: Connection, account_id: int) -> list[Row[Any]]:
    """(key, body as JSON, updated_at), the latest first."""
    query = select(draft).where(draft.c.account_id == account_id).order_by(draft.c.updated_at.desc())
    return list(conn.execute(query))


def count(conn: Connection, account_id: int) -> int:
    return conn.scalar(select(func.count()).select_from(draft).where(draft.c.account_id == account_id)) or 0


def remove(conn: Connection, account_id: int, key: str) -> None:
    conn.execute(delete(draft).where(draft.c.account_id == account_id, draft.c.key == key))
