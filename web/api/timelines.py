"""Timelines of the client API: home, public, hashtag; and what a member liked or kept."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver import feeds, timelines
from web import auth, forms, keys, replies
from web.api.paging import STATUSES, status_page, window
from web.api.render import renderer
from web.kept import for_strangers

NONE: Final = b"[]"
TAGS_MAX: Final = 4  # of each kind, beside the one in the path


async def home(request: web.Request) -> web.Response:
    """``GET /api/v1/timelines/home``"""
    member = auth.member(request, "read:statuses")
    asked = window(forms.query(request), STATUSES)
    shelf = renderer(request).shelf
    batch = await timelines.home(keys.server(request), member.account_id, asked, shelf)
    return status_page(request, batch, asked)


@for_strangers
async def public(request: web.Request) -> web.Response:
    """``GET /api/v1/timelines/public``"""
    viewer = auth.viewer(request, "read:statuses")
    params = forms.query(request)
    asked = window(params, STATUSES)
    server = keys.server(request)
    sides = await feeds.sides(
        server, viewer, "live", local=params.flag("local"), remote=params.flag("remote")
    )
    if sides is None:
        return replies.json(NONE)
    batch = await timelines.public(
        server,
        viewer.account_id,
        asked,
        renderer(request).shelf,
        local=sides.only_local,
        remote=sides.only_remote,
        only_media=params.flag("only_media"),
    )
    return status_page(request, batch, asked)


async def hashtag(request: web.Request) -> web.Response:
    """``GET /api/v1/timelines/tag/:hashtag``"""
    viewer = auth.viewer(request, "read:statuses")
    params = forms.query(request)
    asked = window(params, STATUSES)
    server = keys.server(request)
    sides = await feeds.sides(
        server, viewer, "topic", local=params.flag("local"), remote=params.flag("remote")
    )
    if sides is None:
        return replies.json(NONE)
    batch = await timelines.by_tag(
        server,
        viewer.account_id,
        asked,
        renderer(request).shelf,
        any_of=[request.match_info["hashtag"], *params.texts("any")[:TAGS_MAX]],
        all_of=params.texts("all")[:TAGS_MAX],
        none_of=params.texts("none")[:TAGS_MAX],
        local=sides.only_local,
        remote=sides.only_remote,
        only_media=params.flag("only_media"),
    )
    return status_page(request, batch, asked)


async def favourites(request: web.Request) -> web.Response:
    """``GET /api/v1/favourites``"""
    member = auth.member(request, "read:favourites")
    asked = window(forms.query(request), STATUSES)
    ids, batch = await timelines.liked(
        keys.server(request), member.account_id, asked, renderer(request).shelf
    )
    return status_page(request, batch, asked, ids)


async def bookmarks(request: web.Request) -> web.Response:
    """``GET /api/v1/bookmarks``"""
    member = auth.member(request, "read:bookmarks")
    asked = window(forms.query(request), STATUSES)
    ids, batch = await timelines.bookmarked(
        keys.server(request), member.account_id, asked, renderer(request).shelf
    )
    return status_page(request, batch, asked, ids)


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/timelines/home", home),
    web.get("/api/v1/timelines/public", public),
    web.get("/api/v1/timelines/tag/{hashtag}", hashtag),
    web.get("/api/v1/favourites", favourites),
    web.get("/api/v1/bookmarks", bookmarks),
]
