"""What programs subscribe to: any query of the board as an Atom feed (RFC 4287) or as a calendar of deadlines, and one
opportunity as a calendar or as JSON-LD. They say what anybody may see, whoever asks."""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree as ET

from aiohttp import hdrs, web

from fedserver import settings, visibility
from fedserver.content.xml import add, as_bytes
from fedserver.errors import NotFound
from fedserver.opportunities import calendars, reading
from fedserver.opportunities.faces import schema_org
from fedserver.opportunities.reading import Shown
from web import auth, board, forms, keys, replies
from web.pages.feeds import ATOM, instant

CALENDAR: Final = "text/calendar"
FEED_SIZES: Final = (30, 100)


async def atom(request: web.Request) -> web.StreamResponse:
    """What a query finds, what came last is first unless `sort` says otherwise; `limit` up to 100."""
    server, params = keys.server(request), forms.query(request)
    wanted = board.wanted(request, sort="new")
    found = await reading.board(server, auth.ANONYMOUS.account_id, wanted, limit=params.limit(*FEED_SIZES))
    site = await settings.current(server)
    query = request.rel_url.raw_query_string
    at, address = f"{server.config.origin}/opportunities", f"?{query}" if query else ""
    feed = ET.Element("feed", {"xmlns": "http://www.w3.org/2005/Atom"})
    add(feed, "id", f"{at}.atom{address}")
    add(feed, "title", f"{site.title}: opportunities")
    add(feed, "updated", instant(max((one.row.changed_at for one in found.lines), default=0)))
    add(feed, "link", rel="self", href=f"{at}.atom{address}", type="application/atom+xml")
    add(feed, "link", rel="alternate", href=f"{at}{address}", type="text/html")
    for one in found.lines:
        _entry(add(feed, "entry"), one)
    return _answer(request, as_bytes(feed), ATOM)


def _entry(element: ET.Element, one: Shown) -> None:
    row, details = one.row, one.details
    if row.language:
        element.set("xml:lang", row.language)
    add(element, "id", row.uri)
    add(element, "title", row.title)
    add(element, "published", instant(row.created_at))
    add(element, "updated", instant(row.changed_at))
    add(add(element, "author"), "name", details.organisation.name or row.display_name or row.username)
    add(element, "link", rel="alternate", href=row.url or row.uri, type="text/html")
    add(element, "link", rel="alternate", href=row.uri, type="application/activity+json")
    if details.apply_url:
        add(element, "link", rel="related", href=details.apply_url)
    add(element, "category", term=row.kind)
    for topic in details.topics:
        add(element, "category", term=topic)
    add(element, "content", row.content_html, type="html")


async def of_board(request: web.Request) -> web.StreamResponse:
    """The deadlines of what a query finds."""
    server, query = keys.server(request), request.rel_url.raw_query_string
    url = f"{server.config.origin}/opportunities" + (f"?{query}" if query else "")
    body = await calendars.of_board(server, auth.ANONYMOUS.account_id, board.wanted(request), url=url)
    return _answer(request, body, f"{CALENDAR}; charset=utf-8")


async def of_opportunity(request: web.Request) -> web.StreamResponse:
    """One deadline."""
    viewer_id = request[keys.VIEWER].account_id
    body = await calendars.of_opportunity(keys.server(request), viewer_id, forms.path_id(request))
    return _answer(request, body, f"{CALENDAR}; charset=utf-8")


async def of_token(request: web.Request) -> web.StreamResponse:
    """A member's own deadlines, under an address that only they know."""
    body = await calendars.of_token(keys.server(request), request.match_info["token"])
    response = _answer(request, body, f"{CALENDAR}; charset=utf-8")
    response.headers[hdrs.CACHE_CONTROL] = "private, no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


async def json_ld(request: web.Request) -> web.StreamResponse:
    """An opportunity of this server in schema.org's terms."""
    found = await reading.show(keys.server(request), auth.ANONYMOUS.account_id, forms.path_id(request))
    if not found.row.local or found.row.visibility not in visibility.FOR_EVERYBODY:
        raise NotFound
    response = replies.json(
        schema_org.document(found),
        headers={hdrs.CONTENT_TYPE: schema_org.MEDIA_TYPE, hdrs.VARY: "Accept"},
    )
    return replies.conditional(request, response)


def _answer(request: web.Request, body: bytes, media_type: str) -> web.Response:
    # What closes in a minute must be gone in a minute.
    headers = {hdrs.CONTENT_TYPE: media_type, hdrs.CACHE_CONTROL: "no-cache"}
    return replies.conditional(request, web.Response(body=body, headers=headers))


routes: Final[list[web.RouteDef]] = [
    web.get("/opportunities.atom", atom),
    web.get("/opportunities.ics", of_board),
    web.get("/opportunities/{id:[0-9]+}.ics", of_opportunity),
    web.get("/opportunities/{id:[0-9]+}.jsonld", json_ld),
    web.get("/calendar/{token:[A-Za-z0-9_-]{20,80}}/deadlines.ics", of_token),
]
