"""What a member has written that waits for a moderator."""

from __future__ import annotations

from aiohttp import web

from fedserver import held
from fedserver.reading import cursors
from web import forms, keys
from web.pages import page


async def own(request: web.Request) -> web.StreamResponse:
    """What waits, the newest first."""
    window = page.window(request)
    found = await held.own(keys.server(request), page.member(request), window)
    newer, older = cursors(window, [one.id for one in found])
    return await page.show(request, "lists/held.html", found=found, leaf={"newer": newer, "older": older})


async def withdraw(request: web.Request) -> web.StreamResponse:
    """Do not publish it."""
    await held.withdraw(keys.server(request), page.member(request), forms.path_id(request))
    return page.go("/held?done=held-gone")


routes = [web.get("/held", own), web.post("/held/{id:[0-9]{1,19}}/delete", withdraw)]
