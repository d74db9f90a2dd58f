"""Trends of the client API: hashtags, posts and links that many use at present."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from aiohttp import web

from fedserver import trends
from web import auth, forms, keys, replies
from web.api.entities import TagUse
from web.api.paging import STATUSES
from web.api.render import joined, renderer
from web.api.tags import entity
from web.params import Params

OFFSET_MAX: Final = 1_000
TAGS: Final = (10, 20)
LINKS: Final = (10, 20)


async def tags(request: web.Request) -> web.Response:
    """``GET /api/v1/trends/tags``, and as ``/api/v1/trends``"""
    viewer = auth.viewer(request)
    asked = _asked(forms.query(request), TAGS)
    found = await trends.tags_page(keys.server(request), viewer.account_id, **asked)
    return _page(request, msgspec.json.encode([entity(request, one) for one in found]), len(found), asked)


async def statuses(request: web.Request) -> web.Response:
    """``GET /api/v1/trends/statuses``"""
    viewer = auth.viewer(request)
    asked = _asked(forms.query(request), STATUSES)
    render = renderer(request)
    batch = await trends.posts_page(keys.server(request), viewer.account_id, render.shelf, **asked)
    return _page(request, render.statuses(batch), len(batch.cards), asked)


async def links(request: web.Request) -> web.Response:
    """``GET /api/v1/trends/links``"""
    auth.viewer(request)
    asked = _asked(forms.query(request), LINKS)
    render = renderer(request)
    found = await trends.links_page(keys.server(request), **asked)
    parts = []
    for one in found:
        days = [TagUse(str(day), str(uses), str(accounts)) for day, uses, accounts in one.history]
        card = msgspec.json.encode(render.preview_card(one.preview, one.writer))
        parts.append(card[:-1] + b',"history":' + msgspec.json.encode(days) + b"}")
    return _page(request, joined(parts), len(found), asked)


def _asked(params: Params, sizes: tuple[int, int]) -> dict[str, int]:
    return {"limit": params.limit(*sizes), "offset": params.integer("offset", 0, least=0, most=OFFSET_MAX)}


def _page(request: web.Request, body: bytes, count: int, asked: dict[str, int]) -> web.Response:
    """A page by offset: a `Link` to the next if this one is full, to the one before if there is one."""
    limit, offset = asked["limit"], asked["offset"]
    following = {"offset": offset + limit} if count == limit and offset + limit <= OFFSET_MAX else {}
    before = {"offset": max(0, offset - limit)} if offset else {}
    response = replies.json(body)
    link: Any = replies.link_header(request, next_=following, prev=before)
    if link:
        response.headers["Link"] = link
    return response


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/trends", tags),
    web.get("/api/v1/trends/tags", tags),
    web.get("/api/v1/trends/statuses", statuses),
    web.get("/api/v1/trends/links", links),
]
