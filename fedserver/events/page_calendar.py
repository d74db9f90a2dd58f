"""The calendar as pages show it: day by day, as a list, or a month; in one zone, whichever its events have."""

from __future__ import annotations

import calendar as months
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import visibility
from fedserver.context import Server
from fedserver.events import finding, pages, series
from fedserver.events.finding import Line, Wanted
from fedserver.events.pages import EventView
from fedserver.viewer import Viewer
from storage import calendars
from storage.types import now_ms

PER_PAGE: Final = 40
IN_MONTH_MAX: Final = 400
LOOKED_AT_MAX: Final = 2_000
CHOICES_MAX: Final = 30
YEARS: Final = (1970, 2200)
# Some for each hour of the day, for who has none of their own: others can be asked for by name.
ZONES: Final = (
    "Pacific/Honolulu", "America/Anchorage", "America/Los_Angeles", "America/Denver", "America/Chicago", "America/Mexico_City",
    "America/New_York", "America/Bogota", "America/Halifax", "America/Santiago", "America/St_Johns", "America/Sao_Paulo",
    "America/Argentina/Buenos_Aires", "Atlantic/Azores", "UTC", "Africa/Accra", "Europe/London", "Europe/Lisbon", "Africa/Lagos",
    "Europe/Berlin", "Europe/Madrid", "Europe/Paris", "Europe/Stockholm", "Europe/Athens", "Africa/Cairo", "Africa/Johannesburg",
    "Africa/Nairobi", "Europe/Istanbul", "Asia/Riyadh", "Asia/Tehran", "Asia/Dubai", "Asia/Karachi", "Asia/Kolkata",
    "Asia/Kathmandu", "Asia/Dhaka", "Asia/Yangon", "Asia/Bangkok", "Asia/Jakarta", "Asia/Shanghai", "Asia/Singapore",
    "Australia/Perth", "Asia/Seoul", "Asia/Tokyo", "Australia/Adelaide", "Australia/Brisbane", "Australia/Sydney",
    "Pacific/Auckland",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """A time of an event in a calendar. `clock` says when on its day in the calendar's zone, "" if all day; `also` are server and
    page of others that announce it."""

    view: EventView
    day: date
    until: date
    clock: str
    also: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Choices:
    """What can be chosen from, as pairs of a value and its name ("" where the value says it): of what is to come."""

    kinds: Sequence[tuple[str, str]]
    languages: Sequence[tuple[str, str]]
    groups: Sequence[tuple[str, str]]
    hosts: Sequence[tuple[str, str]]
    topics: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Month:
    """A month, with all days of the weeks that it is in; by day what takes place then."""

    first: date
    days: Sequence[date]
    entries: Mapping[date, Sequence[Entry]]
    today: date
    cut: bool

    @property
    def before(self) -> str:
        return _name(self.first - timedelta(days=1))

    @property
    def after(self) -> str:
        return _name(self.first + timedelta(days=31))


def _name(day: date) -> str:
    return f"{day:%Y-%m}" if YEARS[0] <= day.year <= YEARS[1] else ""


async def zone_of(server: Server, viewer: Viewer, asked: str) -> str:
    """The zone in which a calendar is read: the one that is asked for if there is such a one, the member's, the server's."""
    return asked if asked in series.zones() else await pages.zone_of(server, viewer)


async def coming(
    server: Server, viewer: Viewer, wanted: Wanted, zone: str, *, after: str = ""
) -> tuple[list[Entry], str]:
    """What takes place from now on, in order, and where the next page begins, or "". Raises Invalid."""
    now = now_ms()
    page = await finding.calendar(
        server, viewer.account_id, wanted, from_ms=now, to_ms=now + finding.SPAN_MS_MAX, limit=PER_PAGE, after=after
    )  # fmt: skip
    today = series.wall_time(now, zone).date()
    return [_entry(server, viewer, line, zone, today) for line in page.lines], page.after


async def month(server: Server, viewer: Viewer, wanted: Wanted, zone: str, name: str = "") -> Month:
    """The month of this name (``2026-11``), or this one. Raises Invalid; ValueError for a name that is none."""
    today = series.wall_time(now_ms(), zone).date()
    first = datetime.strptime(name, "%Y-%m").date() if name else today.replace(day=1)  # noqa: DTZ007  a month has no zone
    if not YEARS[0] <= first.year <= YEARS[1]:
        raise ValueError(name)
    days = [day for week in months.Calendar().monthdatescalendar(first.year, first.month) for day in week]
    page = await finding.calendar(
        server,
        viewer.account_id,
        wanted,
        from_ms=_begin(days[0], zone),
        to_ms=_begin(days[-1] + timedelta(days=1), zone),
        limit=IN_MONTH_MAX,
    )
    entries: dict[date, list[Entry]] = {}
    for line in page.lines:
        entry = _entry(server, viewer, line, zone, days[0])
        for number in range(min(entry.until, days[-1]).toordinal() - entry.day.toordinal() + 1):
            entries.setdefault(entry.day + timedelta(days=number), []).append(entry)
    return Month(first, days, entries, today, bool(page.after))


def _begin(day: date, zone: str) -> int:
    return series.instant(datetime(day.year, day.month, day.day), zone)  # noqa: DTZ001  wall time


def _entry(server: Server, viewer: Viewer, line: Line, zone: str, from_day: date) -> Entry:
    row, one = line.found.row, line.occurrence
    # A whole day is that day wherever one is.
    shown_in = row.zone if row.all_day else zone
    begins, ends = series.wall_time(one.starts_at, shown_in), series.wall_time(one.ends_at - 1, shown_in)
    end = series.wall_time(one.ends_at, shown_in)
    domain = server.config.domain
    return Entry(
        view=pages.some_times_of(server.config, line.found, [one], viewer.account_id, zone),
        day=max(begins.date(), from_day),
        until=max(begins.date(), ends.date()),
        clock="" if row.all_day else f"{begins:%H:%M}–{end:%H:%M}",
        also=[(other.domain or domain, f"/events/{other.post_id}") for other in line.also],
    )


def entries(server: Server, viewer: Viewer, lines: Iterable[Line], zone: str) -> list[Entry]:
    """Lines as pages show them, with times in `zone`."""
    return [_entry(server, viewer, line, zone, date.min) for line in lines]


def moment(at_ms: int, zone: str) -> str:
    """A day and an hour: ``Fri 12 Mar 2027, 15:00``."""
    wall = series.wall_time(at_ms, zone)
    return f"{wall:%a} {wall.day} {wall:%b %Y, %H:%M}"


async def choices(server: Server, viewer: Viewer) -> Choices:
    """What one can narrow a calendar down to, as far as the viewer may see what is to come."""

    def unit(conn: Connection) -> Choices:
        shown, now = visibility.listed(viewer.account_id), now_ms()
        rows = calendars.ahead(conn, shown, now, limit=LOOKED_AT_MAX)
        topics = calendars.topics_ahead(conn, shown, now, limit=CHOICES_MAX)
        groups = {
            f"{row.group_name}@{row.group_host}" if row.group_host else row.group_name: row.group_title
            or row.group_name
            for row in rows
            if row.group_name
        }
        return Choices(
            kinds=_distinct(row.kind for row in rows),
            languages=_distinct(row.language for row in rows),
            groups=sorted(groups.items(), key=lambda one: str(one[1]).casefold())[:CHOICES_MAX],
            hosts=_distinct(row.host or server.config.domain for row in rows),
            topics=[(name, f"#{name}") for _, name in topics],
        )

    return await server.db.read(unit)


def _distinct(values: Any) -> list[tuple[str, str]]:
    return [(one, "") for one in sorted({one for one in values if one})][:CHOICES_MAX]
