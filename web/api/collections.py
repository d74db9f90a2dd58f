"""Collections of accounts (Mastodon's API version 10)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from aiohttp import hdrs, web
from yarl import URL

from fedserver import collections
from fedserver.collections import Collection, Draft
from fedserver.errors import Invalid
from web import auth, forms, keys, replies
from web.api import entities as e
from web.api.render import collection_entity, collection_item, joined, renderer
from web.params import Params
from web.verbs import put_or_patch

SIZES: Final = (40, 100)
OFFSET_MAX: Final = 10_000


async def of_account(request: web.Request) -> web.Response:
    """``GET /api/v1/accounts/:id/collections``: what an account recommends; its owner sees also what is not listed."""
    viewer = auth.viewer(request, "read:collections")
    limit, offset = _page(request)
    found = await collections.of_account(
        keys.server(request), viewer.account_id, forms.path_id(request), limit=limit + 1, offset=offset
    )
    return _listed(request, found, limit, offset)


async def featuring(request: web.Request) -> web.Response:
    """``GET /api/v1/accounts/:id/in_collections``: of oneself alone."""
    member = auth.member(request, "read:collections")
    limit, offset = _page(request)
    found = await collections.featuring(
        keys.server(request), member, forms.path_id(request), limit=limit + 1, offset=offset
    )
    return _listed(request, found, limit, offset)


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/collections/:id``: a collection with its accounts, the owner's first."""
    viewer = auth.viewer(request, "read:collections")
    found = await collections.show(keys.server(request), viewer.account_id, forms.path_id(request))
    render = renderer(request)
    return replies.json(
        b'{"accounts":%b,"collection":%b}'
        % (
            joined(render.account(row) for row in (found.owner, *found.accounts)),
            msgspec.json.encode(_entity(request, found.collection)),
        )
    )


async def create(request: web.Request) -> web.Response:
    """``POST /api/v1/collections``: a new one, of those who agree; who is elsewhere is asked."""
    member = auth.member(request, "write:collections")
    params = await forms.params(request)
    made = await collections.create(keys.server(request), member, _draft(params), params.ids("account_ids"))
    return replies.json(e.WrappedCollection(_entity(request, made)))


async def update(request: web.Request) -> web.Response:
    """``PATCH /api/v1/collections/:id``: change what it says of itself."""
    member = auth.member(request, "write:collections")
    changed = await collections.change(
        keys.server(request), member, forms.path_id(request), _draft(await forms.params(request))
    )
    return replies.json(e.WrappedCollection(_entity(request, changed)))


async def remove(request: web.Request) -> web.Response:
    """``DELETE /api/v1/collections/:id``: delete one's own."""
    member = auth.member(request, "write:collections")
    await collections.remove(keys.server(request), member, forms.path_id(request))
    return replies.json(b"{}")


async def add_account(request: web.Request) -> web.Response:
    """``POST /api/v1/collections/:collection_id/items``: feature somebody, or ask them."""
    member = auth.member(request, "write:collections")
    account_id = (await forms.params(request)).id("account_id")
    if account_id is None:
        raise Invalid({}, "`account_id` parameter is missing")
    item = await collections.add_account(
        keys.server(request), member, forms.path_id(request, "collection_id"), account_id
    )
    return replies.json(e.WrappedCollectionItem(collection_item(item)))


async def remove_item(request: web.Request) -> web.Response:
    """``DELETE /api/v1/collections/:collection_id/items/:id``: feature somebody no longer."""
    member = auth.member(request, "write:collections")
    await collections.remove_item(keys.server(request), member, *_item_ids(request))
    return replies.json(b"{}")


async def revoke(request: web.Request) -> web.Response:
    """``POST /api/v1/collections/:collection_id/items/:id/revoke``: of oneself alone."""
    member = auth.member(request, "write:collections")
    await collections.revoke(keys.server(request), member, *_item_ids(request))
    return replies.json(b"{}")


def _item_ids(request: web.Request) -> tuple[int, int]:
    return forms.path_id(request, "collection_id"), forms.path_id(request)


def _draft(params: Params) -> Draft:
    return Draft(
        name=params.maybe_text("name"),
        description=params.maybe_text("description"),
        language=params.maybe_text("language"),
        sensitive=params.maybe_flag("sensitive"),
        discoverable=params.maybe_flag("discoverable"),
        tag=params.maybe_text("tag_name"),
    )


def _entity(request: web.Request, found: Collection) -> e.Collection:
    return collection_entity(found, keys.server(request).uris)


def _page(request: web.Request) -> tuple[int, int]:
    params = forms.query(request)
    return params.limit(*SIZES), params.integer("offset", 0, least=0, most=OFFSET_MAX)


def _listed(request: web.Request, found: Sequence[Collection], limit: int, offset: int) -> web.Response:
    """A page that was read with one collection more than it shows; pages are told by their offset."""
    response = replies.json(e.Collections([_entity(request, one) for one in found[:limit]]))
    here = URL(keys.server(request).config.origin + request.rel_url.path).with_query(request.query)
    links = []
    if len(found) > limit:
        links.append(f'<{here.update_query(offset=offset + limit)}>; rel="next"')
    if offset:
        links.append(f'<{here.update_query(offset=max(0, offset - limit))}>; rel="prev"')
    if links:
        response.headers[hdrs.LINK] = ", ".join(links)
    return response


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/accounts/{id}/collections", of_account),
    web.get("/api/v1/accounts/{id}/in_collections", featuring),
    web.post("/api/v1/collections", create),
    web.get("/api/v1/collections/{id}", show),
    *put_or_patch("/api/v1/collections/{id}", update),
    web.delete("/api/v1/collections/{id}", remove),
    web.post("/api/v1/collections/{collection_id}/items", add_account),
    web.delete("/api/v1/collections/{collection_id}/items/{id}", remove_item),
    web.post("/api/v1/collections/{collection_id}/items/{id}/revoke", revoke),
]
