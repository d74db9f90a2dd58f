"""Threads of groups: lists of them, one with its posts, beginning one; and the timeline of a group for apps."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver import editions, posts, timelines
from fedserver.content.links import tag_key
from fedserver.groups import opened, threads
from fedserver.groups import timeline as group_timeline
from fedserver.groups.threads import ThreadPage, Wanted
from fedserver.posts import Draft
from web import auth, forms, keys, replies
from web.api.groups import shown
from web.api.paging import STATUSES, status_page, window
from web.api.render import renderer
from web.api.statuses import KEY_CHARS_MAX, media_ids_of, poll_draft
from web.params import Params

THREADS: Final = (25, 50)
POSTS: Final = (40, opened.POSTS_MAX)


async def of_group(request: web.Request) -> web.Response:
    """``GET /api/v1/groups/:id/threads``: by `sort` (activity, new, unanswered, top of a `period`), in a `topic`, `pinned`."""
    viewer = auth.viewer(request, "read:groups")
    wanted = _wanted(forms.query(request))
    page = await threads.of_group(keys.server(request), viewer.account_id, forms.path_id(request), wanted)
    return await _listed(request, viewer.account_id, page)


async def of_member(request: web.Request) -> web.Response:
    """``GET /api/v1/threads``: those of all groups that the member is in, likewise."""
    member = auth.member(request, "read:groups")
    wanted = _wanted(forms.query(request))
    page = await threads.of_member(keys.server(request), member.account_id, wanted)
    return await _listed(request, member.account_id, page)


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/threads/:id``: a thread and a page of its posts, each below what it answers."""
    viewer = auth.viewer(request, "read:groups")
    params = forms.query(request)
    found = await opened.show(
        keys.server(request),
        viewer.account_id,
        forms.path_id(request),
        renderer(request).shelf,
        after=params.id("after") or 0,
        limit=params.limit(*POSTS),
    )
    return shown.opened(request, found, with_posts=True)


async def begin(request: web.Request) -> web.Response:
    """``POST /api/v1/groups/:id/threads``: begins a thread with a ``title`` and a ``text`` in Markdown."""
    member = auth.member(request, "write:groups")
    params = await forms.params(request)
    server = keys.server(request)
    usual = await editions.defaults(server, member)
    draft = Draft(
        text=params.text("text") or params.text("status"),
        media_type=params.text("content_type") or "text/markdown",
        title=params.text("title"),
        summary=params.text("spoiler_text"),
        sensitive=params.flag("sensitive") or bool(params.text("spoiler_text").strip()),
        language=params.text("language") or usual.language,
        group_id=forms.path_id(request),
        topics=params.texts("topics", count_max=100),
        media_ids=media_ids_of(params.texts("media_ids")),
        poll=poll_draft(params),
        app_id=member.app_id,
        idempotency_key=request.headers.get("Idempotency-Key", "")[:KEY_CHARS_MAX] or None,
    )
    thread_id = await posts.create(server, member, draft)
    return await one(request, member.account_id, thread_id)


async def timeline(request: web.Request) -> web.Response:
    """``GET /api/v1/timelines/group/:id``: the first posts of its threads, as statuses."""
    viewer = auth.viewer(request, "read:groups")
    asked = window(forms.query(request), STATUSES)
    batch = await group_timeline.of_group(
        keys.server(request), viewer.account_id, forms.path_id(request), asked, renderer(request).shelf
    )
    return status_page(request, batch, asked)


async def one(request: web.Request, viewer_id: int | None, thread_id: int) -> web.Response:
    """The thread alone, as it stands now."""
    found = await opened.show(keys.server(request), viewer_id, thread_id, renderer(request).shelf, limit=0)
    return shown.opened(request, found)


async def _listed(request: web.Request, viewer_id: int | None, page: ThreadPage) -> web.Response:
    render = renderer(request)
    ids = [line.post_id for line in page.lines]
    batch = await timelines.some(keys.server(request), viewer_id, ids, render.shelf)
    statuses = {card.post.id: render.status(card, batch) for card in batch.cards}
    entities = [
        shown.thread(request, line, page.topics.get(line.post_id, ()), statuses[line.post_id])
        for line in page.lines
        # One that has been deleted between the two reads.
        if line.post_id in statuses
    ]
    link = replies.link_header(request, next_={"before": page.after}) if page.after else ""
    return replies.json(entities, headers={"Link": link} if link else None)


def _wanted(params: Params) -> Wanted:
    usual = Wanted()
    return Wanted(
        sort=params.text("sort") or usual.sort,  # type: ignore[arg-type]
        period=params.text("period") or usual.period,
        topic=tag_key(params.text("topic").strip().lstrip("#")),
        before=params.text("before"),
        limit=params.limit(*THREADS),
        only_pinned=params.flag("pinned"),
    )


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/groups/{id}/threads", of_group),
    web.post("/api/v1/groups/{id}/threads", begin),
    web.get("/api/v1/threads", of_member),
    web.get("/api/v1/threads/{id}", show),
    web.get("/api/v1/timelines/group/{id}", timeline),
]
