"""Linked pages in the client API: their previews, who links to them, and our posts as others embed them (oEmbed)."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from fedserver import feeds, oembed, reading, site, timelines
from fedserver.errors import Invalid, NotFound
from web import auth, forms, keys, replies
from web.api.paging import STATUSES, status_page, window
from web.api.render import renderer
from web.auth import ANONYMOUS


async def card(request: web.Request) -> web.Response:
    """``GET /api/v1/statuses/:id/card`` (deprecated): the preview alone, or nothing in it."""
    viewer = auth.viewer(request, "read:statuses")
    shown = renderer(request)
    batch = await timelines.one(keys.server(request), viewer.account_id, forms.path_id(request), shown.shelf)
    preview_id = batch.cards[0].post.preview_id
    return replies.json(b"{}" if preview_id is None else shown.card(preview_id, batch))


async def link(request: web.Request) -> web.Response:
    """``GET /api/v1/timelines/link``"""
    viewer = auth.viewer(request, "read:statuses")
    params = forms.query(request)
    url = params.text("url")
    if not url:
        raise Invalid({"url": "is missing"})
    asked = window(params, STATUSES)
    server = keys.server(request)
    sides = await feeds.sides(server, viewer, "topic")
    batch = await timelines.by_link(
        server, viewer.account_id, asked, renderer(request).shelf, url=url, sides=sides
    )
    return status_page(request, batch, asked)


async def embed(request: web.Request) -> web.Response:
    """``GET /api/oembed``: a public post of ours, to show on another site (oEmbed 2.3.4.4, ``rich``)."""
    server, params = keys.server(request), forms.query(request)
    if params.text("format") not in ("", "json"):
        raise web.HTTPNotImplemented
    try:
        parts = urlsplit(params.text("url"))
    except ValueError as error:
        raise NotFound("Record not found") from error
    post_id = parts.path.rpartition("/")[2]
    if f"{parts.scheme}://{parts.netloc}" != server.config.origin or not post_id.isdecimal():
        raise NotFound("Record not found")
    found = await reading.one(server, ANONYMOUS, int(post_id) if len(post_id) < 20 else 0)
    if not found.local or found.visibility not in ("public", "unlisted"):
        raise NotFound("Record not found")
    widest, highest = params.integer("maxwidth", default=oembed.WIDTH), params.integer("maxheight", default=0)
    return replies.json(
        oembed.offer(await site.describe(server), found, min(widest, oembed.WIDTH), highest or None)
    )


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/statuses/{id}/card", card),
    web.get("/api/v1/timelines/link", link),
    web.get("/api/oembed", embed),
]
