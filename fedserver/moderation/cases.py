"""Cases: what is reported about an account, with everything that helps to decide about it on one page.

A case has the account's id. Somebody takes it in hand, hands it to a colleague or lets go of it; what is decided is in
`fedserver.moderation.rulings`. Of what is reported about themselves nobody sees anything, nor who reported it;
who has no colleague learns how many wait (`fedserver.setting_up`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import page_cards, reading, settings
from fedserver.context import Server
from fedserver.errors import Conflict, Invalid, NotFound
from fedserver.moderation import audit, people
from fedserver.moderation.actions import handle_of, report_posts
from fedserver.moderation.audit import Entry
from fedserver.moderation.people import Overseen
from fedserver.moderation.permissions import Permission, allows, require
from fedserver.page_cards import Person
from fedserver.settings import Rule
from fedserver.viewer import Member
from fedserver.visibility import FOR_EVERYBODY
from storage import audit as stored_audit
from storage import cases, groups, posts, reports, strikes, users
from storage.accounts import AccountRow
from storage.cases import CaseRow, Origin, Sought
from storage.paging import Window
from storage.reports import ReportRow
from storage.strikes import NoteRow, Strike

__all__ = ["CaseRow", "NoteRow", "Origin", "Sought", "Window", "report_posts"]

REPORTS_SHOWN: Final = 100
HISTORY_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class Case:
    """What waits about an account, or did. `assigned_to` is the moderator who has it in hand, `categories` as what it was
    reported how often."""

    row: CaseRow
    subject: Overseen
    assigned_to: AccountRow | None
    categories: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A page of cases; cursors as in `reading.Leaf`."""

    cases: list[Case]
    newer: int | None
    older: int | None


@dataclass(frozen=True, slots=True)
class Reported:
    """One report of a case. `reporter` is None for one that was made in the name of another server."""

    row: ReportRow
    reporter: Overseen | None
    rules: tuple[Rule, ...]
    group: str
    handed_up_by: AccountRow | None
    resolved_by: AccountRow | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """A post as it was when it was first reported, and what has become of it. `private` is not for everybody; its text
    is "" until somebody opens it. `media` are pairs of address and description."""

    id: int
    uri: str
    at: int
    visibility: str
    summary: str
    html: str
    media: tuple[tuple[str, str], ...]
    private: bool
    opened: bool
    gone: bool
    edited: bool
    sensitive: bool
    times: int  # by how many reports


@dataclass(frozen=True, slots=True)
class Noted:
    """A note of a moderator; `author` is None when they have gone. `mine` may be taken away."""

    row: NoteRow
    author: AccountRow | None
    mine: bool


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision about the account, and who made it."""

    strike: Strike
    actor: AccountRow | None


@dataclass(frozen=True, slots=True)
class File:
    """Everything about one account, for those who decide. `may_decide` says why not, or ""; `staff` are the
    colleagues to whom it can be handed; `groups` are those of this server, id and name, that reports are about."""

    subject: Overseen
    person: Person
    row: CaseRow | None
    assigned_to: AccountRow | None
    waiting: list[Reported]
    settled: list[Reported]
    evidence: list[Evidence]
    notes: list[Noted]
    history: list[Decided]
    log: list[Entry]
    staff: list[AccountRow]
    groups: list[tuple[int, str]]
    erased_at: int | None
    may_not: str


async def page(server: Server, member: Member, sought: Sought, window: Window) -> Leaf:
    """Cases, that with the latest report first. Raises Forbidden."""
    require(member, Permission.MANAGE_REPORTS)

    def unit(conn: Connection) -> Leaf:
        rows = cases.page(conn, replace(sought, without_id=member.account_id), window)
        known = people.some(conn, _named(one for row in rows for one in (row.target_id, row.assigned_to_id)))
        about = cases.categories(conn, [row.target_id for row in rows], closed=sought.closed)
        found = [
            Case(row, known[row.target_id], _row(known, row.assigned_to_id), about.get(row.target_id, []))
            for row in rows
        ]
        return Leaf(found, *reading.cursors(window, [row.last_id for row in rows]))

    return await server.db.read(unit)


async def after(server: Server, member: Member, sought: Sought, account_id: int) -> Overseen | None:
    """Whom the next case is about, of those that wait: what is below this account's in the list, or else the first of
    it. None when nothing waits. Raises Forbidden."""
    require(member, Permission.MANAGE_REPORTS)
    wanted = replace(sought, closed=False, without_id=member.account_id)

    def unit(conn: Connection) -> Overseen | None:
        last_id = cases.last_id(conn, account_id)
        below = cases.page(conn, wanted, Window(limit=1, max_id=last_id))
        first = [one for one in cases.page(conn, wanted, Window(limit=2)) if one.target_id != account_id]
        found = [one.target_id for one in (*below, *first)][:1]
        return people.some(conn, found)[found[0]] if found else None

    return await server.db.read(unit)


async def mine(server: Server, member: Member, limit: int) -> list[Case]:
    """Cases that the member has in hand, that with the latest report first. Raises Forbidden."""
    leaf = await page(server, member, Sought(assigned_to_id=member.account_id), Window(limit=limit))
    return leaf.cases


async def file(server: Server, member: Member, account_id: int, *, opens: bool = False) -> File:
    """Everything about one account; what is not for everybody is shown if the member `opens` it, which is logged for
    each report. Raises Forbidden, NotFound."""
    people.require_sight(member)
    found = await server.db.read(_file, server, member, account_id, opens)
    if opens and any(one.private for one in found.evidence):
        await server.db.write(_note_opening, member, found)
    return found


async def waiting_about(server: Server, member: Member, account_ids: Sequence[int]) -> list[ReportRow]:
    """The reports that wait about these accounts. Raises Forbidden."""
    require(member, Permission.MANAGE_REPORTS)
    return await server.db.read(cases.waiting, [one for one in account_ids if one != member.account_id])


def judges_about(member: Member, account_id: int) -> bool:
    """Whether the member sees what is reported about an account, and what colleagues noted."""
    return allows(member.role, Permission.MANAGE_REPORTS) and account_id != member.account_id


# -- who has it in hand


async def claim(server: Server, member: Member, account_id: int) -> None:
    """The member takes a case in hand. Raises Forbidden, NotFound, Conflict (somebody else has it)."""

    def unit(conn: Connection) -> None:
        row = _waiting_case(conn, member, account_id)
        if row.assigned_to_id is not None and row.assigned_to_id != member.account_id:
            raise Conflict("Somebody else has this case in hand. They can hand it to you.")
        _assign(conn, member, account_id, member.account_id, "assign_to_self")

    await server.db.write(unit)


async def release(server: Server, member: Member, account_id: int) -> None:
    """Nobody has a case in hand. Raises Forbidden, NotFound."""

    def unit(conn: Connection) -> None:
        _waiting_case(conn, member, account_id)
        _assign(conn, member, account_id, None, "unassign")

    await server.db.write(unit)


async def hand_over(server: Server, member: Member, account_id: int, to_id: int) -> None:
    """Give a case to a colleague. Raises Forbidden, NotFound, Invalid (they do not moderate, or it is about them)."""

    def unit(conn: Connection) -> None:
        _waiting_case(conn, member, account_id)
        if to_id == account_id or to_id not in users.staff_ids(conn):
            raise Invalid({"to": "must be somebody who moderates, and whom the case is not about"})
        _assign(conn, member, account_id, to_id, "hand_over")

    await server.db.write(unit)


def _waiting_case(conn: Connection, member: Member, account_id: int) -> CaseRow:
    require(member, Permission.MANAGE_REPORTS)
    row = cases.of(conn, [account_id]).get(account_id)
    if row is None or account_id == member.account_id:
        raise NotFound("Nothing waits about this account.")
    return row


def _assign(conn: Connection, member: Member, account_id: int, to_id: int | None, action: str) -> None:
    found = cases.waiting(conn, [account_id])
    reports.change_many(conn, [one.id for one in found], assigned_to_id=to_id)
    concerned = people.some(conn, _named([account_id, to_id]))
    audit.note(
        conn,
        member,
        action,
        ("account", account_id, handle_of(concerned[account_id].row)),
        after={
            "reports": [str(one.id) for one in found],
            **({} if to_id is None else {"to": concerned[to_id].row.username}),
        },
    )


# -- a report elsewhere


async def forward(server: Server, member: Member, report_id: int) -> int:
    """Tell the account's own server of a report, in the name of this one; whom it is about. Raises Forbidden, NotFound,
    Conflict (it has been told, or the account is ours)."""
    require(member, Permission.MANAGE_REPORTS)

    def unit(conn: Connection) -> int:
        row = reports.by_id(conn, report_id)
        if row is None or row.target_id == member.account_id:
            raise NotFound("Record not found")
        target = people.some(conn, [row.target_id])[row.target_id].row
        if not target.domain or row.origin_host:
            raise Conflict("Only what members report about people elsewhere is told to other servers.")
        if row.forwarded:
            raise Conflict("Their server has been told.")
        reports.change(conn, report_id, forwarded=True)
        server.publish.flagged(conn, report_id)
        audit.note(conn, member, "forward", ("report", report_id, handle_of(target)))
        return int(row.target_id)

    return await server.db.write(unit)


# -- steps


def _named(ids: Iterable[int | None]) -> list[int]:
    return list({one for one in ids if one is not None})


def _row(known: dict[int, Overseen], account_id: int | None) -> AccountRow | None:
    found = None if account_id is None else known.get(account_id)
    return None if found is None else found.row


def _file(conn: Connection, server: Server, member: Member, account_id: int, opens: bool) -> File:
    judges = judges_about(member, account_id)
    about = cases.about(conn, account_id, limit=REPORTS_SHOWN) if judges else []
    # The log leads to who has left, too, and reports about them may wait.
    subject = people.one_unit(conn, member, account_id, deleted=True)
    row = cases.of(conn, [account_id]).get(account_id) if judges else None
    history = strikes.of_account(conn, account_id, Window(limit=HISTORY_SHOWN))
    notes = strikes.notes_about(conn, _subjects(subject, about)) if judges else []
    staff = [one for one in users.staff_ids(conn) if one not in (account_id, member.account_id)]
    concerned = _named(
        [
            *(one for each in about for one in (each.account_id, each.resolved_by_id, each.handed_up_by_id)),
            *(one.actor_id for one in history),
            *(one.author_id for one in notes),
            *staff,
            None if row is None else row.assigned_to_id,
        ]
    )
    known = people.some(conn, concerned)
    places = groups.by_ids(conn, _named(each.group_id for each in about))
    rules = {rule.id: rule for rule in settings.in_force(conn, server.config).rules}
    shown = [
        Reported(
            one,
            known.get(one.account_id) if one.account_id is not None else None,
            tuple(rules[rule_id] for rule_id in json.loads(one.rule_ids) if rule_id in rules),
            _title(places.get(one.group_id)),
            _row(known, one.handed_up_by_id),
            _row(known, one.resolved_by_id),
        )
        for one in about
    ]
    waiting = [one for one in shown if one.row.resolved_at is None]
    log: list[Entry] = []
    if allows(member.role, Permission.VIEW_AUDIT_LOG):
        log = stored_audit.page(
            conn, Window(limit=HISTORY_SHOWN), subject_type="account", subject_id=str(account_id)
        )
    return File(
        subject=subject,
        person=page_cards.person_of(server.config, subject.row),
        row=row,
        assigned_to=None if row is None else _row(known, row.assigned_to_id),
        waiting=waiting,
        settled=[one for one in shown if one.row.resolved_at is not None],
        evidence=_evidence(conn, [one.row for one in waiting] or about, opens),
        notes=noted(member, notes, known),
        history=[Decided(one, _row(known, one.actor_id)) for one in history],
        log=log,
        staff=[known[one].row for one in staff if one in known],
        groups=[(one, _title(group)) for one, group in places.items() if not group.domain],
        erased_at=strikes.erasure_due_at(conn, account_id),
        may_not=people.why_not_over(member, subject),
    )


def noted(member: Member, notes: Iterable[NoteRow], authors: dict[int, Overseen]) -> list[Noted]:
    """Notes as the member sees them; `authors` are accounts, by id."""
    rules_all = allows(member.role, Permission.ADMINISTRATOR)
    return [
        Noted(one, _row(authors, one.author_id), rules_all or one.author_id == member.account_id)
        for one in notes
    ]


def _title(group: Any) -> str:
    return "" if group is None else str(group.display_name or group.username)


def _subjects(subject: Overseen, about: Sequence[ReportRow]) -> list[tuple[str, str]]:
    found = [("account", str(subject.row.id)), *(("report", str(one.id)) for one in about)]
    if subject.row.host and subject.row.domain:
        found.append(("instance", subject.row.host))
    return found


def _evidence(conn: Connection, about: Sequence[ReportRow], opens: bool) -> list[Evidence]:
    """The posts that reports are about, the latest first, each as the first report kept it."""
    kept: dict[int, dict[str, Any]] = {}
    times: dict[int, int] = {}
    edited_since: dict[int, int] = {}
    for report in sorted(about, key=lambda one: int(one.id)):
        for one in json.loads(report.evidence):
            kept.setdefault(int(one["id"]), one)
            edited_since.setdefault(int(one["id"]), report.created_at)
        for post_id in report_posts(report):
            times[post_id] = times.get(post_id, 0) + 1
    now = posts.by_ids(conn, list(kept))
    found = []
    for post_id, one in kept.items():
        row = now.get(post_id)
        private = one["visibility"] not in FOR_EVERYBODY
        opened = opens or not private
        found.append(
            Evidence(
                id=post_id,
                uri=one["uri"],
                at=one["created_at"],
                visibility=one["visibility"],
                summary=one["summary"] if opened else "",
                html=one["content_html"] if opened else "",
                media=tuple((media["url"], media["description"] or "") for media in one["media"])
                if opened
                else (),
                private=private,
                opened=opened,
                gone=row is None or row.deleted_at is not None,
                edited=row is not None and bool(row.edited_at) and row.edited_at > edited_since[post_id],
                sensitive=row is not None and bool(row.sensitive),
                times=times.get(post_id, 1),
            )
        )
    return sorted(found, key=lambda one: -one.id)


def _note_opening(conn: Connection, member: Member, found: File) -> None:
    """Once for each moderator and report."""
    private = {one.id for one in found.evidence if one.private}
    for one in [*found.waiting, *found.settled]:
        concerned = private.intersection(report_posts(one.row))
        if concerned and not audit.was_noted(conn, member, "open_private", "report", one.row.id):
            audit.note(conn, member, "open_private", ("report", one.row.id, handle_of(found.subject.row)))


# -- what members have reported


@dataclass(frozen=True, slots=True)
class Own:
    """A report as whoever made it sees it. What was done to the account is between it and the moderators."""

    row: ReportRow
    about: AccountRow | None


async def reported_by(
    server: Server, member: Member, window: Window
) -> tuple[list[Own], int | None, int | None]:
    """What a member has reported, the newest first, with the cursors of `reading.Leaf`."""

    def unit(conn: Connection) -> list[Own]:
        rows = cases.by_reporter(conn, member.account_id, window)
        known = people.some(conn, _named(row.target_id for row in rows))
        return [Own(row, _row(known, row.target_id)) for row in rows]

    found = await server.db.read(unit)
    return found, *reading.cursors(window, [one.row.id for one in found])
