"""When an opportunity opens and closes: wall time of a zone as instants, and in words. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from fedserver.events import series
from fedserver.opportunities.records import ANYWHERE, ANYWHERE_ZONE, Details

ROLLING_MS: Final = 180 * 86_400_000
"""How long what has no deadline stays on the board after it was last changed."""
_DAY_CHARS: Final = 10
_ANYWHERE_NAMES: Final = frozenset({ANYWHERE.lower(), "anywhere on earth", ANYWHERE_ZONE.lower()})


def zone_name(text: str) -> str:
    """The IANA name of a zone, or ``AoE`` for anywhere on earth. Raises ValueError for what is neither."""
    kept = text.strip()
    return ANYWHERE if kept.lower() in _ANYWHERE_NAMES else series.zone(kept).key


def iana(zone: str) -> str:
    """The IANA name of a zone that may be anywhere on earth."""
    return ANYWHERE_ZONE if zone == ANYWHERE else zone


def zone_words(zone: str) -> str:
    """What a zone is called."""
    return "anywhere on earth" if zone in (ANYWHERE, ANYWHERE_ZONE) else zone


def opens_at(details: Details) -> int | None:
    """The instant from which one may apply, in ms; None: at once."""
    return series.instant(series.moment(details.opens), iana(details.zone)) if details.opens else None


def deadline_at(details: Details) -> int | None:
    """The instant from which one may not apply any more, in ms. A day ends at its midnight."""
    if not details.deadline:
        return None
    moment = series.moment(details.deadline)
    if len(details.deadline) == _DAY_CHARS:
        moment += timedelta(days=1)
    return series.instant(moment, iana(details.zone))


def words(wall: str, zone: str) -> str:
    """``Fri 12 Mar 2027, 17:00 (Europe/Stockholm)``; of a whole day ``Fri 12 Mar 2027 (anywhere on earth)``."""
    moment = series.moment(wall)
    time = "" if len(wall) == _DAY_CHARS else f", {moment:%H:%M}"
    return f"{day_words(moment)}{time} ({zone_words(zone)})"


def instant_words(at_ms: int, zone: str) -> str:
    """The same of an instant, as clocks of a zone show it."""
    moment = series.wall_time(at_ms, iana(zone))
    return f"{day_words(moment)}, {moment:%H:%M} ({zone_words(zone)})"


def day_words(moment: datetime) -> str:
    """``Fri 12 Mar 2027``."""
    return f"{moment:%a} {moment.day} {moment:%b %Y}"
