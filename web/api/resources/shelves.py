"""Shelves in the client API: resources put together in an order, alone or with others, and followed."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web
from msgspec import Raw
from yarl import URL

from fedserver.errors import Invalid
from fedserver.resources import shelves
from fedserver.resources.shelves import Draft, Item, Seen
from web import auth, forms, keys, replies
from web.api import paging
from web.api.render import instant, renderer
from web.api.resources import shown
from web.api.resources.entities import Shelf, ShelfItem
from web.params import Params
from web.verbs import put_or_patch

ITEMS: Final = (20, 40)


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/shelves``: all that the viewer may see, the newest first; or those of an account (`account_id`), that hold
    a resource (`resource_id`), that the viewer follows (`followed`) or may put things on (`curated`)."""
    viewer = auth.viewer(request, "read:resources")
    params = forms.query(request)
    window = paging.window(params, paging.STATUSES)
    followed, curated = params.flag("followed"), params.flag("curated")
    if followed or curated:
        auth.member(request, "read:resources")
    found = await shelves.listed(
        keys.server(request),
        viewer.account_id,
        window,
        account_id=params.id("account_id"),
        post_id=params.id("resource_id"),
        follower_id=viewer.account_id if followed else None,
        curator_id=viewer.account_id if curated else None,
    )
    return replies.page(
        request,
        [entity(request, one) for one in found],
        newest=found[0].row.id if found else None,
        oldest=found[-1].row.id if found else None,
        complete=len(found) >= window.limit,
    )


async def create(request: web.Request) -> web.Response:
    """``POST /api/v1/shelves``: `title`, `description` and `visibility` (public, members or private)."""
    member = auth.member(request, "write:resources")
    draft = _draft(await forms.params(request))
    return _answer(request, await shelves.create(keys.server(request), member, draft))


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/shelves/:id``: one shelf; what is on it is a list of its own."""
    viewer = auth.viewer(request, "read:resources")
    found = await shelves.show(keys.server(request), viewer.account_id, forms.path_id(request))
    return _answer(request, found)


async def change(request: web.Request) -> web.Response:
    """``PATCH /api/v1/shelves/:id``: what is not mentioned stays as it is."""
    member = auth.member(request, "write:resources")
    draft = _draft(await forms.params(request))
    return _answer(request, await shelves.change(keys.server(request), member, forms.path_id(request), draft))


async def delete(request: web.Request) -> web.Response:
    """``DELETE /api/v1/shelves/:id``: what is on it stays in the library."""
    member = auth.member(request, "write:resources")
    await shelves.delete(keys.server(request), member, forms.path_id(request))
    return replies.json({})


async def items(request: web.Request) -> web.Response:
    """``GET /api/v1/shelves/:id/items``: in its order, by `limit` and `offset`; only what the viewer may see."""
    viewer = auth.viewer(request, "read:resources")
    params = forms.query(request)
    limit, offset = params.limit(*ITEMS), params.integer("offset", 0, least=0, most=shelves.ITEMS_MAX)
    found = await shelves.items(
        keys.server(request), viewer.account_id, forms.path_id(request), limit=limit + 1, offset=offset
    )
    response = replies.json([_item(request, one) for one in found[:limit]])
    here = URL(keys.server(request).config.origin + request.rel_url.path).with_query(request.query)
    links = []
    if len(found) > limit:
        links.append(f'<{here.update_query(offset=offset + limit)}>; rel="next"')
    if offset:
        links.append(f'<{here.update_query(offset=max(0, offset - limit))}>; rel="prev"')
    if links:
        response.headers[hdrs.LINK] = ", ".join(links)
    return response


async def put(request: web.Request) -> web.Response:
    """``PUT /api/v1/shelves/:id/items/:resource_id``: puts a resource on the shelf, at a `position` (from 0) or at the end, with
    a `note`; or changes either where it is there."""
    member = auth.member(request, "write:resources")
    params = await forms.params(request)
    found = await shelves.put(
        keys.server(request),
        member,
        forms.path_id(request),
        forms.path_id(request, "resource_id"),
        position=params.integer("position"),
        note=params.maybe_text("note"),
    )
    return _answer(request, found)


async def take_off(request: web.Request) -> web.Response:
    """``DELETE /api/v1/shelves/:id/items/:resource_id``: takes a resource off the shelf."""
    member = auth.member(request, "write:resources")
    found = await shelves.take_off(
        keys.server(request), member, forms.path_id(request), forms.path_id(request, "resource_id")
    )
    return _answer(request, found)


async def arrange(request: web.Request) -> web.Response:
    """``PUT /api/v1/shelves/:id/items``: the order, as `resource_ids`; those that are not named stay behind."""
    member = auth.member(request, "write:resources")
    wanted = (await forms.params(request)).texts("resource_ids", count_max=shelves.ITEMS_MAX)
    if not all(one.isascii() and one.isdigit() and len(one) < 20 for one in wanted):
        raise Invalid({"resource_ids": "must be resources that are on the shelf"})
    found = await shelves.arrange(
        keys.server(request), member, forms.path_id(request), [int(one) for one in wanted]
    )
    return _answer(request, found)


async def add_curator(request: web.Request) -> web.Response:
    """``POST /api/v1/shelves/:id/curators``: lets another member (`account_id`) put things on it."""
    member = auth.member(request, "write:resources")
    account_id = (await forms.params(request)).id("account_id")
    if account_id is None:
        raise Invalid({"account_id": "can't be blank"})
    found = await shelves.add_curator(keys.server(request), member, forms.path_id(request), account_id)
    return _answer(request, found)


async def remove_curator(request: web.Request) -> web.Response:
    """``DELETE /api/v1/shelves/:id/curators/:account_id``: by its owner, or by who no longer wants to be one."""
    member = auth.member(request, "write:resources")
    account_id = forms.path_id(request, "account_id")
    await shelves.remove_curator(keys.server(request), member, forms.path_id(request), account_id)
    return replies.json({})


async def follow(request: web.Request) -> web.Response:
    """``POST /api/v1/shelves/:id/follow``: hears of what is put on it, once a day at most, as a notification `status`."""
    member = auth.member(request, "write:resources")
    return _answer(request, await shelves.follow(keys.server(request), member, forms.path_id(request)))


async def unfollow(request: web.Request) -> web.Response:
    """``POST /api/v1/shelves/:id/unfollow``: hears of it no longer."""
    member = auth.member(request, "write:resources")
    return _answer(request, await shelves.unfollow(keys.server(request), member, forms.path_id(request)))


def entity(request: web.Request, found: Seen) -> Shelf:
    """A shelf as its viewer sees it."""
    row, render = found.row, renderer(request)
    return Shelf(
        id=str(row.id),
        uri=row.uri,
        url=row.uri,
        title=row.title,
        description=row.description,
        visibility=row.visibility,
        account=Raw(render.account(found.owner)),  # type: ignore[arg-type]
        curators=[Raw(render.account(one)) for one in found.curators],  # type: ignore[misc]
        items_count=found.items_count,
        followers_count=found.followers_count,
        following=found.following,
        may_curate=found.may_curate,
        created_at=instant(row.created_at),
        changed_at=instant(row.changed_at),
    )


def _item(request: web.Request, item: Item) -> ShelfItem:
    return ShelfItem(
        position=item.row.position,
        note=item.row.note,
        added_at=instant(item.row.added_at),
        added_by_id=None if item.row.added_by_id is None else str(item.row.added_by_id),
        resource=shown.resource(request, item.shown, item.author, alone=False),
    )


def _answer(request: web.Request, found: Seen) -> web.Response:
    return replies.json(entity(request, found))


def _draft(params: Params) -> Draft:
    return Draft(
        params.maybe_text("title"), params.maybe_text("description"), params.maybe_text("visibility")
    )


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/shelves", listed),
    web.post("/api/v1/shelves", create),
    web.get("/api/v1/shelves/{id}", show),
    *put_or_patch("/api/v1/shelves/{id}", change),
    web.delete("/api/v1/shelves/{id}", delete),
    web.get("/api/v1/shelves/{id}/items", items),
    web.put("/api/v1/shelves/{id}/items", arrange),
    web.put("/api/v1/shelves/{id}/items/{resource_id}", put),
    web.delete("/api/v1/shelves/{id}/items/{resource_id}", take_off),
    web.post("/api/v1/shelves/{id}/curators", add_curator),
    web.delete("/api/v1/shelves/{id}/curators/{account_id}", remove_curator),
    web.post("/api/v1/shelves/{id}/follow", follow),
    web.post("/api/v1/shelves/{id}/unfollow", unfollow),
]
