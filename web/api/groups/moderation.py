"""What those who moderate a group do with its threads and posts; and the answer that somebody who asked marks."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver.errors import Invalid
from fedserver.groups import moderation
from web import auth, forms, keys, replies
from web.api.groups import shown
from web.api.groups.threads import one
from web.params import Params


async def lock(request: web.Request) -> web.Response:
    """``POST /api/v1/threads/:id/lock``: no more answers, but by those who moderate; with a ``reason``."""
    member = auth.member(request, "write:groups")
    reason = (await forms.params(request)).text("reason")
    await moderation.lock(keys.server(request), member, forms.path_id(request), reason=reason)
    return await one(request, member.account_id, forms.path_id(request))


async def unlock(request: web.Request) -> web.Response:
    """``POST /api/v1/threads/:id/unlock``: answers again."""
    member = auth.member(request, "write:groups")
    await moderation.unlock(keys.server(request), member, forms.path_id(request))
    return await one(request, member.account_id, forms.path_id(request))


async def pin(request: web.Request) -> web.Response:
    """``POST /api/v1/threads/:id/pin``: keeps it on top."""
    member = auth.member(request, "write:groups")
    await moderation.pin(keys.server(request), member, forms.path_id(request))
    return await one(request, member.account_id, forms.path_id(request))


async def unpin(request: web.Request) -> web.Response:
    """``POST /api/v1/threads/:id/unpin``: no longer."""
    member = auth.member(request, "write:groups")
    await moderation.unpin(keys.server(request), member, forms.path_id(request))
    return await one(request, member.account_id, forms.path_id(request))


async def rename(request: web.Request) -> web.Response:
    """``POST /api/v1/threads/:id/rename``: gives it another ``title`` within the group."""
    member = auth.member(request, "write:groups")
    title = (await forms.params(request)).text("title")
    await moderation.rename(keys.server(request), member, forms.path_id(request), title)
    return await one(request, member.account_id, forms.path_id(request))


async def move(request: web.Request) -> web.Response:
    """``POST /api/v1/threads/:id/move``: into the public group ``group_id``, with a ``reason``."""
    member = auth.member(request, "write:groups")
    params = await forms.params(request)
    await moderation.move(
        keys.server(request),
        member,
        forms.path_id(request),
        _named(params, "group_id"),
        reason=params.text("reason"),
    )
    return await one(request, member.account_id, forms.path_id(request))


async def split(request: web.Request) -> web.Response:
    """``POST /api/v1/threads/:id/split``: makes the answer ``status_id``, with all below it, a thread with a ``title``."""
    member = auth.member(request, "write:groups")
    params = await forms.params(request)
    thread_id = await moderation.split(
        keys.server(request),
        member,
        _named(params, "status_id"),
        params.text("title"),
        of_thread_id=forms.path_id(request),
    )
    return await one(request, member.account_id, thread_id)


async def merge(request: web.Request) -> web.Response:
    """``POST /api/v1/threads/:id/merge``: hangs it under the thread ``into_id``, which is answered."""
    member = auth.member(request, "write:groups")
    into_id = _named(await forms.params(request), "into_id")
    await moderation.merge(keys.server(request), member, forms.path_id(request), into_id)
    return await one(request, member.account_id, into_id)


async def answer(request: web.Request) -> web.Response:
    """``POST /api/v1/threads/:id/answer``: the post ``status_id`` answers the question; without one, none does."""
    member = auth.member(request, "write:groups")
    post_id = (await forms.params(request)).id("status_id")
    await moderation.mark_answer(keys.server(request), member, forms.path_id(request), post_id)
    return await one(request, member.account_id, forms.path_id(request))


async def remove(request: web.Request) -> web.Response:
    """``DELETE /api/v1/groups/:id/statuses/:status_id``: takes somebody's post out of the group, with a ``reason``."""
    member = auth.member(request, "write:groups")
    reason = (await forms.params(request)).text("reason")
    await moderation.remove(
        keys.server(request),
        member,
        forms.path_id(request, "status_id"),
        of_group_id=forms.path_id(request),
        reason=reason,
    )
    return replies.json(shown.NOTHING)


def _named(params: Params, name: str) -> int:
    found = params.id(name)
    if found is None:
        raise Invalid({name: "must be filled in"})
    return found


routes: Final[list[web.RouteDef]] = [
    *(
        web.post(f"/api/v1/threads/{{id}}/{act.__name__}", act)
        for act in (lock, unlock, pin, unpin, rename, move, split, merge, answer)
    ),
    web.delete("/api/v1/groups/{id}/statuses/{status_id}", remove),
]
