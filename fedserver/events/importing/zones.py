"""Which zone a calendar means: by its name, by that of Windows, by the rules that it brings, in this order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

from fedserver.events import series
from fedserver.later import Later

if TYPE_CHECKING:
    from icalendar.timezone import windows_to_olson
else:
    windows_to_olson = Later("icalendar.timezone.windows_to_olson")

_UTC: Final = frozenset({"utc", "gmt", "z", "etc/utc", "etc/gmt", "zulu", "utc0"})
_COMMON: Final = (
    "Europe/London", "Europe/Stockholm", "Europe/Berlin", "Europe/Paris", "Europe/Helsinki", "Europe/Athens",
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Sao_Paulo", "Asia/Kolkata",
    "Asia/Tokyo", "Asia/Shanghai", "Australia/Sydney", "Africa/Johannesburg", "Africa/Nairobi", "Africa/Lagos",
)  # fmt: skip


@cache
def _windows() -> dict[str, str]:
    return {name.casefold(): zone for name, zone in windows_to_olson.WINDOWS_TO_OLSON.items()}


def by_name(name: str) -> str | None:
    """The IANA zone that a name means: its own, one of Windows, or one with something in front of it, such as
    ``/ics.py/2020.1/Europe/Stockholm``."""
    text = name.strip().strip('"')[:200]
    if text.casefold() in _UTC:
        return "UTC"
    folded = _folded()
    if text.casefold() in folded:
        return folded[text.casefold()]
    if text.casefold() in _windows():
        return _windows()[text.casefold()]
    parts = [one for one in text.split("/") if one]
    for length in (3, 2):
        last = "/".join(parts[-length:]).casefold()
        if len(parts) >= length and last in folded:
            return folded[last]
    return None


@lru_cache(1)
def _folded() -> dict[str, str]:
    return {one.casefold(): one for one in series.zones()}


def by_rules(zone: Any, around: datetime) -> str | None:
    """The IANA zone whose clocks go as these do (a `tzinfo`) in the five years around a day, the best known of them; None if
    there is none."""
    seen = _offsets(zone, around)
    if seen is None:
        return None
    for name in (*_COMMON, *sorted(series.zones())):
        if _offsets(series.zone(name), around) == seen:
            return name
    return None


def _offsets(zone: Any, around: datetime) -> tuple[timedelta, ...] | None:
    """What a zone's clocks show beside UTC, a day of each fortnight."""
    first = around.replace(hour=12, minute=0, second=0, microsecond=0, tzinfo=None) - timedelta(days=365)
    try:
        found = [(first + timedelta(days=14 * n)).replace(tzinfo=zone).utcoffset() for n in range(130)]
    except (ValueError, OverflowError, TypeError, AttributeError, IndexError):
        return None
    return None if any(one is None for one in found) else tuple(one for one in found if one is not None)


def wall(moment: datetime, zone: str) -> datetime:
    """What clocks of a zone show at this moment; what has no zone is taken as it is."""
    if moment.tzinfo is None:
        return moment
    return moment.astimezone(UTC).astimezone(series.zone(zone)).replace(tzinfo=None)
