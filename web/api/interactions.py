"""What people do with a status: favourite, boost, bookmark, pin, mute its conversation; who did; polls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from fedserver import interactions, people, timelines
from fedserver.context import Server
from fedserver.errors import Conflict, Invalid, NotFound
from fedserver.groups import voting
from fedserver.viewer import Member
from web import auth, forms, keys, replies
from web.api.paging import ACCOUNTS, account_page, window
from web.api.render import poll_entity, renderer
from web.api.statuses import VISIBILITY_MEANT
from web.verbs import Handler

Act = Callable[[Server, Member, int], Awaitable[Any]]


def _acting(scope: str, act: Act) -> Handler:
    """A handler that does something with a status and answers with it."""

    async def handler(request: web.Request) -> web.StreamResponse:
        member = auth.member(request, scope)
        post_id = forms.path_id(request)
        try:
            await act(keys.server(request), member, post_id)
        except Conflict as error:
            # Mastodon's clients know no 409 here.
            raise Invalid({}, f"Validation failed: {error}") from error
        return await _status(request, member, post_id)

    return handler


async def reblog(request: web.Request) -> web.Response:
    """``POST /api/v1/statuses/:id/reblog``: the boost."""
    member = auth.member(request, "write:statuses")
    params = await forms.params(request)
    wanted = params.text("visibility") or None
    if wanted is not None and wanted not in ("public", "unlisted", "private"):
        raise params.wrong("visibility", "must be public, unlisted or private")
    boost_id = await interactions.boost(
        keys.server(request),
        member,
        forms.path_id(request),
        visibility_=VISIBILITY_MEANT[wanted] if wanted else None,
    )
    return await _status(request, member, boost_id)


async def unreblog(request: web.Request) -> web.Response:
    """``POST /api/v1/statuses/:id/unreblog``: the status that was boosted, also when asked with the boost's id."""
    member = auth.member(request, "write:statuses")
    server, render = keys.server(request), renderer(request)
    post_id = forms.path_id(request)
    batch = await timelines.one(server, member.account_id, post_id, render.shelf)
    original = batch.cards[0].original
    await interactions.unboost(server, member, post_id)
    return await _status(request, member, post_id if original is None else original.id)


async def favourited_by(request: web.Request) -> web.Response:
    """``GET /api/v1/statuses/:id/favourited_by``"""
    viewer = auth.viewer(request, "read:accounts")
    asked = window(forms.query(request), ACCOUNTS)
    rows = await people.liked_by(keys.server(request), viewer.account_id, forms.path_id(request), asked)
    return account_page(request, rows, asked)


async def reblogged_by(request: web.Request) -> web.Response:
    """``GET /api/v1/statuses/:id/reblogged_by``"""
    viewer = auth.viewer(request, "read:accounts")
    asked = window(forms.query(request), ACCOUNTS)
    rows = await people.boosted_by(keys.server(request), viewer.account_id, forms.path_id(request), asked)
    return account_page(request, rows, asked)


# -- polls; a poll's id is that of its status


async def poll(request: web.Request) -> web.Response:
    """``GET /api/v1/polls/:id``"""
    viewer = auth.viewer(request, "read:statuses")
    return await _poll(request, viewer.account_id, forms.path_id(request))


async def vote(request: web.Request) -> web.Response:
    """``POST /api/v1/polls/:id/votes``"""
    member = auth.member(request, "write:statuses")
    params = await forms.params(request)
    post_id = forms.path_id(request)
    choices = []
    for text in params.texts("choices"):
        if not (text.isascii() and text.isdigit() and len(text) < 4):
            raise Invalid({}, "Validation failed: The chosen vote option does not exist")
        choices.append(int(text))
    await interactions.vote(keys.server(request), member, post_id, choices)
    return await _poll(request, member.account_id, post_id)


async def _poll(request: web.Request, viewer_id: int | None, post_id: int) -> web.Response:
    batch = await timelines.one(keys.server(request), viewer_id, post_id, renderer(request).shelf)
    found = batch.polls.get(post_id)
    if found is None:
        raise NotFound("Record not found")
    return replies.json(msgspec.json.encode(poll_entity(post_id, found, viewer_id is not None)))


async def _status(request: web.Request, member: Member, post_id: int) -> web.Response:
    render = renderer(request)
    batch = await timelines.one(keys.server(request), member.account_id, post_id, render.shelf)
    return replies.json(render.status(batch.cards[0], batch))


def _post(action: str, scope: str, act: Act) -> web.RouteDef:
    return web.post(f"/api/v1/statuses/{{id}}/{action}", _acting(scope, act))


routes: Final[list[web.RouteDef]] = [
    _post("favourite", "write:favourites", interactions.like),
    _post("unfavourite", "write:favourites", interactions.unlike),
    # Ours, in groups that count them.
    _post("downvote", "write:favourites", voting.downvote),
    _post("undownvote", "write:favourites", voting.take_back),
    _post("bookmark", "write:bookmarks", interactions.bookmark),
    _post("unbookmark", "write:bookmarks", interactions.unbookmark),
    _post("pin", "write:accounts", interactions.pin),
    _post("unpin", "write:accounts", interactions.unpin),
    _post("mute", "write:mutes", interactions.mute_thread),
    _post("unmute", "write:mutes", interactions.unmute_thread),
    web.post("/api/v1/statuses/{id}/reblog", reblog),
    web.post("/api/v1/statuses/{id}/unreblog", unreblog),
    web.get("/api/v1/statuses/{id}/favourited_by", favourited_by),
    web.get("/api/v1/statuses/{id}/reblogged_by", reblogged_by),
    web.get("/api/v1/polls/{id}", poll),
    web.post("/api/v1/polls/{id}/votes", vote),
]
