"""Which notifications a member wants held back, and the requests of those whose mentions are."""

from __future__ import annotations

from typing import Final

import msgspec
from aiohttp import web

from fedserver import notification_policy, notification_requests
from fedserver.noticeboard import instant_of
from fedserver.notification_policy import CONDITIONS, PolicyNow
from fedserver.notification_requests import Request, Requests
from web import auth, forms, keys, replies
from web.api.notice_entities import NotificationPolicy, OldNotificationPolicy, Waiting
from web.api.paging import ACCOUNTS, window
from web.api.render import Renderer, instant, joined, renderer
from web.verbs import put_or_patch

REQUESTS_AT_ONCE_MAX: Final = 1_000
_OLD_CONDITIONS: Final = ("not_following", "not_followers", "new_accounts", "private_mentions")


# -- the policy


async def policy(request: web.Request) -> web.Response:
    """``GET /api/v2/notifications/policy``"""
    member = auth.member(request, "read:notifications")
    return replies.json(_policy(await notification_policy.current(keys.server(request), member)))


async def change_policy(request: web.Request) -> web.Response:
    """``PATCH /api/v2/notifications/policy``"""
    member = auth.member(request, "write:notifications")
    params = await forms.params(request)
    choices = {name: text for name in CONDITIONS if (text := params.maybe_text(name)) is not None}
    return replies.json(_policy(await notification_policy.change(keys.server(request), member, choices)))


async def old_policy(request: web.Request) -> web.Response:
    """``GET /api/v1/notifications/policy``"""
    member = auth.member(request, "read:notifications")
    return replies.json(_old_policy(await notification_policy.current(keys.server(request), member)))


async def change_old_policy(request: web.Request) -> web.Response:
    """``PUT /api/v1/notifications/policy``"""
    member = auth.member(request, "write:notifications")
    params = await forms.params(request)
    choices = {}
    for name in (*_OLD_CONDITIONS, "bots"):
        wanted = params.maybe_flag(f"filter_{name}")
        if wanted is not None:
            choices[f"for_{name}"] = "filter" if wanted else "accept"
    return replies.json(_old_policy(await notification_policy.change(keys.server(request), member, choices)))


def _policy(now: PolicyNow) -> NotificationPolicy:
    return NotificationPolicy(**now.choices._asdict(), summary=_summary(now))


def _old_policy(now: PolicyNow) -> OldNotificationPolicy:
    # What drops is stricter than what filters, which is all that this version can say.
    said = {f"filter_{name}": getattr(now.choices, f"for_{name}") != "accept" for name in _OLD_CONDITIONS}
    return OldNotificationPolicy(**said, summary=_summary(now))


def _summary(now: PolicyNow) -> Waiting:
    return Waiting(now.requests_count, now.notifications_count)


# -- requests


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/notifications/requests``"""
    member = auth.member(request, "read:notifications")
    asked = window(forms.query(request), ACCOUNTS)
    render = renderer(request)
    found = await notification_requests.listed(keys.server(request), member, asked, render.shelf)
    ids = [one.id for one in found.requests]
    return replies.page(
        request,
        joined(_entity(render, one, found) for one in found.requests),
        newest=ids[0] if ids else None,
        oldest=ids[-1] if ids else None,
        complete=len(ids) >= asked.limit,
    )


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/notifications/requests/:id``"""
    member = auth.member(request, "read:notifications")
    render = renderer(request)
    found = await notification_requests.one(
        keys.server(request), member, forms.path_id(request), render.shelf
    )
    return replies.json(_entity(render, found.requests[0], found))


async def accept(request: web.Request) -> web.Response:
    """``POST /api/v1/notifications/requests/:id/accept``"""
    member = auth.member(request, "write:notifications")
    await notification_requests.accept(keys.server(request), member, [forms.path_id(request)], strict=True)
    return replies.json({})


async def dismiss(request: web.Request) -> web.Response:
    """``POST /api/v1/notifications/requests/:id/dismiss``"""
    member = auth.member(request, "write:notifications")
    await notification_requests.dismiss(keys.server(request), member, [forms.path_id(request)], strict=True)
    return replies.json({})


async def accept_several(request: web.Request) -> web.Response:
    """``POST /api/v1/notifications/requests/accept``"""
    member = auth.member(request, "write:notifications")
    ids = (await forms.params(request)).ids("id", count_max=REQUESTS_AT_ONCE_MAX)
    await notification_requests.accept(keys.server(request), member, ids)
    return replies.json({})


async def dismiss_several(request: web.Request) -> web.Response:
    """``POST /api/v1/notifications/requests/dismiss``"""
    member = auth.member(request, "write:notifications")
    ids = (await forms.params(request)).ids("id", count_max=REQUESTS_AT_ONCE_MAX)
    await notification_requests.dismiss(keys.server(request), member, ids)
    return replies.json({})


async def merged(request: web.Request) -> web.Response:
    """``GET /api/v1/notifications/requests/merged``: accepting shows everything at once, so they always are."""
    auth.member(request, "read:notifications")
    return replies.json({"merged": True})


def _entity(render: Renderer, one: Request, found: Requests) -> bytes:
    parts = {
        "id": str(one.id),
        "created_at": instant(instant_of(one.id)),
        "updated_at": instant(instant_of(one.last_id)),
        "notifications_count": str(one.notifications_count),
    }
    more = b"" if one.card is None else b',"last_status":' + render.status(one.card, found.batch)
    return msgspec.json.encode(parts)[:-1] + b',"account":' + render.account(one.sender) + more + b"}"


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v2/notifications/policy", policy),
    *put_or_patch("/api/v2/notifications/policy", change_policy),
    web.get("/api/v1/notifications/policy", old_policy),
    *put_or_patch("/api/v1/notifications/policy", change_old_policy),
    web.get("/api/v1/notifications/requests", listed),
    web.post("/api/v1/notifications/requests/accept", accept_several),
    web.post("/api/v1/notifications/requests/dismiss", dismiss_several),
    web.get("/api/v1/notifications/requests/merged", merged),
    web.get("/api/v1/notifications/requests/{id:[0-9]+}", show),
    web.post("/api/v1/notifications/requests/{id:[0-9]+}/accept", accept),
    web.post("/api/v1/notifications/requests/{id:[0-9]+}/dismiss", dismiss),
]
