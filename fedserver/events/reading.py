"""Reading events: one with when it takes place and the viewer's answers; and calendars."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import visibility
from fedserver.context import Server
from fedserver.errors import Invalid, NotFound
from fedserver.events.records import Described, Details, decode_details
from storage import accounts, events
from storage import posts as stored_posts
from storage.events import EventRow, OccurrenceRow, RsvpRow

__all__ = ["EventRow", "OccurrenceRow", "RsvpRow"]

SPAN_MS_MAX: Final = 400 * 86_400_000
_AFTER: Final = re.compile(r"(-?\d{1,14})-(\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shown:
    """An event as its viewer sees it: its row, what is said of it, its occurrences in order, and by occurrence what the viewer
    answered."""

    row: EventRow
    details: Details
    occurrences: Sequence[OccurrenceRow] = ()
    answers: Mapping[int, RsvpRow] = field(default_factory=dict)
    author: Any = None


async def show(server: Server, viewer_id: int | None, post_id: int) -> Shown:
    """An event that the viewer may see. Raises NotFound."""
    return await server.db.read(shown, post_id, viewer_id)


def shown(conn: Connection, post_id: int, viewer_id: int | None) -> Shown:
    """The unit of `show`."""
    row = visible(conn, post_id, viewer_id)
    return of_rows(conn, [row], viewer_id)[row.id]


def of_rows(conn: Connection, rows: Sequence[EventRow], viewer_id: int | None) -> dict[int, Shown]:
    """Events with all that belongs to them, by id; a statement for each kind of thing."""
    times = events.occurrences_of(conn, [row.id for row in rows])
    authors = accounts.by_ids(conn, [row.account_id for row in rows])
    mine = (
        {}
        if viewer_id is None
        else events.answers_of(conn, viewer_id, [one.id for every in times.values() for one in every])
    )
    return {
        row.id: Shown(
            row, decode_details(row.details), times.get(row.id, []), mine, authors.get(row.account_id)
        )
        for row in rows
    }


def visible(conn: Connection, post_id: int, viewer_id: int | None) -> EventRow:
    """The row of an event that the viewer may see. Raises NotFound."""
    post = stored_posts.by_id(conn, post_id)
    row = events.by_id(conn, post_id)
    if post is None or row is None or not visibility.may_see(conn, post, viewer_id):
        raise NotFound("Record not found")
    return row


def described_of(row: EventRow) -> Described:
    """All that is said of an event, as its organiser would change it."""
    details = decode_details(row.details)
    return Described(
        title=row.title,
        abstract=row.summary,
        text=row.source_text,
        language=row.language,
        kind=row.kind,
        status=row.status,
        rsvp_mode=row.rsvp_mode,
        capacity=row.capacity,
        has_waiting_list=bool(row.has_waiting_list),
        guests_max=row.guests_max,
        rsvp_closes_at=row.rsvp_closes_at,
        join_url=row.join_url,
        **{name: getattr(details, name) for name in details.__struct_fields__},
    )


@dataclass(frozen=True, slots=True)
class CalendarPage:
    """Occurrences of a stretch of time, in order, each with its event; `after` is where the next page begins."""

    lines: Sequence[tuple[OccurrenceRow, Shown]]
    after: str = ""


async def calendar(
    server: Server, viewer_id: int | None, *, from_ms: int, to_ms: int, limit: int, after: str = ""
) -> CalendarPage:
    """What takes place between two instants, as the viewer may see it. Raises Invalid for more than 400 days."""
    if not 0 < to_ms - from_ms <= SPAN_MS_MAX:
        raise Invalid({"to": "must be after from, by 400 days at the most"})
    place = _AFTER.fullmatch(after)
    if after and place is None:
        raise Invalid({"after": "must be what the page before gave"})

    def unit(conn: Connection) -> CalendarPage:
        found = events.within(
            conn, from_ms=from_ms, to_ms=to_ms, shown=visibility.listed(viewer_id), limit=limit,
            after=(int(place[1]), int(place[2])) if place is not None else (-(1 << 62), 0),
        )  # fmt: skip
        rows = list(events.by_ids(conn, [one.post_id for one in found]).values())
        known = of_rows(conn, rows, viewer_id)
        last = found[-1] if len(found) == limit else None
        lines = [(one, known[one.post_id]) for one in found]
        return CalendarPage(lines, "" if last is None else f"{last.starts_at}-{last.id}")

    return await server.db.read(unit)
