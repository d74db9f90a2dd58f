"""Collections as people look at them: one, and those an account shows."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from fedserver import collections, profiles
from fedserver.errors import NotFound
from web import forms, keys, replies
from web.federation import objects
from web.pages import page

LISTED_MAX = 40


async def show(request: web.Request) -> web.StreamResponse:
    """A collection with whom it features; a document for those who ask for ActivityPub."""
    server, viewer = keys.server(request), request[keys.VIEWER]
    collection_id = forms.path_id(request)
    if replies.wants_activity(request):
        return await objects.document(request, server.uris.collection(collection_id))
    found = await collections.show(server, viewer.account_id, collection_id)
    accepted = [one for one in found.collection.items if one.state == "accepted"]
    mine = next((one for one in accepted if one.account_id == viewer.account_id), None)
    owner = await profiles.some(server, viewer, [found.owner.id])
    if not owner.people:
        raise NotFound
    row = found.collection.row
    return await page.show(
        request,
        "collection/collection.html",
        collection=row,
        description=row.description,
        owner=owner.people[0],
        listed=await profiles.some(server, viewer, [one.account_id for one in accepted]),
        asked=len(found.collection.items) - len(accepted),
        mine=mine,
    )


async def leave(request: web.Request) -> web.StreamResponse:
    """A member takes themselves out of a collection."""
    member, server = page.member(request), keys.server(request)
    collection_id = forms.path_id(request)
    found = await collections.show(server, member.account_id, collection_id)
    for item in found.collection.items:
        if item.account_id == member.account_id:
            await collections.revoke(server, member, collection_id, item.id)
    return page.go(f"/collections/{collection_id}?done=left-collection")


async def of_account(request: web.Request) -> web.StreamResponse:
    """The collections that an account shows."""
    server, viewer = keys.server(request), request[keys.VIEWER]
    profile = await profiles.by_handle(server, viewer, request.match_info["handle"])
    found = await collections.of_account(
        server, viewer.account_id, profile.person.id, limit=LISTED_MAX, offset=0
    )
    listed: list[tuple[Any, int]] = [(one.row, len(one.items)) for one in found]
    return await page.show(request, "collection/listed.html", profile=profile, listed=listed)


routes = [
    web.get("/collections/{id:[0-9]{1,19}}", show),
    web.post("/collections/{id:[0-9]{1,19}}/leave", leave),
    web.get("/@{handle:[^/]+}/collections", of_account),
]
