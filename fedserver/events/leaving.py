"""What other servers are told of our events: the parts of a document beside those that every post has. Each part is read once
for all posts of a list. The link to join is in none of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from activitypub.builders import activity
from activitypub.builders import event as builder
from activitypub.builders.event import EventFields, OccurrenceFields
from activitypub.builders.note import LinkAttachment
from activitypub.identifiers import ActorUris, Uris
from activitypub.values import format_time
from fedserver.events import outputs, reading, saying, series
from fedserver.events.outputs import Output
from fedserver.events.records import decode_details
from storage import calendars, event_afterwards, events
from storage.events import EventRow, OccurrenceRow
from storage.posts import PostRow
from storage.types import now_ms

PAGE_ITEMS: Final = 40
LINKS_MAX: Final = 20


class Outgoing(NamedTuple):
    """Of one event: what Mastodon shows, links, and the keys of its document."""

    summary_html: str
    links: Sequence[LinkAttachment]
    document: Mapping[str, Any]


def events_of(
    conn: Connection, uris: Uris, rows: Sequence[PostRow], authors: Mapping[int, Any]
) -> dict[int, Outgoing]:
    """By id, of posts that are events; `authors` are accounts by id."""
    if not rows:
        return {}
    ids = [row.id for row in rows]
    found, times = events.by_ids(conn, ids), events.occurrences_of(conn, ids)
    rows_of = event_afterwards.outputs_of(conn, ids)
    # Of resources those alone that everybody may see.
    named = [
        one.resource_id for several in rows_of.values() for one in several if one.resource_id is not None
    ]
    resources = outputs.linked(conn, None, named)
    return {
        row.id: _outgoing(
            uris,
            found[row.id],
            times[row.id],
            authors[row.account_id].uri,
            outputs.shown(rows_of.get(row.id, []), resources),
        )
        for row in rows
        if row.id in found and row.id in times
    }


def _outgoing(
    uris: Uris, row: EventRow, times: Sequence[OccurrenceRow], organizer: str, came_of: Sequence[Output]
) -> Outgoing:
    details = decode_details(row.details)
    place = details.place
    first = times[0]
    fields = EventFields(
        uri=row.uri,
        url=row.url,
        start=_moment(first.starts_at, row.zone),
        end=_moment(first.ends_at, row.zone),
        zone=row.zone,
        kind=row.kind,
        status=row.status,
        rsvp_mode=row.rsvp_mode,
        attendees=uris.event_attendees(row.id),
        organizers=[organizer],
        place={
            "name": place.name,
            "streetAddress": place.street,
            "postalCode": place.postal_code,
            "addressLocality": place.locality,
            "addressRegion": place.region,
            "addressCountry": place.country,
            "latitude": place.latitude,
            "longitude": place.longitude,
        },
        online=details.online,
        tool=details.tool,
        external_url=details.external_url,
        capacity=row.capacity if first.capacity is None else first.capacity,
        going=first.going_count,
        language=row.language,
        cost=details.cost,
        occurrences=[
            OccurrenceFields(
                uri=uris.occurrence(row.id, one.key),
                start=_moment(one.starts_at, row.zone),
                end=_moment(one.ends_at, row.zone),
                status=one.status,
            )
            for one in (times if details.schedule.is_series else ())
        ],
    )
    said = reading.described_of(row)
    text = saying.summary(
        said, [(one.key, one.starts_at, one.ends_at) for one in times if one.status != "cancelled"]
    )
    summary = "".join(f"<p>{escape(one, quote=False)}</p>" for one in text.split("\n\n"))
    links = [LinkAttachment(href=details.website, name="Website")] if details.website else []
    for one in came_of[:LINKS_MAX]:
        word = outputs.WORDS.get(one.role)
        links.append(LinkAttachment(href=one.url, name=f"{word}: {one.title}" if word else one.title))
    return Outgoing(summary, links, builder.event(fields))


def _moment(at_ms: int, zone: str) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(series.zone(zone))


# -- what is to come


def upcoming(
    conn: Connection,
    owner: ActorUris,
    group_id: int | None,
    *,
    page: bool = False,
    begins: int = 0,
    min_id: int = 0,
) -> dict[str, Any]:
    """The public events of this server, or of a group here, that are not over, the first to begin first (FEP-8a8e); the
    collection itself, or the page of those that begin behind (instant, id)."""
    uri, now = owner.upcoming_events, now_ms()
    if not page:
        total = calendars.count_upcoming(conn, now, group_id)
        return activity.collection(uri, total=total, first=f"{uri}?page=true", attributed_to=owner.id)
    found = calendars.upcoming(conn, now, group_id, behind=(begins, min_id), limit=PAGE_ITEMS + 1)
    last = found[PAGE_ITEMS - 1] if len(found) > PAGE_ITEMS else None
    here = f"&begins={begins}&min_id={min_id}" if min_id else ""
    return activity.collection_page(
        f"{uri}?page=true{here}",
        part_of=uri,
        items=[_listed(one) for one in found[:PAGE_ITEMS]],
        next_page=f"{uri}?page=true&begins={last.starts_at}&min_id={last.id}" if last else None,
    )


def _listed(row: EventRow) -> dict[str, Any]:
    """Enough to know which are new: the events themselves are at their addresses."""
    return {
        "type": "Event",
        "id": row.uri,
        "name": row.title,
        "startTime": _time(row.starts_at),
        "endTime": _time(row.ends_at),
        "updated": _time(row.edited_at or row.created_at),
    }


def _time(at_ms: int) -> str:
    return format_time(datetime.fromtimestamp(at_ms / 1000, UTC))
