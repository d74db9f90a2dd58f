"""What any query of the library finds, for other sites: as an Atom feed, and as a page made to be framed.

Both show what anybody may find, whoever asks: they have no cookie and no form.
"""

from __future__ import annotations

from html import escape
from typing import Final
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from aiohttp import web

from fedserver import settings
from fedserver.content.xml import add, as_bytes
from fedserver.resources import catalogue, licences
from fedserver.resources.cards import card_of
from fedserver.resources.catalogue import Page
from fedserver.resources.reading import Shown
from web import auth, keys, library, replies
from web.pages import page
from web.pages.feeds import ATOM, instant

FEED_SIZES: Final = (30, 100)
EMBED_SIZES: Final = (10, 30)
SHARED_SECONDS: Final = 300
EMBED_HEIGHT: Final = 480
EMBED_CSP: Final = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'self'; form-action 'none'; frame-ancestors *"


async def atom(request: web.Request) -> web.StreamResponse:
    """What a query finds, the newest first unless `sort` says otherwise; `limit` up to 100."""
    server = keys.server(request)
    part = Page(limit=library.page(request, FEED_SIZES).limit)
    found = await catalogue.find(server, auth.ANONYMOUS.account_id, library.wanted(request), part)
    site = await settings.current(server)
    feed = ET.Element("feed", {"xmlns": "http://www.w3.org/2005/Atom"})
    query = request.rel_url.raw_query_string
    at = f"{server.config.origin}/resources"
    address = f"?{query}" if query else ""
    add(feed, "id", f"{at}.atom{address}")
    add(feed, "title", site.title)
    # Of an empty list nothing has changed since the beginning of time (RFC 4287 §4.2.15 wants an instant).
    add(feed, "updated", instant(max((one.row.changed_at for one in found.shown), default=0)))
    add(feed, "link", rel="self", href=f"{at}.atom{address}", type="application/atom+xml")
    add(feed, "link", rel="alternate", href=f"{at}{address}", type="text/html")
    for one in found.shown:
        _entry(add(feed, "entry"), one)
    response = web.Response(
        body=as_bytes(feed),
        headers={"Content-Type": ATOM, "Cache-Control": f"public, max-age={SHARED_SECONDS}"},
    )
    return replies.conditional(request, response)


def _entry(element: ET.Element, one: Shown) -> None:
    row, details = one.row, one.details
    if row.language:
        element.set("xml:lang", row.language)
    add(element, "id", row.uri)
    add(element, "title", row.title)
    add(element, "published", instant(row.created_at))
    add(element, "updated", instant(row.changed_at))
    # RFC 4287 §4.2.1: an entry has an author.
    for name in [author.name for author in details.authors] or [row.display_name or row.username]:
        add(add(element, "author"), "name", name)
    add(element, "link", rel="alternate", href=row.url or row.uri, type="text/html")
    add(element, "link", rel="alternate", href=row.uri, type="application/activity+json")
    if details.url:
        add(element, "link", rel="related", href=details.url)
    licence = licences.address(details.licence) if details.licence else ""
    if licence:
        add(element, "link", rel="license", href=licence)  # RFC 4946
    for topic in details.topics:
        add(element, "category", term=topic.uri or topic.label, label=topic.label)
    for word in details.keywords:
        add(element, "category", term=word)
    if details.licence:
        add(element, "rights", details.licence)
    add(element, "summary", row.summary)
    add(element, "content", row.content_html, type="html")


async def embed(request: web.Request) -> web.StreamResponse:
    """A list for a frame on another site, by the same parameters as the library; without script, cookies and forms."""
    server = keys.server(request)
    request[keys.SETTINGS] = await settings.current(server)
    asked = library.wanted(request)
    part = Page(limit=library.page(request, EMBED_SIZES).limit)
    found = await catalogue.find(server, auth.ANONYMOUS.account_id, asked, part)
    query = request.rel_url.raw_query_string
    response = await page.show(
        request,
        "resource/embed.html",
        cards=[card_of(one.row, one.details) for one in found.shown],
        total=found.total,
        more=f"/resources?{query}" if query else "/resources",
        words=asked.q,
    )
    response.headers["Content-Security-Policy"] = EMBED_CSP
    response.headers["Cache-Control"] = f"public, max-age={SHARED_SECONDS}"
    return response


def snippet(origin: str, query: list[tuple[str, str]], title: str) -> str:
    """The HTML that puts such a list into another site's page."""
    address = f"{origin}/embed/resources" + (f"?{urlencode(query)}" if query else "")
    return (
        f'<iframe src="{escape(address)}" title="{escape(title)}" width="100%" height="{EMBED_HEIGHT}" '
        'loading="lazy" referrerpolicy="no-referrer" sandbox="allow-popups allow-popups-to-escape-sandbox"></iframe>'
    )


routes = [
    web.get("/resources.atom", atom),
    web.get("/embed/resources", embed),
]
