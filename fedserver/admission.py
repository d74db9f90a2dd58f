"""Who waits to be let in, and letting them in or refusing them, one by one or several at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from sqlalchemy import Connection

from fedserver import invites, join_questions, mail, refusals, settings
from fedserver.content.text import clean_text
from fedserver.context import Server
from fedserver.errors import Forbidden, Invalid, NotFound
from fedserver.join_questions import Answer
from fedserver.mail import plan_mail
from fedserver.moderation import audit
from fedserver.moderation.permissions import Permission, allows
from fedserver.refusals import RefusalRow
from fedserver.viewer import Member
from storage import accounts, greeting, users
from storage import audit as stored_audit
from storage.greeting import GreeterRow, InquiryRow
from storage.types import now_ms
from storage.users import UserRow

REASON_CHARS_MAX: Final = 1_000
AT_ONCE_MAX: Final = 50
"""So many requests are decided at once, and are on a page of the list."""
Verdict = Literal["approve", "reject"]


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """Somebody who waits to be let in, what they answered, when the same address was refused (the newest first), who
    greets them, and what they were asked back."""

    account_id: int
    username: str
    email: str
    created_at: int
    answers: list[Answer]
    refusals: list[RefusalRow]
    greeter: GreeterRow | None
    inquiries: list[InquiryRow]


@dataclass(frozen=True, slots=True)
class Ruling:
    """What to decide about requests. `comment` is what those who are refused are told, `reason` why, for those who
    decide."""

    verdict: Verdict
    comment: str = ""
    reason: str = ""

    @property
    def told(self) -> str:
        """The comment as it goes out."""
        return clean_text(self.comment)

    @property
    def remembered(self) -> str:
        """Why somebody is refused, as those who decide read it later."""
        return clean_text(self.reason)[:REASON_CHARS_MAX] or self.told


@dataclass(frozen=True, slots=True)
class Plan:
    """What a ruling does about one request; with `problem` it does nothing. `mail` is the subject and text of what goes
    out. Without `username` nothing is known of them any more."""

    account_id: int
    username: str
    email: str = ""
    mail: tuple[str, str] = ("", "")
    problem: str = ""


async def waiting(
    server: Server, member: Member, *, after_id: int = 0, limit: int = users.MEMBERS_LISTED_MAX
) -> list[JoinRequest]:
    """Who waits for approval, longest first; `after_id` is the last account of the page before. For who looks after
    them: Forbidden."""
    _check_staff(member)
    digest = refusals.digester(server.config)

    def unit(conn: Connection) -> list[JoinRequest]:
        found = users.waiting(conn, after_id=after_id, limit=limit)
        refused = refusals.known(conn, digest, [one.email for one in found])
        ids = [one.account_id for one in found]
        greeters, inquiries = greeting.of_accounts(conn, ids), greeting.inquiries_of(conn, ids)
        return [
            JoinRequest(
                one.account_id,
                one.username,
                one.email,
                one.created_at,
                join_questions.read(one.answers),
                refused.get(one.email, []),
                greeters.get(one.account_id),
                inquiries.get(one.account_id, []),
            )
            for one in found
        ]

    return await server.db.read(unit)


async def approve(server: Server, member: Member, account_id: int) -> None:
    """Let somebody in who waits. Moderators only: Forbidden; NotFound if nobody waits under this id."""
    _check_staff(member)
    await server.db.write(lambda conn: _approve(conn, server, member, _waits(conn, account_id)))


async def reject(
    server: Server, member: Member, account_id: int, *, comment: str = "", reason: str = ""
) -> None:
    """Refuse somebody who waits, tell them, and delete what they entered. For a time it is remembered why: the `reason`,
    or without one what they were told. Raises as `approve`."""
    _check_staff(member)
    ruling = Ruling("reject", comment, reason)
    await server.db.write(lambda conn: _reject(conn, server, member, _waits(conn, account_id), ruling))


def _approve(conn: Connection, server: Server, member: Member, waits: UserRow) -> None:
    account_id = waits.account_id
    users.change(conn, account_id, approved_at=now_ms())
    audit.note(conn, member, "approve", ("account", account_id, waits.username))
    if waits.confirmed_at is not None:
        refusals.forget(conn, refusals.digester(server.config), waits.email)
        greeting.remove_inquiries(conn, account_id)
        accounts.change(conn, account_id, hidden=False, discoverable=True)
        plan_mail(conn, account_id, "approved")
        invites.arrived(conn, server, waits)


def _reject(conn: Connection, server: Server, member: Member, waits: UserRow, ruling: Ruling) -> None:
    # An address that nobody confirmed may be somebody else's, who has asked for nothing.
    if waits.confirmed_at is not None:
        digest, why = refusals.digester(server.config), ruling.remembered
        days = refusals.remember(conn, server.config, member, digest, waits.email, why)
        plan_mail(conn, waits.account_id, "rejected", _refusal(waits, ruling, days))
    audit.note(conn, member, "reject", ("account", waits.account_id, waits.username))
    users.remove_with_account(conn, waits.account_id)


def _refusal(waits: UserRow, ruling: Ruling, days: int) -> dict[str, Any]:
    """What the mail to somebody who is refused says; they are gone when it is written."""
    return {
        "to": waits.email,
        "username": waits.username,
        "comment": ruling.told,
        "days": days,
        "language": waits.locale,
    }


# -- several at once


async def preview(server: Server, member: Member, account_ids: Sequence[int], ruling: Ruling) -> list[Plan]:
    """What a ruling would do about each of these requests. Raises Forbidden, Invalid."""
    chosen = _chosen(member, account_ids)

    def unit(conn: Connection) -> list[Plan]:
        days = settings.in_force(conn, server.config).refusals_days
        found = []
        for account_id in chosen:
            plan, waits = _plan(conn, member, account_id)
            if waits is not None and ruling.verdict == "approve":
                plan = replace(plan, mail=mail.preview(conn, server.config, account_id, "approved"))
            elif waits is not None:
                words = _refusal(waits, ruling, days)
                plan = replace(plan, mail=mail.preview(conn, server.config, account_id, "rejected", words))
            found.append(plan)
        return found

    return await server.db.read(unit)


async def decide(server: Server, member: Member, account_ids: Sequence[int], ruling: Ruling) -> list[Plan]:
    """Let in or refuse each of them, each in a unit of its own; the requests with what kept them from being decided.
    Raises Forbidden, Invalid."""

    def unit(conn: Connection, account_id: int) -> Plan:
        plan, waits = _plan(conn, member, account_id)
        if waits is not None and ruling.verdict == "approve":
            _approve(conn, server, member, waits)
        elif waits is not None:
            _reject(conn, server, member, waits, ruling)
        return plan

    return [await server.db.write(unit, account_id) for account_id in _chosen(member, account_ids)]


def _chosen(member: Member, account_ids: Sequence[int]) -> list[int]:
    _check_staff(member)
    if not account_ids:
        raise Invalid({}, "Tick a request first.")
    if len(account_ids) > AT_ONCE_MAX:
        raise Invalid({}, f"At most {AT_ONCE_MAX} requests are decided at once.")
    return list(dict.fromkeys(account_ids))


def _plan(conn: Connection, member: Member, account_id: int) -> tuple[Plan, UserRow | None]:
    """How it stands with one request, and who waits if the member can decide about it together with others: colleagues
    are left what they have taken, and what they have decided stays."""
    row = users.by_id(conn, account_id)
    if row is None or row.approved_at is not None:
        subject = str(account_id)
        entry = stored_audit.latest_of(conn, "account", [subject], ("approve", "reject")).get(subject)
        if entry is None:
            return Plan(account_id, "", problem="This request is not there any more."), None
        done = "let them in" if entry.action == "approve" else "refused them"
        return Plan(account_id, entry.subject_name, problem=f"@{entry.actor_name} has {done} already."), None
    if row.confirmed_at is None:
        return Plan(account_id, row.username, problem="They have not confirmed their address."), None
    greeter = greeting.of_accounts(conn, [account_id]).get(account_id)
    if greeter is not None and greeter.greeter_id != member.account_id:
        taken = f"@{greeter.greeter} has taken this request. It can be decided by itself."
        return Plan(account_id, row.username, row.email, problem=taken), None
    return Plan(account_id, row.username, row.email), row


def _waits(conn: Connection, account_id: int) -> UserRow:
    row = users.by_id(conn, account_id)
    if row is None or row.approved_at is not None:
        raise NotFound("Nobody waits for approval under this id.")
    return row


def _check_staff(member: Member) -> None:
    if not allows(member.role, Permission.MANAGE_JOINS):
        raise Forbidden("You do not decide who may join.")
