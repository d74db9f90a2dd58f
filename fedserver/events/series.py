"""When a series takes place: a rule, dates that are added or left out, in the wall time of one zone.

A rule is about wall time: a call at 15:00 in Stockholm is at 15:00 in March and in April, whatever happens to clocks in
between. Pure: rows are in `storage.events`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo, available_timezones

from dateutil import rrule
from msgspec import Struct

OCCURRENCES_MAX: Final = 200
INTERVAL_MAX: Final = 52
DAYS_MAX: Final = 366 * 5
WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
FREQUENCIES: Final = {"daily": rrule.DAILY, "weekly": rrule.WEEKLY, "monthly": rrule.MONTHLY}
_DAYS: Final = dict(
    zip(WEEKDAYS, (rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA, rrule.SU), strict=True)
)


class Rule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a series goes on after its first day: every `interval` days, weeks or months, on `weekdays` (of the first day if
    empty), in a month the `position`-th of them (1 to 4, -1 the last) or else the same day of the month; `count` times in
    all, or `until` a day, which counts. A month without that day is passed over (RFC 5545 §3.3.10)."""

    frequency: Literal["daily", "weekly", "monthly"] = "weekly"
    interval: int = 1
    weekdays: tuple[str, ...] = ()
    position: int | None = None
    count: int | None = None
    until: str = ""


class Schedule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When something takes place. `starts` is wall time in `zone` (``2027-03-12T15:00``), or a day (``2027-03-12``) of what
    lasts whole days; it goes on for `minutes`, or `days`. Without `rule` and `dates` it takes place once; `dates` are further
    starts, `left_out` those of the rule at which nothing takes place."""

    starts: str
    zone: str = "UTC"
    minutes: int = 60
    days: int = 0
    rule: Rule | None = None
    dates: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def all_day(self) -> bool:
        """Whether it lasts whole days, whatever the hour is anywhere."""
        return self.days > 0

    @property
    def is_series(self) -> bool:
        return self.rule is not None or bool(self.dates)


def zone(name: str) -> ZoneInfo:
    """The zone of this IANA name. Raises ValueError for what is none."""
    if name not in zones():
        raise ValueError(f"{name} is not a time zone")
    return ZoneInfo(name)


@lru_cache(1)
def zones() -> frozenset[str]:
    """The names of all zones."""
    return frozenset(available_timezones())


def moment(text: str) -> datetime:
    """Wall time without a zone. Raises ValueError."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is not None or found.second or found.microsecond:
        raise ValueError("wall time has no zone and whole minutes")
    return found


def starts_of(schedule: Schedule) -> list[datetime]:
    """The wall times at which it begins, in order, each once. Raises ValueError for more than ``OCCURRENCES_MAX``."""
    first = moment(schedule.starts)
    found = {first, *(moment(one) for one in schedule.dates)}
    if schedule.rule is not None:
        for number, one in enumerate(_by_rule(first, schedule.rule)):
            if number >= OCCURRENCES_MAX:
                raise ValueError(f"a series has at most {OCCURRENCES_MAX} occurrences")
            found.add(one)
    found -= {moment(one) for one in schedule.left_out}
    if len(found) > OCCURRENCES_MAX:
        raise ValueError(f"a series has at most {OCCURRENCES_MAX} occurrences")
    return sorted(found)


def _by_rule(first: datetime, rule: Rule) -> Iterator[datetime]:
    until = datetime.combine(date.fromisoformat(rule.until), time.max) if rule.until else None
    latest = first + timedelta(days=DAYS_MAX)
    days = [_DAYS[one] for one in rule.weekdays]
    if rule.frequency == "monthly" and rule.position is not None:
        days = [one(rule.position) for one in days or [_DAYS[WEEKDAYS[first.weekday()]]]]
    made = rrule.rrule(
        FREQUENCIES[rule.frequency],
        dtstart=first,
        interval=rule.interval,
        byweekday=days or None,
        count=rule.count,
        until=min(until, latest) if until is not None else None if rule.count is not None else latest,
    )
    yield from made


def instant(wall: datetime, zone_name: str) -> int:
    """The instant of a wall time, in ms. One that clocks pass over counts by the offset before, one that they show twice is
    the earlier (RFC 5545 §3.3.5)."""
    return int(wall.replace(tzinfo=zone(zone_name), fold=0).timestamp() * 1000)


def spans_of(schedule: Schedule) -> list[tuple[str, int, int]]:
    """Of each occurrence its key, by which it stays the same one when it is moved, its begin and its end (exclusive), in ms.
    Whole days are those of the zone."""
    found = []
    for start in starts_of(schedule):
        begins = instant(start, schedule.zone)
        if schedule.all_day:
            ends = instant(start + timedelta(days=schedule.days), schedule.zone)
        else:
            # What lasts an hour lasts sixty minutes, also while clocks change.
            ends = begins + schedule.minutes * 60_000
        found.append((key_of(start, all_day=schedule.all_day), begins, ends))
    return found


def key_of(start: datetime, *, all_day: bool = False) -> str:
    """``20270312T1500``, or ``20270312``: the original wall time of an occurrence."""
    return start.strftime("%Y%m%d" if all_day else "%Y%m%dT%H%M")


def wall_time(at_ms: int, zone_name: str) -> datetime:
    """What clocks of a zone show at an instant."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone(zone_name)).replace(tzinfo=None)
