"""Vocabularies in the client API: what can be chosen, and looking after this server's own terms."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver.moderation.permissions import Permission
from fedserver.resources import vocabulary
from fedserver.resources.terms import Offer
from web import auth, forms, gate, keys, replies

ADMIN: Final = "/api/v1/admin/vocabularies/{name}"


async def suggested(request: web.Request) -> web.Response:
    """``GET /api/v1/vocabularies/:name``: what can be chosen that begins with `q`: terms of edam, local, skills or another
    vocabulary that was taken over; licences, types, levels, languages."""
    auth.viewer(request, "read:resources")
    params = forms.query(request)
    found = await vocabulary.suggestions(
        keys.server(request),
        request.match_info["name"],
        params.text("q", chars_max=200),
        params.limit(*vocabulary.SUGGESTIONS),
    )
    return replies.json(found)


async def add(request: web.Request) -> web.Response:
    """``POST /api/v1/admin/vocabularies/:name``: adds a term by its `label`, with `synonyms[]` and `parents[]`."""
    member = auth.staff(request, "admin:write")
    params = await forms.params(request)
    made = await vocabulary.add(
        keys.server(request),
        request.match_info["name"],
        params.text("label"),
        synonyms=params.texts("synonyms"),
        parents=params.texts("parents"),
        by=member,
    )
    return replies.json(Offer(made.uri, made.label, made.uri, made.synonyms, made.parents))


async def remove(request: web.Request) -> web.Response:
    """``DELETE /api/v1/admin/vocabularies/:name``: takes the term with the address `uri` away."""
    member = auth.staff(request, "admin:write")
    uri = (await forms.params(request)).required_text("uri")
    await vocabulary.remove(keys.server(request), request.match_info["name"], uri, by=member)
    return replies.json({})


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/vocabularies/{name}", suggested),
    *gate.behind(Permission.MANAGE_LIBRARY, web.post(ADMIN, add), web.delete(ADMIN, remove)),
]
