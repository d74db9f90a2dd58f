"""Lists of posts: home, this community, the known network, a hashtag, bookmarks, favourites."""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web

from fedserver import announcements, first_steps, reading
from web import forms, keys
from web.pages import page


async def home(request: web.Request) -> web.StreamResponse:
    """What those whom the member follows have posted."""
    server, member = keys.server(request), page.member(request)
    leaf = await reading.home(server, member.account_id, page.window(request))
    told = await announcements.unread(server, member) if leaf.newer is None else []
    steps = await first_steps.of_member(server, member) if leaf.newer is None else []
    return await page.show(request, "lists/home.html", leaf=leaf, announcements=told, steps=steps)


async def hide_steps(request: web.Request) -> web.StreamResponse:
    """Do not show the first steps any more."""
    await first_steps.hide(keys.server(request), page.member(request))
    return page.go("/home?done=steps-hidden")


async def dismiss(request: web.Request) -> web.StreamResponse:
    """Do not show an announcement again."""
    await announcements.dismiss(keys.server(request), page.member(request), forms.path_id(request))
    return page.go("/home")


async def local(request: web.Request) -> web.StreamResponse:
    """What was posted here for everybody."""
    server = keys.server(request)
    leaf = await reading.public(server, request[keys.VIEWER], page.window(request), local=True)
    return await page.show(request, "lists/local.html", leaf=leaf)


async def federated(request: web.Request) -> web.StreamResponse:
    """What was posted for everybody, here and on the servers this one knows."""
    server = keys.server(request)
    leaf = await reading.public(server, request[keys.VIEWER], page.window(request), local=False)
    return await page.show(request, "lists/federated.html", leaf=leaf)


async def tag(request: web.Request) -> web.StreamResponse:
    """Public posts with a hashtag."""
    name = request.match_info["name"]
    leaf = await reading.tagged(keys.server(request), request[keys.VIEWER], name, page.window(request))
    return await page.show(
        request, "lists/tag.html", leaf=leaf, name=name, base=f"/tags/{quote(name, safe='')}"
    )


async def bookmarks(request: web.Request) -> web.StreamResponse:
    """What the member keeps for themselves."""
    member = page.member(request)
    leaf = await reading.bookmarked(keys.server(request), member.account_id, page.window(request))
    return await page.show(request, "lists/bookmarks.html", leaf=leaf)


async def favourites(request: web.Request) -> web.StreamResponse:
    """What the member liked."""
    member = page.member(request)
    leaf = await reading.liked(keys.server(request), member.account_id, page.window(request))
    return await page.show(request, "lists/favourites.html", leaf=leaf)


routes = [
    web.get("/home", home),
    web.post("/home/steps/hide", hide_steps),
    web.post("/announcements/{id:[0-9]{1,19}}/dismiss", dismiss),
    web.get("/local", local),
    web.get("/federated", federated),
    web.get("/tags/{name:[^/]+}", tag),
    web.get("/bookmarks", bookmarks),
    web.get("/favourites", favourites),
]
