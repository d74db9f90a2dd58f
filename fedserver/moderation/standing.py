"""What a decision does to an account, and how it is taken back: frozen, marked sensitive, limited, suspended.

These are units and jobs without questions: who may decide is asked in `fedserver.moderation.actions`.

A suspended account is gone for everybody at once and keeps its data for 30 days, so that the decision can be taken
back. Other servers hear of it through the actor document, and of the end of it through the same.
"""

from __future__ import annotations

import logging
from typing import Any, Final, Protocol

from sqlalchemy import ColumnElement, Connection, func, select

from fedserver import erasing, farewell, notifications, relationships
from fedserver.config import Config
from fedserver.context import Server
from fedserver.federation import people
from fedserver.federation.publish import Publisher
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.moderation.addresses import digest_of
from fedserver.notifications import Lost
from storage import accounts, deliveries, posts, rules, strikes, users
from storage import relationships as relationships_stored
from storage.accounts import AccountRow
from storage.tables import account, follow, post, user
from storage.types import DAY_MS, now_ms

ERASED_AFTER_MS: Final = 30 * DAY_MS
STEP_ROWS: Final = 200
FOLLOWERS_PER_UNIT: Final = 50
MINUTES_MAX: Final = 30
HOURS_MAX: Final = 6

log = logging.getLogger("fedserver.moderation")


class Acting(Protocol):
    """The parts of a server that a decision needs: the command line has them as well."""

    @property
    def config(self) -> Config: ...

    @property
    def publish(self) -> Publisher: ...


def freeze(conn: Connection, account_id: int) -> None:
    """A member cannot sign in, nor any app in their name; nothing of theirs is hidden."""
    users.change(conn, account_id, disabled_at=now_ms())


def unfreeze(conn: Connection, account_id: int) -> None:
    """The member may come in again; sessions and tokens work as before."""
    users.change(conn, account_id, disabled_at=None)


def mark_sensitive(conn: Connection, account_id: int) -> None:
    """Everything an account has posted and will post is shown behind a warning."""
    accounts.change(conn, account_id, sensitized_at=now_ms())
    _go_on_marking(conn, account_id)


def unmark_sensitive(conn: Connection, account_id: int) -> None:
    """Posts are again as their author marked them."""
    accounts.change(conn, account_id, sensitized_at=None)
    _go_on_marking(conn, account_id)


def limit(conn: Connection, account_id: int) -> None:
    """Only those who follow an account find and hear of it."""
    accounts.change(conn, account_id, limited_at=now_ms())


def unlimit(conn: Connection, account_id: int) -> None:
    """The account is treated as any other."""
    accounts.change(conn, account_id, limited_at=None)


def suspend(conn: Connection, server: Acting, row: AccountRow) -> None:
    """Nobody sees an account any more, and it can do nothing. Its data go after 30 days."""
    now = now_ms()
    accounts.change(conn, row.id, suspended_at=now)
    due_at = now + int(ERASED_AFTER_MS / server.config.testing.time_scale)
    strikes.plan_erasures(conn, [row.id], due_at)
    plan(conn, "give_up_seats", {"account_id": row.id}, key=str(row.id))
    if row.domain:
        plan(conn, "part_suspended", {"account_id": row.id}, key=str(row.id))
        return
    server.publish.profile_updated(conn, row.id)
    plan(conn, "stop_sending", {"account_id": row.id}, key=str(row.id))
    member = users.by_id(conn, row.id)
    if member is not None:
        rules.put_address(conn, digest_of(member.email), row.id)


def unsuspend(conn: Connection, server: Acting, row: AccountRow) -> None:
    """The account is back with everything that was not erased; follows from elsewhere have to be made anew."""
    accounts.change(conn, row.id, suspended_at=None)
    strikes.cancel_erasures(conn, [row.id])
    rules.remove_addresses_of(conn, row.id)
    if row.domain:
        plan(conn, "refresh_account", {"account_id": row.id}, key=str(row.id))
        return
    server.publish.profile_updated(conn, row.id)


@handles("stop_sending", timeout_seconds=MINUTES_MAX * 60)
async def stop_sending(server: Server, payload: dict[str, Any]) -> None:
    """What a suspended member posted and other servers have not taken yet, they do not get any more."""
    await erasing.in_steps(server, _stop_some, payload["account_id"])


def _stop_some(conn: Connection, account_id: int) -> bool:
    row = accounts.by_id(conn, account_id)
    return row is not None and row.suspended_at is not None and deliveries.drop_some_posts(conn, account_id)


# -- marking as sensitive, a part at a time


def _go_on_marking(conn: Connection, account_id: int) -> None:
    if mark_some(conn, account_id):
        plan(conn, "mark_sensitive", {"account_id": account_id}, key=str(account_id))


def mark_some(conn: Connection, account_id: int) -> bool:
    """Bring some posts into line with whether the account is marked; whether there may be more."""
    row = accounts.by_id(conn, account_id)
    if row is None:
        return False
    marked = row.sensitized_at is not None
    which = [~post.c.sensitive] if marked else [post.c.marked_sensitive]
    query = select(post.c.id).where(post.c.account_id == account_id, post.c.boost_of_id.is_(None), *which)
    found = list(conn.scalars(query.limit(STEP_ROWS)))
    for post_id in found:
        posts.change(conn, post_id, sensitive=marked, marked_sensitive=marked)
    return len(found) == STEP_ROWS


@handles("mark_sensitive", timeout_seconds=MINUTES_MAX * 60)
async def go_on_marking(server: Server, payload: dict[str, Any]) -> None:
    """Mark the rest of an account's posts, or take the marks away."""
    while await server.db.write(mark_some, payload["account_id"]):
        pass


# -- parting a suspended account elsewhere from the members


@handles("part_suspended", timeout_seconds=MINUTES_MAX * 60)
async def part_suspended(server: Server, payload: dict[str, Any]) -> None:
    """End the follows between a suspended account elsewhere and the members, who hear what they lost."""
    account_id: int = payload["account_id"]
    if await server.db.write(_tell_of_parting, server.config.domain, account_id):
        await erasing.in_steps(server, _part_some, server, account_id)


def _tell_of_parting(conn: Connection, domain: str, account_id: int) -> bool:
    row = accounts.by_id(conn, account_id)
    if row is None or row.suspended_at is None:
        return False
    lost = lost_with(conn, account.c.id == account_id)
    notifications.severed(conn, "account_suspension", f"{row.username}@{row.domain or domain}", lost)
    return True


def lost_with(conn: Connection, which: ColumnElement[bool]) -> list[Lost]:
    """How many followers and followed each member has among the accounts that meet a condition."""
    followers = _counts(conn, which, theirs=follow.c.account_id, own=follow.c.target_id)
    following = _counts(conn, which, theirs=follow.c.target_id, own=follow.c.account_id)
    concerned = sorted(followers.keys() | following.keys())
    return [Lost(one, followers.get(one, 0), following.get(one, 0)) for one in concerned]


def _counts(conn: Connection, which: ColumnElement[bool], *, theirs: Any, own: Any) -> dict[int, int]:
    query = (
        select(own, func.count())
        .select_from(follow)
        .join(account, account.c.id == theirs)
        .join(user, user.c.account_id == own)
        .where(which, follow.c.accepted)
        .group_by(own)
    )
    return {row[0]: int(row[1]) for row in conn.execute(query)}


def _part_some(conn: Connection, server: Server, account_id: int) -> bool:
    found = relationships_stored.some_with(conn, account.c.id == account_id, FOLLOWERS_PER_UNIT)
    for row in erasing.while_short(found):
        end_follow(conn, server, row, account_id)
    return bool(found)


def end_follow(conn: Connection, server: Server, row: Any, away_id: int) -> None:
    """End one follow between a member and an account elsewhere that is not welcome any more."""
    if row.account_id == away_id:
        server.publish.follow_rejected(conn, row)
        relationships.receive_undo_follow(conn, row.account_id, row.target_id)
    else:
        server.publish.follow_undone(conn, row)
        relationships.receive_reject(conn, row.uri, row.target_id, row.account_id)


# -- erasing


@handles("erase_suspended", timeout_seconds=MINUTES_MAX * 60, attempts_max=20)
async def erase_suspended(server: Server, payload: dict[str, Any]) -> None:
    """Erase what a suspended account has here, unless it is suspended no longer."""
    await _erase(server, payload["account_id"])


async def _erase(server: Server, account_id: int) -> None:
    await erasing.in_steps(server, _erase_some, server, account_id)


def _erase_some(conn: Connection, server: Server, account_id: int) -> bool:
    """Erase a part of what a suspended account has here; whether there is more. A member's goes by a job of its own."""
    row = accounts.by_id(conn, account_id)
    if row is not None and row.suspended_at is not None:
        if row.domain:
            if people.erase_some(conn, account_id):
                return True
        elif row.deleted_at is None:
            farewell.close(conn, server.publish, row)
    strikes.cancel_erasures(conn, [account_id])
    return False


def plan_due_erasures(conn: Connection) -> None:
    """For the chore: have erased what is due."""
    if strikes.erasures_due(conn, now_ms(), 1):
        plan(conn, "erase_due", {}, key="")


@handles("erase_due", timeout_seconds=HOURS_MAX * 3600, attempts_max=20)
async def erase_due(server: Server, _: dict[str, Any]) -> None:
    """Erase the accounts that are due, one after another: of a blocked server there may be thousands, and a job for each
    would keep all other jobs waiting. One that cannot be erased does not keep the next ones from it."""
    now, last, failed = now_ms(), 0, 0
    while due := await server.db.read(strikes.erasures_due, now, STEP_ROWS, last):
        for account_id in due:
            try:
                await _erase(server, account_id)
            except Exception:
                log.exception("The account %d could not be erased.", account_id)
                failed += 1
        last = due[-1]
    if failed:
        raise RuntimeError(f"{failed} accounts could not be erased")
