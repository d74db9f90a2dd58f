"""Shelves: which there are, one of them, and what its owner and curators do with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from fedserver.context import Server
from fedserver.errors import FedError, Forbidden
from fedserver.groups.page_lists import account_named
from fedserver.resources import shelf_cards, shelves
from fedserver.resources.shelf_cards import ShelfView
from fedserver.resources.shelves import Draft
from fedserver.viewer import Member
from web import forms, keys, replies
from web.federation import objects
from web.kept import for_strangers
from web.pages import page
from web.params import Params

SHELF: Final = "/shelves/{id:[0-9]{1,19}}"
SHELVES_PER_PAGE: Final = 30
_ITEM: Final = "/items/{post_id:[0-9]{1,19}}"

Act = Callable[[Server, Member, int], Awaitable[Any]]


@for_strangers
async def listed(request: web.Request) -> web.StreamResponse:
    """The shelves of the member, those they follow, and all others they may see."""
    server, viewer = keys.server(request), request[keys.VIEWER]
    which = forms.query(request).text("which")
    wanted: dict[str, int] = {}
    if isinstance(viewer, Member) and which in ("mine", "followed"):
        wanted = {"curator_id" if which == "mine" else "follower_id": viewer.account_id}
    found, newer, older = await shelf_cards.listed(
        server, viewer, page.window(request, SHELVES_PER_PAGE), **wanted
    )
    which = which if wanted else ""
    return await page.show(
        request, "resource/shelves.html", shelves=found, newer=newer, older=older, which=which
    )


async def shelf(request: web.Request) -> web.StreamResponse:
    """A shelf with what is on it; a collection for those who ask for ActivityPub."""
    if replies.wants_activity(request):
        return await objects.shelf(request, request.match_info["id"])
    return await _page(request)


@for_strangers
async def _page(request: web.Request) -> web.StreamResponse:
    view = await _view(request)
    return await page.show(request, "resource/shelf.html", view=view, problems={})


# -- making, changing, deleting


async def ask_new(request: web.Request) -> web.StreamResponse:
    """The form for a new shelf; an address may name what is to be put on it."""
    page.member(request)
    fields = {"title": "", "description": "", "visibility": "public"}
    resource = request.query.get("resource", "")
    return await page.show(
        request,
        "resource/shelf_form.html",
        problems={},
        fields=fields,
        view=None,
        resource=resource if resource.isdecimal() else "",
    )


async def new(request: web.Request) -> web.StreamResponse:
    """Make the shelf."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    fields, resource_id = _fields(params), params.id("resource")
    try:
        made = await shelves.create(server, member, Draft(**fields))
    except page.MENDABLE as error:
        return await page.show_again(
            request,
            "resource/shelf_form.html",
            error,
            fields=fields,
            view=None,
            resource=str(resource_id or ""),
        )
    if resource_id is not None:
        await shelves.put(server, member, made.row.id, resource_id)
    return page.go(f"/shelves/{made.row.id}?done=shelf-made")


async def ask_change(request: web.Request) -> web.StreamResponse:
    """What the shelf says of itself and who looks after it, for its owner to change; and the order of what is on it."""
    return await _settings(request)


async def change(request: web.Request) -> web.StreamResponse:
    """Change what it says of itself."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    fields = _fields(params)
    try:
        await shelves.change(server, member, forms.path_id(request), Draft(**fields))
    except page.MENDABLE as error:
        return await _settings(request, error, fields)
    return page.go(f"/shelves/{forms.path_id(request)}?done=saved")


async def delete(request: web.Request) -> web.StreamResponse:
    """Delete it; what is on it stays in the library."""
    member, params = page.member(request), await forms.params(request)
    if not params.flag("sure"):
        return await _settings(request)
    await shelves.delete(keys.server(request), member, forms.path_id(request))
    return page.go("/shelves?which=mine&done=shelf-deleted")


# -- what is on it


async def move(request: web.Request) -> web.StreamResponse:
    """Move a resource one place up or down, or write something else beside it."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    shelf_id, post_id = forms.path_id(request), forms.path_id(request, "post_id")
    number = params.integer("position", 0, least=0, most=shelves.ITEMS_MAX) or 0
    do = params.text("do")
    if do == "note":
        await shelves.put(server, member, shelf_id, post_id, note=params.text("note"))
    else:
        place = max(0, number - 1) if do == "up" else number + 1
        await shelves.put(server, member, shelf_id, post_id, position=place)
    return page.go(f"/shelves/{shelf_id}/edit?done=saved#item-{post_id}")


async def take_off(request: web.Request) -> web.StreamResponse:
    """Take a resource off the shelf."""
    member, shelf_id = page.member(request), forms.path_id(request)
    await shelves.take_off(keys.server(request), member, shelf_id, forms.path_id(request, "post_id"))
    return page.go(f"/shelves/{shelf_id}/edit?done=taken-off")


# -- people


async def add_curator(request: web.Request) -> web.StreamResponse:
    """Let another member put things on it."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    shelf_id, handle = forms.path_id(request), params.text("handle")
    try:
        await shelves.add_curator(server, member, shelf_id, await account_named(server, handle))
    except page.MENDABLE as error:
        return await _settings(request, error, handle=handle)
    return page.go(f"/shelves/{shelf_id}/edit?done=saved#curators")


async def remove_curator(request: web.Request) -> web.StreamResponse:
    """Let somebody put nothing more on it."""
    member, shelf_id = page.member(request), forms.path_id(request)
    account_id = forms.path_id(request, "account_id")
    await shelves.remove_curator(keys.server(request), member, shelf_id, account_id)
    mine = account_id == member.account_id
    return page.go(f"/shelves/{shelf_id}{'' if mine else '/edit'}?done=saved")


def _about(act: Act, done: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handler(request: web.Request) -> web.StreamResponse:
        member, shelf_id = page.member(request), forms.path_id(request)
        await act(keys.server(request), member, shelf_id)
        return page.go(f"/shelves/{shelf_id}?done={done}")

    return handler


# -- parts


async def _view(request: web.Request) -> ShelfView:
    number = forms.query(request).integer("page", 1, least=1, most=100)
    return await shelf_cards.show(keys.server(request), request[keys.VIEWER], forms.path_id(request), number)


async def _settings(
    request: web.Request,
    error: FedError | None = None,
    fields: dict[str, str] | None = None,
    handle: str = "",
) -> web.StreamResponse:
    page.member(request)
    view = await _view(request)
    if not view.card.may_curate:
        raise Forbidden("Only its owner and those they named look after this shelf.")
    said = {
        "title": view.card.title,
        "description": view.card.description,
        "visibility": view.card.visibility,
    }
    context: dict[str, Any] = {"view": view, "fields": fields or said, "handle": handle, "resource": ""}
    if error is not None:
        return await page.show_again(
            request, "resource/shelf_form.html", error, {"account_id": "handle"}, **context
        )
    return await page.show(request, "resource/shelf_form.html", problems={}, **context)


def _fields(params: Params) -> dict[str, str]:
    names = ("title", "description", "visibility")
    return {name: params.text(name).replace("\r\n", "\n") for name in names}


routes = [
    web.get("/shelves", listed),
    web.get("/shelves/new", ask_new),
    web.post("/shelves/new", new),
    web.get(SHELF, shelf),
    web.get(SHELF + "/edit", ask_change),
    web.post(SHELF + "/edit", change),
    web.post(SHELF + "/delete", delete),
    web.post(SHELF + "/follow", _about(shelves.follow, "followed-shelf")),
    web.post(SHELF + "/unfollow", _about(shelves.unfollow, "unfollowed-shelf")),
    web.post(SHELF + "/curators", add_curator),
    web.post(SHELF + "/curators/{account_id:[0-9]{1,19}}/remove", remove_curator),
    web.post(SHELF + _ITEM, move),
    web.post(SHELF + _ITEM + "/take-off", take_off),
]
