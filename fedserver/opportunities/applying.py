"""Members apply: begin, change, send and take back an application. Until the deadline, to the instant: whether it has passed is
asked in the unit that would change something."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection

from activitypub.identifiers import origin_of
from fedserver import mail
from fedserver.content.text import clean_line, clean_text
from fedserver.context import Server
from fedserver.errors import Conflict, Forbidden, Invalid, NotFound
from fedserver.opportunities import reading, seeing
from fedserver.opportunities.permissions import Action
from fedserver.opportunities.records import Form, Question, encode, form_of
from fedserver.opportunities.seeing import Seen
from fedserver.viewer import Member
from storage import applications, opportunities, relationships
from storage.opportunities import OpportunityRow
from storage.types import now_ms

SHORT_CHARS_MAX: Final = 500
LONG_CHARS_MAX: Final = 10_000
LINK_CHARS_MAX: Final = 2_000
DRAFTS_MAX: Final = 50


async def save(
    server: Server, member: Member, post_id: int, answers: Mapping[str, str], *, submit: bool = False
) -> Seen:
    """Keep a member's answers as their application, by the keys or the labels of the questions; those not mentioned stay. With
    `submit` send it, which everything that must be answered is needed for. What was sent can be changed until the deadline.

    Raises Invalid (``answers.<key>``), NotFound, Forbidden; Conflict before it opens and after the deadline.
    """
    return await server.db.write(_save, server, member.account_id, post_id, answers, submit)


def _save(
    conn: Connection, server: Server, account_id: int, post_id: int, answers: Mapping[str, str], submit: bool
) -> Seen:
    row = open_to(conn, post_id, account_id)
    form = form_of(row.form)
    assert form is not None
    known = applications.of_account(conn, post_id, account_id)
    if known is None and applications.takes_part(conn, post_id, account_id):
        raise Conflict("You are in a team that applies: leave it first.")
    before = {} if known is None else json.loads(known.answers)
    # Whatever was sent stays complete.
    sent = submit or (known is not None and known.state == "submitted")
    kept = checked(form, {**before, **answers}, complete=sent)
    columns: dict[str, Any] = {"answers": encode(kept).decode()}
    if known is None:
        if not submit and applications.count_drafts(conn, account_id) >= DRAFTS_MAX:
            raise Conflict(f"You have begun {DRAFTS_MAX} applications: send one or take it back first.")
        known = applications.add(conn, post_id, account_id, state="draft")
    elif known.state not in ("draft", "submitted", "withdrawn"):
        raise Conflict("It is decided already.")
    first = submit and known.submitted_at is None
    if submit:
        columns |= {"state": "submitted", "submitted_at": now_ms()}
    elif known.state == "withdrawn":
        columns["state"] = "draft"
    applications.change(conn, known.id, **columns)
    if first:
        context = {"opportunity": row.title, "url": f"{server.config.origin}/opportunities/{post_id}/apply"}
        mail.plan_mail(conn, account_id, "application_received", context)
    return seeing.one(conn, known.id, account_id)[1]


def open_to(conn: Connection, post_id: int, account_id: int) -> OpportunityRow:
    """An opportunity to which this member may apply here, now; nobody else changes anything about it until the unit ends.

    Raises NotFound, Forbidden, Conflict.
    """
    opportunities.locked(conn, post_id)
    row = reading.visible(conn, post_id, account_id)
    if not row.form:
        raise Conflict("One applies for this elsewhere.")
    check_may_apply(conn, row, account_id)
    state = reading.state_of(row, now_ms())
    if state == "coming":
        raise Conflict("It has not opened yet.")
    if state == "closed":
        raise Conflict("It is closed: nobody can apply any more.")
    return row


def check_may_apply(conn: Connection, row: OpportunityRow, account_id: int) -> None:
    """Raise Forbidden for the poster, reviewers, and whom the poster blocks."""
    if row.account_id == account_id:
        raise Forbidden("You offer this yourself.")
    if applications.is_reviewer(conn, row.id, account_id):
        raise Forbidden("Whoever reviews applications cannot apply.")
    if relationships.either_blocks(conn, account_id, row.account_id):
        raise Forbidden("You cannot apply for this.")


def checked(form: Form, answers: Mapping[str, str], *, complete: bool) -> dict[str, str]:
    """Answers in the form in which they are kept, by key. Raises Invalid; with `complete` also for what must be answered and is
    not."""
    by_label = {one.label: one.key for one in form.questions}
    named = {by_label.get(name, name): text for name, text in answers.items()}
    problems = {f"answers.{name}": "is no question here" for name in named if name not in by_label.values()}
    kept = {}
    for question in form.questions:
        text = _text(question, named.get(question.key, ""), problems)
        if text:
            kept[question.key] = text
        elif question.required and complete:
            problems.setdefault(f"answers.{question.key}", "cannot be empty")
    if problems:
        raise Invalid(problems)
    return kept


def _text(question: Question, said: str, problems: dict[str, str]) -> str:
    name = f"answers.{question.key}"
    text = clean_text(said).strip() if question.kind == "long" else clean_line(said)
    most = {"long": LONG_CHARS_MAX, "link": LINK_CHARS_MAX}.get(question.kind, SHORT_CHARS_MAX)
    if len(text) > most:
        problems[name] = f"is longer than {most:,} characters"
    elif text and question.kind == "choice" and text not in question.choices:
        problems[name] = "must be one of those that are offered"
    elif text and question.kind == "link" and origin_of(text) is None:
        problems[name] = "must be an address that begins with http:// or https://"
    return text


async def withdraw(server: Server, member: Member, post_id: int) -> None:
    """Take one's own application back: nobody but oneself and the team sees it any more. A draft is forgotten. Raises NotFound;
    Conflict once it is decided."""

    def unit(conn: Connection) -> None:
        opportunities.locked(conn, post_id)
        row = applications.of_account(conn, post_id, member.account_id)
        if row is None:
            raise NotFound("You have not applied for this.")
        _, found = seeing.one(conn, row.id, member.account_id)
        if Action.WITHDRAW not in found.may:
            raise Conflict("It is decided, or taken back already.")
        if row.submitted_at is None:
            applications.remove(conn, row.id)
        else:
            applications.change(conn, row.id, state="withdrawn", decision="")

    await server.db.write(unit)


async def mine(server: Server, member: Member, post_id: int) -> Seen | None:
    """The application that a member leads, if there is one."""

    def unit(conn: Connection) -> Seen | None:
        row = applications.of_account(conn, post_id, member.account_id)
        return None if row is None else seeing.one(conn, row.id, member.account_id)[1]

    return await server.db.read(unit)


async def show(server: Server, member: Member, application_id: int) -> tuple[OpportunityRow, Seen]:
    """An application as the member may see it, with its opportunity. Raises NotFound."""
    return await server.db.read(seeing.one, application_id, member.account_id)


async def listed(server: Server, member: Member, *, limit: int, below: int | None = None) -> list[Any]:
    """What a member has begun, sent, or is asked to take part in, the latest first (see `storage.applications.of_member`)."""
    return await server.db.read(
        lambda conn: applications.of_member(conn, member.account_id, limit=limit, below=below)
    )
