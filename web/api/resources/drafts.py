"""Drafts of resources in the client API: begun, imported or adapted, and not published yet."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver.resources import publishing
from fedserver.resources.records import Described
from web import auth, forms, keys, replies
from web.api.resources import shown
from web.api.resources.publishing import merged
from web.verbs import put_or_patch


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/resources/drafts``: the member's, the latest first."""
    member = auth.member(request, "read:resources")
    found = await publishing.drafts(keys.server(request), member)
    return replies.json([shown.draft_entity(row) for row in found])


async def create(request: web.Request) -> web.Response:
    """``POST /api/v1/resources/drafts``: keeps what is said so far, whatever is missing."""
    member = auth.member(request, "write:resources")
    described = await forms.read(request, Described)
    server = keys.server(request)
    draft_id = await publishing.keep_draft(server, member, described)
    return shown.draft(await publishing.draft(server, member, draft_id))


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/resources/drafts/:id``: one of the member's own."""
    member = auth.member(request, "read:resources")
    return shown.draft(await publishing.draft(keys.server(request), member, forms.path_id(request)))


async def change(request: web.Request) -> web.Response:
    """``PATCH /api/v1/resources/drafts/:id``: what is not mentioned stays as it is."""
    member = auth.member(request, "write:resources")
    server, draft_id = keys.server(request), forms.path_id(request)
    known = publishing.draft_described(await publishing.draft(server, member, draft_id))
    described = merged(known, await forms.params(request))
    await publishing.keep_draft(server, member, described, draft_id=draft_id)
    return shown.draft(await publishing.draft(server, member, draft_id))


async def delete(request: web.Request) -> web.Response:
    """``DELETE /api/v1/resources/drafts/:id``."""
    member = auth.member(request, "write:resources")
    await publishing.delete_draft(keys.server(request), member, forms.path_id(request))
    return replies.json({})


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/resources/drafts", listed),
    web.post("/api/v1/resources/drafts", create),
    web.get("/api/v1/resources/drafts/{id}", show),
    *put_or_patch("/api/v1/resources/drafts/{id}", change),
    web.delete("/api/v1/resources/drafts/{id}", delete),
]
