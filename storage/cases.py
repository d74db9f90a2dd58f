"""Reports by whom they are about: everything that waits about one account is a case, and the account's id is its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, distinct, func, select

from storage.instances import of_domain
from storage.paging import Window
from storage.tables import account, report

Origin = Literal["", "local", "remote"]


class CaseRow(NamedTuple):
    """What is reported about an account, in numbers. `last_id` is the latest report; instants in ms."""

    target_id: int
    reports: int
    reporters: int
    handed_up: int
    assigned_to_id: int | None
    last_id: int
    since_at: int
    last_at: int
    resolved_at: int | None


@dataclass(frozen=True, slots=True)
class Sought:
    """Which cases to list: those with something that waits, or those with nothing that does."""

    closed: bool = False
    assigned_to_id: int | None = None
    unassigned: bool = False
    handed_up: bool = False
    origin: Origin = ""
    category: str = ""
    domain: str = ""  # of whom is reported, or above it
    without_id: int | None = None  # whose case is left out


def page(conn: Connection, sought: Sought, window: Window) -> list[CaseRow]:
    """Cases, that with the latest report first; cursors are ids of latest reports."""
    query = _select(closed=sought.closed)
    if sought.closed:
        waiting = select(report.c.target_id).where(report.c.resolved_at.is_(None))
        query = query.where(report.c.target_id.not_in(waiting))
    if sought.without_id is not None:
        query = query.where(report.c.target_id != sought.without_id)
    if sought.origin:
        here = select(account.c.id).where(account.c.domain == "")
        query = query.where(
            report.c.target_id.in_(here) if sought.origin == "local" else report.c.target_id.not_in(here)
        )
    if sought.domain:
        there = select(account.c.id).where(of_domain(sought.domain), account.c.domain != "")
        query = query.where(report.c.target_id.in_(there))
    # A case is shown whole, though only one of its reports is what was asked for.
    for condition in _one_of_its_reports(sought):
        wanted = select(report.c.target_id).where(_is_waiting(not sought.closed), condition)
        query = query.where(report.c.target_id.in_(wanted))
    last: ColumnElement[int] = func.max(report.c.id)
    if window.max_id is not None:
        query = query.having(last < window.max_id)
    if window.min_id is not None:
        query = query.having(last > window.min_id)
    query = query.order_by(last.asc() if window.ascending else last.desc()).limit(window.limit)
    rows = [CaseRow._make(row) for row in conn.execute(query)]
    return rows[::-1] if window.ascending else rows


def of(conn: Connection, target_ids: Sequence[int]) -> dict[int, CaseRow]:
    """What waits about these accounts, as far as something does."""
    query = _select(closed=False).where(report.c.target_id.in_(list(target_ids)))
    return {row[0]: CaseRow._make(row) for row in conn.execute(query)}


def categories(
    conn: Connection, target_ids: Sequence[int], *, closed: bool = False
) -> dict[int, list[tuple[str, int]]]:
    """As what these accounts are reported, and how often, the most frequent first: by what waits, or is settled."""
    number = func.count()
    query = (
        select(report.c.target_id, report.c.category, number)
        .where(report.c.target_id.in_(list(target_ids)), _is_waiting(not closed))
        .group_by(report.c.target_id, report.c.category)
        .order_by(number.desc(), report.c.category)
    )
    found: dict[int, list[tuple[str, int]]] = {}
    for target_id, category, times in conn.execute(query):
        found.setdefault(target_id, []).append((category, times))
    return found


def last_id(conn: Connection, target_id: int) -> int | None:
    """The latest report about an account, whether or not it waits."""
    found: int | None = conn.scalar(select(func.max(report.c.id)).where(report.c.target_id == target_id))
    return found


def waiting(conn: Connection, target_ids: Sequence[int]) -> list[Any]:
    """The reports about these accounts that wait, the oldest first."""
    query = select(report).where(report.c.target_id.in_(list(target_ids)), _is_waiting(True))
    return list(conn.execute(query.order_by(report.c.id)))


def about(conn: Connection, target_id: int, *, limit: int) -> list[Any]:
    """The reports about an account: what waits first, then the latest."""
    query = select(report).where(report.c.target_id == target_id)
    order = (report.c.resolved_at.is_not(None), report.c.id.desc())
    return list(conn.execute(query.order_by(*order).limit(limit)))


def by_reporter(conn: Connection, account_id: int, window: Window) -> list[Any]:
    """What somebody has reported, the newest first."""
    return list(window.rows(conn, select(report).where(report.c.account_id == account_id), report.c.id))


def _select(*, closed: bool) -> Select[Any]:
    return (
        select(
            report.c.target_id,
            func.count(),
            func.count(distinct(report.c.account_id)),
            func.count(report.c.handed_up_at),
            func.max(report.c.assigned_to_id),
            func.max(report.c.id),
            func.min(report.c.created_at),
            func.max(report.c.created_at),
            func.max(report.c.resolved_at),
        )
        .where(_is_waiting(not closed))
        .group_by(report.c.target_id)
    )


def _is_waiting(waits: bool) -> ColumnElement[bool]:
    return report.c.resolved_at.is_(None) if waits else report.c.resolved_at.is_not(None)


def _one_of_its_reports(sought: Sought) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if sought.assigned_to_id is not None:
        wanted.append(report.c.assigned_to_id == sought.assigned_to_id)
    if sought.unassigned:
        wanted.append(report.c.assigned_to_id.is_(None))
    if sought.handed_up:
        wanted.append(report.c.handed_up_at.is_not(None))
    if sought.category:
        wanted.append(report.c.category == sought.category)
    return wanted
