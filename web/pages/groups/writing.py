"""Writing in groups: a new thread, an answer. Markdown, with a preview, pictures, a poll, and drafts that are kept."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any, Final

from aiohttp import web

from fedserver import editions, posts
from fedserver.errors import FedError, Forbidden, Invalid, NotFound
from fedserver.groups import drafts, page_lists
from fedserver.groups.drafts import KeptDraft
from fedserver.groups.pages import GroupView, ThreadView, Within
from fedserver.groups.rules import Action
from fedserver.trust import Held
from fedserver.viewer import Member
from web import forms, keys
from web.forms import Params
from web.pages import page
from web.pages.groups.catalogue import GROUP, found
from web.pages.groups.threads import THREAD, opened
from web.pages.written import FIELDS, Written, around, draft_of, read, uploaded_before, with_uploads

NAMES: Final = {**FIELDS, "content_type": "text"}


# -- a new thread


async def ask_new(request: web.Request) -> web.StreamResponse:
    """The form for a new thread, with what was kept of it."""
    server, member = keys.server(request), page.member(request)
    view = await _place(request)
    kept = await drafts.kept(server, member, f"group:{view.card.id}") or KeptDraft(f"group:{view.card.id}")
    preferred = await editions.defaults(server, member)
    written = Written(
        text=kept.text,
        title=kept.title or request.query.get("title", "")[: posts.TITLE_CHARACTERS_MAX],
        language=view.language or preferred.language,
        key=secrets.token_urlsafe(12),
    )
    topics = list(kept.topics) or [one.key for one in view.topics if one.key == request.query.get("topic")]
    return await page.show(
        request, "group/new_thread.html", problems={}, **_context(request, written), view=view, topics=topics
    )


async def new(request: web.Request) -> web.StreamResponse:
    """Begin the thread, or show how it would look, or keep the draft."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    view = await _place(request)
    topics = params.texts("topics", count_max=100)
    written = read(params, await uploaded_before(request, member, params))
    shown: dict[str, Any] = {"view": view, "topics": topics}
    try:
        written = await with_uploads(request, member, params, written)
        if params.text("do") in ("preview", "keep"):
            return await _not_yet(
                request, member, params, written, "group/new_thread.html", f"group:{view.card.id}", shown
            )
        _check(written, titled=True)
        draft = replace(
            draft_of(written),
            media_type="text/markdown",
            group_id=view.card.id,
            topics=topics,
            visibility="public",
        )
        post_id = await posts.create(server, member, draft)
    except Held:
        return page.go("/held?done=held")
    except page.MENDABLE as error:
        return await _again(request, error, written, "group/new_thread.html", shown)
    return page.go(f"{view.card.path}/{post_id}")


async def _place(request: web.Request) -> GroupView:
    """The group, if the member may begin a thread there. Raises NotFound, Forbidden."""
    view = await found(request)
    if Action.START not in view.may:
        raise Forbidden(view.why_not[Action.START])
    return view


# -- an answer


async def ask_reply(request: web.Request) -> web.StreamResponse:
    """The form for an answer, below what it answers."""
    server, member = keys.server(request), page.member(request)
    view, answered = await _answered(request, forms.query(request))
    kept = await drafts.kept(server, member, f"reply:{answered.card.id}")
    preferred = await editions.defaults(server, member)
    written = Written(
        text=kept.text if kept is not None else "", language=preferred.language, key=secrets.token_urlsafe(12)
    )
    return await page.show(
        request, "group/reply.html", problems={}, **_context(request, written), view=view, answered=answered
    )


async def reply(request: web.Request) -> web.StreamResponse:
    """Answer, or show how the answer would look, or keep the draft."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    view, answered = await _answered(request, params)
    written = read(params, await uploaded_before(request, member, params))
    shown: dict[str, Any] = {"view": view, "answered": answered}
    try:
        written = await with_uploads(request, member, params, written)
        if params.text("do") in ("preview", "keep"):
            return await _not_yet(
                request, member, params, written, "group/reply.html", f"reply:{answered.card.id}", shown
            )
        _check(written, titled=False)
        draft = replace(
            draft_of(written),
            media_type="text/markdown",
            in_reply_to_id=answered.card.id,
            visibility="public",
        )
        post_id = await posts.create(server, member, draft)
    except Held:
        return page.go("/held?done=held")
    except page.MENDABLE as error:
        return await _again(request, error, written, "group/reply.html", shown)
    return page.go(f"{view.path}?at={post_id}#post-{post_id}")


async def _answered(request: web.Request, params: Params) -> tuple[ThreadView, Within]:
    """The thread, and the post in it that is answered. Raises NotFound, Forbidden."""
    wanted = params.id("to") or forms.path_id(request)
    view = await opened(request, at=wanted)
    if Action.REPLY not in view.may:
        raise Forbidden(view.why_not[Action.REPLY])
    for one in (view.first, *view.answers):
        if one.card.id == wanted:
            return view, one
    raise NotFound("The post you are answering does not exist any more, or you may not see it.")


# -- both


async def _not_yet(
    request: web.Request,
    member: Member,
    params: Params,
    written: Written,
    template: str,
    key: str,
    shown: dict[str, Any],
) -> web.StreamResponse:
    """The form again, as it would look or with its draft kept; pictures stay in the form."""
    done = None
    if params.text("do") == "keep":
        kept = KeptDraft(key, written.title, written.text, shown.get("topics", ()))
        await drafts.keep(keys.server(request), member, kept)
        done = "Your draft is kept."
    preview = (
        await page_lists.preview(keys.server(request), written.text)
        if params.text("do") == "preview"
        else None
    )
    context = {**_context(request, written), **shown, "preview": preview, "done": done}
    return await page.show(request, template, problems={}, **context)


async def _again(
    request: web.Request, error: FedError, written: Written, template: str, shown: dict[str, Any]
) -> web.StreamResponse:
    return await page.show_again(request, template, error, NAMES, **_context(request, written), **shown)


def _check(written: Written, *, titled: bool) -> None:
    problems = {}
    if titled and not written.title.strip():
        problems["title"] = "please say in a few words what it is about"
    if not written.text.strip() and not written.kept and not written.options:
        problems["text"] = "please write something"
    if problems:
        raise Invalid(problems)


def _context(request: web.Request, written: Written) -> dict[str, Any]:
    return {**around(request, written), "preview": None}


routes = [
    web.get(GROUP + "/new-thread", ask_new),
    web.post(GROUP + "/new-thread", new),
    web.get(THREAD + "/reply", ask_reply),
    web.post(THREAD + "/reply", reply),
]
