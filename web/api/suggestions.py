"""Whom to follow."""

from __future__ import annotations

from typing import Final

import msgspec
from aiohttp import web

from fedserver import suggestions
from fedserver.suggestions import Suggestion
from web import auth, forms, keys, replies
from web.api.paging import ACCOUNTS
from web.api.render import joined, renderer

OFFSET_MAX: Final = 1_000
# What clients before 4.3 know of it.
_FORMER: Final = {
    "featured": "staff",
    "friends_of_friends": "past_interactions",
    "most_followed": "global",
    "most_interactions": "global",
}


async def accounts(request: web.Request) -> web.Response:
    """``GET /api/v1/suggestions``: only who."""
    render = renderer(request)
    return replies.json(joined(render.account(one.row) for one in await _page(request)))


async def with_sources(request: web.Request) -> web.Response:
    """``GET /api/v2/suggestions``: who, and why."""
    render = renderer(request)
    return replies.json(
        joined(
            b'{"source":"%b","sources":%b,"account":%b}'
            % (
                _FORMER[one.sources[0]].encode(),
                msgspec.json.encode(one.sources),
                render.account(one.row),
            )
            for one in await _page(request)
        )
    )


async def dismiss(request: web.Request) -> web.Response:
    """``DELETE /api/v1/suggestions/:account_id``: suggest somebody no more."""
    member = auth.member(request, "write:accounts")
    await suggestions.dismiss(keys.server(request), member, forms.path_id(request, "account_id"))
    return replies.json(b"{}")


async def _page(request: web.Request) -> list[Suggestion]:
    member = auth.member(request, "read:accounts")
    params = forms.query(request)
    return await suggestions.page(
        keys.server(request),
        member,
        limit=params.limit(*ACCOUNTS),
        offset=params.integer("offset", 0, least=0, most=OFFSET_MAX),
    )


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/suggestions", accounts),
    web.get("/api/v2/suggestions", with_sources),
    web.delete("/api/v1/suggestions/{account_id}", dismiss),
]
