"""The calendar of the client API."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web
from msgspec import Struct

from fedserver.errors import Invalid
from fedserver.events import calendars, clashes, finding
from fedserver.events.finding import Wanted
from fedserver.events.series import Schedule
from fedserver.viewer import Viewer
from web import auth, calendar, forms, keys, replies
from web.api.events import shown
from web.api.events.entities import CalendarToken, Clash
from web.api.render import instant, maybe_instant
from web.params import Params

ENTRIES: Final = (50, 200)
DAY_MS: Final = 86_400_000
USUAL_DAYS: Final = 60


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/calendar?from=&to=&group=&topic=&kind=&language=&instance=&network=&how=&q=``: what takes place between two
    instants (ISO 8601), by default in the next 60 days, in order; `after` goes on behind a page. `network` is ``local`` or
    ``partners``, `how` ``online`` or ``in-person``; of the others but `group` (an id or a handle) there may be several."""
    viewer = auth.viewer(request, "read:events")
    return await _listed(request, viewer, calendar.wanted(request))


async def of_partners(request: web.Request) -> web.Response:
    """``GET /api/v1/partners/calendar``: the same of this server and its partners alone."""
    viewer = auth.viewer(request, "read:events")
    return await _listed(request, viewer, replace(calendar.wanted(request), network="partners"))


async def _listed(request: web.Request, viewer: Viewer, wanted: Wanted) -> web.Response:
    params = forms.query(request)
    from_ms = _instant(params, "from", int(datetime.now(UTC).timestamp() * 1000))
    page = await finding.calendar(
        keys.server(request),
        viewer.account_id,
        wanted,
        from_ms=from_ms,
        to_ms=_instant(params, "to", from_ms + USUAL_DAYS * DAY_MS),
        limit=params.limit(*ENTRIES),
        after=params.text("after"),
    )
    link = replies.link_header(request, next_={"after": page.after}) if page.after else ""
    entries = [shown.entry(request, line) for line in page.lines]
    return replies.json(entries, headers={"Link": link} if link else None)


def _instant(params: Params, name: str, usual: int) -> int:
    text = params.text(name).strip()
    if not text:
        return usual
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid({name: "must be an instant such as 2027-03-12T15:00:00Z"}) from None
    return int((found.replace(tzinfo=UTC) if found.tzinfo is None else found).timestamp() * 1000)


async def of_event(request: web.Request) -> web.Response:
    """``GET /api/v1/events/:id.ics``: an event as iCalendar, with all its times."""
    viewer = auth.viewer(request, "read:events")
    body = await calendars.of_event(keys.server(request), viewer.account_id, forms.path_id(request))
    return web.Response(body=body, content_type="text/calendar", charset="utf-8")


class PlannedInput(Struct, frozen=True, kw_only=True):
    """When something is to take place; `event_id` is that of the event if it is known already."""

    schedule: Schedule
    event_id: str = ""


async def clashing(request: web.Request) -> web.Response:
    """``POST /api/v1/calendar/clashes``: what takes place at the same time as a `schedule` that is planned: on this server, on
    partners' and in the member's groups; nothing is kept."""
    member = auth.member(request, "read:events")
    sent = await forms.read(request, PlannedInput)
    found = await clashes.of_schedule(
        keys.server(request),
        member,
        sent.schedule,
        without=forms.row_id(sent.event_id) if sent.event_id else None,
    )
    return replies.json(
        [
            Clash(
                key=one.key,
                starts_at=instant(one.starts_at),
                ends_at=instant(one.ends_at),
                entries=[shown.entry(request, line) for line in one.lines],
            )
            for one in found.clashes
        ]
    )


async def tokens(request: web.Request) -> web.Response:
    """``GET /api/v1/calendar/tokens``: secret addresses of the member's calendar; where they lead was said once."""
    member = auth.member(request, "read:events")
    found = await calendars.tokens(keys.server(request), member)
    return replies.json([_token(request, row) for row in found])


async def add_token(request: web.Request) -> web.Response:
    """``POST /api/v1/calendar/tokens``: a new secret address, for a program to subscribe to."""
    member = auth.member(request, "write:events")
    label = (await forms.params(request)).text("label")
    row, secret = await calendars.add_token(keys.server(request), member, label)
    return replies.json(_token(request, row, secret), headers={"Cache-Control": "no-store"})


async def remove_token(request: web.Request) -> web.Response:
    """``DELETE /api/v1/calendar/tokens/:id``: takes a secret address back."""
    member = auth.member(request, "write:events")
    await calendars.remove_token(keys.server(request), member, forms.path_id(request))
    return replies.json({})


def _token(request: web.Request, row: Any, secret: str = "") -> CalendarToken:
    url = f"{keys.server(request).config.origin}/calendar/{secret}.ics" if secret else None
    return CalendarToken(
        id=str(row.id),
        label=row.label,
        created_at=instant(row.created_at),
        used_at=maybe_instant(row.used_at),
        url=url,
    )


routes: Final[list[web.RouteDef]] = [
    # Before what is at an id: that would take the suffix for a part of it.
    web.get("/api/v1/events/{id:[0-9]+}.ics", of_event),
    web.get("/api/v1/events", listed),
    web.get("/api/v1/calendar", listed),
    web.get("/api/v1/partners/calendar", of_partners),
    web.post("/api/v1/calendar/clashes", clashing),
    web.get("/api/v1/calendar/tokens", tokens),
    web.post("/api/v1/calendar/tokens", add_token),
    web.delete("/api/v1/calendar/tokens/{id}", remove_token),
]
