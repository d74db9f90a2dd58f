"""Who greets somebody that asks to join, and for a while after they are in; what greeters do for them; and asking them back
by mail.

A question goes out with a link, by which the applicant, who has no account yet, answers once. The answer stands at the
request, and is forgotten with the question when they are let in or refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import Connection

from fedserver import mail_links, settings
from fedserver.content.text import clean_text
from fedserver.context import Server
from fedserver.errors import Conflict, Invalid, NotFound
from fedserver.mail import plan_mail, quoted
from fedserver.moderation import audit, duty
from fedserver.moderation.permissions import Permission, require, roles_with
from fedserver.viewer import Member
from storage import greeting, users
from storage.greeting import InquiryRow, NewcomerRow, StepRow
from storage.paging import Window
from storage.types import DAY_MS, now_ms
from storage.users import UserRow

__all__ = ["InquiryRow", "NewcomerRow", "StepRow"]

GREETED_DAYS: Final = 30
"""For so long somebody is a newcomer after they were let in."""
QUESTION_CHARS_MAX: Final = 2_000
ANSWER_CHARS_MAX: Final = 5_000
QUESTIONS_MAX: Final = 5
Of = Literal["mine", "all", "alone"]


async def greeters(server: Server, member: Member) -> list[UserRow]:
    """Who may greet newcomers, by name. Raises Forbidden."""
    require(member, Permission.MANAGE_JOINS)
    found = await server.db.read(lambda conn: users.listed(conn, roles=roles_with(Permission.MANAGE_JOINS)))
    return [one for one in found if one.is_let_in]


async def assign(server: Server, member: Member, account_id: int, greeter_id: int | None) -> None:
    """Say who greets somebody who waits or came not long ago; None for nobody. Who is given somebody by another hears of
    it with what waits. Raises Forbidden; NotFound for who is no newcomer; Invalid for who may not greet."""
    require(member, Permission.MANAGE_JOINS)

    def unit(conn: Connection) -> None:
        row = users.by_id(conn, account_id)
        if (
            row is None
            or row.confirmed_at is None
            or (row.approved_at is not None and row.approved_at < _since())
        ):
            raise NotFound("Nobody under this id is new here.")
        about = ("account", account_id, row.username)
        if greeter_id is None:
            greeting.remove(conn, account_id)
            audit.note(conn, member, "unassign", about)
            return
        greeter = users.by_id(conn, greeter_id)
        if (
            greeter is None
            or not greeter.is_let_in
            or greeter.role not in roles_with(Permission.MANAGE_JOINS)
        ):
            raise Invalid({"greeter": "must be somebody who decides who may join"})
        by_other = greeter_id != member.account_id
        greeting.put(conn, account_id, greeter_id, by_other=by_other)
        if by_other:
            audit.note(conn, member, "hand_over", about, after={"greeter": greeter.username})
            duty.tell(conn, [greeter_id])
        else:
            audit.note(conn, member, "assign_to_self", about)

    await server.db.write(unit)


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody who came not long ago: who they are (see `NewcomerRow`), what was done for them, the first first, what is
    still to be done, and whether they were left alone for so long that it is time."""

    row: NewcomerRow
    done: list[StepRow]
    to_do: list[str]
    waits: bool


async def newcomers(server: Server, member: Member, window: Window, of: Of = "mine") -> list[Newcomer]:
    """Who was let in within the last days, but for the member: those whom they greet, all, or those whom they or nobody
    greets who were left alone. Raises Forbidden."""
    require(member, Permission.MANAGE_JOINS)

    def unit(conn: Connection) -> list[Newcomer]:
        site = settings.in_force(conn, server.config)
        late = now_ms() - site.nudge_days * DAY_MS if site.nudge_days else 0
        rows = greeting.newcomers(conn, window, _since(), member.account_id, of=of, alone_ms=late)
        done = greeting.steps_of(conn, [row.id for row in rows])
        found = []
        for row in rows:
            steps = done.get(row.id, [])
            to_do = [one for one in site.welcome_steps if one not in {step.step for step in steps}]
            alone = not steps and not row.has_posted and row.approved_at <= late
            found.append(Newcomer(row, steps, to_do, alone))
        return found

    return await server.db.read(unit)


async def tick(server: Server, member: Member, account_id: int, steps: Sequence[str]) -> None:
    """Note that the member did these things for a newcomer; what somebody has ticked before stays theirs. Raises
    Forbidden, NotFound; Invalid for what is not on the list."""
    require(member, Permission.MANAGE_JOINS)

    def unit(conn: Connection) -> None:
        _check_new(conn, account_id)
        if set(steps) - set(settings.in_force(conn, server.config).welcome_steps):
            raise Invalid({"steps": "are not on the list any more"})
        greeting.put_steps(conn, account_id, steps, member.account_id)

    await server.db.write(unit)


async def untick(server: Server, member: Member, account_id: int, step: str) -> None:
    """It was not done after all. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_JOINS)

    def unit(conn: Connection) -> None:
        _check_new(conn, account_id)
        greeting.remove_step(conn, account_id, step)

    await server.db.write(unit)


def _check_new(conn: Connection, account_id: int) -> None:
    row = users.by_id(conn, account_id)
    if row is None or row.approved_at is None or row.approved_at < _since():
        raise NotFound("Nobody under this id is new here.")


def forget_old(conn: Connection) -> None:
    """Whoever has been in for long is no newcomer. A chore."""
    greeting.remove_older(conn, _since())


# -- asking back


async def ask(server: Server, member: Member, account_id: int, question: str) -> None:
    """Send a question to somebody who waits. Raises Forbidden, NotFound, Invalid, Conflict (asked often enough)."""
    require(member, Permission.MANAGE_JOINS)
    text = clean_text(question).strip()
    if not text or len(text) > QUESTION_CHARS_MAX:
        raise Invalid({"question": f"must be filled in, with at most {QUESTION_CHARS_MAX} characters"})

    def unit(conn: Connection) -> None:
        row = users.by_id(conn, account_id)
        if row is None or row.approved_at is not None or row.confirmed_at is None:
            raise NotFound("Nobody waits for approval under this id.")
        asked = greeting.inquiries_of(conn, [account_id]).get(account_id, [])
        if len(asked) >= QUESTIONS_MAX:
            raise Conflict("They have been asked often enough. Please decide.")
        inquiry_id = greeting.ask(conn, account_id, asker_id=member.account_id, question=text)
        audit.note(conn, member, "ask_back", ("account", account_id, row.username))
        plan_mail(conn, account_id, "inquiry", {"question": quoted(text), "link_detail": str(inquiry_id)})

    await server.db.write(unit)


async def look_at(server: Server, secret: str) -> InquiryRow:
    """The question that the link answers, for its page: changes nothing. Raises LinkExpired."""
    return await server.db.read(_asked, secret)


async def answer(server: Server, secret: str, text: str) -> None:
    """Answer it, once; whoever greets them hears of it with what waits, or whoever asked. Raises LinkExpired, Invalid."""
    said = clean_text(text).strip()
    if not said or len(said) > ANSWER_CHARS_MAX:
        raise Invalid({"answer": f"must be filled in, with at most {ANSWER_CHARS_MAX} characters"})

    def unit(conn: Connection) -> None:
        asked = _asked(conn, secret)
        mail_links.use(conn, secret, "inquiry")
        greeting.answer(conn, asked.id, said)
        greeter = greeting.of_accounts(conn, [asked.account_id]).get(asked.account_id)
        told = asked.asker_id if greeter is None else greeter.greeter_id
        if told is not None:
            duty.tell(conn, [told])

    await server.db.write(unit)


def _asked(conn: Connection, secret: str) -> InquiryRow:
    link = mail_links.look_at(conn, secret, "inquiry")
    row = greeting.inquiry(conn, int(link.detail))
    member = users.by_id(conn, link.account_id)
    if row is None or member is None or member.approved_at is not None:
        raise mail_links.LinkExpired
    return row


def _since() -> int:
    return now_ms() - GREETED_DAYS * DAY_MS
