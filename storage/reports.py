"""Reports about accounts and posts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from storage.instances import under
from storage.paging import Window
from storage.tables import account, report
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
    evidence: Sequence[dict[str, Any]] = (),
    group_id: int | None = None,
) -> ReportRow:
    """A new report; `account_id` is the one who made it, the instance actor of another server included; `group_id` is the
    group of this server that it is about what was said in."""
    conn.execute(
        insert(report).values(
            id=report_id,
            uri=uri,
            account_id=account_id,
            target_id=target_id,
            group_id=group_id,
            # Whoever has the case in hand has what comes later, too.
            assigned_to_id=in_hand_of(conn, target_id),
            origin_host=origin_host,
            post_ids=json.dumps([str(one) for one in post_ids]),
            post_uris=json.dumps(list(post_uris)),
            comment=comment,
            category=category,
            rule_ids=json.dumps(list(rule_ids)),
            forwarded=forwarded,
            evidence=json.dumps(list(evidence), ensure_ascii=False),
            created_at=now_ms(),
        )
    )
    row = by_id(conn, report_id)
    assert row is not None
    return row


def by_id(conn: Connection, report_id: int) -> ReportRow | None:
    return conn.execute(select(report).where(report.c.id == report_id)).first()


def by_ids(conn: Connection, report_ids: Sequence[int]) -> dict[int, ReportRow]:
    """Those that exist, by id."""
    if not report_ids:
        return {}
    return {row.id: row for row in conn.execute(select(report).where(report.c.id.in_(list(report_ids))))}


def by_uri(conn: Connection, uri: str) -> ReportRow | None:
    return conn.execute(select(report).where(report.c.uri == uri)).first()


def page(
    conn: Connection,
    window: Window,
    *,
    resolved: bool = False,
    account_id: int | None = None,
    target_id: int | None = None,
    target_domain: str = "",
    assigned_to_id: int | None = None,
    group_id: int | None = None,
    without_target_id: int | None = None,
) -> list[ReportRow]:
    """Reports that wait, or that are resolved, the newest first; all, or those by, about or in the hands of one, or of a
    group; none about `without_target_id`."""
    query = select(report).where(
        report.c.resolved_at.is_not(None) if resolved else report.c.resolved_at.is_(None)
    )
    if account_id is not None:
        query = query.where(report.c.account_id == account_id)
    if target_id is not None:
        query = query.where(report.c.target_id == target_id)
    if without_target_id is not None:
        query = query.where(report.c.target_id != without_target_id)
    if assigned_to_id is not None:
        query = query.where(report.c.assigned_to_id == assigned_to_id)
    if group_id is not None:
        query = query.where(report.c.group_id == group_id)
    if target_domain:
        there = select(account.c.id).where(under(account.c.domain, target_domain))
        query = query.where(report.c.target_id.in_(there))
    return window.rows(conn, query, report.c.id)


def waiting_about(conn: Connection, target_id: int) -> list[ReportRow]:
    """Reports about an account that nobody has resolved."""
    query = select(report).where(report.c.target_id == target_id, report.c.resolved_at.is_(None))
    return list(conn.execute(query.order_by(report.c.id)))


def in_hand_of(conn: Connection, target_id: int) -> int | None:
    """Who has what waits about an account in hand, if somebody has."""
    query = select(report.c.assigned_to_id).where(
        report.c.target_id == target_id, report.c.resolved_at.is_(None), report.c.assigned_to_id.is_not(None)
    )
    found = conn.scalar(query.order_by(report.c.id.desc()).limit(1))
    return None if found is None else int(found)


def change_many(conn: Connection, report_ids: Sequence[int], **columns: Any) -> None:
    """The same for several."""
    conn.execute(
        update(report).where(report.c.id.in_(list(report_ids))).values(updated_at=now_ms(), **columns)
    )


def change(conn: Connection, report_id: int, **columns: Any) -> None:
    """Set columns, and remember when."""
    conn.execute(update(report).where(report.c.id == report_id).values(updated_at=now_ms(), **columns))


def remove_of(conn: Connection, account_id: int) -> None:
    """Forget what was reported about an account, and what it reported itself."""
    conn.execute(
        delete(report).where((report.c.target_id == account_id) | (report.c.account_id == account_id))
    )
