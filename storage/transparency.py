"""What was reported and decided, counted without saying about whom: for a page that anybody can read."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, func, select

from storage.tables import appeal, report, strike

TIMES_READ_MAX: Final = 5_000


def reports_between(conn: Connection, since: int, until: int) -> tuple[int, int]:
    """How many reports were made, and how many settled, from `since` to before `until` (ms)."""
    made = select(func.count()).where(report.c.created_at >= since, report.c.created_at < until)
    settled = select(func.count()).where(report.c.resolved_at >= since, report.c.resolved_at < until)
    row = conn.execute(select(made.scalar_subquery(), settled.scalar_subquery())).one()
    return int(row[0]), int(row[1])


def times_to_settle(conn: Connection, since: int, until: int) -> list[int]:
    """How long reports waited that were settled between, in ms; of the latest ones."""
    query = select(report.c.resolved_at - report.c.created_at).where(
        report.c.resolved_at >= since, report.c.resolved_at < until
    )
    return [
        int(one) for one in conn.scalars(query.order_by(report.c.resolved_at.desc()).limit(TIMES_READ_MAX))
    ]


def decisions_between(conn: Connection, since: int, until: int) -> dict[str, int]:
    """How many decisions of each kind were made."""
    query = select(strike.c.action, func.count()).where(
        strike.c.created_at >= since, strike.c.created_at < until
    )
    return {row[0]: int(row[1]) for row in conn.execute(query.group_by(strike.c.action))}


def appeals_between(conn: Connection, since: int, until: int) -> tuple[int, int]:
    """How many appeals were settled, and how many of them upheld."""
    query = select(appeal.c.approved, func.count()).where(
        appeal.c.decided_at >= since, appeal.c.decided_at < until
    )
    found = {bool(row[0]): int(row[1]) for row in conn.execute(query.group_by(appeal.c.approved))}
    return sum(found.values()), found.get(True, 0)
