"""Reading events: each with when it takes place and the viewer's answers. Which those are is `finding`'s business."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import visibility
from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.events import outputs
from fedserver.events.outputs import Linked, Output
from fedserver.events.records import Described, Details, decode_details
from storage import accounts, event_afterwards, events
from storage import posts as stored_posts
from storage.events import EventRow, OccurrenceRow, RsvpRow
from storage.types import now_ms

__all__ = ["EventRow", "OccurrenceRow", "RsvpRow"]

JOIN_OPENS_MS: Final = 60 * 60_000
"""How long before it begins those who are in are shown the link to join."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An event as its viewer sees it: its row, what is said of it, its occurrences in order, and by occurrence what the viewer
    answered. Of one that is shown alone also what came out of it, the resources it leads to, by id, and how many came, by
    occurrence."""

    row: EventRow
    details: Details
    occurrences: Sequence[OccurrenceRow] = ()
    answers: Mapping[int, RsvpRow] = field(default_factory=dict)
    author: Any = None
    outputs: Sequence[Output] = ()
    resources: Mapping[int, Linked] = field(default_factory=dict)
    came: Mapping[int, int] = field(default_factory=dict)

    def with_answers(self, answers: Mapping[int, RsvpRow]) -> Shown:
        """The same with somebody else's answers."""
        return replace(self, answers=answers)


async def show(server: Server, viewer_id: int | None, post_id: int) -> Shown:
    """An event that the viewer may see. Raises NotFound."""
    return await server.db.read(shown, post_id, viewer_id)


def shown(conn: Connection, post_id: int, viewer_id: int | None) -> Shown:
    """The unit of `show`."""
    row = visible(conn, post_id, viewer_id)
    found = of_rows(conn, [row], viewer_id)[row.id]
    rows = event_afterwards.outputs_of(conn, [row.id]).get(row.id, [])
    named = [one.resource_id for one in rows if one.resource_id is not None]
    resources = outputs.linked(conn, viewer_id, [*outputs.of_agenda(found.details.agenda), *named])
    return replace(
        found,
        outputs=outputs.shown(rows, resources),
        resources=resources,
        came=event_afterwards.attended_counts(conn, [one.id for one in found.occurrences]),
    )


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


def is_near(occurrence: OccurrenceRow) -> bool:
    """Whether those who are in are shown the link to join."""
    now = now_ms()
    return bool(
        occurrence.status != "cancelled" and occurrence.starts_at - JOIN_OPENS_MS <= now < occurrence.ends_at
    )


def takes_mail(row: EventRow, details: Details) -> bool:
    """Whether somebody without an account may come, known by their mail address."""
    if (
        not row.local
        or row.visibility not in ("public", "unlisted")
        or row.rsvp_mode not in ("free", "approval")
    ):
        return False
    if details.by_mail is None:
        return bool(row.visibility == "public" and row.rsvp_mode == "free")
    return details.by_mail


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
        asks_elsewhere=bool(row.asks_elsewhere),
        **{name: getattr(details, name) for name in details.__struct_fields__},
    )
