"""Deciding about applications, and telling it: decisions are noted first, looked at as the mails they will be, and told then, each
once. Telling changes the state and plans the mails in one unit."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection

from fedserver import csv_tables, mail
from fedserver.content.text import clean_text
from fedserver.context import Server
from fedserver.errors import Conflict, Forbidden, Invalid, NotFound
from fedserver.fields import either
from fedserver.opportunities import publishing, seeing
from fedserver.opportunities.permissions import Action
from fedserver.opportunities.reading import described_of
from fedserver.opportunities.records import DECISIONS, Form, encode
from fedserver.opportunities.seeing import Seen
from fedserver.viewer import Member
from storage import applications, opportunities
from storage.opportunities import OpportunityRow
from storage.types import now_ms

TEXT_CHARS_MAX: Final = 5_000
USUAL: Final = {
    "accepted": "Dear {name},\n\nwe are glad to tell you that your application for {title} is accepted. "
    "We will write to you soon with what comes next.\n\n{organisation}",
    "waitlisted": "Dear {name},\n\nthank you for your application for {title}. There are more good applications than places, and "
    "yours is on the waiting list. You hear from us as soon as a place is free.\n\n{organisation}",
    "declined": "Dear {name},\n\nthank you for your application for {title}. We are sorry that we cannot accept it this "
    "time.\n\n{organisation}",
}  # fmt: skip
SUBJECTS: Final = {
    "accepted": "Your application is accepted", "waitlisted": "Your application is on the waiting list",
    "declined": "About your application",
}  # fmt: skip
_WORD: Final = re.compile(r"\{(?:name|title|organisation)\}")
"""What stands for something else in the texts."""


@dataclass(frozen=True, slots=True)
class DecisionMail:
    """A mail as it will be sent, to one person."""

    application_id: int
    number: int
    decision: str
    account_id: int
    acct: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Decisions:
    """What is decided and not told: texts by decision, the mails, and what sending asks for."""

    texts: Mapping[str, str]
    mails: Sequence[DecisionMail]
    digest: str


async def decide(server: Server, member: Member, application_id: int, decision: str) -> Seen:
    """Note what is decided about an application; "" takes it back. Nobody is told yet. Raises Invalid, NotFound, Forbidden."""
    kept = decision.strip()
    if kept and kept not in DECISIONS:
        raise Invalid({"decision": f"must be {either(DECISIONS)}"})

    def unit(conn: Connection) -> Seen:
        known = applications.by_id(conn, application_id)
        if known is None:
            raise NotFound("Record not found")
        opportunities.locked(conn, known.post_id)
        _, found = seeing.one(conn, application_id, member.account_id)
        if Action.DECIDE not in found.may:
            raise Forbidden("This is the poster's to decide.")
        applications.change(conn, application_id, decision=kept)
        return seeing.one(conn, application_id, member.account_id)[1]

    return await server.db.write(unit)


async def write(server: Server, member: Member, post_id: int, texts: Mapping[str, str]) -> None:
    """Change what decisions say; an empty text is the usual one again. Raises Invalid, NotFound, Forbidden."""
    problems = {
        f"mails.{name}": f"must be for {either(DECISIONS)}" for name in texts if name not in DECISIONS
    } | {
        f"mails.{name}": f"is longer than {TEXT_CHARS_MAX:,} characters"
        for name, text in texts.items()
        if len(text) > TEXT_CHARS_MAX
    }
    if problems:
        raise Invalid(problems)

    def unit(conn: Connection) -> None:
        row = publishing.own(conn, post_id, member.account_id)
        kept = {**json.loads(row.mails), **{name: clean_text(text).strip() for name, text in texts.items()}}
        opportunities.change(
            conn, post_id, mails=encode({name: text for name, text in kept.items() if text}).decode()
        )

    await server.db.write(unit)


async def preview(server: Server, member: Member, post_id: int) -> Decisions:
    """The mails that telling would send now. Raises NotFound, Forbidden."""

    def unit(conn: Connection) -> Decisions:
        return _decisions(conn, publishing.own(conn, post_id, member.account_id))

    return await server.db.read(unit)


async def tell(server: Server, member: Member, post_id: int, digest: str) -> int:
    """Tell everything that is decided and not told, if it still is what was looked at; how many mails that are.

    Raises NotFound, Forbidden; Conflict where something has changed since.
    """

    def unit(conn: Connection) -> int:
        opportunities.locked(conn, post_id)
        row = publishing.own(conn, post_id, member.account_id)
        found = _decisions(conn, row)
        if not found.mails:
            raise Conflict("There is nothing to tell: everybody knows what is decided.")
        if digest != found.digest:
            raise Conflict("Something has changed since you looked at the mails. Look at them again.")
        now, sent = now_ms(), 0
        told = {
            one.application_id
            for one in {mail.application_id: mail for mail in found.mails}.values()
            if applications.told(conn, one.application_id, one.decision, now)
        }
        for one in found.mails:
            if one.application_id in told:
                url = f"{server.config.origin}/opportunities/applications/{one.application_id}"
                context = {"subject": one.subject, "text": one.text, "url": url}
                mail.plan_mail(conn, one.account_id, "application_decided", context)
                sent += 1
        return sent

    return await server.db.write(unit)


def _decisions(conn: Connection, row: OpportunityRow) -> Decisions:
    texts = {**USUAL, **json.loads(row.mails)}
    rows = applications.of_post(conn, row.id)
    waiting = [one for one in rows if one.decision and one.decision != one.state]
    teams = applications.team_of(conn, [one.id for one in waiting])
    organisation = described_of(row).organisation.name
    mails = []
    for one in waiting:
        people = [one, *(who for who in teams.get(one.id, []) if who.state == "confirmed")]
        for who in people:
            said = {
                "{name}": who.display_name or who.username,
                "{title}": row.title,
                "{organisation}": organisation,
            }
            text = _filled(texts[one.decision], said)
            subject = f"{SUBJECTS[one.decision]}: {row.title}"
            mails.append(
                DecisionMail(one.id, one.number, one.decision, who.account_id, who.username, subject, text)
            )
    digest = sha256(
        encode([(one.application_id, one.decision, one.account_id, one.subject, one.text) for one in mails])
    ).hexdigest()
    return Decisions(texts, mails, digest)


def _filled(text: str, said: Mapping[str, str]) -> str:
    """With what the words stand for, in one go: no name can be such a word again."""
    return _WORD.sub(lambda found: said[found[0]], text)


# -- taking along


async def as_csv(server: Server, member: Member, post_id: int) -> bytes:
    """All that was sent, for the poster: a line an application, best first. No cell begins as a formula would. Raises NotFound,
    Forbidden."""

    def unit(conn: Connection) -> bytes:
        row = publishing.own(conn, post_id, member.account_id)
        form = described_of(row).form or Form()
        labels = [one.label for one in form.questions]
        header = (
            "number",
            "rank",
            "average",
            "state",
            "decision",
            "name",
            "account",
            "team",
            "sent",
            *labels,
        )
        return csv_tables.table(
            header, [_line(one) for one in seeing.of_opportunity(conn, row, member.account_id)]
        )

    return await server.db.read(unit)


def _line(one: Seen) -> list[str]:
    lead = one.lead
    team = ", ".join(
        f"{who.display_name or who.username} (@{who.username})"
        for who in one.team
        if who.state == "confirmed"
    )
    return [
        str(one.number),
        "" if one.rank is None else str(one.rank),
        "" if one.average is None else f"{one.average:.2f}",
        one.state,
        one.decision,
        "" if lead is None else lead.display_name or lead.username,
        "" if lead is None else lead.username,
        team,
        "" if one.submitted_at is None else _instant(one.submitted_at),
        *(answer.text for answer in one.answers),
    ]


def _instant(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
