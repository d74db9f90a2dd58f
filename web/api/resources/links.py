"""Whether the links of resources still lead somewhere, in the client API."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver.resources import links
from web import auth, forms, keys, replies
from web.api.render import maybe_instant
from web.api.resources.entities import ResourceLink


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/resources/:id/links``: page, DOI and files elsewhere, and what came of asking them, once a week."""
    viewer = auth.viewer(request, "read:resources")
    rows = await links.listed(keys.server(request), viewer.account_id, forms.path_id(request))
    return replies.json(
        [
            ResourceLink(
                url=row.url,
                state=row.state,
                problem=row.problem,
                checked_at=maybe_instant(row.checked_at),
                failing_since=maybe_instant(row.failing_since),
            )
            for row in rows
        ]
    )


async def ask_now(request: web.Request) -> web.Response:
    """``POST /api/v1/resources/:id/links/check``: has them asked now; its author alone, once an hour."""
    member = auth.member(request, "write:resources")
    await links.ask_now(keys.server(request), member, forms.path_id(request))
    return replies.json({}, status=202)


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/resources/{id}/links", listed),
    web.post("/api/v1/resources/{id}/links/check", ask_now),
]
