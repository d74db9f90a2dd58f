"""Which servers are partners of this one: they share their libraries with each other."""

from __future__ import annotations

from aiohttp import web

from fedserver import partners
from web import keys
from web.kept import for_strangers
from web.pages import page


@for_strangers
async def listed(request: web.Request) -> web.StreamResponse:
    """The partners, each with the way to what it shares."""
    rows = await partners.listed(keys.server(request), request[keys.VIEWER], ["active"])
    return await page.show(
        request,
        "partners.html",
        partners=[(row.host, row.display_name or row.host, row.url or row.uri) for row in rows],
    )


routes = [web.get(path, listed) for path in ("/partners", "/about/partners")]
