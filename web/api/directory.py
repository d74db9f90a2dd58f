"""The directory of accounts that want to be found, and the servers that are known here."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver import directory, search
from fedserver.directory import Where
from web import auth, forms, keys, replies
from web.api.paging import ACCOUNTS
from web.api.render import joined, renderer
from web.params import Params

OFFSET_MAX: Final = 10_000


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/directory``: `order` is ``active`` or ``new``; with `local` those of this server, with `partners` those of
    partner networks."""
    viewer = auth.viewer(request)
    params = forms.query(request)
    rows = await directory.page(
        keys.server(request),
        viewer.account_id,
        newest=params.text("order") == "new",
        where=_where(params),
        limit=params.limit(*ACCOUNTS),
        offset=params.integer("offset", 0, least=0, most=OFFSET_MAX),
    )
    render = renderer(request)
    return replies.json(joined(render.account(row) for row in rows))


def _where(params: Params) -> Where:
    if params.flag("local"):
        return "here"
    return "partners" if params.flag("partners") else "everywhere"


async def hosts(request: web.Request) -> web.Response:
    """``GET /api/v1/peers/search``: names of servers that begin so."""
    auth.viewer(request)
    found = await search.hosts(keys.server(request), forms.query(request).text("q"))
    return replies.json(found)


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/directory", show),
    web.get("/api/v1/peers/search", hosts),
]
