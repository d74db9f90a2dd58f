"""Finding events: what takes place in a stretch of time, and whole events, as the viewer may see it and as far as it fits what
is asked for. What several announce is there once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import search, search_query, visibility
from fedserver.content.links import tag_key
from fedserver.context import Server
from fedserver.errors import Invalid
from fedserver.events import alike
from fedserver.events.alike import Told
from fedserver.events.keeping import KIND
from fedserver.events.reading import EventRow, OccurrenceRow, Shown, of_rows
from fedserver.events.records import KINDS
from storage import accounts, calendars, events
from storage.calendars import Asked

SPAN_MS_MAX: Final = 400 * 86_400_000
NETWORKS: Final = ("", "local", "partners")
TEXT_CHARS_MAX: Final = 200
VALUES_MAX: Final = 20
OVER: Final = 100
"""So many more are looked at than are shown, so that it is seen which are the same."""
_AFTER: Final = re.compile(r"(-?\d{1,14})-(\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for; any of several values will do. `group` is an id or a handle, `hosts` are domains, `how` is ``online``,
    ``in-person`` or "", `network` ``local``, ``partners`` (with this server) or "" for whatever is known here."""

    q: str = ""
    group: str = ""
    topics: Sequence[str] = ()
    kinds: Sequence[str] = ()
    languages: Sequence[str] = ()
    hosts: Sequence[str] = ()
    how: str = ""
    network: str = ""

    @property
    def asks(self) -> bool:
        """Whether it leaves anything out."""
        return self != Wanted()


HOWS: Final = ("", "online", "in-person", "not-online")


def check(wanted: Wanted) -> None:
    """Raise Invalid, by field, for what cannot be asked for."""
    problems: dict[str, str] = {}
    if any(one not in KINDS for one in wanted.kinds):
        problems["kind"] = f"must be one of {', '.join(KINDS)}"
    if wanted.how not in HOWS:
        problems["how"] = "must be online or in-person"
    if wanted.network not in NETWORKS:
        problems["network"] = "must be local or partners"
    if len(wanted.q) > TEXT_CHARS_MAX:
        problems["q"] = f"is longer than {TEXT_CHARS_MAX} characters"
    for name, values in (
        ("topic", wanted.topics),
        ("language", wanted.languages),
        ("instance", wanted.hosts),
    ):
        if len(values) > VALUES_MAX or any(len(one) > TEXT_CHARS_MAX for one in values):
            problems[name] = f"has more than {VALUES_MAX} values, or too long ones"
    if problems:
        raise Invalid(problems)


def asked_of(conn: Connection, server: Server, wanted: Wanted) -> Asked:
    """The same for the database. A group that there is not has no events, and neither has one that the viewer may not know."""
    host = server.config.domain
    return Asked(
        group_id=_group_id(conn, server, wanted.group) if wanted.group else None,
        topics=[tag_key(one) for one in wanted.topics],
        kinds=wanted.kinds,
        languages=wanted.languages,
        hosts=["" if one.lower() == host else one.lower() for one in wanted.hosts],
        network=wanted.network,
        online={"online": True, "not-online": False}.get(wanted.how),
        in_person=True if wanted.how == "in-person" else None,
        words=search_query.read(wanted.q).clauses if wanted.q.strip() else (),
    )


def _group_id(conn: Connection, server: Server, group: str) -> int:
    if group.isascii() and group.isdigit():
        return int(group) if len(group) < 19 else 0
    name, _, domain = group.removeprefix("@").partition("@")
    row = accounts.by_handle(conn, name, "" if domain in ("", server.config.domain) else domain.lower())
    return 0 if row is None else row.id


# -- what takes place


@dataclass(frozen=True, slots=True)
class Line:
    """A time at which an event takes place; `also` are the rows of others that announce it, as lists need them."""

    occurrence: OccurrenceRow
    found: Shown
    also: Sequence[Any] = ()


@dataclass(frozen=True, slots=True)
class CalendarPage:
    """Lines in order; `after` is where the next page begins, or ""."""

    lines: Sequence[Line] = field(default_factory=list)
    after: str = ""


async def calendar(
    server: Server,
    viewer_id: int | None,
    wanted: Wanted = Wanted(),
    *,
    from_ms: int,
    to_ms: int,
    limit: int,
    after: str = "",
) -> CalendarPage:
    """What takes place between two instants. Raises Invalid for more than 400 days, and for what cannot be asked."""
    if not 0 < to_ms - from_ms <= SPAN_MS_MAX:
        raise Invalid({"to": "must be after from, by 400 days at the most"})
    place = _AFTER.fullmatch(after)
    if after and place is None:
        raise Invalid({"after": "must be what the page before gave"})
    check(wanted)
    begin, behind = (int(place[1]), int(place[2])) if place is not None else (None, 0)

    def unit(conn: Connection) -> CalendarPage:
        rows = calendars.times(
            conn, asked_of(conn, server, wanted), visibility.listed(viewer_id),
            from_ms=from_ms, to_ms=to_ms, begin_ms=begin, limit=limit + OVER,
        )  # fmt: skip
        ended = len(rows) < limit + OVER
        told = [alike.told(row, row.post_id, key=row.key) for row in rows]
        entries = sorted(alike.merged(told), key=_place)
        if begin is not None:
            entries = [entry for entry in entries if _place(entry) > (begin, behind)]
        shown = entries[:limit]
        following = len(entries) > limit or (not ended and bool(shown))
        last = "-".join(map(str, _place(shown[-1]))) if following else ""
        return CalendarPage(lines_of(conn, shown, viewer_id), last)

    return await server.db.read(unit)


def _place(entry: tuple[Told, Any]) -> tuple[int, int]:
    return entry[0].starts_at, entry[0].row.id


def lines_of(
    conn: Connection, entries: Sequence[tuple[Told, Sequence[Told]]], viewer_id: int | None
) -> list[Line]:
    """The lines of times that were found, with all that belongs to their events."""
    rows = events.by_ids(conn, [one.post_id for one, _ in entries])
    known = of_rows(conn, list(rows.values()), viewer_id)
    return [
        Line(one.row, known[one.post_id], [other.row for other in others])
        for one, others in entries
        if one.post_id in known
    ]


# -- whole events


async def named(server: Server, viewer_id: int | None, text: str, wanted: search.Wanted) -> list[Shown]:
    """Events that are found by words, whether or not they are over (see `fedserver.search.find_kind`)."""

    def unit(conn: Connection) -> list[Shown]:
        ids = search.find_kind(conn, viewer_id, KIND, text, wanted)
        rows = events.by_ids(conn, ids)
        found = of_rows(conn, [rows[one] for one in ids if one in rows], viewer_id)
        return list(found.values())

    return await server.db.read(unit)


def once(rows: Sequence[EventRow]) -> list[EventRow]:
    """Events without those that another announces, too."""
    kept = {one.post_id for one, _ in alike.merged(alike.told(row, row.id) for row in rows)}
    return [row for row in rows if row.id in kept]
