"""Who waits to be let in, and letting them in or refusing them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from fedserver import invites, join_questions, refusals
from fedserver.content.text import clean_text
from fedserver.context import Server
from fedserver.errors import Forbidden, NotFound
from fedserver.join_questions import Answer
from fedserver.mail import plan_mail
from fedserver.moderation import audit
from fedserver.moderation.permissions import Permission, allows
from fedserver.refusals import RefusalRow
from fedserver.viewer import Member
from storage import accounts, greeting, users
from storage.greeting import GreeterRow, InquiryRow
from storage.types import now_ms
from storage.users import UserRow

REASON_CHARS_MAX: Final = 1_000


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


async def waiting(server: Server, member: Member) -> list[JoinRequest]:
    """Who waits for approval, longest first. For who looks after them: Forbidden."""
    _check_staff(member)
    digest = refusals.digester(server.config)

    def unit(conn: Connection) -> list[JoinRequest]:
        found = users.waiting(conn)
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
    digest = refusals.digester(server.config)

    def unit(conn: Connection) -> None:
        waits = _waits(conn, account_id)
        users.change(conn, account_id, approved_at=now_ms())
        audit.note(conn, member, "approve", ("account", account_id, waits.username))
        if waits.confirmed_at is not None:
            refusals.forget(conn, digest, waits.email)
            greeting.remove_inquiries(conn, account_id)
            accounts.change(conn, account_id, hidden=False, discoverable=True)
            plan_mail(conn, account_id, "approved")
            invites.arrived(conn, server, waits)

    await server.db.write(unit)


async def reject(
    server: Server, member: Member, account_id: int, *, comment: str = "", reason: str = ""
) -> None:
    """Refuse somebody who waits, tell them, and delete what they entered. For a time it is remembered why: the `reason`,
    or without one what they were told. Raises as `approve`."""
    _check_staff(member)
    digest = refusals.digester(server.config)
    told = clean_text(comment)
    why = clean_text(reason)[:REASON_CHARS_MAX] or told

    def unit(conn: Connection) -> None:
        waits = _waits(conn, account_id)
        # An address that nobody confirmed may be somebody else's, who has asked for nothing.
        if waits.confirmed_at is not None:
            days = refusals.remember(conn, server.config, member, digest, waits.email, why)
            plan_mail(
                conn,
                account_id,
                "rejected",
                {
                    "to": waits.email,
                    "username": waits.username,
                    "comment": told,
                    "days": days,
                    "language": waits.locale,
                },
            )
        audit.note(conn, member, "reject", ("account", account_id, waits.username))
        users.remove_with_account(conn, account_id)

    await server.db.write(unit)


def _waits(conn: Connection, account_id: int) -> UserRow:
    row = users.by_id(conn, account_id)
    if row is None or row.approved_at is not None:
        raise NotFound("Nobody waits for approval under this id.")
    return row


def _check_staff(member: Member) -> None:
    if not allows(member.role, Permission.MANAGE_JOINS):
        raise Forbidden("You do not decide who may join.")
