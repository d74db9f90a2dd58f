"""Lists of the client API: making them, who is in them, their timelines."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from fedserver import lists, people, timelines
from fedserver.lists import ListRow
from web import auth, forms, keys, replies
from web.api.entities import List
from web.api.paging import ACCOUNTS, STATUSES, account_page, status_page, window
from web.api.render import joined, renderer
from web.verbs import put_or_patch

ACCOUNTS_CHANGED_MAX: Final = 200
NOTHING: Final[dict[str, Any]] = {}


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/lists``"""
    member = auth.member(request, "read:lists")
    return replies.json([_entity(row) for row in await lists.of_member(keys.server(request), member)])


async def with_account(request: web.Request) -> web.Response:
    """``GET /api/v1/accounts/:id/lists``"""
    member = auth.member(request, "read:lists")
    server, account_id = keys.server(request), forms.path_id(request)
    await people.one(server, member.account_id, account_id)
    return replies.json([_entity(row) for row in await lists.with_account(server, member, account_id)])


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/lists/:id``"""
    member = auth.member(request, "read:lists")
    return replies.json(_entity(await lists.one(keys.server(request), member, forms.path_id(request))))


async def create(request: web.Request) -> web.Response:
    """``POST /api/v1/lists``"""
    member = auth.member(request, "write:lists")
    params = await forms.params(request)
    row = await lists.create(
        keys.server(request),
        member,
        params.text("title"),
        replies_policy=params.text("replies_policy") or "list",
        exclusive=params.flag("exclusive"),
    )
    return replies.json(_entity(row))


async def change(request: web.Request) -> web.Response:
    """``PUT /api/v1/lists/:id``"""
    member = auth.member(request, "write:lists")
    params = await forms.params(request)
    row = await lists.change(
        keys.server(request),
        member,
        forms.path_id(request),
        title=params.maybe_text("title"),
        replies_policy=params.text("replies_policy") or None,
        exclusive=params.maybe_flag("exclusive"),
    )
    return replies.json(_entity(row))


async def remove(request: web.Request) -> web.Response:
    """``DELETE /api/v1/lists/:id``"""
    member = auth.member(request, "write:lists")
    await lists.remove(keys.server(request), member, forms.path_id(request))
    return replies.json(NOTHING)


async def accounts(request: web.Request) -> web.Response:
    """``GET /api/v1/lists/:id/accounts``: with ``limit=0`` everybody at once."""
    member = auth.member(request, "read:lists")
    params = forms.query(request)
    server, list_id = keys.server(request), forms.path_id(request)
    if params.text("limit").strip() == "0":
        render = renderer(request)
        rows = await lists.accounts(server, member, list_id, None)
        return replies.json(joined(render.account(row) for row in rows))
    asked = window(params, ACCOUNTS)
    return account_page(request, await lists.accounts(server, member, list_id, asked), asked)


async def add_accounts(request: web.Request) -> web.Response:
    """``POST /api/v1/lists/:id/accounts``: people one follows, or oneself."""
    member = auth.member(request, "write:lists")
    ids = (await forms.params(request)).ids("account_ids", count_max=ACCOUNTS_CHANGED_MAX)
    await lists.add_accounts(keys.server(request), member, forms.path_id(request), ids)
    return replies.json(NOTHING)


async def remove_accounts(request: web.Request) -> web.Response:
    """``DELETE /api/v1/lists/:id/accounts``"""
    member = auth.member(request, "write:lists")
    ids = (await forms.params(request)).ids("account_ids", count_max=ACCOUNTS_CHANGED_MAX)
    await lists.remove_accounts(keys.server(request), member, forms.path_id(request), ids)
    return replies.json(NOTHING)


async def timeline(request: web.Request) -> web.Response:
    """``GET /api/v1/timelines/list/:list_id``"""
    member = auth.member(request, "read:lists")
    asked = window(forms.query(request), STATUSES)
    batch = await timelines.of_list(
        keys.server(request),
        member.account_id,
        forms.path_id(request, "list_id"),
        asked,
        renderer(request).shelf,
    )
    return status_page(request, batch, asked)


def _entity(row: ListRow) -> List:
    return List(
        id=str(row.id), title=row.title, replies_policy=row.replies_policy, exclusive=bool(row.exclusive)
    )


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/lists", listed),
    web.post("/api/v1/lists", create),
    web.get("/api/v1/lists/{id}", show),
    *put_or_patch("/api/v1/lists/{id}", change),
    web.delete("/api/v1/lists/{id}", remove),
    web.get("/api/v1/lists/{id}/accounts", accounts),
    web.post("/api/v1/lists/{id}/accounts", add_accounts),
    web.delete("/api/v1/lists/{id}/accounts", remove_accounts),
    web.get("/api/v1/accounts/{id}/lists", with_account),
    web.get("/api/v1/timelines/list/{list_id}", timeline),
]
