"""What moderators do with threads and posts, and who asked with an answer: forms, each with its confirmation."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from fedserver.errors import FedError, Forbidden, Invalid, NotFound
from fedserver.groups import moderation, page_lists, pages
from fedserver.groups.pages import ThreadView, Within
from fedserver.groups.rules import Action
from fedserver.viewer import Member
from web import forms, keys
from web.pages import page
from web.pages.groups.threads import THREAD, opened

_SWITCHES = {
    "lock": moderation.lock,
    "unlock": moderation.unlock,
    "pin": moderation.pin,
    "unpin": moderation.unpin,
}


async def ask(request: web.Request) -> web.StreamResponse:
    """All that a moderator can do with the thread."""
    member, view = page.member(request), await _moderated(request)
    return await _tools(request, member, view)


async def switch(request: web.Request) -> web.StreamResponse:
    """Lock or pin the thread, or take that back."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    view, act = await _moderated(request), request.match_info["act"]
    try:
        if act == "lock":
            await moderation.lock(server, member, view.id, reason=params.text("reason"))
        else:
            await _SWITCHES[act](server, member, view.id)
    except page.MENDABLE as error:
        return await _tools(request, member, view, error)
    return page.go(f"{view.path}?done=saved")


async def rename(request: web.Request) -> web.StreamResponse:
    """Give the thread another title."""
    member, params, view = page.member(request), await forms.params(request), await _moderated(request)
    title = params.text("title")
    try:
        await moderation.rename(keys.server(request), member, view.id, title)
    except page.MENDABLE as error:
        return await _tools(request, member, view, error, title=title)
    return page.go(f"{view.path}?done=saved")


async def move(request: web.Request) -> web.StreamResponse:
    """Move the thread into another group."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    view, target = await _moderated(request), params.id("group_id")
    try:
        if target is None:
            raise Invalid({"group_id": "please choose a group"})
        await moderation.move(server, member, view.id, target, reason=params.text("reason"))
    except page.MENDABLE as error:
        return await _tools(request, member, view, error)
    where = await pages.place_of(server, member, view.id)
    return page.go(f"{where or view.group.path}?done=moved-thread")


async def merge(request: web.Request) -> web.StreamResponse:
    """Merge the thread into another; that cannot be undone, so it is asked again before."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    view, into_id = await _moderated(request), params.id("into_id")
    try:
        if into_id is None or into_id == view.id:
            raise Invalid({"into_id": "please choose another discussion"})
        if not params.flag("sure"):
            into = await pages.thread(server, member, into_id)
            if not isinstance(into, ThreadView):
                raise Invalid({"into_id": "must be another discussion of the same group"})
            return await page.show(request, "group/merge.html", view=view, into=into)
        await moderation.merge(server, member, view.id, into_id)
    except page.MENDABLE as error:
        return await _tools(request, member, view, error)
    return page.go(f"{view.group.path}/{into_id}?done=merged")


async def ask_post(request: web.Request) -> web.StreamResponse:
    """What a moderator can do with one post: make it a thread of its own, or remove it."""
    page.member(request)
    view, one = await _post(request)
    return await page.show(request, "group/post.html", view=view, one=one, problems={}, title="", reason="")


async def split(request: web.Request) -> web.StreamResponse:
    """Make an answer with all below it a thread of its own."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    view, one = await _post(request)
    title = params.text("title")
    try:
        made = await moderation.split(server, member, one.card.id, title)
    except page.MENDABLE as error:
        return await page.show_again(
            request, "group/post.html", error, view=view, one=one, title=title, reason=""
        )
    return page.go(f"{view.group.path}/{made}?done=split")


async def remove(request: web.Request) -> web.StreamResponse:
    """Take a post out of the group for good."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    view, one = await _post(request)
    reason = params.text("reason")
    try:
        await moderation.remove(server, member, one.card.id, reason=reason)
    except page.MENDABLE as error:
        return await page.show_again(
            request, "group/post.html", error, view=view, one=one, title="", reason=reason
        )
    back = view.group.path if one.card.id == view.id else view.path
    return page.go(f"{back}?done=removed")


async def answer(request: web.Request) -> web.StreamResponse:
    """Say which post answers the question, or that none does."""
    member, params = page.member(request), await forms.params(request)
    view = await opened(request)
    post_id = params.id("post_id")
    await moderation.mark_answer(keys.server(request), member, view.id, post_id)
    return page.go(f"{view.path}{'#answer' if post_id is not None else ''}")


async def _moderated(request: web.Request) -> ThreadView:
    view = await opened(request)
    if not view.standing.moderates:
        raise Forbidden(view.why_not.get(Action.LOCK, ""))
    return view


async def _post(request: web.Request) -> tuple[ThreadView, Within]:
    post_id = forms.path_id(request, "post_id")
    view = await opened(request, at=post_id)
    if not view.standing.moderates:
        raise Forbidden(view.why_not.get(Action.REMOVE, ""))
    for one in (view.first, *view.answers):
        if one.card.id == post_id:
            return view, one
    raise NotFound


async def _tools(
    request: web.Request, member: Member, view: ThreadView, error: FedError | None = None, **more: Any
) -> web.StreamResponse:
    server = keys.server(request)
    context: dict[str, Any] = {
        "view": view,
        "targets": await page_lists.targets_of(server, member, view),
        "siblings": await page_lists.siblings_of(server, member, view),
        "title": view.title,
        **more,
    }
    if error is not None:
        return await page.show_again(request, "group/moderate.html", error, **context)
    return await page.show(request, "group/moderate.html", problems={}, **context)


_POST = THREAD + "/posts/{post_id:[0-9]{1,19}}"

routes = [
    web.get(THREAD + "/moderate", ask),
    web.post(THREAD + "/{act:" + "|".join(_SWITCHES) + "}", switch),
    web.post(THREAD + "/rename", rename),
    web.post(THREAD + "/move", move),
    web.post(THREAD + "/merge", merge),
    web.post(THREAD + "/answer", answer),
    web.get(_POST, ask_post),
    web.post(_POST + "/split", split),
    web.post(_POST + "/remove", remove),
]
