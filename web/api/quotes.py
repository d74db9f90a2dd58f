"""Quotes of a status, for those who read them and for the quoted author; who may quote a status is set here too."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver import editions, quotes, timelines
from web import auth, forms, keys, replies
from web.api.paging import STATUSES, status_page, window
from web.api.render import renderer


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/statuses/:id/quotes``"""
    member = auth.member(request, "read:statuses")
    render = renderer(request)
    asked = window(forms.query(request), STATUSES)
    ids, batch = await quotes.listed(
        keys.server(request), member.account_id, forms.path_id(request), asked, render.shelf
    )
    return status_page(request, batch, asked, ids)


async def revoke(request: web.Request) -> web.Response:
    """``POST /api/v1/statuses/:id/quotes/:quoting_status_id/revoke``: the status that quotes, without its quote."""
    member = auth.member(request, "write:statuses")
    quoting_id = forms.path_id(request, "quoting_status_id")
    await quotes.revoke(keys.server(request), member, forms.path_id(request), quoting_id)
    return await _status(request, member.account_id, quoting_id)


async def choose_policy(request: web.Request) -> web.Response:
    """``PUT /api/v1/statuses/:id/interaction_policy``"""
    member = auth.member(request, "write:statuses")
    server = keys.server(request)
    params = await forms.params(request)
    post_id = forms.path_id(request)
    name = params.text("quote_approval_policy") or (await editions.defaults(server, member)).quote_policy
    await quotes.choose_policy(server, member, post_id, name)
    return await _status(request, member.account_id, post_id)


async def _status(request: web.Request, viewer_id: int, post_id: int) -> web.Response:
    render = renderer(request)
    batch = await timelines.one(keys.server(request), viewer_id, post_id, render.shelf)
    return replies.json(render.status(batch.cards[0], batch))


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/statuses/{id}/quotes", listed),
    web.post("/api/v1/statuses/{id}/quotes/{quoting_status_id}/revoke", revoke),
    web.put("/api/v1/statuses/{id}/interaction_policy", choose_policy),
]
