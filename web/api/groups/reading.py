"""How far a member has read in groups, what they want to hear of, and what they have begun to write."""

from __future__ import annotations

from typing import Final, Literal, cast

from aiohttp import web

from fedserver.errors import NotFound
from fedserver.groups import drafts, reading
from fedserver.groups.drafts import KeptDraft
from web import auth, forms, keys, replies
from web.api.groups import entities as e
from web.api.groups import shown
from web.api.groups.threads import one
from web.api.render import instant

Kind = Literal["group", "topic", "thread"]


async def read_group(request: web.Request) -> web.Response:
    """``POST /api/v1/groups/:id/read``: all there is in it counts as read."""
    member = auth.member(request, "write:groups")
    await reading.read_all(keys.server(request), member, forms.path_id(request))
    return replies.json(shown.NOTHING)


async def read_thread(request: web.Request) -> web.Response:
    """``POST /api/v1/threads/:id/read``: has been read up to ``status_id``, or to its end."""
    member = auth.member(request, "write:groups")
    post_id = (await forms.params(request)).id("status_id")
    await reading.read_thread(keys.server(request), member, forms.path_id(request), post_id)
    return await one(request, member.account_id, forms.path_id(request))


async def subscription(request: web.Request) -> web.Response:
    """How the member hears of it; null for as of what is around it."""
    member = auth.member(request, "read:groups")
    kind, target_id = _target(request)
    level = await reading.level(keys.server(request), member, kind, target_id)
    return _subscription(kind, target_id, level)


async def subscribe(request: web.Request) -> web.Response:
    """Chooses how to hear of it: ``level`` is all, mentions, digest or none."""
    member = auth.member(request, "write:groups")
    kind, target_id = _target(request)
    level = (await forms.params(request)).required_text("level")
    await reading.subscribe(keys.server(request), member, kind, target_id, level)
    return _subscription(kind, target_id, level)


async def unsubscribe(request: web.Request) -> web.Response:
    """Chooses nothing: the member hears of it as of what is around it."""
    member = auth.member(request, "write:groups")
    kind, target_id = _target(request)
    await reading.subscribe(keys.server(request), member, kind, target_id, None)
    return _subscription(kind, target_id, None)


def _target(request: web.Request) -> tuple[Kind, int]:
    if "topic_id" in request.match_info:
        return "topic", forms.path_id(request, "topic_id")
    return ("thread" if request.path.startswith("/api/v1/threads/") else "group"), forms.path_id(request)


def _subscription(kind: Kind, target_id: int, level: str | None) -> web.Response:
    return replies.json(e.Subscription(kind, str(target_id), cast("e.Level | None", level)))


# -- drafts


async def list_drafts(request: web.Request) -> web.Response:
    """``GET /api/v1/drafts``: what the member has begun to write in groups, the latest first."""
    member = auth.member(request, "read:groups")
    return replies.json([_draft(one) for one in await drafts.of_member(keys.server(request), member)])


async def show_draft(request: web.Request) -> web.Response:
    """``GET /api/v1/drafts/:key``: of ``group:ID`` (a new thread) or ``reply:ID`` (an answer to a status)."""
    member = auth.member(request, "read:groups")
    found = await drafts.kept(keys.server(request), member, request.match_info["key"])
    if found is None:
        raise NotFound("Record not found")
    return replies.json(_draft(found))


async def keep_draft(request: web.Request) -> web.Response:
    """``PUT /api/v1/drafts/:key``: keeps ``title``, ``text`` and ``topics``; an empty one is forgotten."""
    member = auth.member(request, "write:groups")
    params = await forms.params(request)
    kept = KeptDraft(
        request.match_info["key"],
        params.text("title"),
        params.text("text"),
        params.texts("topics", count_max=100),
    )
    await drafts.keep(keys.server(request), member, kept)
    return replies.json(_draft(kept))


async def discard_draft(request: web.Request) -> web.Response:
    """``DELETE /api/v1/drafts/:key``: throws it away."""
    member = auth.member(request, "write:groups")
    await drafts.discard(keys.server(request), member, request.match_info["key"])
    return replies.json(shown.NOTHING)


def _draft(found: KeptDraft) -> e.KeptDraft:
    at = instant(found.updated_at) if found.updated_at else None
    return e.KeptDraft(found.key, found.title, found.text, list(found.topics), at)


_SUBSCRIBED: Final = (
    "/api/v1/groups/{id}/subscription",
    "/api/v1/groups/{id}/topics/{topic_id}/subscription",
    "/api/v1/threads/{id}/subscription",
)

routes: Final[list[web.RouteDef]] = [
    web.post("/api/v1/groups/{id}/read", read_group),
    web.post("/api/v1/threads/{id}/read", read_thread),
    *(
        route
        for path in _SUBSCRIBED
        for route in (web.get(path, subscription), web.put(path, subscribe), web.delete(path, unsubscribe))
    ),
    web.get("/api/v1/drafts", list_drafts),
    web.get("/api/v1/drafts/{key}", show_draft),
    web.put("/api/v1/drafts/{key}", keep_draft),
    web.delete("/api/v1/drafts/{key}", discard_draft),
]
