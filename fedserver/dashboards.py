"""How the community fares, in numbers by day that are counted once and kept: for its admins, and for its funders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import csv_tables, small_cells
from fedserver.context import Server
from fedserver.errors import Invalid
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.moderation import audit
from fedserver.moderation.permissions import Permission, require
from fedserver.viewer import Member
from storage import day_figures
from storage.types import DAY_MS

PERIODS: Final = (30, 90, 365)
WEEKS_FROM: Final = 100  # longer periods are shown by week
DAYS_BACK_MAX: Final = 800
STEP_DAYS: Final = 31
# What may still change: first answers are waited for during a week.
DAYS_AGAIN: Final = 8
YEARS_BACK: Final = 10
EPOCH: Final = date(1970, 1, 1)

Kept = dict[str, dict[int, int]]


@dataclass(frozen=True, slots=True)
class Series:
    """One line of numbers: by the first day of each day or week. `total` is of the whole period, `before` of the one
    before it; of members who were here it is the mean of the days."""

    label: str
    values: tuple[int, ...]
    total: int
    before: int


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture with one or two series."""

    key: str
    title: str
    series: tuple[Series, ...]
    note: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(value for one in self.series for value in one.values)

    @property
    def most(self) -> int:
        """The greatest of all values, 1 at least."""
        return max(1, *(value for one in self.series for value in one.values))


@dataclass(frozen=True, slots=True)
class Dashboard:
    """All pictures of a period. `days` are the first days of what the values are of, as ISO 8601."""

    period: int
    weekly: bool
    days: tuple[str, ...]
    plots: tuple[Plot, ...]
    counted_until: str


_PLOTS: Final[tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]] = (
    ("active", "Active members", (("active", "members who were here"), ("joined", "who joined"))),
    ("posts", "Posts", (("posts", "posts"), ("replies", "of them answers"))),
    ("newcomers", "First posts of members", (("first_posts", "first posts"), ("welcomed", "answered within a week"))),
    ("questions", "Questions in groups for help", (("questions", "questions"), ("answered", "answered within 48 hours"))),
    ("events", "Events", (("events", "events held"), ("answers", "people who said they come"))),
    ("resources", "Library", (("resources", "resources added"), ("reused", "used or adapted"))),
    ("federation", "Exchange with other servers", (("came_in", "answers, boosts and likes from there"), ("went_out", "from here"))),
    ("reports", "Reports", (("reports", "made"), ("decided", "decided"))),
)  # fmt: skip
SHORT: Final = ("active", "posts", "newcomers", "questions", "events", "resources", "reports")


# -- counting


def plan_counting(conn: Connection) -> None:
    """Have the days counted that are not, and the last ones again; a unit, for the chores."""
    plan(conn, "count_days", {}, key="days")


@handles("count_days", timeout_seconds=1800)
async def count_days(server: Server, _: dict[str, Any]) -> None:
    """Count them, a month in a unit, so that others get to the database in between; and of days that were kept before
    more was counted what is missing, as far as it is still there."""
    today = _today()
    last = await server.db.read(day_figures.last_day)
    if last is None:
        begun = await server.db.read(day_figures.first_used)
        first = today if begun is None else max(begun, today - DAYS_BACK_MAX)
    else:
        first = min(last + 1, today) - DAYS_AGAIN
    for span in _steps(first, today):
        found = await server.db.read(day_figures.count, *span)
        await server.db.write(day_figures.put, *span, found)
    earlier = await server.db.read(day_figures.of_earlier_editions, today - DAYS_BACK_MAX)
    for span in _steps(*earlier) if earlier else ():
        found = await server.db.read(day_figures.count_first_replies, *span)
        await server.db.write(day_figures.put_first_replies, *span, found)


def _steps(first: int, last: int) -> Iterator[tuple[int, int]]:
    for begin in range(first, last + 1, STEP_DAYS):
        yield begin, min(begin + STEP_DAYS - 1, last)


async def count_now(server: Server, member: Member) -> None:
    """Have it done at once, by job. Raises Forbidden."""
    require(member, Permission.VIEW_DASHBOARD)
    await server.db.write(plan_counting)


def _today() -> int:
    return (datetime.now(UTC).date() - EPOCH).days


def _iso(day: int) -> str:
    return date.fromordinal(EPOCH.toordinal() + day).isoformat()


# -- for those who run it


async def shown(server: Server, member: Member, period: int) -> Dashboard:
    """The numbers of the last days. Raises Forbidden; Invalid for a period that is not offered."""
    require(member, Permission.VIEW_DASHBOARD)
    if period not in PERIODS:
        raise Invalid({"period": f"must be one of {', '.join(map(str, PERIODS))}"})
    today = _today()
    first = today - period + 1

    def unit(conn: Connection) -> tuple[Kept, int | None]:
        return day_figures.read(conn, first - period, today), day_figures.last_day(conn)

    kept, last = await server.db.read(unit)
    weekly = period > WEEKS_FROM
    step = 7 if weekly else 1
    begins = [day for day in range(today - step + 1, first - step, -step) if day >= first][::-1]
    plots = tuple(
        Plot(
            key,
            title,
            tuple(_series(kept, name, label, begins, step, (first, today)) for name, label in several),
            _note(kept, key, first, today),
        )
        for key, title, several in _PLOTS
    )
    days = tuple(map(_iso, begins))
    return Dashboard(period, weekly, days, plots, "" if last is None else _iso(last))


def _series(
    kept: Kept, name: str, label: str, begins: Sequence[int], step: int, span: tuple[int, int]
) -> Series:
    days = kept.get(name, {})
    first, last = span
    length = last - first + 1

    def over(begin: int, end: int) -> int:
        value = sum(days.get(day, 0) for day in range(begin, end + 1))
        # Who was here on two days is one member.
        return round(value / (end - begin + 1)) if name == "active" else value

    return Series(
        label,
        tuple(over(day, day + step - 1) for day in begins),
        over(first, last),
        over(first - length, first - 1),
    )


def _over(kept: Kept, name: str, span: tuple[int, int]) -> int:
    """What is kept of a name, added up over a span of days."""
    first, last = span
    return sum(value for day, value in kept.get(name, {}).items() if first <= day <= last)


_FIRST_ANSWERS: Final = {"newcomers": "first_posts", "questions": "questions"}
NEVER: Final = "never"
NOT_COUNTED: Final = "not counted"


def _note(kept: Kept, key: str, first: int, last: int) -> str:
    if key in _FIRST_ANSWERS:
        found = median_reply(kept, _FIRST_ANSWERS[key], (first, last))
        return found if isinstance(found, str) else _in_words(found)
    return _waited(kept, first, last) if key == "reports" else ""


def median_reply(kept: Kept, name: str, span: tuple[int, int]) -> float | str:
    """After how many minutes half of what has this name in a span of days had a first answer: `NEVER` where half have had
    none within a week, `NOT_COUNTED` where it is not known of all, "" where there is nothing."""
    total = _over(kept, name, span)
    if not is_counted(kept, span) or total > sum(
        _over(kept, f"{name}_{most}", span) for most in day_figures.CLASSES
    ):
        return NOT_COUNTED
    if not total:
        return ""
    half, seen, before = total / 2, 0, 0
    for most in day_figures.REPLY_MINUTES:
        number = _over(kept, f"{name}_{most}", span)
        if number and seen + number >= half:
            return before + (most - before) * (half - seen) / number
        seen, before = seen + number, most
    return NEVER


def is_counted(kept: Kept, span: tuple[int, int]) -> bool:
    """Whether everything that is counted now was counted of each day of a span that was counted at all."""
    first, last = span
    return all(
        edition >= day_figures.EDITION for day, edition in kept.get("", {}).items() if first <= day <= last
    )


def _in_words(minutes: float) -> str:
    if minutes < 120:
        return f"{max(1, round(minutes))} minutes"
    return f"{minutes / 60:.0f} hours" if minutes < 2 * 1440 else f"{minutes / 1440:.1f} days"


def _waited(kept: Kept, first: int, last: int) -> str:
    decided, minutes = (_over(kept, name, (first, last)) for name in ("decided", "decided_minutes"))
    return f"{minutes / decided / 60:.1f}" if decided else ""


# -- for funders

_COLUMNS: Final = (
    "period",
    "active members",
    "posts",
    "of them answers",
    "questions",
    "answered within 48 h",
    "share answered",
    "events",
    "attendance",
    "resources added",
    "resources reused",
    "partner servers",
    "first posts of members",
    "first posts answered within a week",
    "median hours to the answer of a first post",
    "median hours to the answer of a question",
)
_SUMMED: Final = (
    "posts", "replies", "questions", "answered", "events", "attended", "resources", "reused",
    "first_posts", "welcomed",
)  # fmt: skip


async def measures(server: Server, member: Member, year: int) -> bytes:
    """The measures of a year by month and quarter as CSV, with small cells hidden; that somebody took them along is
    logged. Raises Forbidden, Invalid."""
    require(member, Permission.VIEW_DASHBOARD)
    now = datetime.now(UTC).date()
    # Always whole calendar years: spans that overlap could be subtracted from each other.
    if not now.year - YEARS_BACK <= year <= now.year:
        raise Invalid({"year": f"must be from {now.year - YEARS_BACK} to {now.year}"})
    rows = await server.db.read(_measured, year, now)
    await server.db.write(
        audit.note, member, "export", ("measures", year, str(year)), after={"rows": len(rows)}
    )
    return csv_tables.table(_COLUMNS, rows)


def _measured(conn: Connection, year: int, now: date) -> list[tuple[str, ...]]:
    months = [_span(date(year, month, 1), _first_after(year, month)) for month in range(1, 13)]
    quarters = [(months[at][0], months[at + 2][1]) for at in range(0, 12, 3)]
    whole = (months[0][0], months[-1][1])
    kept = day_figures.read(conn, *whole)
    tables = {name: small_cells.in_quarters([_over(kept, name, span) for span in months]) for name in _SUMMED}
    partners = day_figures.partners_since(conn)
    active = [day_figures.active_within(conn, spans) for spans in (months, quarters, [whole])]
    today = (now - EPOCH).days

    def row(label: str, span: tuple[int, int], here: int, cells: Mapping[str, str]) -> tuple[str, ...]:
        def is_told(*names: str) -> bool:
            return all(cells[name].isdigit() for name in names)

        def median(name: str, answered: str) -> str:
            if not is_told(name, answered):
                return small_cells.HIDDEN
            found = median_reply(kept, name, span)
            if isinstance(found, str):
                return "over 168" if found == NEVER else found
            return f"{found / 60:.1f}"

        share = small_cells.HIDDEN
        if is_told("answered", "questions"):
            share = small_cells.share(_over(kept, "answered", span), _over(kept, "questions", span))
        reached = sum(1 for at in partners if at // DAY_MS <= min(span[1], today))
        told = [cells[name] for name in _SUMMED]
        first_posts = [*told[-2:], median("first_posts", "welcomed")]
        if not is_counted(kept, span):
            first_posts = [NOT_COUNTED] * len(first_posts)
        return (
            label, small_cells.alone(here), *told[:4], share, *told[4:-2], small_cells.alone(reached), *first_posts,
            median("questions", "answered"),
        )  # fmt: skip

    periods = [
        (
            f"{year}-{n + 1:02d}",
            span,
            active[0][n],
            {name: by_quarter[n // 3].cells[n % 3] for name, (by_quarter, _) in tables.items()},
        )
        for n, span in enumerate(months)
    ]
    periods += [
        (
            f"{year}-Q{n + 1}",
            span,
            active[1][n],
            {name: by_year.cells[n] for name, (_, by_year) in tables.items()},
        )
        for n, span in enumerate(quarters)
    ]
    totals = {name: by_year.total for name, (_, by_year) in tables.items()}
    periods.append((str(year), whole, active[2][0], totals))
    return [row(*one) for one in periods if one[1][0] <= today]


def _first_after(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1)


def _span(first: date, after: date) -> tuple[int, int]:
    return (first - EPOCH).days, (after - EPOCH).days - 1
