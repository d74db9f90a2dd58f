"""The whole library for programs: site maps, robots.txt, and all public resources as lines of JSON-LD."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

from fedserver.resources.faces import sitemap
from web import keys, replies

XML: Final = "application/xml; charset=utf-8"
LINES: Final = "application/x-ndjson"
SHARED_SECONDS: Final = 300


async def site_map(request: web.Request) -> web.StreamResponse:
    """Addresses of what everybody may find, or of further site maps."""
    return _shared(request, await sitemap.whole(keys.server(request)), XML)


async def part(request: web.Request) -> web.StreamResponse:
    """One of several site maps."""
    return _shared(request, await sitemap.part(keys.server(request), int(request.match_info["number"])), XML)


async def robots(request: web.Request) -> web.StreamResponse:
    """What crawlers should leave alone, and where the site map is."""
    return _shared(request, sitemap.robots(keys.server(request)).encode(), "text/plain; charset=utf-8")


async def lines(request: web.Request) -> web.StreamResponse:
    """Every public resource of this server as JSON-LD, one a line."""
    response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: LINES, hdrs.CACHE_CONTROL: "no-cache"})
    await response.prepare(request)
    if request.method != hdrs.METH_HEAD:
        async for some in sitemap.lines(keys.server(request)):
            await response.write(some)
    await response.write_eof()
    return response


def _shared(request: web.Request, body: bytes, kind: str) -> web.Response:
    headers = {hdrs.CONTENT_TYPE: kind, hdrs.CACHE_CONTROL: f"public, max-age={SHARED_SECONDS}"}
    return replies.conditional(request, web.Response(body=body, headers=headers))


routes = [
    web.get("/sitemap.xml", site_map),
    web.get(r"/sitemap-{number:\d{1,6}}.xml", part),
    web.get("/robots.txt", robots),
    web.get("/resources.jsonl", lines),
]
