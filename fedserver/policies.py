"""Terms and privacy policy: written as a draft, published for a day, agreed to by members, kept when a new one holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal

from sqlalchemy import Connection

from fedserver import csv_tables
from fedserver.content.links import tag_key
from fedserver.content.markdown import render_markdown
from fedserver.context import Server
from fedserver.errors import Invalid, NotFound
from fedserver.moderation import audit
from fedserver.moderation.permissions import Permission, require
from fedserver.viewer import Member
from storage import policies
from storage.paging import Window
from storage.policies import MemberRow, VersionRow

Kind = Literal["terms", "privacy"]
KINDS: Final[tuple[Kind, ...]] = ("terms", "privacy")
TEXT_CHARS_MAX: Final = 100_000
DAYS_AHEAD_MAX: Final = 366
TABLE_ROWS_MAX: Final = 50_000
STEP_ROWS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Version:
    """A version as people read it. `html` is safe; days are ISO 8601. `holds` from its day on until the next one's."""

    id: int
    kind: str
    day: str
    html: str
    published_at: int
    holds: bool
    succeeded_by: str | None


@dataclass(frozen=True, slots=True)
class Kept:
    """What the panel shows of a kind: the draft, and every version with how many agreed, the newest first."""

    kind: Kind
    draft: str
    draft_html: str
    versions: list[tuple[VersionRow, int]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A version that a member is asked to agree to."""

    id: int
    kind: str
    day: str


# -- reading


async def current(server: Server, kind: Kind) -> Version | None:
    """The version that holds today, or the first that is going to; None where there is none."""
    found = await _versions(server, kind)
    holding = next((one for one in found if one.holds), None)
    return holding or (found[-1] if found else None)


async def of_day(server: Server, kind: Kind, day: str) -> Version:
    """The version that holds, or held, from this day on. Raises NotFound."""
    for one in await _versions(server, kind):
        if one.day == day:
            return one
    raise NotFound("Record not found")


async def days(server: Server, kind: Kind) -> list[str]:
    """From which days on there are versions, the newest first."""
    return [one.day for one in await _versions(server, kind)]


async def _versions(server: Server, kind: Kind) -> list[Version]:
    rows = await server.db.read(policies.published, kind)
    today = _today().isoformat()
    holding = next((row.id for row in rows if row.effective_on <= today), None)
    return [
        Version(
            row.id,
            row.kind,
            row.effective_on,
            _rendered(server, row.text),
            row.published_at,
            row.id == holding,
            rows[place - 1].effective_on if place else None,
        )
        for place, row in enumerate(rows)
    ]


def _rendered(server: Server, text: str) -> str:
    return render_markdown(text, {}, lambda tag: server.uris.tag(tag_key(tag))).html if text else ""


def _today() -> date:
    return datetime.now(UTC).date()


# -- agreeing


async def asked_of(server: Server, member: Member) -> list[Asked]:
    """The newest versions that the member has not agreed to yet; they are asked on every page until they do."""
    server.remembered.listen(server.bus)

    async def load() -> dict[str, Asked]:
        found = await server.db.read(policies.newest)
        return {kind: Asked(row.id, row.kind, row.effective_on) for kind, row in found.items()}

    newest: dict[str, Asked] = await server.remembered.policies.get("newest", load)
    if not newest:
        return []
    ids = tuple(sorted(one.id for one in newest.values()))

    async def look() -> frozenset[int]:
        return frozenset(await server.db.read(policies.agreed, member.account_id, ids))

    agreed = await server.remembered.policies.get((member.account_id, ids), look)
    return [newest[kind] for kind in KINDS if kind in newest and newest[kind].id not in agreed]


async def agree(server: Server, member: Member, version_ids: list[int]) -> None:
    """Agree to versions. Those that are no longer the newest, or never were, are left out."""

    def unit(conn: Connection) -> None:
        newest = {row.id for row in policies.newest(conn).values()}
        for version_id in newest & set(version_ids):
            policies.agree(conn, member.account_id, version_id)

    await server.db.write(unit)
    server.remembered.policies.clear()


def agree_on_joining(conn: Connection, account_id: int) -> None:
    """Remember that somebody accepted on joining what holds and is going to; a unit."""
    for row in policies.newest(conn).values():
        policies.agree(conn, account_id, row.id)


# -- writing


async def kept(server: Server, member: Member) -> tuple[list[Kept], int]:
    """Everything there is, and how many members are asked to agree. Raises Forbidden."""
    require(member, Permission.MANAGE_SETTINGS)

    def unit(conn: Connection) -> tuple[list[Kept], int]:
        counts = policies.consents(conn)
        found = []
        for kind in KINDS:
            draft = policies.draft(conn, kind)
            text = draft.text if draft is not None else ""
            rows = policies.published(conn, kind)
            found.append(
                Kept(kind, text, _rendered(server, text), [(row, counts.get(row.id, 0)) for row in rows])
            )
        return found, policies.members(conn)

    return await server.db.read(unit)


async def missing(
    server: Server, member: Member, version_id: int, window: Window, name: str = ""
) -> tuple[VersionRow, list[MemberRow]]:
    """A version, and members who have not agreed to it, whose names have this text, who came last first. Raises
    Forbidden, NotFound."""
    require(member, Permission.MANAGE_SETTINGS)

    def unit(conn: Connection) -> tuple[VersionRow, list[MemberRow]]:
        return _known(conn, version_id), policies.missing(conn, version_id, window, name)

    return await server.db.read(unit)


async def missing_table(server: Server, member: Member, version_id: int) -> bytes:
    """All of them as CSV, `TABLE_ROWS_MAX` at the most; that somebody took it along is logged. Raises Forbidden, NotFound."""
    require(member, Permission.MANAGE_SETTINGS)

    def unit(conn: Connection) -> tuple[VersionRow, list[MemberRow]]:
        version, found = _known(conn, version_id), list[MemberRow]()
        window = Window(limit=STEP_ROWS)
        while len(found) < TABLE_ROWS_MAX:
            step = policies.missing(conn, version_id, window)
            found += step
            if len(step) < STEP_ROWS:
                break
            window = window.below(step[-1].id)
        return version, found

    version, rows = await server.db.read(unit)
    about = ("policy", f"{version.kind}/{version.effective_on}", f"{version.kind} of {version.effective_on}")
    await server.db.write(audit.note, member, "export", about, after={"rows": len(rows)})
    return csv_tables.table(
        ("user name", "name", "member since", "last here"),
        ((one.username, one.display_name, _day(one.approved_at), _day(one.last_active_at)) for one in rows),
    )


def _day(at_ms: int | None) -> str:
    return "" if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()


def _known(conn: Connection, version_id: int) -> VersionRow:
    row = policies.version(conn, version_id)
    if row is None:
        raise NotFound("Record not found")
    return row


async def write(server: Server, member: Member, kind: Kind, text: str) -> None:
    """Keep a draft, or throw it away with an empty text. Raises Forbidden, Invalid."""
    require(member, Permission.MANAGE_SETTINGS)
    text = text.replace("\r\n", "\n").strip()
    if len(text) > TEXT_CHARS_MAX:
        raise Invalid({"text": f"is longer than {TEXT_CHARS_MAX:,} characters"})

    def unit(conn: Connection) -> None:
        policies.put_draft(conn, kind, text)
        audit.note(conn, member, "draft", ("policy", kind, kind), after={"characters": len(text)})

    await server.db.write(unit)


async def publish(server: Server, member: Member, kind: Kind, day: str) -> None:
    """Have the draft hold from a day on, today at the earliest and after every other version; members are asked to
    agree from now on. Raises Forbidden, Invalid, NotFound."""
    require(member, Permission.MANAGE_SETTINGS)
    try:
        wanted = date.fromisoformat(day.strip() or _today().isoformat())
    except ValueError as error:
        raise Invalid({"day": "is not a day such as 2026-12-05"}) from error
    if not _today() <= wanted <= _today() + timedelta(days=DAYS_AHEAD_MAX):
        raise Invalid({"day": f"must be today or one of the next {DAYS_AHEAD_MAX} days"})

    def unit(conn: Connection) -> None:
        draft = policies.draft(conn, kind)
        if draft is None:
            raise NotFound("There is no draft to publish.")
        before = policies.published(conn, kind)
        if before and before[0].effective_on >= wanted.isoformat():
            raise Invalid(
                {"day": f"must be after {before[0].effective_on}, from when the last version holds"}
            )
        policies.publish(conn, draft.id, wanted.isoformat())
        audit.note(
            conn,
            member,
            "publish",
            ("policy", f"{kind}/{wanted}", f"{kind} of {wanted}"),
            before={"holds_from": before[0].effective_on} if before else {},
            after={"holds_from": wanted.isoformat(), "characters": len(draft.text)},
        )

    await server.db.write(unit)
    server.remembered.policies.clear()
