"""How the server is used, in numbers: measures by day, dimensions, and how many come back."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from typing import Final, Literal

from sqlalchemy import Connection

from fedserver.context import Server
from fedserver.errors import Invalid, NotFound
from fedserver.moderation.permissions import Permission, require
from fedserver.viewer import Member
from storage import figures
from storage.figures import Share, Source
from storage.types import DAY_MS

DAYS_MAX: Final = 800
DAYS_USUALLY: Final = 30
PERIODS_MAX: Final = 100
Frequency = Literal["day", "month"]


@dataclass(frozen=True, slots=True)
class Span:
    """Days since 1970, both included."""

    first_day: int
    last_day: int

    @property
    def before(self) -> Span:
        """The span of the same length that ends where this one begins."""
        length = self.last_day - self.first_day + 1
        return Span(self.first_day - length, self.first_day - 1)


@dataclass(frozen=True, slots=True)
class Measure:
    """A number over a span, over the one before (None where that says nothing), and on each day (its first ms)."""

    key: str
    unit: str | None
    total: int
    previous_total: int | None
    data: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Datum:
    """One value of a dimension; `human_value` where the number itself says little."""

    key: str
    human_key: str
    value: str
    unit: str | None = None
    human_value: str | None = None


@dataclass(frozen=True, slots=True)
class Cohort:
    """Who signed up in a period (its first ms), and how many of them were here in it and later."""

    began_at: int
    frequency: Frequency
    data: list[tuple[int, float, int]]


def span_of(start: str, end: str) -> Span:
    """The days from one ISO date to another; what is left out is the last thirty days. Raises Invalid."""
    last = _day(end, "end_at") if end else datetime.now(UTC).date()
    first = _day(start, "start_at") if start else last - timedelta(days=DAYS_USUALLY - 1)
    if not 0 <= (last - first).days < DAYS_MAX:
        raise Invalid({"start_at": f"must be before the end, {DAYS_MAX} days at the most"})
    return Span((first - date(1970, 1, 1)).days, (last - date(1970, 1, 1)).days)


def _day(text: str, name: str) -> date:
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError as error:
        raise Invalid({name: "must be a date such as 2026-11-21"}) from error


# -- measures

_OF_SERVER: Final[dict[str, Callable[[], list[Source]]]] = {
    "active_users": lambda: [figures.active_users()],
    "new_users": lambda: [figures.new_users()],
    "interactions": figures.interactions,
    "opened_reports": lambda: [figures.opened_reports()],
    "resolved_reports": lambda: [figures.resolved_reports()],
}
_OF_TAG: Final = ("accounts", "uses", "servers")
_OF_INSTANCE: Final = ("accounts", "media_attachments", "reports", "statuses", "follows", "followers")


async def measures(
    server: Server, member: Member, keys: Sequence[str], span: Span, about: Mapping[str, str]
) -> list[Measure]:
    """These measures, unknown ones left out; `about` has the id of a hashtag or a domain by key.

    Raises Forbidden, NotFound for a measure of nothing.
    """
    require(member, Permission.VIEW_DASHBOARD)

    def unit(conn: Connection) -> list[Measure]:
        found = (_measure(conn, key, span, about.get(key, "")) for key in dict.fromkeys(keys))
        return [one for one in found if one is not None]

    return await server.db.read(unit)


def _measure(conn: Connection, key: str, span: Span, about: str) -> Measure | None:
    subject, _, what = key.partition("_")
    if key in _OF_SERVER:
        sources = _OF_SERVER[key]()
    elif subject == "tag" and what in _OF_TAG:
        sources = [figures.of_tag(_tag_id(about), what)]
    elif subject == "instance" and what in _OF_INSTANCE:
        sources = [figures.of_instance(_domain(about), what)]
    else:
        return None
    days: dict[int, int] = {}
    for source in sources:
        for day, value in figures.by_day(conn, source, span.first_day, span.last_day).items():
            days[day] = days.get(day, 0) + value
    # Of another server everything ever is of interest, not what came in these days.
    of_instance = subject == "instance"
    before = span.before
    return Measure(
        key,
        "bytes" if what == "media_attachments" else None,
        sum(
            figures.ever(conn, one) if of_instance else figures.over(conn, one, span.first_day, span.last_day)
            for one in sources
        ),
        None
        if of_instance
        else sum(figures.over(conn, one, before.first_day, before.last_day) for one in sources),
        [(day * DAY_MS, days.get(day, 0)) for day in range(span.first_day, span.last_day + 1)],
    )


def _tag_id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise NotFound("Record not found")
    return int(text)


def _domain(text: str) -> str:
    if not text.strip():
        raise NotFound("Record not found")
    return text.strip().lower()


# -- dimensions


async def dimensions(
    server: Server, member: Member, keys: Sequence[str], span: Span, about: Mapping[str, str], limit: int
) -> dict[str, list[Datum]]:
    """These dimensions by key, unknown ones left out. Raises as `measures`."""
    require(member, Permission.VIEW_DASHBOARD)

    def unit(conn: Connection) -> dict[str, list[Datum]]:
        found = {
            key: _dimension(conn, server, key, span, about.get(key, ""), limit) for key in dict.fromkeys(keys)
        }
        return {key: data for key, data in found.items() if data is not None}

    return await server.db.read(unit)


def _dimension(
    conn: Connection, server: Server, key: str, span: Span, about: str, limit: int
) -> list[Datum] | None:
    days = (span.first_day, span.last_day)
    match key:
        case "languages":
            return _shown(figures.languages(conn, *days, limit), "und")
        case "sources":
            return _shown(figures.sources(conn, *days, limit), "web", {"": "Website"})
        case "servers":
            return _shown(figures.servers(conn, *days, limit), "")
        case "tag_servers":
            found = figures.tag_shares(conn, _tag_id(about), "servers", days, limit)
            return _shown(found, server.config.domain)
        case "tag_languages":
            return _shown(figures.tag_shares(conn, _tag_id(about), "languages", days, limit), "und")
        case "instance_accounts" | "instance_languages":
            what = key.partition("_")[2]
            return _shown(figures.instance_shares(conn, _domain(about), what, days, limit), "und")
        case "space_usage":
            return _space(conn)
        case "software_versions":
            return _versions(conn)
    return None


def _shown(found: Sequence[Share], nameless: str, names: Mapping[str, str] | None = None) -> list[Datum]:
    return [
        Datum(one.key or nameless, (names or {}).get(one.key, one.key or nameless), str(one.value))
        for one in found
    ]


def _space(conn: Connection) -> list[Datum]:
    name = _DATABASES[conn.dialect.name]
    sizes = (
        (conn.dialect.name, name, figures.database_bytes(conn)),
        ("media", "Media storage", figures.media_bytes(conn)),
    )
    return [Datum(key, shown, str(size), "bytes", human_size(size)) for key, shown, size in sizes]


def _versions(conn: Connection) -> list[Datum]:
    running = (
        ("fedserver", "fedserver", version("fedserver")),
        ("python", "Python", platform.python_version()),
        (conn.dialect.name, _DATABASES[conn.dialect.name], figures.database_version(conn)),
    )
    return [Datum(key, shown, number, None, number) for key, shown, number in running]


_DATABASES: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def human_size(size: int) -> str:
    """``46.2 GB``."""
    value = float(size)
    for unit in ("Bytes", "KB", "MB", "GB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "Bytes" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TB"


# -- retention


async def retention(server: Server, member: Member, span: Span, frequency: Frequency) -> list[Cohort]:
    """By day or month of signing up: how many were here in each day or month since. Raises Forbidden, Invalid."""
    require(member, Permission.VIEW_DASHBOARD)
    periods = _periods(span, frequency)
    if len(periods) > PERIODS_MAX:
        raise Invalid({"start_at": f"must be {PERIODS_MAX} periods before the end at the most"})
    wide = Span(periods[0], span.last_day)
    stays = await server.db.read(figures.stays, wide.first_day, wide.last_day)
    bounds = [*periods, span.last_day + 1]
    cohorts = []
    for index, began in enumerate(periods):
        members = [(last, count) for joined, last, count in stays if began <= joined < bounds[index + 1]]
        size = sum(count for _, count in members)
        data: list[tuple[int, float, int]] = []
        for period in periods[index:]:
            stayed = sum(count for last, count in members if last >= period)
            data.append((period * DAY_MS, stayed / size if size else 0.0, stayed))
        cohorts.append(Cohort(began * DAY_MS, frequency, data))
    return cohorts


def _periods(span: Span, frequency: Frequency) -> list[int]:
    """The first days of the periods of a span; a month begins on its first, even before the span."""
    days = range(span.first_day, span.last_day + 1)
    if frequency == "day":
        return list(days)
    epoch = date(1970, 1, 1)
    firsts = {(epoch + timedelta(days=day)).replace(day=1) for day in days}
    return sorted((first - epoch).days for first in firsts)
