"""Search of the client API."""

from __future__ import annotations

from typing import Final

import msgspec
from aiohttp import web

from fedserver import collections, search, tags
from fedserver.errors import Unauthorized
from fedserver.viewer import Member
from web import auth, forms, keys, replies
from web.api.paging import SEARCH, window
from web.api.render import collection_entity, joined, renderer
from web.api.tags import entity as tag_entity
from web.params import Unreadable


async def find(request: web.Request) -> web.Response:
    """``GET /api/v2/search``: accounts, hashtags, and for members posts; strangers get the first page of what is known."""
    viewer = auth.viewer(request, "read:search")
    params = forms.query(request)
    resolve, offset = params.flag("resolve"), params.integer("offset", 0, least=0, most=10_000)
    if not isinstance(viewer, Member):
        if resolve:
            raise Unauthorized(
                "Search queries that resolve remote resources are not supported without authentication"
            )
        if offset:
            raise Unauthorized("Search queries pagination is not supported without authentication")
    kind = params.text("type")
    if not params.text("q").strip():
        raise Unreadable("param is missing or the value is empty or invalid: q")
    server, render, asked = keys.server(request), renderer(request), window(params, SEARCH)
    wanted = search.Wanted(
        kinds=(kind,) if kind in search.KINDS else search.KINDS,
        limit=asked.limit,
        # Pages are of one kind: with all of them the first is the only one.
        offset=offset if kind else 0,
        resolve=resolve,
        following=params.flag("following"),
        exclude_unreviewed=params.flag("exclude_unreviewed"),
        account_id=params.id("account_id"),
        min_id=asked.min_id,
        max_id=asked.max_id,
    )
    found = await search.search(server, viewer, params.text("q"), render.shelf, wanted)
    pasted = await collections.some(server, viewer.account_id, found.collection_ids)
    hashtags = await tags.shown(server, viewer.account_id, found.hashtags)
    return replies.json(
        b'{"accounts":%b,"statuses":%b,"hashtags":%b,"collections":%b}'
        % (
            joined(render.account(row) for row in found.accounts),
            render.statuses(found.posts),
            msgspec.json.encode([tag_entity(request, one) for one in hashtags]),
            msgspec.json.encode([collection_entity(one, server.uris) for one in pasted.values()]),
        )
    )


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v2/search", find),
]
