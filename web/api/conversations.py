"""Direct posts of the client API: as conversations, and as a timeline."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver import conversations
from fedserver.conversations import Conversation, Conversations
from web import auth, forms, keys, replies
from web.api.paging import STATUSES, status_page, window
from web.api.render import Renderer, joined, renderer


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/conversations``"""
    member = auth.member(request, "read:statuses")
    asked = window(forms.query(request), STATUSES)
    render = renderer(request)
    found = await conversations.listed(keys.server(request), member, asked, render.shelf)
    cursors = [one.last_post_id for one in found.conversations]
    return replies.page(
        request,
        joined(entity(render, one, found) for one in found.conversations),
        newest=cursors[0] if cursors else None,
        oldest=cursors[-1] if cursors else None,
        complete=len(cursors) >= asked.limit,
    )


async def read(request: web.Request) -> web.Response:
    """``POST /api/v1/conversations/:id/read``"""
    return await _mark(request, unread=False)


async def unread(request: web.Request) -> web.Response:
    """``POST /api/v1/conversations/:id/unread``"""
    return await _mark(request, unread=True)


async def _mark(request: web.Request, *, unread: bool) -> web.Response:
    member = auth.member(request, "write:conversations")
    render = renderer(request)
    found = await conversations.mark(
        keys.server(request), member, forms.path_id(request), render.shelf, unread=unread
    )
    return replies.json(entity(render, found.conversations[0], found))


async def remove(request: web.Request) -> web.Response:
    """``DELETE /api/v1/conversations/:id``"""
    member = auth.member(request, "write:conversations")
    await conversations.remove(keys.server(request), member, forms.path_id(request))
    return replies.json({})


async def direct(request: web.Request) -> web.Response:
    """``GET /api/v1/timelines/direct``"""
    member = auth.member(request, "read:statuses")
    asked = window(forms.query(request), STATUSES)
    batch = await conversations.direct(keys.server(request), member, asked, renderer(request).shelf)
    return status_page(request, batch, asked)


def entity(render: Renderer, one: Conversation, found: Conversations) -> bytes:
    """One conversation, out of a page of them."""
    return b'{"id":"%d","unread":%b,"accounts":%b,"last_status":%b}' % (
        one.id,
        b"true" if one.unread else b"false",
        joined(render.account(row) for row in one.people),
        b"null" if one.card is None else render.status(one.card, found.batch),
    )


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/conversations", listed),
    web.delete("/api/v1/conversations/{id:[0-9]+}", remove),
    web.post("/api/v1/conversations/{id:[0-9]+}/read", read),
    web.post("/api/v1/conversations/{id:[0-9]+}/unread", unread),
    web.get("/api/v1/timelines/direct", direct),
]
