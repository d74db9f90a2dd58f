"""How often those who look after something hear by mail of what waits, and what is new for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, distinct, func, or_, select, update

from storage.hot import insert_row
from storage.tables import (
    account,
    appeal,
    domain_list,
    duty_mail,
    instance,
    report,
    scheduled_post,
    strike,
    user,
)


class DutyRow(NamedTuple):
    """See `storage.tables.mailing`. Instants in ms."""

    account_id: int
    rhythm: str
    hour: int
    due_at: int | None
    told_until_at: int | None


class DueRow(NamedTuple):
    """Whose mail is due."""

    account_id: int
    rhythm: str
    hour: int
    time_zone: str


class News(NamedTuple):
    """How much of a kind is new, and when the latest of it came (ms, None without)."""

    number: int
    latest_at: int | None


def get(conn: Connection, account_id: int) -> DutyRow | None:
    """What a member has chosen; None before they choose, and before their first mail."""
    columns = [duty_mail.c[name] for name in DutyRow._fields]
    row = conn.execute(select(*columns).where(duty_mail.c.account_id == account_id)).first()
    return None if row is None else DutyRow._make(row)


def change(conn: Connection, account_id: int, /, **values: Any) -> None:
    """Set columns, in a row that is made unless it is there."""
    insert_row(conn, duty_mail, {"account_id": account_id}, unless_there=True)
    conn.execute(update(duty_mail).where(duty_mail.c.account_id == account_id).values(**values))


def at_once(conn: Connection, account_ids: Sequence[int]) -> list[int]:
    """Those of these members who hear of each thing at once, as everybody does who has chosen nothing."""
    query = (
        select(user.c.account_id)
        .outerjoin(duty_mail, duty_mail.c.account_id == user.c.account_id)
        .where(
            user.c.account_id.in_(account_ids),
            or_(duty_mail.c.rhythm.is_(None), duty_mail.c.rhythm == "at_once"),
        )
    )
    return list(conn.scalars(query)) if account_ids else []


def due(conn: Connection, now: int, *, limit: int) -> list[DueRow]:
    """Whose mail is due, the longest first: this unit's alone, if several processes look."""
    query = (
        select(duty_mail.c.account_id, duty_mail.c.rhythm, duty_mail.c.hour, user.c.time_zone)
        .join(user, user.c.account_id == duty_mail.c.account_id)
        .where(duty_mail.c.due_at <= now)
        .order_by(duty_mail.c.due_at)
        .with_for_update(skip_locked=True, of=duty_mail)
    )
    return [DueRow._make(row) for row in conn.execute(query.limit(limit))]


def put_due(conn: Connection, wanted: Sequence[tuple[int, int | None]]) -> None:
    """Note for each (account, instant) when the next mail is due."""
    if wanted:
        statement = update(duty_mail).where(duty_mail.c.account_id == bindparam("of_account_id"))
        conn.execute(
            statement.values(due_at=bindparam("next_at")),
            [{"of_account_id": account_id, "next_at": due_at} for account_id, due_at in wanted],
        )


def new_cases(conn: Connection, account_id: int, since: int) -> News:
    """Accounts that were reported after this instant, by others than the member, and wait."""
    query = select(func.count(distinct(report.c.target_id)), func.max(report.c.created_at)).where(
        report.c.resolved_at.is_(None),
        report.c.created_at > since,
        report.c.account_id != account_id,
        report.c.target_id != account_id,
    )
    return News._make(conn.execute(query).one())


def new_appeals(conn: Connection, account_id: int, since: int) -> News:
    """Appeals that came after this instant against what others than the member decided, and wait."""
    query = (
        select(func.count(), func.max(appeal.c.created_at))
        .select_from(appeal.join(strike, strike.c.id == appeal.c.strike_id))
        .where(
            appeal.c.decided_at.is_(None),
            appeal.c.created_at > since,
            or_(strike.c.actor_id.is_(None), strike.c.actor_id != account_id),
        )
    )
    return News._make(conn.execute(query).one())


def new_held(conn: Connection, since: int) -> News:
    """Posts of new members that have been held since, and wait."""
    query = select(func.count(), func.max(scheduled_post.c.scheduled_at)).where(
        scheduled_post.c.held_for != "", scheduled_post.c.scheduled_at > since
    )
    return News._make(conn.execute(query).one())


def new_joins(conn: Connection, since: int, *, limit: int) -> tuple[News, list[str]]:
    """Who has asked to join since and waits: how many, and the names of the latest."""
    waits = (user.c.approved_at.is_(None), user.c.confirmed_at > since)
    counted = News._make(
        conn.execute(select(func.count(), func.max(user.c.confirmed_at)).where(*waits)).one()
    )
    query = (
        select(account.c.username).join_from(user, account, account.c.id == user.c.account_id).where(*waits)
    )
    return counted, list(conn.scalars(query.order_by(user.c.confirmed_at.desc()).limit(limit)))


def new_list_changes(conn: Connection, since: int) -> News:
    """Lists of servers in which more has come to be decided about since."""
    query = select(func.count(), func.max(domain_list.c.changes_at)).where(
        domain_list.c.state == "active", domain_list.c.changes > 0, domain_list.c.changes_at > since
    )
    return News._make(conn.execute(query).one())


def new_list_trouble(conn: Connection, since: int) -> News:
    """Lists of servers that cannot be read any more, or that have shrunk, since."""
    query = select(func.count(), func.max(domain_list.c.trouble_at)).where(
        domain_list.c.state.in_(("new", "active")), domain_list.c.trouble_at > since
    )
    return News._make(conn.execute(query).one())


def new_failing(conn: Connection, since: int, before: int) -> News:
    """Servers that went out of reach after `since` and until `before`, and still are, though no rule keeps them out."""
    query = select(func.count(), func.max(instance.c.failing_since_at)).where(
        instance.c.failing_since_at > since,
        instance.c.failing_since_at <= before,
        instance.c.policy != "reject",
    )
    return News._make(conn.execute(query).one())
