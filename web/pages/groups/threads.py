"""A thread of a group, fifty answers a page, and what each member does with it as a reader."""

from __future__ import annotations

import secrets
from typing import Final

from aiohttp import web

from fedserver import posts
from fedserver.errors import Forbidden, NotFound, Unauthorized
from fedserver.groups import pages, reading, voting
from fedserver.groups.pages import Elsewhere, ThreadView
from fedserver.groups.rules import Action
from fedserver.viewer import Member
from web import forms, keys, replies
from web.federation import objects
from web.kept import for_strangers
from web.pages import page
from web.pages.groups.catalogue import GROUP, LEVELS

THREAD: Final = GROUP + "/{id:[0-9]{1,19}}"


async def opened(request: web.Request, *, at: int | None = None) -> ThreadView:
    """The page of the thread that the address asks for, or the one with the post `at`; whoever comes by an old address is
    sent on. Raises NotFound, Forbidden, Unauthorized."""
    query = forms.query(request)
    server, viewer = keys.server(request), request[keys.VIEWER]
    try:
        view = await pages.thread(
            server,
            viewer,
            forms.path_id(request),
            page=query.integer("page", 1, least=1, most=10_000),
            at=at or query.id("at"),
        )
    except NotFound:
        # Of a group for its members others are told so, whether or not there is such a thread.
        group = await pages.show(server, viewer, request.match_info["name"])
        if group.readable:
            raise
        raise (
            Forbidden(group.why_not[Action.READ]) if isinstance(viewer, Member) else Unauthorized()
        ) from None
    if isinstance(view, Elsewhere):
        page.divert(view.path)
    if view.group.handle != request.match_info["name"]:
        page.divert(view.path)
    return view


@for_strangers
async def thread(request: web.Request) -> web.StreamResponse:
    """A thread; the post that began it for those who ask for ActivityPub."""
    if replies.wants_activity(request):
        return await objects.post(request, request.match_info["id"])
    view = await opened(request)
    viewer = request[keys.VIEWER]
    response = await page.show(
        request,
        "group/thread.html",
        view=view,
        levels=LEVELS,
        problems={},
        key=secrets.token_urlsafe(12),
        characters_max=posts.CHARACTERS_MAX,
    )
    if isinstance(viewer, Member) and view.read_up_to is not None:
        await reading.shown(keys.server(request), viewer, view.id, view.read_up_to)
    return response


async def subscribe(request: web.Request) -> web.StreamResponse:
    """How the member hears of the thread."""
    member, view, params = page.member(request), await opened(request), await forms.params(request)
    await reading.subscribe(keys.server(request), member, "thread", view.id, params.text("level") or None)
    return page.go(f"{view.path}?done=saved")


async def vote_against(request: web.Request) -> web.StreamResponse:
    """Vote against a post, or take that back; then back to the post."""
    member, post_id = page.member(request), forms.path_id(request, "post_id")
    view = await opened(request, at=post_id)
    act = voting.downvote if request.match_info["act"] == "downvote" else voting.take_back
    await act(keys.server(request), member, post_id)
    there = next((one.path for one in view.answers if one.card.id == post_id), view.path)
    return page.go(there)


routes = [
    web.get(THREAD, thread),
    web.post(THREAD + "/subscription", subscribe),
    web.post(THREAD + "/posts/{post_id:[0-9]{1,19}}/{act:downvote|undo-downvote}", vote_against),
]
