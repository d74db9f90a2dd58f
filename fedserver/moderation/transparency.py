"""What moderators did, for anybody to read: numbers alone, no names, and no number from which somebody can be told.

In a small community a single decision points at a single person, so numbers from one to four are only said to be few.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from fedserver.context import Server
from storage import transparency
from storage.types import DAY_MS, now_ms

SPANS_DAYS: Final = (90, 365)
FEW: Final = 5
"""Numbers below this one, but for none at all, are not told."""


@dataclass(frozen=True, slots=True)
class Span:
    """What happened in the last `days`. None stands for fewer than `FEW`; `hours` is the median time until a report was
    settled, None where too few were."""

    days: int
    reports: int | None
    settled: int | None
    hours: int | None
    decisions: Mapping[str, int | None]
    appeals: int | None
    upheld: int | None


async def spans(server: Server) -> list[Span]:
    """The numbers of each of `SPANS_DAYS`. Full days alone, so that looking twice a day tells nothing more."""
    today = now_ms() // DAY_MS * DAY_MS
    return await server.db.read(lambda conn: [_span(conn, days, today) for days in SPANS_DAYS])


def _span(conn: Connection, days: int, until: int) -> Span:
    since = until - days * DAY_MS
    made, settled = transparency.reports_between(conn, since, until)
    times = transparency.times_to_settle(conn, since, until)
    appeals, upheld = transparency.appeals_between(conn, since, until)
    return Span(
        days,
        _told(made),
        _told(settled),
        round(statistics.median(times) / 3_600_000) if len(times) >= FEW else None,
        {name: _told(count) for name, count in transparency.decisions_between(conn, since, until).items()},
        _told(appeals),
        _told(upheld),
    )


def _told(count: int) -> int | None:
    return None if 0 < count < FEW else count
