"""Statuses of the client API: reading, writing, editing, deleting. What people do with one is in `interactions`."""

from __future__ import annotations

from typing import Final

import msgspec
from aiohttp import web

from fedserver import editions, posts, scheduled, threads, timelines
from fedserver.errors import Invalid, NotFound
from fedserver.posts import Draft, MediaChange, PollDraft
from fedserver.viewer import Member
from web import auth, forms, keys, replies
from web.api.entities import EditPoll, EditPollOption, MediaAttachment, StatusSource
from web.api.render import content_html, instant, joined, renderer
from web.api.scheduled import entity as scheduled_entity
from web.forms import Params

VISIBILITY_MEANT: Final = {
    "public": "public",
    "unlisted": "unlisted",
    "private": "followers",
    "direct": "direct",
    # Ours, for clients that know us.
    "members": "members",
    "group": "group",
}
STATUSES_ASKED_MAX: Final = 20
KEY_CHARS_MAX: Final = 256


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/statuses/:id``"""
    viewer = auth.viewer(request, "read:statuses")
    return await _reply(request, viewer.account_id, forms.path_id(request))


async def several(request: web.Request) -> web.Response:
    """``GET /api/v1/statuses?id[]=…``"""
    viewer = auth.viewer(request, "read:statuses")
    params = forms.query(request)
    ids = list(dict.fromkeys([*params.ids("id"), *params.ids("ids")]))[:STATUSES_ASKED_MAX]
    render = renderer(request)
    batch = await timelines.some(keys.server(request), viewer.account_id, ids, render.shelf)
    return replies.json(render.statuses(batch))


async def context(request: web.Request) -> web.Response:
    """``GET /api/v1/statuses/:id/context``"""
    viewer = auth.viewer(request, "read:statuses")
    render = renderer(request)
    thread = await threads.around(
        keys.server(request), viewer.account_id, forms.path_id(request), render.shelf
    )
    return replies.json(
        b'{"ancestors":%b,"descendants":%b}'
        % (render.array(thread.ancestors, thread.batch), render.array(thread.descendants, thread.batch))
    )


async def create(request: web.Request) -> web.Response:
    """``POST /api/v1/statuses``: the status, or with ``scheduled_at`` what is scheduled."""
    member = auth.member(request, "write:statuses")
    params = await forms.params(request)
    usual = await editions.defaults(keys.server(request), member)
    visibility = params.text("visibility") or usual.visibility
    draft = _draft(
        params,
        visibility=VISIBILITY_MEANT.get(visibility, visibility),
        media_ids=params.texts("media_ids"),
        language=params.text("language") or usual.language,
        in_reply_to_id=params.id("in_reply_to_id"),
        quoted_id=params.id("quoted_status_id"),
        quote_policy=params.text("quote_approval_policy") or usual.quote_policy,
        member=member,
        idempotency_key=request.headers.get("Idempotency-Key", "")[:KEY_CHARS_MAX] or None,
    )
    server = keys.server(request)
    later = params.text("scheduled_at")
    if not later:
        return await _reply(request, member.account_id, await posts.create(server, member, draft))
    made_id = await scheduled.add(server, member, draft, scheduled.instant_of(later))
    try:
        found = await scheduled.one(server, member, made_id)
    except NotFound:  # sent once more with the same key, after it was published
        return await _reply(request, member.account_id, made_id)
    return replies.json(scheduled_entity(renderer(request), found))


async def edit(request: web.Request) -> web.Response:
    """``PUT /api/v1/statuses/:id``: what is not mentioned of text and warning is emptied, as in Mastodon."""
    member = auth.member(request, "write:statuses")
    params = await forms.params(request)
    post_id = forms.path_id(request)
    now = await editions.current(keys.server(request), member, post_id)
    changes = []
    for one in params.children("media_attributes"):
        media_id = one.id("id")
        if media_id is not None:
            changes.append(MediaChange(media_id, one.maybe_text("description"), focus(one)))
    draft = _draft(
        params,
        visibility=now.visibility,
        media_ids=params.texts("media_ids") if "media_ids" in params else [str(one) for one in now.media_ids],
        language=params.text("language", now.language),
        title=now.title,
        abstract=now.summary,
        quoted_id=now.quoted_id,
        quote_policy=params.text("quote_approval_policy") or None,
        member=member,
        media_changes=tuple(changes),
    )
    await posts.edit(keys.server(request), member, post_id, draft)
    return await _reply(request, member.account_id, post_id)


async def delete(request: web.Request) -> web.Response:
    """``DELETE /api/v1/statuses/:id``: the status with its text, to write it again.

    Its attachments can be used again for a day, unless ``delete_media`` says that they go too.
    """
    member = auth.member(request, "write:statuses")
    server, render = keys.server(request), renderer(request)
    post_id = forms.path_id(request)
    batch = await timelines.one(server, member.account_id, post_id, render.shelf)
    media_too = forms.query(request).flag("delete_media")
    row = await posts.delete_post(server, member, post_id, media_too=media_too)
    text = b',"text":%b' % msgspec.json.encode(row.source_text)
    return replies.json(render.status(batch.cards[0], batch, more=text, rewriting=True))


async def source(request: web.Request) -> web.Response:
    """``GET /api/v1/statuses/:id/source``: what the author typed, for the author."""
    member = auth.member(request, "read:statuses")
    now = await editions.current(keys.server(request), member, forms.path_id(request))
    warning = "" if now.title else now.summary
    return replies.json(StatusSource(id=str(now.post_id), text=now.text, spoiler_text=warning))


async def history(request: web.Request) -> web.Response:
    """``GET /api/v1/statuses/:id/history``: every version, the present one last."""
    viewer = auth.viewer(request, "read:statuses")
    render = renderer(request)
    found = await editions.all_of(keys.server(request), viewer.account_id, forms.path_id(request))
    account = render.account(found.author)
    batch = await timelines.one(keys.server(request), viewer.account_id, forms.path_id(request), render.shelf)
    quote = render.quote(batch.cards[0].original or batch.cards[0].post, batch)
    editions_shown = []
    for one in found.editions:
        media = [
            render.attachment(kept)
            if not isinstance(kept, dict)
            else MediaAttachment(
                id=kept["id"],
                type=kept["type"],
                url=kept["url"] or None,
                preview_url=kept["preview_url"] or None,
                remote_url=None,
                meta=None,
                description=kept["description"] or None,
                blurhash=None,
            )
            for kept in one.media
        ]
        shown = {
            "content": content_html(one.title, one.content_html),
            "spoiler_text": "" if one.title else one.summary,
            "sensitive": bool(one.sensitive),
            "created_at": instant(one.created_at),
            "media_attachments": media,
            "emojis": render.emojis(one.emojis, found.author.uri),
        }
        if one.poll_options:
            shown["poll"] = EditPoll([EditPollOption(title) for title in one.poll_options])
        more = b',"quote":%b,"account":%b}' % (quote, account)
        editions_shown.append(msgspec.json.encode(shown)[:-1] + more)
    return replies.json(joined(editions_shown))


async def _reply(request: web.Request, viewer_id: int | None, post_id: int) -> web.Response:
    render = renderer(request)
    batch = await timelines.one(keys.server(request), viewer_id, post_id, render.shelf)
    return replies.json(render.status(batch.cards[0], batch))


def _draft(
    params: Params,
    *,
    visibility: str,
    media_ids: list[str],
    language: str,
    member: Member,
    in_reply_to_id: int | None = None,
    quoted_id: int | None = None,
    quote_policy: str | None = None,
    title: str = "",
    abstract: str = "",
    media_changes: tuple[MediaChange, ...] = (),
    idempotency_key: str | None = None,
) -> Draft:
    return Draft(
        text=params.text("status"),
        media_type=params.text("content_type") or "text/plain",
        visibility=visibility,
        title=title,
        # A post with a title has an abstract, which clients do not see and so cannot mean to change.
        summary=abstract if title else params.text("spoiler_text"),
        sensitive=params.flag("sensitive"),
        language=language,
        in_reply_to_id=in_reply_to_id,
        media_ids=media_ids_of(media_ids),
        media_changes=media_changes,
        poll=poll_draft(params),
        quoted_id=quoted_id,
        quote_policy=quote_policy,
        app_id=member.app_id,
        idempotency_key=idempotency_key,
    )


def media_ids_of(texts: list[str]) -> list[int]:
    """The ids of attachments. Raises Invalid."""
    try:
        return [forms.row_id(text) for text in texts]
    except NotFound as error:
        raise Invalid({}, "Validation failed: Media attachments must be your own") from error


def poll_draft(params: Params) -> PollDraft | None:
    """The ``poll`` that was sent, if one was."""
    asked = params.nested("poll")
    options = asked.texts("options")
    if not options:
        return None
    return PollDraft(
        options=options,
        expires_in_s=asked.integer("expires_in", 0),
        multiple=asked.flag("multiple"),
        hide_totals=asked.flag("hide_totals"),
    )


def focus(params: Params) -> tuple[float, float] | None:
    """``focus=x,y``: the point of a picture that stays visible, each from -1 to 1. Invalid otherwise."""
    text = params.text("focus")
    if not text:
        return None
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError as error:
        raise params.wrong("focus", "must be two numbers from -1 to 1") from error
    if not (-1 <= x <= 1 and -1 <= y <= 1):
        raise params.wrong("focus", "must be two numbers from -1 to 1")
    return x, y


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/statuses", several),
    web.post("/api/v1/statuses", create),
    web.get("/api/v1/statuses/{id}", show),
    web.put("/api/v1/statuses/{id}", edit),
    web.patch("/api/v1/statuses/{id}", edit),
    web.delete("/api/v1/statuses/{id}", delete),
    web.get("/api/v1/statuses/{id}/context", context),
    web.get("/api/v1/statuses/{id}/source", source),
    web.get("/api/v1/statuses/{id}/history", history),
]
