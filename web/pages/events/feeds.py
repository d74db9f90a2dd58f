"""Calendars to subscribe to, as iCalendar: one event, those of the server, a member's own."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

from fedserver.events import calendars
from web import forms, keys, replies

MEDIA_TYPE: Final = "text/calendar"


async def of_event(request: web.Request) -> web.StreamResponse:
    """One event with all its occurrences."""
    viewer_id = request[keys.VIEWER].account_id
    body = await calendars.of_event(keys.server(request), viewer_id, forms.path_id(request))
    return _answer(request, body)


async def of_server(request: web.Request) -> web.StreamResponse:
    """What this server's members have announced to everybody."""
    return _answer(request, await calendars.of_server(keys.server(request), None))


async def of_token(request: web.Request) -> web.StreamResponse:
    """A member's own calendar, under an address that only they know."""
    body = await calendars.of_token(keys.server(request), request.match_info["token"])
    response = _answer(request, body)
    response.headers[hdrs.CACHE_CONTROL] = "private, no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _answer(request: web.Request, body: bytes) -> web.StreamResponse:
    response = web.Response(body=body, content_type=MEDIA_TYPE, charset="utf-8")
    return replies.conditional(request, response)


routes: Final[list[web.RouteDef]] = [
    web.get("/events.ics", of_server),
    web.get("/events/{id:[0-9]+}.ics", of_event),
    web.get("/calendar/{token:[A-Za-z0-9_-]{20,80}}.ics", of_token),
]
