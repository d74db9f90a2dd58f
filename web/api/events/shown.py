"""Events as JSON."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web
from msgspec import UNSET, Raw

from fedserver.events import outputs, reading, series
from fedserver.events.finding import Line
from fedserver.events.outputs import Output
from fedserver.events.reading import OccurrenceRow, RsvpRow, Shown
from web import keys
from web.api.events.entities import (
    Announcement,
    Attendee,
    CalendarEntry,
    Event,
    EventOutput,
    EventResource,
    Occurrence,
    Rsvp,
)
from web.api.render import instant, maybe_instant, renderer


def event(request: web.Request, found: Shown, *, alone: bool = True) -> Event:
    """An event as its viewer sees it; in a list, that is not `alone`, without its occurrences."""
    row, details = found.row, found.details
    account: Any = Raw(renderer(request).account(found.author))
    return Event(
        id=str(row.id),
        status_id=str(row.id),
        uri=row.uri,
        url=row.url or row.uri,
        local=bool(row.local),
        instance=row.domain or keys.server(request).config.domain,
        uid=row.uid,
        sequence=row.sequence,
        title=row.title,
        abstract=row.summary,
        description=row.text_html,
        text=row.source_text,
        language=row.language or None,
        visibility=row.visibility,
        group_id=None if row.group_id is None else str(row.group_id),
        kind=row.kind,
        state=row.status,
        rsvp_mode=row.rsvp_mode,
        rsvp_closes_at=maybe_instant(row.rsvp_closes_at),
        external_url=details.external_url or None,
        capacity=row.capacity,
        has_waiting_list=bool(row.has_waiting_list),
        asks_elsewhere=bool(row.asks_elsewhere),
        guests_max=row.guests_max,
        questions=list(details.questions),
        reminders=list(details.reminders),
        by_mail=reading.takes_mail(row, details),
        schedule=details.schedule,
        zone=row.zone,
        all_day=bool(row.all_day),
        starts_at=instant(row.starts_at),
        ends_at=instant(row.ends_at),
        place=details.place,
        online=details.online,
        tool=details.tool,
        website=details.website or None,
        has_join_link=bool(row.join_url),
        agenda=list(details.agenda),
        organisers=list(details.organisers),
        cost=details.cost,
        eligibility=details.eligibility,
        languages=list(details.languages),
        captions=details.captions,
        accessibility=details.accessibility,
        keywords=list(details.keywords),
        occurrences=[occurrence(request, found, one) for one in found.occurrences] if alone else UNSET,
        resources=_resources(found) if alone else UNSET,
        outputs=[output(one) for one in found.outputs] if alone else UNSET,
        created_at=instant(row.created_at),
        changed_at=instant(row.changed_at),
        account=account,
    )


def _resources(found: Shown) -> list[EventResource]:
    named = (found.resources.get(one) for one in outputs.of_agenda(found.details.agenda))
    return [
        EventResource(id=str(one.id), title=one.title, url=one.url) for one in dict.fromkeys(named) if one
    ]


def output(one: Output) -> EventOutput:
    """What came out of an event."""
    return EventOutput(
        id=str(one.id),
        role=one.role,
        title=one.title,
        url=one.url,
        resource_id=None if one.resource_id is None else str(one.resource_id),
        occurrence=one.key or None,
    )


def occurrence(request: web.Request, found: Shown, one: OccurrenceRow) -> Occurrence:
    """One time that an event takes place, with the viewer's answer."""
    row, mine = found.row, found.answers.get(one.id)
    return Occurrence(
        key=one.key,
        uri=keys.server(request).uris.occurrence(row.id, one.key) if row.local else row.uri,
        starts_at=instant(one.starts_at),
        ends_at=instant(one.ends_at),
        starts=series.wall_time(one.starts_at, row.zone).isoformat(timespec="minutes"),
        status=one.status,
        note=one.note,
        capacity=row.capacity if one.capacity is None else one.capacity,
        going_count=one.going_count if row.local else row.participants_elsewhere or one.going_count,
        waiting_count=one.waiting_count,
        attended_count=found.came.get(one.id, 0),
        rsvp=None if mine is None else Rsvp(**_answer(one.key, mine)),
    )


def entry(request: web.Request, line: Line) -> CalendarEntry:
    """A time at which an event takes place, in a calendar."""
    found, one = line.found, line.occurrence
    domain = keys.server(request).config.domain
    return CalendarEntry(
        occurrence=occurrence(request, found, one),
        event=event(request, found, alone=False),
        also_announced_by=[
            Announcement(
                id=str(other.post_id),
                title=other.title,
                instance=other.domain or domain,
                url=other.url or other.uri,
            )
            for other in line.also
        ],
    )


def attendee(key: str, row: Any) -> Attendee:
    """An answer as organisers see it."""
    return Attendee(
        **_answer(key, row),
        account_id=None if row.account_id is None else str(row.account_id),
        guest_id=None if row.guest_id is None else str(row.guest_id),
        acct=f"{row.username}@{row.domain}" if row.domain else row.username or "",
        display_name=row.display_name if row.guest_id is None else row.guest_name,
        email=row.guest_email,
        answers=json.loads(row.answers),
        attended=bool(row.attended),
        created_at=instant(row.created_at),
    )


def _answer(key: str, row: RsvpRow) -> dict[str, Any]:
    return {"occurrence": key, "status": row.answer, "state": row.state, "guests": row.guests}
