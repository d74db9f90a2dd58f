"""Other servers as those who look after this one see them: how big each is here, how well it is reached, who of it is reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import ColumnElement, Connection, FromClause, Row, case, func, select, tuple_

from storage.instances import InstanceRow, escaped, is_decided, of_domain
from storage.tables import account, delivery, instance, report

Which = Literal["", "ruled", "expiring", "failing"]
Sort = Literal["name", "trouble", "size"]
LISTED_SHOWN: Final = 50
LISTED_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Listed:
    """A server with what there is of it: accounts and posts that are known here, deliveries that wait or were given up,
    reports about its people that wait."""

    row: InstanceRow
    accounts: int = 0
    posts: int = 0
    waiting: int = 0
    failed_deliveries: int = 0
    reports: int = 0

    @property
    def last_success_at(self) -> int | None:
        """When something was delivered to it, or a signed request came from it, last (ms)."""
        return max(self.row.last_success_at or 0, self.row.last_heard_at or 0) or None


class Reports(NamedTuple):
    """Reports about people of a domain that wait and that are settled, and those that its servers made."""

    waiting: int
    settled: int
    made: int


def listed(
    conn: Connection,
    *,
    text: str = "",
    which: Which = "",
    sort: Sort = "name",
    after_host: str = "",
    limit: int = LISTED_SHOWN,
) -> list[Listed]:
    """Servers whose name contains a text, in order, those that come after `after_host`.

    `trouble` begins with those about whose people most reports wait, then those that are out of reach, then those for which
    most was given up; `size` with those of which most accounts are known.
    """
    joined, keys = _order(sort)
    query = select(instance).select_from(joined)
    if after_host:
        reached = conn.execute(select(*keys).select_from(joined).where(instance.c.host == after_host)).first()
        if reached is None:
            return []
        query = query.where(tuple_(*keys) > tuple_(*reached))
    if which == "ruled":
        query = query.where(is_decided())
    elif which == "expiring":
        query = query.where(instance.c.rule_until_at.is_not(None))
    elif which == "failing":
        query = query.where(instance.c.failing_since_at.is_not(None))
    if text:
        query = query.where(instance.c.host.like(f"%{escaped(text.lower())}%", escape="\\"))
    return _counted(conn, conn.execute(query.order_by(*keys).limit(min(limit, LISTED_MAX))).all())


def one(conn: Connection, host: str) -> Listed | None:
    """One server."""
    return next(
        iter(_counted(conn, conn.execute(select(instance).where(instance.c.host == host)).all())), None
    )


def reports(conn: Connection, domain: str) -> Reports:
    """How much people of a domain and of those below it are reported, and how much they report."""
    about = select(func.count(), func.count(report.c.resolved_at)).join_from(
        report, account, account.c.id == report.c.target_id
    )
    total, settled = conn.execute(about.where(of_domain(domain), account.c.domain != "")).one()
    made = conn.scalar(select(func.count()).where(report.c.origin_host == domain))
    return Reports(total - settled, settled, made or 0)


def _order(sort: Sort) -> tuple[FromClause, list[ColumnElement[Any]]]:
    """What servers are read from, and by what they are in order, the last of which is their name."""
    if sort == "size":
        known = _accounts().subquery()
        return (
            instance.outerjoin(known, known.c.host == instance.c.host),
            [-func.coalesce(known.c.number, 0), instance.c.host],
        )
    if sort == "trouble":
        given_up, reported = _deliveries("failed").subquery(), _reports().subquery()
        return (
            instance.outerjoin(given_up, given_up.c.host == instance.c.host).outerjoin(
                reported, reported.c.host == instance.c.host
            ),
            [
                -func.coalesce(reported.c.number, 0),
                case((instance.c.failing_since_at.is_not(None), 0), else_=1),
                -func.coalesce(given_up.c.number, 0),
                instance.c.host,
            ],
        )
    return instance, [instance.c.host]


def _counted(conn: Connection, rows: Sequence[Row[Any]]) -> list[Listed]:
    hosts = [row.host for row in rows]
    if not hosts:
        return []
    known = conn.execute(
        select(account.c.host, func.count(), func.sum(account.c.posts_count))
        .where(account.c.host.in_(hosts))
        .group_by(account.c.host)
    )
    people = {host: (int(accounts), int(posts or 0)) for host, accounts, posts in known}
    waiting, failed, reported = (
        {host: int(number) for host, number in conn.execute(query)}
        for query in (
            _deliveries("waiting").where(delivery.c.host.in_(hosts)),
            _deliveries("failed").where(delivery.c.host.in_(hosts)),
            _reports().where(account.c.host.in_(hosts)),
        )
    )
    return [
        Listed(
            row,
            *people.get(row.host, (0, 0)),
            waiting.get(row.host, 0),
            failed.get(row.host, 0),
            reported.get(row.host, 0),
        )
        for row in rows
    ]


def _accounts() -> Any:
    return (
        select(account.c.host, func.count().label("number"))
        .where(account.c.host != "")
        .group_by(account.c.host)
    )


def _deliveries(state: str) -> Any:
    return (
        select(delivery.c.host, func.count().label("number"))
        .where(delivery.c.state == state)
        .group_by(delivery.c.host)
    )


def _reports() -> Any:
    return (
        select(account.c.host, func.count().label("number"))
        .join_from(report, account, account.c.id == report.c.target_id)
        .where(report.c.resolved_at.is_(None), account.c.host != "")
        .group_by(account.c.host)
    )
