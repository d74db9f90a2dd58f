"""Events as pages show them: times in the event's zone and in the viewer's, what the viewer may do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import search, settings, visibility
from fedserver.config import Config
from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.events import agendas, finding, organising, origins, reading, saying, schema_org, series
from fedserver.events.origins import Origin
from fedserver.events.outputs import Linked
from fedserver.events.reading import EventRow, OccurrenceRow, Shown
from fedserver.page_cards import person_of
from fedserver.viewer import Viewer
from storage import events, users
from storage.types import now_ms

PEOPLE_EACH_MAX: Final = 30
PEOPLE_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Time:
    """One time that an event takes place: `at` is when in its own zone, `here` when in the viewer's ("" if that is the same);
    `instant` for machines. `full` says that every seat is taken."""

    key: str
    instant_ms: int
    at: str
    here: str
    status: str
    note: str
    over: bool
    going: int
    waiting: int
    capacity: int | None
    full: bool
    answer: str
    state: str
    joinable: bool
    begun: bool
    came: int
    followed_up: bool


@dataclass(frozen=True, slots=True)
class Item:
    """A part of the agenda; `clock` is how long after the beginning, "" where no part says so."""

    title: str
    clock: str
    speakers: Sequence[str]
    resources: Sequence[Linked]


@dataclass(frozen=True, slots=True)
class EventView:
    """An event for its page, or (with one of its times) for a list."""

    row: EventRow
    found: Shown
    times: Sequence[Time]
    where: str
    line: str
    author: Any
    agenda: Sequence[Item]
    mine: bool
    goes: bool  # at least once
    json_ld: str = ""  # for catalogues, where it is ours and for everybody
    origin: Origin | None = None  # on its own page
    looked_after: bool = False  # there as well: whether the viewer decides about answers

    @property
    def path(self) -> str:
        return f"/events/{self.row.id}"

    @property
    def coming(self) -> list[Time]:
        """Its times that are not over."""
        return [one for one in self.times if not one.over]

    @property
    def goes_to_all(self) -> bool:
        """To everything that still takes place of it the viewer comes, as far as it is theirs to say."""
        wanted = [one for one in self.coming if one.status != "cancelled"]
        return bool(wanted) and all(one.answer == "going" for one in wanted)

    @property
    def by_mail(self) -> bool:
        """Whether people without an account can come."""
        return reading.takes_mail(self.row, self.found.details)


async def show(server: Server, viewer: Viewer, post_id: int) -> EventView:
    """One event. Raises NotFound."""

    def unit(conn: Connection) -> EventView:
        found = reading.shown(conn, post_id, viewer.account_id)
        view = some_times_of(server.config, found, found.occurrences, viewer.account_id, _zone(conn, viewer))
        looked_after = organising.looks_after(found.row, viewer)
        view = replace(view, origin=origins.of_event(conn, post_id), looked_after=looked_after)
        if not found.row.local or found.row.visibility not in visibility.FOR_EVERYBODY:
            return view
        title = settings.in_force(conn, server.config).title
        return replace(view, json_ld=schema_org.script(server.config, title, found))

    return await server.db.read(unit)


@dataclass(frozen=True, slots=True)
class Answered:
    """Who answered to one time of an event, each with what they said to which question; `after` is where the next page begins,
    0 where there is none."""

    time: Time
    rows: Sequence[tuple[Any, dict[str, str]]]
    after: int


async def people(
    server: Server, viewer: Viewer, post_id: int, *, key: str = "", after: int = 0
) -> list[Answered]:
    """Who answered, the first of them by the times of an event, or those to one time (`key`) `after` a place in its queue. For
    who looks after it; raises NotFound for all others."""

    def unit(conn: Connection) -> list[Answered]:
        found = reading.shown(conn, post_id, viewer.account_id)
        if not organising.looks_after(found.row, viewer):
            raise NotFound
        wanted = [one for one in found.occurrences if key in ("", one.key)]
        view = some_times_of(server.config, found, wanted, viewer.account_id, _zone(conn, viewer))
        limit = PEOPLE_MAX if key else PEOPLE_EACH_MAX
        rows = events.attendees(conn, [one.id for one in wanted], limit=limit, after=after if key else 0)
        return [
            _answered(time, rows.get(one.id, []), limit) for time, one in zip(view.times, wanted, strict=True)
        ]

    return await server.db.read(unit)


def _answered(time: Time, rows: Sequence[Any], limit: int) -> Answered:
    return Answered(
        time, [(row, json.loads(row.answers)) for row in rows], rows[-1].queue if len(rows) == limit else 0
    )


async def named(server: Server, viewer: Viewer, text: str, *, limit: int) -> list[EventView]:
    """Events that are found by words, each with the time that comes next, or else its last."""
    found = await finding.named(server, viewer.account_id, text, search.Wanted(limit=limit))
    zone = await server.db.read(_zone, viewer)
    return [some_times_of(server.config, one, _next(one), viewer.account_id, zone) for one in found]


def _next(found: Shown) -> Sequence[OccurrenceRow]:
    coming = [one for one in found.occurrences if one.ends_at > now_ms() and one.status != "cancelled"]
    return coming[:1] or found.occurrences[-1:]


def view_of(config: Config, found: Shown, viewer_id: int | None) -> EventView:
    """An event as whoever has no account here sees it, with times in its own zone alone."""
    return some_times_of(config, found, found.occurrences, viewer_id, "")


def _zone(conn: Connection, viewer: Viewer) -> str:
    """The zone in which the viewer reads times; "" where that is not known."""
    member = None if viewer.account_id is None else users.by_id(conn, viewer.account_id)
    return "" if member is None else str(member.time_zone)


def some_times_of(
    config: Config, found: Shown, shown: Sequence[OccurrenceRow], viewer_id: int | None, zone: str
) -> EventView:
    """An event with some of its times, for a viewer who reads times in `zone` ("": only in its own)."""
    row = found.row
    spans = [(one.key, one.starts_at, one.ends_at) for one in shown if one.status != "cancelled"]
    mine = viewer_id is not None and row.account_id == viewer_id
    return EventView(
        row=row,
        found=found,
        times=[_time(found, one, zone, mine=mine) for one in shown],
        where=saying.where(found.details),
        line=saying.line(reading.described_of(row), spans),
        author=person_of(config, found.author),
        agenda=_agenda(found),
        mine=mine,
        goes=any(one.state in ("in", "waiting", "asked", "sent") for one in found.answers.values()),
    )


def _agenda(found: Shown) -> list[Item]:
    timed = any(one.offset_minutes for one in found.details.agenda)
    return [
        Item(
            one.title,
            agendas.clock(one) if timed else "",
            one.speakers,
            [found.resources[int(key)] for key in one.resources if int(key) in found.resources],
        )
        for one in found.details.agenda
    ]


def _time(found: Shown, one: OccurrenceRow, zone: str, *, mine: bool) -> Time:
    row, answer = found.row, found.answers.get(one.id)
    capacity = row.capacity if one.capacity is None else one.capacity
    now = now_ms()
    is_in = answer is not None and answer.state == "in"
    at = _words(one, row.zone, all_day=bool(row.all_day))
    here = "" if row.all_day or not zone else _words(one, zone, all_day=False)
    return Time(
        key=one.key,
        instant_ms=one.starts_at,
        at=at,
        here="" if here == at else here,
        status=one.status,
        note=one.note,
        over=one.ends_at <= now,
        going=one.going_count if row.local else row.participants_elsewhere or one.going_count,
        waiting=one.waiting_count,
        capacity=capacity,
        full=capacity is not None and one.going_count >= capacity,
        answer="" if answer is None else answer.answer,
        state="" if answer is None else answer.state,
        begun=one.starts_at <= now and one.status != "cancelled",
        came=found.came.get(one.id, 0),
        followed_up=one.followed_up_at is not None,
        joinable=bool(row.join_url) and reading.is_near(one) and (is_in or mine),
    )


def _words(one: OccurrenceRow, zone: str, *, all_day: bool) -> str:
    begins, ends = series.wall_time(one.starts_at, zone), series.wall_time(one.ends_at, zone)
    day = f"{begins:%a} {begins.day} {begins:%b %Y}"
    if all_day:
        return day
    until = (
        f"{ends:%H:%M}" if ends.date() == begins.date() else f"{ends:%a} {ends.day} {ends:%b}, {ends:%H:%M}"
    )
    return f"{day}, {begins:%H:%M}–{until} ({zone})"


async def zone_of(server: Server, viewer: Viewer) -> str:
    """The zone that a form for a new event begins with: the member's, or else the server's."""
    zone = await server.db.read(_zone, viewer)
    return zone if zone not in ("", "UTC") else (await settings.current(server)).time_zone
