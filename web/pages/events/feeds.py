"""Calendars to subscribe to, as iCalendar: one event, whatever anybody may find, a member's own."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from urllib.parse import quote
from xml.etree import ElementTree as ET

from aiohttp import hdrs, web

from fedserver import settings
from fedserver.content.xml import add, as_bytes
from fedserver.events import calendars, faces, schema_org
from fedserver.events.finding import Wanted
from fedserver.events.reading import Shown
from web import calendar, forms, keys, replies
from web.calendar import as_query
from web.pages.feeds import ATOM, instant

MEDIA_TYPE: Final = "text/calendar"
ENTRIES_MAX: Final = 30
SHARED_SECONDS: Final = 300  # how long a cache may show what is for everybody


async def of_event(request: web.Request) -> web.StreamResponse:
    """One event with all its times, as the viewer may see it."""
    viewer_id = request[keys.VIEWER].account_id
    body = await calendars.of_event(keys.server(request), viewer_id, forms.path_id(request))
    response = _answer(request, body)
    response.headers[hdrs.CONTENT_DISPOSITION] = f'inline; filename="event-{request.match_info["id"]}.ics"'
    return response


async def of_server(request: web.Request) -> web.StreamResponse:
    """What this server's members have announced to everybody, as far as it fits; see `/calendar.ics`."""
    return await _of_everybody(request, replace(calendar.wanted(request), network="local"))


async def of_network(request: web.Request) -> web.StreamResponse:
    """All that anybody may find: of this server, of its partners and whatever else is known here, narrowed by
    `q`, `group`, `topic`, `kind`, `language`, `instance`, `network` (``local`` or ``partners``) and `how` (``online`` or
    ``in-person``)."""
    return await _of_everybody(request, calendar.wanted(request))


async def of_group(request: web.Request) -> web.StreamResponse:
    """What takes place in a group, as far as it is for everybody."""
    name = request.match_info["name"]
    return await _of_everybody(request, Wanted(group=name), f"/groups/{quote(name)}/events")


async def of_topic(request: web.Request) -> web.StreamResponse:
    """What takes place about a topic: the events with this hashtag."""
    return await _of_everybody(request, Wanted(topics=(request.match_info["name"],)))


async def _of_everybody(request: web.Request, wanted: Wanted, path: str = "") -> web.StreamResponse:
    path = path or f"/events{as_query(calendar.pairs(wanted))}"
    body = await calendars.of_everybody(keys.server(request), wanted, path=path)
    response = _answer(request, body)
    response.headers[hdrs.CACHE_CONTROL] = f"public, max-age={SHARED_SECONDS}"
    return response


async def of_token(request: web.Request) -> web.StreamResponse:
    """A member's own calendar, under an address that only they know; with ``?groups=1`` also what takes place in their groups."""
    body = await calendars.of_token(
        keys.server(request), request.match_info["token"], with_groups=forms.query(request).flag("groups")
    )
    response = _answer(request, body)
    response.headers[hdrs.CACHE_CONTROL] = "private, no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


async def json_ld(request: web.Request) -> web.StreamResponse:
    """One event as JSON-LD of schema.org, as anybody may see it."""
    found = await faces.document(keys.server(request), forms.path_id(request))
    headers = {
        "Cache-Control": f"public, max-age={SHARED_SECONDS}",
        "Content-Type": schema_org.MEDIA_TYPE,
        "Vary": "Accept",
    }
    return replies.conditional(request, replies.json(found, headers=headers))


async def atom(request: web.Request) -> web.StreamResponse:
    """What was announced last of what fits, as an Atom feed; narrowed like `/calendar.ics`."""
    server, wanted = keys.server(request), calendar.wanted(request)
    found = await faces.newest(server, wanted, limit=ENTRIES_MAX)
    site = await settings.current(server)
    feed = ET.Element("feed", {"xmlns": "http://www.w3.org/2005/Atom"})
    query, at = as_query(calendar.pairs(wanted)), f"{server.config.origin}/events"
    add(feed, "id", f"{at}.atom{query}")
    add(feed, "title", site.title)
    add(feed, "updated", instant(max((one.row.changed_at for one in found), default=0)))
    add(feed, "link", rel="self", href=f"{at}.atom{query}", type="application/atom+xml")
    add(feed, "link", rel="alternate", href=f"{at}{query}", type="text/html")
    for one in found:
        _entry(add(feed, "entry"), one)
    headers = {hdrs.CONTENT_TYPE: ATOM, hdrs.CACHE_CONTROL: f"public, max-age={SHARED_SECONDS}"}
    return replies.conditional(request, web.Response(body=as_bytes(feed), headers=headers))


def _entry(element: ET.Element, one: Shown) -> None:
    row = one.row
    if row.language:
        element.set("xml:lang", row.language)
    add(element, "id", row.uri)
    add(element, "title", row.title)
    add(element, "published", instant(row.created_at))
    add(element, "updated", instant(row.changed_at))
    # RFC 4287 §4.2.1: an entry has an author.
    for name in one.details.organisers or [row.display_name or row.username]:
        add(add(element, "author"), "name", name)
    add(element, "link", rel="alternate", href=row.url or row.uri, type="text/html")
    add(element, "link", rel="alternate", href=row.uri, type="application/activity+json")
    if row.local:
        add(element, "link", rel="alternate", href=f"{row.url}.ics", type=MEDIA_TYPE)
    add(element, "category", term=row.kind)
    for word in one.details.keywords:
        add(element, "category", term=word)
    add(element, "summary", faces.summary(one))


def _answer(request: web.Request, body: bytes) -> web.StreamResponse:
    response = web.Response(body=body, content_type=MEDIA_TYPE, charset="utf-8")
    return replies.conditional(request, response)


routes: Final[list[web.RouteDef]] = [
    web.get("/events.ics", of_server),
    web.get("/events.atom", atom),
    web.get("/events/{id:[0-9]+}.jsonld", json_ld),
    web.get("/calendar.ics", of_network),
    web.get("/events/{id:[0-9]+}.ics", of_event),
    web.get("/groups/{name:[^/]+}/events.ics", of_group),
    web.get("/tags/{name:[^/]+}/events.ics", of_topic),
    web.get("/calendar/{token:[A-Za-z0-9_-]{20,80}}.ics", of_token),
]
