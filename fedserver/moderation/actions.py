"""Deciding about accounts: warn, freeze, mark as sensitive, limit, suspend; take it back; erase.

Every decision is kept as a strike, which its member is told of and may appeal against, and is in the audit log.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection

from fedserver import notifications
from fedserver.content.text import clean_text
from fedserver.context import Server
from fedserver.errors import Conflict, Forbidden, Invalid, NotFound
from fedserver.jobs.plan import plan
from fedserver.mail import plan_mail
from fedserver.moderation import audit, standing
from fedserver.moderation.permissions import NOT_ALLOWED, Permission, allows, require, require_over
from fedserver.moderation.standing import Acting
from fedserver.viewer import Member
from storage import accounts, reports, strikes, users
from storage.accounts import AccountRow
from storage.strikes import Strike
from storage.types import now_ms
from storage.users import UserRow

Action = Literal["none", "disable", "sensitive", "silence", "suspend"]
Lasting = Literal["disable", "sensitive", "silence", "suspend"]
ACTIONS: Final[tuple[Action, ...]] = ("none", "disable", "sensitive", "silence", "suspend")
LASTING: Final[tuple[Lasting, ...]] = ("disable", "sensitive", "silence", "suspend")
FOR_MEMBERS_ONLY: Final = ("none", "disable")
TEXT_CHARACTERS_MAX: Final = 10_000
YEARS_S_MAX: Final = 10 * 366 * 86_400
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


async def act(server: Server, member: Member, account_id: int, decision: Decision) -> int:
    """Decide about an account; the strike's id. Raises Forbidden, NotFound, Invalid, Conflict (the only admin)."""
    if len(decision.text) > TEXT_CHARACTERS_MAX:
        raise Invalid({"text": f"is too long (at most {TEXT_CHARACTERS_MAX} characters)"})
    if decision.expires_in_s is not None and not 0 < decision.expires_in_s <= YEARS_S_MAX:
        raise Invalid({"expires_in": "must be a number of seconds, ten years at the most"})
    strike_id = await server.db.write(_act, server, member, account_id, decision)
    server.remembered.forget_member(account_id)
    return strike_id


def _act(conn: Connection, server: Server, member: Member, account_id: int, decision: Decision) -> int:
    if not allows(member.role, Permission.MANAGE_REPORTS):
        require(member, Permission.MANAGE_USERS)
    row, user = decidable(conn, member, account_id)
    action = decision.action
    if user is None and action in FOR_MEMBERS_ONLY:
        raise Invalid({"type": "is not possible for accounts of other servers"})
    report = None if decision.report_id is None else reports.by_id(conn, decision.report_id)
    if decision.report_id is not None and (report is None or report.target_id != account_id):
        raise NotFound("Record not found")
    now = now_ms()
    if action != "none":
        impose(conn, server, row, user, action)
    strike_id = strikes.add(
        conn,
        account_id,
        actor_id=member.account_id,
        action=action,
        text=_text(conn, decision),
        report_id=None if report is None else report.id,
        post_ids=[] if report is None else report_posts(report),
        expires_at=None if decision.expires_in_s is None else now + decision.expires_in_s * 1000,
    )
    # A warning settles the report it is about; anything stronger all that wait.
    settled = reports.waiting_about(conn, account_id) if action != "none" else [report] if report else []
    for one in settled:
        if one.resolved_at is None:
            reports.change(conn, one.id, resolved_at=now, resolved_by_id=member.account_id)
    handle = handle_of(row)
    audit.note(
        conn,
        member,
        action if action != "none" else "warn",
        ("account", account_id, handle),
        after={
            "strike_id": str(strike_id),
            "expires_in": decision.expires_in_s,
            "reports": [str(one.id) for one in settled],
        },
    )
    if user is not None:
        tell(conn, user, strike_id, by_mail=decision.by_mail)
    return strike_id


def tell(conn: Connection, user: UserRow, strike_id: int, *, by_mail: bool) -> None:
    """A member hears of a decision: in their notifications, and by mail with a link to appeal."""
    notifications.warned(conn, user.account_id, strike_id)
    found = strikes.by_id(conn, strike_id)
    if by_mail and found is not None and user.confirmed_at is not None:
        plan_mail(
            conn,
            user.account_id,
            "decision",
            {"action": found.action, "text": found.text, "link_detail": str(strike_id)},
        )


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


def decidable(conn: Connection, member: Member | None, account_id: int) -> tuple[AccountRow, UserRow | None]:
    """An account about which a member may decide. Raises NotFound, Forbidden."""
    row = accounts.by_id(conn, account_id)
    if row is None or row.deleted_at is not None:
        raise NotFound("Record not found")
    user = users.by_id(conn, account_id)
    if member is not None:
        require_over(member, account_id, None if user is None else user.role)
    if row.actor_type == "Application" and not row.domain:
        raise Forbidden(NOT_ALLOWED)
    return row, user


def impose(conn: Connection, server: Acting, row: AccountRow, user: UserRow | None, action: Lasting) -> None:
    """Have a decision hold, unless it does. Raises Conflict where it would leave no admin."""
    last_admin = (
        user is not None and user.is_let_in and user.role == "admin" and users.count_admins(conn) == 1
    )
    if action in ("disable", "suspend") and last_admin:
        raise Conflict("This is the only admin. Make another one first.")
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


def lift_strike(conn: Connection, server: Acting, strike: Strike) -> None:
    """Take back one decision: what it did ends, unless another one about the same account says so too."""
    row, user = accounts.by_id(conn, strike.account_id), users.by_id(conn, strike.account_id)
    strikes.undone(conn, [strike.id])
    action = next((one for one in LASTING if one == strike.action), None)
    if row is None or row.deleted_at is not None or action is None:
        return
    if not strikes.in_force(conn, row.id, action):
        lift(conn, server, row, user, action)


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


def _text(conn: Connection, decision: Decision) -> str:
    parts = [decision.text]
    if decision.preset_id is not None:
        preset = strikes.preset(conn, decision.preset_id)
        if preset is None:
            raise NotFound("Record not found")
        parts.insert(0, preset.text)
    return "\n\n".join(part for part in map(clean_text, parts) if part)
