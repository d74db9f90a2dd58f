"""What moderators decided about a member, and appealing against it: signed in, or with the link of a mail by those
who cannot sign in any more."""

from __future__ import annotations

from aiohttp import web

from fedserver.moderation import appeals
from web import forms, keys
from web.pages import page


async def listed(request: web.Request) -> web.StreamResponse:
    """Everything that was decided about the member."""
    found = await appeals.of_member(keys.server(request), page.member(request))
    return await page.show(request, "settings/strikes.html", found=found)


async def look_at(request: web.Request) -> web.StreamResponse:
    """One decision, and the form to appeal against it."""
    found = await appeals.own(keys.server(request), page.member(request), forms.path_id(request))
    return await page.show(
        request, "settings/strike.html", told=found, address=request.path, text="", problems={}
    )


async def appeal(request: web.Request) -> web.StreamResponse:
    """Say why it was wrong."""
    server, member = keys.server(request), page.member(request)
    strike_id = forms.path_id(request)
    text = (await forms.params(request)).text("text")
    try:
        await appeals.appeal(server, member, strike_id, text)
    except page.MENDABLE as error:
        found = await appeals.own(server, member, strike_id)
        return await page.show_again(
            request, "settings/strike.html", error, told=found, address=request.path, text=text
        )
    return page.go(f"/settings/strikes/{strike_id}?done=appealed")


async def look_by_link(request: web.Request) -> web.StreamResponse:
    """The same for whoever has the link. Opening it changes nothing, because scanners open links too."""
    found = await appeals.by_link(keys.server(request), request.match_info["secret"])
    return await page.show(
        request, "sign_in/dispute.html", told=found, address=request.path, text="", problems={}
    )


async def appeal_by_link(request: web.Request) -> web.StreamResponse:
    """The same for whoever has the link."""
    server, secret = keys.server(request), request.match_info["secret"]
    text = (await forms.params(request)).text("text")
    try:
        await appeals.appeal_by_link(server, secret, text)
    except page.MENDABLE as error:
        found = await appeals.by_link(server, secret)
        return await page.show_again(
            request, "sign_in/dispute.html", error, told=found, address=request.path, text=text
        )
    return page.go(f"{request.path}?done=appealed")


routes = [
    web.get("/settings/strikes", listed),
    web.get("/settings/strikes/{id:[0-9]{1,19}}", look_at),
    web.post("/settings/strikes/{id:[0-9]{1,19}}", appeal),
    web.get("/disputes/{secret:[^/]+}", look_by_link),
    web.post("/disputes/{secret:[^/]+}", appeal_by_link),
]
