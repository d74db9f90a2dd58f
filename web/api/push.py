"""Web push subscriptions of the client API."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver import pushes
from fedserver.notifications import TYPES
from fedserver.pushes import Subscription
from web import auth, forms, keys, replies
from web.api.entities import WebPushSubscription
from web.forms import Params
from web.verbs import put_or_patch


async def subscribe(request: web.Request) -> web.Response:
    """``POST /api/v1/push/subscription``"""
    member = auth.member(request, "push")
    params = await forms.params(request)
    asked = params.nested("subscription")
    secrets = asked.nested("keys")
    found = await pushes.subscribe(
        keys.server(request),
        member,
        endpoint=asked.text("endpoint"),
        p256dh=secrets.text("p256dh", chars_max=200),
        auth=secrets.text("auth", chars_max=100),
        standard=asked.flag("standard"),
        alerts=_alerts(params),
        policy=_policy(params),
        access_token=auth.bearer(request) or "",
    )
    return _reply(request, found)


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/push/subscription``"""
    member = auth.member(request, "push")
    return _reply(request, await pushes.current(keys.server(request), member))


async def change(request: web.Request) -> web.Response:
    """``PUT /api/v1/push/subscription``"""
    member = auth.member(request, "push")
    params = await forms.params(request)
    found = await pushes.change(keys.server(request), member, alerts=_alerts(params), policy=_policy(params))
    return _reply(request, found)


async def unsubscribe(request: web.Request) -> web.Response:
    """``DELETE /api/v1/push/subscription``"""
    member = auth.member(request, "push")
    await pushes.unsubscribe(keys.server(request), member)
    return replies.json({})


def _alerts(params: Params) -> dict[str, bool]:
    asked = params.nested("data").nested("alerts")
    return {name: asked.flag(name) for name in TYPES}


def _policy(params: Params) -> str:
    return params.nested("data").text("policy") or params.text("policy") or "all"


def _reply(request: web.Request, found: Subscription) -> web.Response:
    return replies.json(
        WebPushSubscription(
            id=str(found.id),
            endpoint=found.endpoint,
            standard=found.standard,
            server_key=keys.server(request).keys.vapid_public_key(),
            alerts=dict(found.alerts),
            policy=found.policy,
        )
    )


routes: Final[list[web.RouteDef]] = [
    web.post("/api/v1/push/subscription", subscribe),
    web.get("/api/v1/push/subscription", show),
    *put_or_patch("/api/v1/push/subscription", change),
    web.delete("/api/v1/push/subscription", unsubscribe),
]
