"""Statuses that are to be published later, as ``POST /api/v1/statuses`` with ``scheduled_at`` makes them."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver import scheduled
from fedserver.posts import Draft
from fedserver.scheduled import Scheduled
from web import auth, forms, keys, replies
from web.api.entities import ScheduledParams, ScheduledPoll, ScheduledStatus
from web.api.paging import STATUSES, window
from web.api.render import VISIBILITY_SHOWN, Renderer, instant, renderer


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/scheduled_statuses``"""
    member = auth.member(request, "read:statuses")
    asked = window(forms.query(request), STATUSES)
    found = await scheduled.page(keys.server(request), member, asked)
    return replies.page(
        request,
        [entity(renderer(request), one) for one in found],
        newest=found[0].id if found else None,
        oldest=found[-1].id if found else None,
        complete=len(found) >= asked.limit,
    )


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/scheduled_statuses/:id``"""
    member = auth.member(request, "read:statuses")
    found = await scheduled.one(keys.server(request), member, forms.path_id(request))
    return replies.json(entity(renderer(request), found))


async def move(request: web.Request) -> web.Response:
    """``PUT /api/v1/scheduled_statuses/:id``: only the instant can be changed."""
    member = auth.member(request, "write:statuses")
    server, params = keys.server(request), await forms.params(request)
    text = params.text("scheduled_at")
    if text:
        found = await scheduled.move(server, member, forms.path_id(request), scheduled.instant_of(text))
    else:
        found = await scheduled.one(server, member, forms.path_id(request))
    return replies.json(entity(renderer(request), found))


async def remove(request: web.Request) -> web.Response:
    """``DELETE /api/v1/scheduled_statuses/:id``"""
    member = auth.member(request, "write:statuses")
    await scheduled.remove(keys.server(request), member, forms.path_id(request))
    return replies.json({})


def entity(render: Renderer, one: Scheduled) -> ScheduledStatus:
    """What is scheduled, with what was sent."""
    return ScheduledStatus(
        id=str(one.id),
        scheduled_at=instant(one.scheduled_at),
        params=params_of(one.draft),
        media_attachments=[render.attachment(row) for row in one.media],
    )


def params_of(draft: Draft) -> ScheduledParams:
    """What was sent for a status that is not there yet."""
    poll = draft.poll
    return ScheduledParams(
        text=draft.text,
        visibility=VISIBILITY_SHOWN[draft.visibility],  # type: ignore[arg-type]
        media_ids=[str(media_id) for media_id in draft.media_ids] or None,
        sensitive=draft.sensitive,
        spoiler_text=draft.summary or None,
        in_reply_to_id=draft.in_reply_to_id,
        language=draft.language or None,
        application_id=draft.app_id or 0,
        poll=None
        if poll is None
        else ScheduledPoll(list(poll.options), poll.expires_in_s, poll.multiple, poll.hide_totals),
        quoted_status_id=None if draft.quoted_id is None else str(draft.quoted_id),
        quote_approval_policy=draft.quote_policy,  # type: ignore[arg-type]
    )


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/scheduled_statuses", listed),
    web.get("/api/v1/scheduled_statuses/{id}", show),
    web.put("/api/v1/scheduled_statuses/{id}", move),
    web.delete("/api/v1/scheduled_statuses/{id}", remove),
]
