"""What takes place at the same time in the network, told while something is planned: on this server, on partners', and in the
groups of whoever plans it. Nothing stands in the way of announcing it all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import visibility
from fedserver.context import Server
from fedserver.errors import Invalid
from fedserver.events import alike, finding, series
from fedserver.events.checking import checked
from fedserver.events.finding import Line
from fedserver.events.records import Described
from fedserver.events.series import Schedule
from fedserver.viewer import Member
from storage import calendars, groups

SHOWN_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class Clash:
    """A time of what is planned (`key`, instants in ms), and what else takes place then."""

    key: str
    starts_at: int
    ends_at: int
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Found:
    """The times at which there is something else; `times` is how many were looked at."""

    times: int
    clashes: Sequence[Clash] = field(default_factory=list)


async def of_schedule(
    server: Server, member: Member, schedule: Schedule, *, without: int | None = None
) -> Found:
    """What there is at the times of this schedule but for the event `without`. Raises Invalid, by field."""
    try:
        kept = checked(Described(title="x", schedule=schedule)).schedule
    except Invalid as error:
        raise Invalid(
            {name: text for name, text in error.fields.items() if name.startswith("schedule")}
        ) from None
    spans = series.spans_of(kept)

    def unit(conn: Connection) -> Found:
        rows = calendars.busy(
            conn,
            [(begins, ends) for _, begins, ends in spans],
            visibility.listed(member.account_id),
            groups=[row.account_id for row in groups.of_member(conn, member.account_id)],
            without=without,
        )
        entries = alike.merged(alike.told(row, row.post_id, key=row.key) for row in rows)
        shown = {
            line.occurrence.id: line
            for line in finding.lines_of(conn, entries[:SHOWN_MAX], member.account_id)
        }
        return Found(len(spans), [one for one in (_at(span, shown.values()) for span in spans) if one.lines])

    return await server.db.read(unit)


def _at(span: tuple[str, int, int], lines: Any) -> Clash:
    key, begins, ends = span
    at_once = [one for one in lines if one.occurrence.starts_at < ends and one.occurrence.ends_at > begins]
    return Clash(key, begins, ends, at_once)
