"""Accounts as those who moderate list them: by state, role, address, and where from they came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, distinct, exists, func, or_, select

from storage import domain_lists
from storage.instances import escaped, under
from storage.paging import Window
from storage.tables import account, appeal, instance, invite, member_ip, report, scheduled_post, strike, user

State = Literal["active", "pending", "disabled", "sensitized", "silenced", "suspended"]


@dataclass(frozen=True, slots=True)
class Sought:
    """What to list. Everything that is given must hold; texts are compared as `storage.oversight.page` says."""

    local: bool = False
    remote: bool = False
    states: frozenset[State] = frozenset()
    domain: str = ""
    username: str = ""
    display_name: str = ""
    email: str = ""
    ips: Sequence[str] | None = None
    roles: Sequence[str] = ()
    invited_by: int | None = None


def page(conn: Connection, sought: Sought, window: Window) -> list[Any]:
    """Accounts that have not been deleted, the newest first, as rows of the `account` table.

    Names match where they contain the text, addresses where they begin with it, domains with everything below.
    """
    member = _member_where(sought)
    query = select(account).where(account.c.deleted_at.is_(None), account.c.actor_type != "Application")
    if sought.local:
        query = query.where(account.c.domain == "")
    if sought.remote:
        query = query.where(account.c.domain != "")
    if sought.domain:
        query = query.where(under(account.c.domain, sought.domain))
    if sought.username:
        query = query.where(_contains(account.c.username_key, sought.username.casefold()))
    if sought.display_name:
        query = query.where(_contains(func.lower(account.c.display_name), sought.display_name.lower()))
    for state in sorted(sought.states):
        query = query.where(_in_state(state))
    if sought.invited_by is not None:
        query = query.where(
            exists().where(
                user.c.account_id == account.c.id,
                user.c.invite_id == invite.c.id,
                invite.c.account_id == sought.invited_by,
            )
        )
    if member:
        query = query.where(exists().where(user.c.account_id == account.c.id, *member))
    return window.rows(conn, query, account.c.id)


def _member_where(sought: Sought) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if sought.email:
        wanted.append(user.c.email_key.like(f"{escaped(sought.email.casefold())}%", escape="\\"))
    if sought.roles:
        wanted.append(user.c.role.in_(list(sought.roles)))
    if sought.ips is not None:
        seen = exists().where(
            member_ip.c.account_id == user.c.account_id, member_ip.c.ip.in_(list(sought.ips))
        )
        wanted.append(seen)
    return wanted


def _in_state(state: State) -> ColumnElement[bool]:
    def member(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
        return exists().where(user.c.account_id == account.c.id, *conditions)

    match state:
        case "active":
            is_in = member(user.c.approved_at.is_not(None), user.c.disabled_at.is_(None))
            return and_(account.c.suspended_at.is_(None), or_(account.c.domain != "", is_in))
        case "pending":
            return member(user.c.approved_at.is_(None))
        case "disabled":
            return and_(account.c.suspended_at.is_(None), member(user.c.disabled_at.is_not(None)))
        case "sensitized":
            return account.c.sensitized_at.is_not(None)
        case "silenced":
            return account.c.limited_at.is_not(None)
        case "suspended":
            return account.c.suspended_at.is_not(None)


def ips_within(conn: Connection, prefix: str) -> list[str]:
    """The addresses that members came from, as far as their text begins so."""
    query = select(member_ip.c.ip).distinct()
    return list(conn.scalars(query.where(member_ip.c.ip.like(f"{escaped(prefix)}%", escape="\\"))))


def _contains(column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    return column.like(f"%{escaped(text)}%", escape="\\")


class Waiting(NamedTuple):
    """How much waits for those who look after the server: accounts that are reported, people who ask to join,
    appeals, servers that cannot be reached though nothing says that they should not be, posts of new members,
    lists of servers that are followed and want a decision, and newcomers who were left alone."""

    cases: int
    joins: int
    appeals: int
    instances: int
    held: int
    lists: int
    newcomers: int = 0


def waiting(conn: Connection, account_id: int) -> Waiting:
    """All of it in one statement, but for newcomers: who is asked about them is not the same for all. Without reports
    about the one who asks, and appeals that are theirs or against what they decided."""
    cases = select(func.count(distinct(report.c.target_id))).where(
        report.c.resolved_at.is_(None), report.c.target_id != account_id
    )
    joins = select(func.count()).where(user.c.approved_at.is_(None), user.c.confirmed_at.is_not(None))
    appeals = (
        select(func.count())
        .select_from(appeal.join(strike, strike.c.id == appeal.c.strike_id))
        .where(
            appeal.c.decided_at.is_(None),
            strike.c.account_id != account_id,
            or_(strike.c.actor_id.is_(None), strike.c.actor_id != account_id),
        )
    )
    instances = select(func.count()).where(
        instance.c.failing_since_at.is_not(None), instance.c.policy != "reject"
    )
    held = select(func.count()).where(scheduled_post.c.held_for != "")
    lists = domain_lists.count_in_need()
    counts = [one.scalar_subquery() for one in (cases, joins, appeals, instances, held, lists)]
    return Waiting(*conn.execute(select(*counts)).one())
