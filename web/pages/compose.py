"""Writing: a new post, a reply, an edit. One form for all three, which keeps everything when something is wrong."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any, Final
from zoneinfo import ZoneInfo

from aiohttp import web

from fedserver import editions, posts, reading, scheduled
from fedserver.errors import FedError
from fedserver.page_cards import PostCard
from fedserver.trust import Held
from web import forms, keys
from web.pages import page
from web.pages.posts import POST, card_of
from web.pages.written import FIELDS, Written, around, draft_of, kept_of, read, uploaded_before, with_uploads

VISIBILITIES: Final = ("public", "unlisted", "followers", "members", "direct")
# Narrowest last: a reply reaches no further than what it answers.
_REACH: Final = ("public", "unlisted", "followers", "members", "group", "direct")


async def ask(request: web.Request) -> web.StreamResponse:
    """The form for a new post. An address may bring a text, as share buttons do."""
    member = page.member(request)
    preferred = await editions.defaults(keys.server(request), member)
    written = Written(
        text=request.query.get("text", "")[: posts.CHARACTERS_MAX],
        visibility=preferred.visibility,
        language=preferred.language,
        sensitive=preferred.sensitive,
        key=secrets.token_urlsafe(12),
    )
    return await _show(request, written, None)


async def post(request: web.Request) -> web.StreamResponse:
    """Post it."""
    return await _post(request, None)


async def ask_reply(request: web.Request) -> web.StreamResponse:
    """The form for a reply, with those it is for."""
    member = page.member(request)
    card = await card_of(request)
    preferred = await editions.defaults(keys.server(request), member)
    handles = [card.author.handle, *card.mentioned]
    named = dict.fromkeys(handle for handle in handles if handle != member.username)
    reach = max(preferred.visibility, card.visibility, key=_REACH.index)
    written = Written(
        text="".join(f"@{handle} " for handle in named),
        summary="" if card.title else card.summary,
        visibility=reach if reach in VISIBILITIES else "members",
        language=preferred.language,
        key=secrets.token_urlsafe(12),
    )
    return await _show(request, written, card)


async def reply(request: web.Request) -> web.StreamResponse:
    """Post the reply."""
    page.member(request)
    return await _post(request, await card_of(request))


async def ask_edit(request: web.Request) -> web.StreamResponse:
    """The form with what the post says now."""
    member = page.member(request)
    card = await card_of(request)
    if card.resource is not None:
        return page.go(f"{card.resource.path}/edit")
    current = await editions.current(keys.server(request), member, card.id)
    written = Written(
        text=current.text,
        title=current.title,
        summary=current.summary,
        visibility=current.visibility,
        language=current.language,
        markdown=current.media_type == "text/markdown",
        sensitive=card.sensitive,
        options=tuple(choice.title for choice in card.poll.choices) if card.poll else (),
        multiple=bool(card.poll and card.poll.multiple),
        kept=kept_of(card),
    )
    return await _show(request, written, None, edited=card)


async def edit(request: web.Request) -> web.StreamResponse:
    """Change the post."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    card = await card_of(request)
    written = read(params, kept_of(card))
    try:
        written = await with_uploads(request, member, params, written)
        await posts.edit(server, member, card.id, draft_of(written))
    except page.MENDABLE as error:
        return await _show_again(request, error, written, None, edited=card)
    return page.go(card.path)


async def _post(request: web.Request, answered: PostCard | None) -> web.StreamResponse:
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    written = read(params, await uploaded_before(request, member, params))
    try:
        written = await with_uploads(request, member, params, written)
        draft = replace(draft_of(written), in_reply_to_id=answered.id if answered else None)
        if written.scheduled_at:
            at_ms = scheduled.instant_of(written.scheduled_at, ZoneInfo(request[keys.SETTINGS].time_zone))
            await scheduled.add(server, member, draft, at_ms)
            return page.go("/scheduled?done=scheduled")
        post_id = await posts.create(server, member, draft)
    except Held:
        return page.go("/held?done=held")
    except page.MENDABLE as error:
        return await _show_again(request, error, written, answered)
    return page.go((await reading.one(server, member, post_id)).path)


async def _show(
    request: web.Request, written: Written, answered: PostCard | None, edited: PostCard | None = None
) -> web.StreamResponse:
    return await page.show(
        request, "post/compose.html", problems={}, **_context(request, written, answered, edited)
    )


async def _show_again(
    request: web.Request,
    error: FedError,
    written: Written,
    answered: PostCard | None,
    edited: PostCard | None = None,
) -> web.StreamResponse:
    return await page.show_again(
        request, "post/compose.html", error, FIELDS, **_context(request, written, answered, edited)
    )


def _context(
    request: web.Request, written: Written, answered: PostCard | None, edited: PostCard | None
) -> dict[str, Any]:
    return {
        **around(request, written),
        "answered": answered,
        "edited": edited,
        "address": request.path,
        "zone": request[keys.SETTINGS].time_zone,
    }


routes = [
    web.get("/compose", ask),
    web.post("/compose", post),
    web.get(POST + "/reply", ask_reply),
    web.post(POST + "/reply", reply),
    web.get(POST + "/edit", ask_edit),
    web.post(POST + "/edit", edit),
]
