"""Working on reports: who has one in hand, what it is about, and that it is settled.

Who complained is known to moderators and never told to anybody else; reports about themselves are not there for them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam

from fedserver import quoted, settings
from fedserver.content.text import clean_text
from fedserver.context import Server
from fedserver.errors import Invalid, NotFound
from fedserver.moderation import audit, outcomes, people
from fedserver.moderation.actions import decidable, handle_of, report_posts
from fedserver.moderation.people import Overseen
from fedserver.moderation.permissions import Permission, require
from fedserver.rendered import Shelf
from fedserver.reports import CATEGORIES
from fedserver.settings import Rule
from fedserver.viewer import Member
from fedserver.visibility import FOR_EVERYBODY
from storage import cards, instances, reports, strikes
from storage.cards import Batch, Card
from storage.hot import Hot
from storage.paging import Window
from storage.reports import ReportRow
from storage.strikes import NoteRow
from storage.tables import post
from storage.types import AnyOf, now_ms

NOTE_CHARACTERS_MAX: Final = 5_000

# Whoever may see them: those who decide about a report see what it is about.
_reported: Hot[Card] = Hot(
    lambda: cards.select_all_cards().where(AnyOf(post.c.id, bindparam("ids")), post.c.deleted_at.is_(None)),
    cards.card_of,
    packed=True,
)


@dataclass(frozen=True, slots=True)
class Case:
    """A report with everybody concerned. `cards` are the posts that are still there, `rules` those it names."""

    row: ReportRow
    reporter: Overseen
    target: Overseen
    assigned_to: Overseen | None
    resolved_by: Overseen | None
    cards: list[Card]
    rules: list[Rule]


@dataclass(frozen=True, slots=True)
class Cases:
    """A page of reports, the newest first, with what is needed to show their posts."""

    cases: list[Case]
    batch: Batch


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which reports to list; None and "" for all."""

    resolved: bool = False
    account_id: int | None = None
    target_id: int | None = None
    target_domain: str = ""


async def page(server: Server, member: Member, wanted: Wanted, window: Window, shelf: Shelf) -> Cases:
    """Reports that wait, or that are resolved. Raises Forbidden."""
    require(member, Permission.MANAGE_REPORTS)

    def unit(conn: Connection) -> Cases:
        rows = reports.page(
            conn,
            window,
            resolved=wanted.resolved,
            account_id=wanted.account_id,
            target_id=wanted.target_id,
            target_domain=wanted.target_domain,
            without_target_id=member.account_id,
        )
        return _cases(conn, server, member, rows, shelf)

    return await _opened(server, member, await server.db.read(unit))


async def one(server: Server, member: Member, report_id: int, shelf: Shelf) -> Cases:
    """A single one. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_REPORTS)

    def unit(conn: Connection) -> Cases:
        return _cases(conn, server, member, [_row(conn, member, report_id)], shelf)

    return await _opened(server, member, await server.db.read(unit))


async def subject_of(server: Server, member: Member, report_id: int) -> int:
    """The account that a report is about. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_REPORTS)
    return int((await server.db.read(_row, member, report_id)).target_id)


def _row(conn: Connection, member: Member, report_id: int) -> ReportRow:
    row = reports.by_id(conn, report_id)
    if row is None or row.target_id == member.account_id:
        raise NotFound("Record not found")
    return row


def _cases(
    conn: Connection, server: Server, member: Member, rows: Sequence[ReportRow], shelf: Shelf
) -> Cases:
    itself = server.keys.instance_account_id
    concerned = {
        one
        for row in rows
        for one in (row.account_id or itself, row.target_id, row.assigned_to_id, row.resolved_by_id)
        if one is not None
    }
    found = people.some(conn, concerned)
    post_ids = {one for row in rows for one in report_posts(row)}
    by_id = {card.post.id: card for card in _reported.run(conn, ids=sorted(post_ids))} if post_ids else {}
    batch = quoted.complete(conn, list(by_id.values()), member.account_id, shelf)
    named = {rule.id: rule for rule in settings.in_force(conn, server.config).rules}
    cases = [
        Case(
            row,
            found[row.account_id or itself],
            found[row.target_id],
            found.get(row.assigned_to_id),
            found.get(row.resolved_by_id),
            [by_id[one] for one in report_posts(row) if one in by_id],
            [named[one] for one in json.loads(row.rule_ids) if one in named],
        )
        for row in rows
    ]
    return Cases(cases, batch)


async def _opened(server: Server, member: Member, found: Cases) -> Cases:
    """Log, once for each moderator and report, that posts were looked at which are not for everybody."""
    private = [
        case for case in found.cases if any(card.post.visibility not in FOR_EVERYBODY for card in case.cards)
    ]

    def known(conn: Connection) -> list[Case]:
        return [
            case
            for case in private
            if not audit.was_noted(conn, member, "open_private", "report", case.row.id)
        ]

    def write(conn: Connection) -> None:
        for case in known(conn):
            subject = ("report", case.row.id, handle_of(case.target.row))
            audit.note(conn, member, "open_private", subject)

    if private and await server.db.read(known):
        await server.db.write(write)
    return found


# -- working on them


async def change(
    server: Server, member: Member, report_id: int, *, category: str | None, rule_ids: Sequence[str] | None
) -> None:
    """What a report is about, and which rules. Raises Forbidden, NotFound, Invalid."""
    require(member, Permission.MANAGE_REPORTS)
    if category is not None and category not in CATEGORIES:
        raise Invalid({"category": f"must be one of {', '.join(CATEGORIES)}"})

    def unit(conn: Connection) -> None:
        row = _row(conn, member, report_id)
        values: dict[str, Any] = {}
        if category is not None:
            values["category"] = category
        if rule_ids is not None:
            known = {rule.id for rule in settings.in_force(conn, server.config).rules}
            values["rule_ids"] = json.dumps([one for one in dict.fromkeys(rule_ids) if one in known])
        if values.get("category", row.category) != "violation":
            values["rule_ids"] = "[]"
        _change(conn, member, row, "update", **values)

    await server.db.write(unit)


async def assign_to_self(server: Server, member: Member, report_id: int) -> None:
    """The member takes a report in hand. Raises Forbidden, NotFound."""
    await _set(server, member, report_id, "assign_to_self", assigned_to_id=member.account_id)


async def unassign(server: Server, member: Member, report_id: int) -> None:
    """Nobody has it in hand. Raises Forbidden, NotFound."""
    await _set(server, member, report_id, "unassign", assigned_to_id=None)


async def resolve(server: Server, member: Member, report_id: int) -> None:
    """Nothing is left to be done, and whoever reported hears of it. Raises Forbidden, also for a report about who is of their rank or above; NotFound."""
    await _set(server, member, report_id, "resolve", resolved_at=now_ms(), resolved_by_id=member.account_id)


async def reopen(server: Server, member: Member, report_id: int) -> None:
    """Something is left to be done after all. Raises as `resolve`."""
    await _set(server, member, report_id, "reopen", resolved_at=None, resolved_by_id=None)


async def _set(server: Server, member: Member, report_id: int, action: str, **values: Any) -> None:
    require(member, Permission.MANAGE_REPORTS)

    def unit(conn: Connection) -> None:
        row = _row(conn, member, report_id)
        if "resolved_at" in values:
            decidable(conn, member, row.target_id, deleted=True)
        _change(conn, member, row, action, **values)
        if action == "resolve" and row.resolved_at is None:
            target = people.some(conn, [row.target_id])[row.target_id].row
            outcomes.tell(conn, outcomes.told(conn, member.account_id, [row]), handle_of(target), "")

    await server.db.write(unit)


def _change(conn: Connection, member: Member, row: ReportRow, action: str, **values: Any) -> None:
    target = people.some(conn, [row.target_id])[row.target_id].row
    before = {name: _told(getattr(row, name)) for name in values}
    after = {name: _told(value) for name, value in values.items()}
    reports.change(conn, row.id, **values)
    audit.note(conn, member, action, ("report", row.id, handle_of(target)), before=before, after=after)


def _told(value: Any) -> Any:
    """Ids and instants as text: other readers of JSON have no numbers that long."""
    return str(value) if isinstance(value, int) else value


# -- notes on reports, accounts and other servers


async def add_note(server: Server, member: Member, subject_type: str, subject: str, text: str) -> int:
    """A note for other moderators; its id. Raises Forbidden, NotFound, Invalid."""
    require(member, Permission.MANAGE_REPORTS)
    wanted = clean_text(text)
    if not wanted or len(wanted) > NOTE_CHARACTERS_MAX:
        raise Invalid({"text": f"must have 1 to {NOTE_CHARACTERS_MAX} characters"})

    def unit(conn: Connection) -> int:
        _check_subject(conn, member, subject_type, subject)
        note_id = strikes.add_note(conn, member.account_id, subject_type, subject, wanted)
        audit.note(conn, member, "create_note", (subject_type, subject, ""))
        return note_id

    return await server.db.write(unit)


async def notes(server: Server, member: Member, subject_type: str, subject: str) -> list[NoteRow]:
    """What was noted about a report, an account or another server, the oldest first. Raises Forbidden."""
    require(member, Permission.MANAGE_REPORTS)
    return await server.db.read(strikes.notes, subject_type, subject)


async def remove_note(server: Server, member: Member, note_id: int) -> None:
    """Take a note away: one's own, or as an admin, but none about oneself. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_REPORTS)

    def unit(conn: Connection) -> None:
        row = strikes.note_by_id(conn, note_id)
        if row is None or (row.subject_type, row.subject) == ("account", str(member.account_id)):
            raise NotFound("Record not found")
        if row.author_id != member.account_id:
            require(member, Permission.ADMINISTRATOR)
        strikes.remove_note(conn, note_id)
        audit.note(conn, member, "destroy_note", (row.subject_type, row.subject, ""))

    await server.db.write(unit)


def _check_subject(conn: Connection, member: Member, subject_type: str, subject: str) -> None:
    match subject_type:
        case "report" if subject.isdigit():
            _row(conn, member, int(subject))
            return
        case "account" if subject.isdigit() and int(subject) != member.account_id:
            if people.some(conn, [int(subject)]):
                return
        case "instance" if instances.by_host(conn, subject) is not None:
            return
    raise NotFound("Record not found")
