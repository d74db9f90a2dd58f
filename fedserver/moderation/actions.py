"""What is decided about accounts: freeze, mark as sensitive, limit, suspend; take it back; erase. `rulings` decides.

Every decision is kept as a strike, which its member is told of and may appeal against, and is in the audit log.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from sqlalchemy import Connection

from fedserver import notifications
from fedserver.context import Server
from fedserver.errors import Conflict, Forbidden, Invalid, NotFound
from fedserver.jobs.plan import plan
from fedserver.mail import plan_mail
from fedserver.moderation import audit, said, standing
from fedserver.moderation.permissions import NOT_ALLOWED, Permission, require, require_over
from fedserver.moderation.standing import Acting
from fedserver.viewer import Member
from storage import accounts, groups, strikes, users
from storage.accounts import AccountRow
from storage.strikes import Strike
from storage.types import now_ms
from storage.users import UserRow

Action = Literal["none", "disable", "sensitive", "silence", "suspend"]
Lasting = Literal["disable", "sensitive", "silence", "suspend"]
ACTIONS: Final[tuple[Action, ...]] = ("none", "disable", "sensitive", "silence", "suspend")
LASTING: Final[tuple[Lasting, ...]] = ("disable", "sensitive", "silence", "suspend")
# Of posts and groups; how strikes name them.
MARKED_POSTS: Final = "mark_statuses_as_sensitive"
BANNED: Final = "ban"
EXPIRED_AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with an account. `text` goes to the member, after that of the preset. With `report_id` the report
    is resolved; `expires_in_s` takes the decision back by itself; `by_mail` says whether a mail tells the member."""

    action: Action
    text: str = ""
    preset_id: int | None = None
    report_id: int | None = None
    by_mail: bool = True
    expires_in_s: int | None = None


def action_of(text: str) -> Action:
    """The action of this name. Raises Invalid."""
    found = next((one for one in ACTIONS if one == text), None)
    if found is None:
        raise Invalid({"type": f"must be one of {', '.join(ACTIONS)}"})
    return found


def tell(conn: Connection, user: UserRow, strike_id: int, *, by_mail: bool) -> None:
    """A member hears of what was decided: in their notifications, and by mail with a link to appeal. `strike_id` is
    the weightiest of what was decided at once."""
    notifications.warned(conn, user.account_id, strike_id)
    found = strikes.by_id(conn, strike_id)
    if not by_mail or found is None or user.confirmed_at is None:
        return
    together = strikes.together(conn, found)
    barred = groups.by_ids(conn, [one.group_id for one in together if one.group_id is not None])
    about = {
        "action": found.action,
        "actions": list(dict.fromkeys(one.action for one in together)),
        "groups": [one.display_name or one.username for one in barred.values()],
        "until": day_of(found.expires_at),
        "text": found.text,
        "link_detail": str(strike_id),
    }
    plan_mail(conn, user.account_id, "decision", about)


def day_of(at: int | None) -> str:
    """An instant as mails say when something ends: ``4 May 2026``; "" for none."""
    return "" if at is None else datetime.fromtimestamp(at / 1000, UTC).strftime("%-d %B %Y")


async def undo(server: Server, member: Member, account_id: int, action: Lasting) -> None:
    """Take back what is in force of this kind. Raises Forbidden, NotFound."""
    await server.db.write(_undo, server, member, account_id, action)
    server.remembered.forget_member(account_id)


def _undo(conn: Connection, server: Server, member: Member, account_id: int, action: Lasting) -> None:
    require(member, Permission.MANAGE_USERS)
    row, user = decidable(conn, member, account_id)
    if action == "suspend" and (row.suspended_at is None or (user is None and not row.domain)):
        raise Forbidden(NOT_ALLOWED)
    if user is None and action == "disable":
        raise Forbidden(NOT_ALLOWED)
    lift(conn, server, row, user, action)
    audit.note(conn, member, f"un{action}", ("account", account_id, handle_of(row)))


async def erase(server: Server, member: Member, account_id: int) -> None:
    """Erase what a suspended account has here, now. Raises Forbidden unless it is suspended; NotFound."""

    def unit(conn: Connection) -> None:
        require(member, Permission.DELETE_USER_DATA)
        row, _ = decidable(conn, member, account_id)
        if row.suspended_at is None:
            raise Forbidden(NOT_ALLOWED)
        plan(conn, "erase_suspended", {"account_id": account_id}, key=str(account_id))
        audit.note(conn, member, "erase", ("account", account_id, handle_of(row)))

    await server.db.write(unit)


# -- steps, for units that have asked who may


def decidable(
    conn: Connection, member: Member | None, account_id: int, *, deleted: bool = False
) -> tuple[AccountRow, UserRow | None]:
    """An account about which a member may decide; with `deleted` also one that is deleted. Raises NotFound, Forbidden."""
    row = accounts.by_id(conn, account_id)
    if row is None or (row.deleted_at is not None and not deleted):
        raise NotFound("Record not found")
    user = users.by_id(conn, account_id)
    if member is not None:
        require_over(member, account_id, None if user is None else user.role)
    if row.actor_type == "Application" and not row.domain:
        raise Forbidden(NOT_ALLOWED)
    return row, user


def check_owner_is_left(conn: Connection, user: UserRow | None) -> None:
    """Raise Conflict where there would be no owner without this one."""
    if user is not None and user.is_let_in and user.role == "owner" and users.count_owners(conn) == 1:
        raise Conflict("This is the only owner. Make another one first.")


def impose(conn: Connection, server: Acting, row: AccountRow, user: UserRow | None, action: Lasting) -> None:
    """Have a decision hold, unless it does. Raises Conflict where it would leave no owner."""
    if action in ("disable", "suspend"):
        check_owner_is_left(conn, user)
    if action == "disable":
        standing.freeze(conn, row.id)
    elif action == "sensitive" and row.sensitized_at is None:
        standing.mark_sensitive(conn, row.id)
    elif action == "silence" and row.limited_at is None:
        standing.limit(conn, row.id)
    elif action == "suspend" and row.suspended_at is None:
        standing.suspend(conn, server, row)


def lift(conn: Connection, server: Acting, row: AccountRow, user: UserRow | None, action: Lasting) -> None:
    """Have a decision hold no longer, and every strike that said so."""
    if action == "disable" and user is not None:
        standing.unfreeze(conn, row.id)
    elif action == "sensitive":
        standing.unmark_sensitive(conn, row.id)
    elif action == "silence":
        standing.unlimit(conn, row.id)
    elif action == "suspend":
        standing.unsuspend(conn, server, row)
    strikes.undone(conn, [one.id for one in strikes.in_force(conn, row.id, action)])


def lift_strike(conn: Connection, server: Server, strike: Strike) -> None:
    """Take back one decision: what it did ends, unless another one about the same account says so too. Posts that
    were deleted do not come back."""
    row, user = accounts.by_id(conn, strike.account_id), users.by_id(conn, strike.account_id)
    strikes.undone(conn, [strike.id])
    if row is None or row.deleted_at is not None:
        return
    if strike.action == MARKED_POSTS:
        said.unmark(conn, server, strike.posts)
    elif strike.action == BANNED and strike.group_id is not None:
        others = strikes.in_force(conn, row.id, BANNED)
        if all(one.group_id != strike.group_id for one in others):
            said.unban(conn, server, strike.group_id, row.id)
    action = next((one for one in LASTING if one == strike.action), None)
    if action is not None and not strikes.in_force(conn, row.id, action):
        lift(conn, server, row, user, action)


def lift_together(conn: Connection, server: Server, strike: Strike) -> None:
    """Take back a decision with all that was decided at once with it."""
    for one in strikes.together(conn, strike):
        if one.undone_at is None:
            lift_strike(conn, server, one)


async def take_back(server: Server, member: Member, strike_id: int) -> int:
    """Take one decision back; whom it was about. Raises Forbidden, NotFound, Conflict (it does not hold any more)."""

    def unit(conn: Connection) -> int:
        require(member, Permission.MANAGE_USERS)
        strike = strikes.by_id(conn, strike_id)
        if strike is None:
            raise NotFound("Record not found")
        row, _ = decidable(conn, member, strike.account_id)
        if strike.undone_at is not None:
            raise Conflict("This decision has been taken back.")
        lift_strike(conn, server, strike)
        audit.note(
            conn,
            member,
            f"un{strike.action}" if strike.action in LASTING else f"undo_{strike.action}",
            ("account", row.id, handle_of(row)),
            after={"strike_id": str(strike.id)},
        )
        return int(row.id)

    account_id = await server.db.write(unit)
    server.remembered.forget_member(account_id)
    return account_id


def end_expired(server: Server, conn: Connection) -> None:
    """For the chore: take back what was decided for a time that is over."""
    for strike in strikes.expired(conn, now_ms(), EXPIRED_AT_ONCE):
        lift_strike(conn, server, strike)
        row = accounts.by_id(conn, strike.account_id)
        if row is not None:
            audit.note(conn, None, f"end_{strike.action}", ("account", row.id, handle_of(row)))


def handle_of(row: AccountRow) -> str:
    """``name`` here, ``name@domain`` elsewhere."""
    return f"{row.username}@{row.domain}" if row.domain else str(row.username)


def report_posts(report: Any) -> list[int]:
    """Ids of the posts that a report is about."""
    return [int(one) for one in json.loads(report.post_ids)]
