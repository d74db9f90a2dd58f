"""Search of the client API."""

from __future__ import annotations

from typing import Final

import msgspec
from aiohttp import web

from fedserver import collections, search, tags
from fedserver.errors import Unauthorized
from fedserver.events import finding as events
from fedserver.opportunities import reading as opportunities
from fedserver.resources import catalogue
from fedserver.viewer import Member
from web import auth, forms, keys, replies
from web.api import entities
from web.api.events import shown as shown_events
from web.api.events.entities import Event
from web.api.opportunities import shown as shown_opportunities
from web.api.opportunities.entities import Opportunity
from web.api.paging import SEARCH, window
from web.api.render import collection_entity, joined, renderer
from web.api.resources import shown
from web.api.resources.entities import Resource
from web.api.tags import entity as tag_entity
from web.params import Unreadable

RESOURCES: Final = "resources"
OURS: Final = (RESOURCES, "events", "opportunities")
"""What Mastodon has not."""


class Search(entities.Search, kw_only=True):
    """What Mastodon finds, and beside it what Mastodon has not."""

    resources: list[Resource]
    events: list[Event]
    opportunities: list[Opportunity]


async def find(request: web.Request) -> web.Response:
    """``GET /api/v2/search``: accounts, hashtags, resources, events, opportunities, and for members posts; strangers get the first
    page of what is known."""
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
        kinds=() if kind in OURS else (kind,) if kind in search.KINDS else search.KINDS,
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
    in_library = await _in_library(request, viewer.account_id, kind, wanted)
    text = params.text("q").strip()[: search.QUERY_CHARACTERS_MAX]
    planned = offered = []
    if kind in ("", "events"):
        planned = await events.named(server, viewer.account_id, text, wanted)
    if kind in ("", "opportunities"):
        offered = await opportunities.named(server, viewer.account_id, text, wanted)
    return replies.json(
        b'{"accounts":%b,"statuses":%b,"hashtags":%b,"collections":%b,"resources":%b,"events":%b,"opportunities":%b}'
        % (
            joined(render.account(row) for row in found.accounts),
            render.statuses(found.posts),
            msgspec.json.encode([tag_entity(request, one) for one in hashtags]),
            msgspec.json.encode([collection_entity(one, server.uris) for one in pasted.values()]),
            in_library,
            msgspec.json.encode([shown_events.event(request, one, alone=False) for one in planned]),
            msgspec.json.encode([shown_opportunities.opportunity(request, one) for one in offered]),
        )
    )


async def _in_library(request: web.Request, viewer_id: int | None, kind: str, wanted: search.Wanted) -> bytes:
    """Resources are found by words beside everything else, which Mastodon's clients leave alone; not by an address."""
    text = forms.query(request).text("q").strip()[: catalogue.QUERY_CHARACTERS_MAX]
    if kind not in ("", RESOURCES) or search.is_address(text) or wanted.account_id is not None:
        return b"[]"
    asked = catalogue.Wanted(q=text)
    page = catalogue.Page(
        limit=wanted.limit,
        offset=wanted.offset,
        below=None if wanted.max_id is None else catalogue.Place(0, wanted.max_id),
        above=None if wanted.min_id is None else catalogue.Place(0, wanted.min_id),
    )
    return shown.resources(request, await catalogue.find(keys.server(request), viewer_id, asked, page))


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v2/search", find),
]
