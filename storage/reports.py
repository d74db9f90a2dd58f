"""Reports about accounts and posts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from storage.tables import report
from storage.types import now_ms

ReportRow = Row[Any]


def add(
    conn: Connection,
    report_id: int,
    *,
    uri: str,
    account_id: int | None,
    target_id: int,
    origin_host: str = "",
    post_ids: Sequence[int] = (),
    post_uris: Sequence[str] = (),
    comment: str = "",
    category: str = "other",
    rule_ids: Sequence[str] = (),
    forwarded: bool = False,
) -> ReportRow:
    """A new report; `account_id` is None when another server's instance actor sent it."""
    conn.execute(
        insert(report).values(
            id=report_id,
            uri=uri,
            account_id=account_id,
            target_id=target_id,
            origin_host=origin_host,
            post_ids=json.dumps([str(one) for one in post_ids]),
            post_uris=json.dumps(list(post_uris)),
            comment=comment,
            category=category,
            rule_ids=json.dumps(list(rule_ids)),
            forwarded=forwarded,
            created_at=now_ms(),
        )
    )
    row = by_id(conn, report_id)
    assert row is not None
    return row


def by_id(conn: Connection, report_id: int) -> ReportRow | None:
    return conn.execute(select(report).where(report.c.id == report_id)).first()
