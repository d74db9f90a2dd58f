"""Post the opportunities of the sample community, and apply."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec.structs import replace
from sqlalchemy import Connection

from fedserver import interactions
from fedserver.context import Server
from fedserver.opportunities import applying, deciding, publishing, reviewing, teams, times
from fedserver.opportunities.checking import checked
from fedserver.opportunities.records import Described, Form, encode
from fedserver.sample import board
from fedserver.sample.board import Application, Entry
from fedserver.viewer import Member
from storage import applications
from storage.types import HOUR_MS, now_ms


async def fill(server: Server, members: dict[str, Member]) -> int:
    """Opportunities with their applications; how many."""
    for entry in sorted(board.ENTRIES, key=lambda one: -one.hours_ago):
        author = members[entry.author]
        post_id = await server.db.write(_post, server, author, entry, _dated(entry))
        for name in entry.reviewers:
            await reviewing.appoint(server, author, post_id, name)
        for application in entry.applications:
            await _apply(server, members, entry, post_id, application)
        for name in entry.kept_by:
            await interactions.bookmark(server, members[name], post_id)
    return len(board.ENTRIES)


def _dated(entry: Entry) -> Described:
    if entry.closes_in_days is None:
        return checked(entry.said)
    today = datetime.now(ZoneInfo(times.iana(entry.said.zone)))
    day = (today + timedelta(days=entry.closes_in_days)).date()
    return checked(replace(entry.said, deadline=f"{day}T{entry.at}" if entry.at else f"{day}"))


def _post(conn: Connection, server: Server, author: Member, entry: Entry, said: Described) -> int:
    at_ms = now_ms() - round(entry.hours_ago * HOUR_MS)
    return publishing.publish_unit(
        conn, server, author.account_id, said, visibility=entry.visibility, at_ms=at_ms
    )


async def _apply(
    server: Server, members: dict[str, Member], entry: Entry, post_id: int, said: Application
) -> None:
    who, form = members[said.author], entry.said.form
    assert form is not None
    if entry.closes_in_days is None or entry.closes_in_days > 0:
        given = {question.label: text for question, text in zip(form.questions, said.answers, strict=False)}
        application = await applying.save(server, who, post_id, given, submit=True)
        for name in said.team:
            await teams.invite(server, who, post_id, name)
            await teams.answer(server, members[name], application.id, joins=True)
        return
    application_id = await server.db.write(_have_applied, post_id, who.account_id, form, said)
    for name, scores, comment in said.reviews:
        scored = dict(zip(form.criteria, scores, strict=True))
        await reviewing.review(server, members[name], application_id, scored, comment)
    if said.decision:
        await deciding.decide(server, members[entry.author], application_id, said.decision)


def _have_applied(conn: Connection, post_id: int, account_id: int, form: Form, said: Application) -> int:
    """The deadline has passed: they applied before it."""
    given = {question.key: text for question, text in zip(form.questions, said.answers, strict=False)}
    columns = {"state": "submitted", "answers": encode(given).decode(), "submitted_at": now_ms()}
    return int(applications.add(conn, post_id, account_id, **columns).id)
