"""How a calendar's series goes on (RFC 5545 §3.8.5), as one that is kept here: a rule where ours says the same, else dates.

What never ends, or takes place more often than a series here can, is taken from the beginning of this year to the end of the
next, so that reading it again the next day finds the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from dateutil import rrule

from fedserver.events import series
from fedserver.events.series import FREQUENCIES, INTERVAL_MAX, OCCURRENCES_MAX, WEEKDAYS, Rule, Schedule

STEPS_MAX: Final = 50_000
"""How many times of a rule are looked at: every day for a century and more."""
_FREQUENCIES: Final = {
    "YEARLY": rrule.YEARLY, "MONTHLY": rrule.MONTHLY, "WEEKLY": rrule.WEEKLY, "DAILY": rrule.DAILY,
    "HOURLY": rrule.HOURLY, "MINUTELY": rrule.MINUTELY,
}  # fmt: skip
_NUMBERS: Final = {
    "BYMONTH": (1, 12), "BYMONTHDAY": (-31, 31), "BYYEARDAY": (-366, 366), "BYWEEKNO": (-53, 53), "BYSETPOS": (-366, 366),
    "BYHOUR": (0, 23), "BYMINUTE": (0, 59),
}  # fmt: skip
_DAYS: Final = dict(
    zip(WEEKDAYS, (rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA, rrule.SU), strict=True)
)
_KNOWN: Final = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST", *_NUMBERS})
_FILTERS: Final = ("BYMONTH", "BYMONTHDAY")


class Unusable(Exception):
    """A rule that cannot be followed; the text says why, as a part of a sentence."""


@dataclass(frozen=True, slots=True)
class Expanded:
    """A series as it is kept here. `cut` says in a sentence what of it was not taken, `as_dates` that its rule became dates."""

    schedule: Schedule
    cut: str = ""
    as_dates: bool = False


def schedule_of(
    once: Schedule,
    rules: Sequence[Mapping[str, Any]],
    *,
    until: Callable[[Any], datetime],
    added: Sequence[datetime] = (),
    left_out: Sequence[datetime] = (),
    today: date,
) -> Expanded | None:
    """What takes place `once`, and then by `rules` (RFC 5545's parts by name, each a list), at the wall times that are `added`
    and not at those that are `left_out`; `until` gives the wall time of an UNTIL. None if nothing of it is left to take.

    Raises Unusable.
    """
    first = series.moment(once.starts)
    window = _Window(today)
    base: set[datetime] = {first}
    endless = False
    for one in rules:
        times, ended = _times(first, one, until, window)
        if not times:
            raise Unusable("no day fits it")
        endless |= not ended
        base.update(times)
    times_of_all = (base | set(added)) - set(left_out)
    cut = ""
    if endless or len(times_of_all) > OCCURRENCES_MAX:
        kept, cut = window.taken(sorted(times_of_all))
        base = {one for one in base if kept and kept[0] <= one <= kept[-1]}
        times_of_all = set(kept)
    if not times_of_all:
        return None
    rule = _as_rule(once, rules[0], base, ended=not endless) if len(rules) == 1 and base else None
    if rule is not None:
        more, out = sorted(times_of_all - base), sorted(base - times_of_all)
        start = min(base)
    else:
        start, *more = sorted(times_of_all)
        out = []
    schedule = Schedule(
        starts=_said(start, once),
        zone=once.zone,
        minutes=once.minutes,
        days=once.days,
        rule=rule,
        dates=tuple(_said(one, once) for one in more),
        left_out=tuple(_said(one, once) for one in out),
    )
    return Expanded(schedule, cut, as_dates=bool(rules) and rule is None and len(times_of_all) > 1)


class _Window:
    """The stretch of which what never ends is taken."""

    def __init__(self, today: date) -> None:
        self.begin = datetime(today.year, 1, 1)  # noqa: DTZ001  wall time
        self.late_begin = datetime(today.year, today.month, 1)  # noqa: DTZ001
        self.end = datetime(today.year + 2, 1, 1)  # noqa: DTZ001

    def taken(self, times: Sequence[datetime]) -> tuple[list[datetime], str]:
        inner = [one for one in times if self.begin <= one < self.end]
        if len(inner) > OCCURRENCES_MAX:
            inner = [one for one in inner if one >= self.late_begin][:OCCURRENCES_MAX]
        if not inner:
            return [], ""
        return inner, (
            f"It goes on without an end, or more than {OCCURRENCES_MAX} times; what was taken is from "
            f"{inner[0]:%Y-%m-%d} to {inner[-1]:%Y-%m-%d}."
        )


def _times(
    first: datetime, parts: Mapping[str, Any], until: Callable[[Any], datetime], window: _Window
) -> tuple[list[datetime], bool]:
    """The times of a rule: all of them if they end and are few, else those of the window; and which of the two."""
    found: list[datetime] = []
    for one in _by_rule(first, parts, until):
        if one >= window.end and len(found) > OCCURRENCES_MAX:
            return found, False
        if one >= window.end and not {"COUNT", "UNTIL"} & {name.upper() for name in parts}:
            return found, False
        found.append(one)
    return found, len(found) <= OCCURRENCES_MAX


def _by_rule(
    first: datetime, parts: Mapping[str, Any], until: Callable[[Any], datetime]
) -> Iterator[datetime]:
    said = _parts(parts)
    if [str(one).upper() for one in said.get("RSCALE", ())] == ["GREGORIAN"]:
        said.pop("RSCALE")
    strange = sorted(set(said) - _KNOWN)
    if strange:
        raise Unusable(f"it says {', '.join(strange)[:100]}")
    frequency = str(said.get("FREQ", [""])[0]).upper()
    if frequency not in _FREQUENCIES:
        raise Unusable(f"it goes by {frequency[:20].lower() or 'nothing that is named'}")
    interval = _number(said, "INTERVAL", 1, 10_000) or 1
    count = _number(said, "COUNT", 1, 1_000_000)
    end = until(said["UNTIL"][0]) if said.get("UNTIL") else None
    numbers = {name: _numbers(said, name, *bounds) for name, bounds in _NUMBERS.items()}
    days = [_weekday(str(one)) for one in said.get("BYDAY", ())]
    start_of_week = str(said.get("WKST", ["MO"])[0]).upper()
    if start_of_week not in _DAYS:
        raise Unusable("its week begins on no day")
    by_day = frequency in ("DAILY", "WEEKLY")
    by_clock = frequency in ("HOURLY", "MINUTELY")
    filtered = {name: numbers.pop(name) for name in _FILTERS if by_day and numbers[name]}
    if (by_day or by_clock) and any(
        values for name, values in numbers.items() if by_clock or name not in ("BYHOUR", "BYMINUTE")
    ):
        # Nothing may ever come of these, and looking for it would have no end.
        raise Unusable("it has conditions that are not followed")
    if by_clock and days:
        raise Unusable("it has conditions that are not followed")
    if len(numbers["BYHOUR"]) * max(1, len(numbers["BYMINUTE"])) > 48:
        raise Unusable("it takes place too often in a day")
    made = rrule.rrule(
        _FREQUENCIES[frequency],
        dtstart=first,
        interval=interval,
        wkst=_DAYS[start_of_week],
        count=None if filtered else count,
        until=end,
        byweekday=days or None,
        **{name.lower(): values or None for name, values in numbers.items()},
    )
    found = (one for one in _bounded(made) if _fits(one, filtered))
    return itertools.islice(found, count) if filtered and count else found


def _parts(parts: Mapping[str, Any]) -> dict[str, list[Any]]:
    return {
        name.upper(): list(value) if isinstance(value, (list, tuple)) else [value]
        for name, value in parts.items()
    }


def _bounded(made: Iterator[datetime]) -> Iterator[datetime]:
    for number, one in enumerate(made):
        if number >= STEPS_MAX:
            raise Unusable("it takes place too often")
        yield one


def _fits(one: datetime, filtered: Mapping[str, Sequence[int]]) -> bool:
    months, days = filtered.get("BYMONTH"), filtered.get("BYMONTHDAY")
    last = (one.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return (not months or one.month in months) and (
        not days or one.day in days or one.day - last.day - 1 in days
    )


def _number(said: Mapping[str, Sequence[Any]], name: str, least: int, most: int) -> int | None:
    if not said.get(name):
        return None
    return _numbers(said, name, least, most)[0]


def _numbers(said: Mapping[str, Sequence[Any]], name: str, least: int, most: int) -> list[int]:
    found: list[int] = []
    for one in said.get(name, ()):
        try:
            number = int(one)
        except (TypeError, ValueError):
            raise Unusable(f"its {name} is no number") from None
        if not least <= number <= most or (number == 0 and least < 0):
            raise Unusable(f"its {name} is {number}")
        found.append(number)
    return sorted(set(found))


def _weekday(text: str) -> Any:
    name, ordinal = text[-2:].upper(), text[:-2]
    if name not in _DAYS:
        raise Unusable("it names a day that no week has")
    if not ordinal:
        return _DAYS[name]
    try:
        number = int(ordinal)
    except ValueError:
        number = 0
    if not 1 <= abs(number) <= 53:
        raise Unusable("it counts weekdays as nobody does")
    return _DAYS[name](number)


# -- our own rules


def _as_rule(once: Schedule, parts: Mapping[str, Any], base: set[datetime], *, ended: bool) -> Rule | None:
    """A rule of ours by which it takes place at exactly these times."""
    if len(base) < 2:
        return None
    first = min(base)
    for rule in _rules(parts, base, ended=ended):
        try:
            schedule = Schedule(starts=_said(first, once), days=once.days, rule=rule)
            if set(series.starts_of(schedule)) == base:
                return rule
        except (ValueError, OverflowError):
            continue
    return None


def _rules(parts: Mapping[str, Any], base: set[datetime], *, ended: bool) -> Iterator[Rule]:
    said = _parts(parts)
    frequency = str(said["FREQ"][0]).lower()
    interval = int(said.get("INTERVAL", [1])[0])
    if frequency == "yearly":
        frequency, interval = "monthly", interval * 12
    if frequency not in FREQUENCIES or interval > INTERVAL_MAX:
        return
    days = [str(one).upper() for one in said.get("BYDAY", ())]
    names = tuple(dict.fromkeys(one[-2:] for one in days))
    positions = {int(one[:-2]) for one in days if one[:-2]} | {int(one) for one in said.get("BYSETPOS", ())}
    position = positions.pop() if len(positions) == 1 and frequency == "monthly" else None
    end: dict[str, Any] = {"until": max(base).date().isoformat()}
    if ended and said.get("COUNT") and int(said["COUNT"][0]) == len(base):
        end = {"count": len(base)}
    yield Rule(frequency=frequency, interval=interval, weekdays=names, position=position, **end)  # type: ignore[arg-type]
    if names:
        yield Rule(frequency=frequency, interval=interval, position=position, **end)  # type: ignore[arg-type]


def _said(wall: datetime, once: Schedule) -> str:
    return wall.strftime("%Y-%m-%d") if once.all_day else wall.isoformat(timespec="minutes")
