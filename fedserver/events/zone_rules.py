"""Zones as calendars carry them (VTIMEZONE, RFC 5545 §3.6.5): where clocks change by a rule with that rule. Pure.

A list of all days on which clocks change is as true, but several calendar programs read rules alone, and lists end.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fedserver.events import series
from fedserver.later import Later

if TYPE_CHECKING:
    import icalendar
else:
    icalendar = Later("icalendar")

FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2037
RULE_YEARS_MIN: Final = 5
"""So many years in a row make a rule."""
LAST: Final = -1  # the last of its weekday in a month
_DAY: Final = timedelta(days=1)
_STEP: Final = 7 * _DAY
"""Nowhere do clocks change back within a week."""


class _Change(NamedTuple):
    """What clocks do: from an offset to another, under a name."""

    is_daylight: bool
    before: timedelta
    after: timedelta
    name: str


@lru_cache(1024)
def of(zone: str) -> icalendar.Timezone | None:
    """The rules of a zone, or None for what is none. They take a thirtieth of a second to work out, and there are fewer zones
    than this keeps: a calendar that names all of them is no burden."""
    if zone not in series.zones():
        return None
    made = icalendar.Timezone()
    made.add("tzid", zone)
    for change, onsets in _changes(zone).items():
        place, regular = max(
            ((place, _by_rule(onsets, place)) for place in _places(onsets[-1])),
            key=lambda found: len(found[1]),
        )
        if len(regular) < RULE_YEARS_MIN or regular[-1].year < LAST_YEAR:
            made.add_component(_part(change, onsets))
            continue
        if len(regular) < len(onsets):
            made.add_component(_part(change, onsets[: -len(regular)]))
        ruled = _part(change, regular[:1])
        day = f"{place}{series.WEEKDAYS[regular[0].weekday()]}"
        ruled.add("rrule", {"FREQ": "YEARLY", "BYMONTH": regular[0].month, "BYDAY": day})
        made.add_component(ruled)
    return made


def _changes(zone: str) -> dict[_Change, list[datetime]]:
    """When clocks change, by what they do, in the wall time that holds until then."""
    here = series.zone(zone)

    def state(at: datetime) -> tuple[bool, timedelta, str]:
        shown = at.astimezone(here)
        return bool(shown.dst()), shown.utcoffset() or timedelta(), shown.tzname() or zone

    at = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
    known = state(at)
    found: dict[_Change, list[datetime]] = {
        _Change(known[0], known[1], known[1], known[2]): [datetime(FIRST_YEAR, 1, 1)]  # noqa: DTZ001  wall time
    }
    while at.year <= LAST_YEAR:
        later = state(at + _STEP)
        if later != known:
            low, high = at, at + _STEP
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) / 2
                low, high = (middle, high) if state(middle) == known else (low, middle)
            instant = (high + timedelta(milliseconds=500)).replace(microsecond=0)
            onset = (instant + known[1]).replace(tzinfo=None)
            found.setdefault(_Change(later[0], known[1], later[1], later[2]), []).append(onset)
            known = later
        at += _STEP
    return found


def _places(day: datetime) -> Sequence[int]:
    """Which of its weekday in its month it is, as a rule may say it."""
    is_last = (day + 7 * _DAY).month != day.month
    return (LAST, (day.day - 1) // 7 + 1) if is_last else ((day.day - 1) // 7 + 1,)


def _by_rule(onsets: Sequence[datetime], place: int) -> list[datetime]:
    """Those at the end that are year by year on the same weekday of the same month at the same hour."""
    last = onsets[-1]

    def fits(numbered: tuple[int, datetime]) -> bool:
        number, one = numbered
        same = (one.month, one.weekday(), one.time()) == (last.month, last.weekday(), last.time())
        return same and one.year == last.year - number and place in _places(one)

    return [one for _, one in takewhile(fits, enumerate(reversed(onsets)))][::-1]


def _part(change: _Change, onsets: Sequence[datetime]) -> Any:
    made = icalendar.TimezoneDaylight() if change.is_daylight else icalendar.TimezoneStandard()
    made.add("dtstart", onsets[0])
    for one in onsets[1:]:
        # One a line: some programs read no lists.
        made.add("rdate", one)
    made.add("tzname", change.name)
    made.add("tzoffsetfrom", change.before)
    made.add("tzoffsetto", change.after)
    return made
