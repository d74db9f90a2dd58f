"""Taking along, moving, and leaving."""

from __future__ import annotations

from aiohttp import web

from fedserver import accounts, export, farewell, profiles, quota
from web import auth, forms, keys
from web.pages import page


async def ask_move(request: web.Request) -> web.StreamResponse:
    """Other accounts of the member's, and where they have moved."""
    return await page.show(
        request, "settings/move.html", problems={}, profile=await _own(request), alias="", target=""
    )


async def add_alias(request: web.Request) -> web.StreamResponse:
    """Name another account as one's own, so that it can move here."""
    params = await forms.params(request)
    handle = params.text("alias")
    try:
        await accounts.add_alias(keys.server(request), page.member(request), handle)
    except page.MENDABLE as error:
        return await page.show_again(
            request,
            "settings/move.html",
            error,
            {"handle": "alias"},
            profile=await _own(request),
            alias=handle,
            target="",
        )
    return page.go("/settings/move?done=alias-added")


async def remove_alias(request: web.Request) -> web.StreamResponse:
    """Name it no longer."""
    params = await forms.params(request)
    await accounts.remove_alias(keys.server(request), page.member(request), params.text("uri"))
    return page.go("/settings/move?done=alias-removed")


async def move(request: web.Request) -> web.StreamResponse:
    """Move to another account, which names this one as the member's own."""
    params = await forms.params(request)
    handle = params.text("target")
    try:
        await accounts.move(keys.server(request), page.member(request), handle)
    except page.MENDABLE as error:
        return await page.show_again(
            request,
            "settings/move.html",
            error,
            {"handle": "target"},
            profile=await _own(request),
            alias="",
            target=handle,
        )
    return page.go("/settings/move?done=moved")


async def ask_export(request: web.Request) -> web.StreamResponse:
    """The archive, if there is one, and the button to have one made."""
    found = await export.status(keys.server(request), page.member(request))
    room = await quota.room(keys.server(request), page.member(request))
    return await page.show(request, "settings/export.html", archive=found, room=room)


async def request_export(request: web.Request) -> web.StreamResponse:
    """Have an archive made."""
    await export.request(keys.server(request), page.member(request))
    return page.go("/settings/export")


async def archive(request: web.Request) -> web.StreamResponse:
    """The archive itself."""
    member = page.member(request)
    path = await export.archive(keys.server(request), member)
    return web.FileResponse(
        path,
        headers={
            "Content-Type": "application/zip",
            "Content-Disposition": f'attachment; filename="{member.username}.zip"',
            "Cache-Control": "private, no-store",
        },
    )


async def ask_delete(request: web.Request) -> web.StreamResponse:
    """What deleting means."""
    page.member(request)
    return await page.show(request, "settings/delete.html", problems={})


async def delete(request: web.Request) -> web.StreamResponse:
    """Delete the account for good."""
    member, params = page.member(request), await forms.params(request)
    try:
        await farewell.delete_account(keys.server(request), member, params.text("password"))
    except page.MENDABLE as error:
        return await page.show_again(request, "settings/delete.html", error)
    response = web.Response(status=303, headers={"Location": "/login?done=left"})
    auth.clear_session(response, request)
    return response


async def _own(request: web.Request) -> profiles.Profile:
    member = page.member(request)
    return await profiles.by_id(keys.server(request), member, member.account_id)


routes = [
    web.get("/settings/move", ask_move),
    web.post("/settings/move/aliases", add_alias),
    web.post("/settings/move/aliases/remove", remove_alias),
    web.post("/settings/move", move),
    web.get("/settings/export", ask_export),
    web.post("/settings/export", request_export),
    web.get("/settings/export/archive", archive),
    web.get("/settings/delete", ask_delete),
    web.post("/settings/delete", delete),
]
