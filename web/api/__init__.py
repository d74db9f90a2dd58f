"""The client API: Mastodon's paths, so that the apps people have work here. Each module exposes its `routes`."""

from __future__ import annotations

from functools import wraps
from typing import Any, Final

from aiohttp import web

from fedserver.context import Server
from web.api import (
    accounts,
    admin,
    announcements,
    collections,
    conversations,
    directory,
    domain_blocks,
    email_subscriptions,
    emails,
    empty,
    events,
    filters,
    groups,
    instance,
    interactions,
    lists,
    media,
    notification_groups,
    notification_requests,
    notifications,
    opportunities,
    partners,
    previews,
    push,
    quotes,
    relations,
    reports,
    resources,
    scheduled,
    search,
    statuses,
    streaming,
    suggestions,
    tags,
    timelines,
    translations,
    trends,
)
from web.api.render import AVATAR, HEADER, RENDERER, Renderer


def with_slash(defined: list[web.RouteDef]) -> list[web.RouteDef]:
    """The same routes with a slash at the end, which some clients send (Mastodon.py: ``/api/v1/instance/``)."""
    return [
        web.RouteDef(one.method, f"{one.path}/", one.handler, one.kwargs)
        for one in defined
        if one.path.startswith("/api/")
    ]


# What Mastodon calls deprecated, and since when (seconds since 1970).
_DEPRECATED: Final = {
    "POST /api/v1/media": 1_588_896_000,
    "GET /api/v1/suggestions": 1_621_123_200,
    "GET /api/v1/trends": 1_648_598_400,
    "GET /api/v1/accounts/{id}/identity_proofs": 1_648_598_400,
    "GET /api/v1/instance": 1_668_384_000,
    "GET /api/v1/filters": 1_668_384_000,
    "GET /api/v1/filters/{id}": 1_668_384_000,
    "GET /api/v1/notifications/policy": 1_728_345_600,
}


def _marked(route: web.RouteDef) -> web.RouteDef:
    """The route, with a header that says so if it is deprecated (RFC 9745)."""
    since = _DEPRECATED.get(f"{route.method} {route.path}")
    if since is None:
        return route
    answer: Any = route.handler

    @wraps(answer)
    async def handler(request: web.Request) -> web.StreamResponse:
        response: web.StreamResponse = await answer(request)
        response.headers["Deprecation"] = f"@{since}"
        return response

    return web.RouteDef(route.method, route.path, handler, route.kwargs)


# Fixed names come before patterns that would take them for an id.
_routes: Final[list[web.RouteDef]] = [
    *accounts.routes,
    *relations.routes,
    *accounts.routes_by_id,
    *statuses.routes,
    *quotes.routes,
    *scheduled.routes,
    *translations.routes,
    *interactions.routes,
    *timelines.routes,
    *previews.routes,
    *trends.routes,
    *groups.routes,
    *resources.routes,
    *partners.routes,
    *events.routes,
    *opportunities.routes,
    *lists.routes,
    *tags.routes,
    *filters.routes,
    *domain_blocks.routes,
    *notifications.routes,
    *notification_requests.routes,
    *notification_groups.routes,
    *conversations.routes,
    *announcements.routes,
    *media.routes,
    *search.routes,
    *directory.routes,
    *collections.routes,
    *email_subscriptions.routes,
    *suggestions.routes,
    *instance.routes,
    *push.routes,
    *streaming.routes,
    *reports.routes,
    *emails.routes,
    *admin.routes,
    *empty.routes,
]
routes: Final = [_marked(route) for route in _routes]


def install(app: web.Application, server: Server) -> None:
    """Give the application what the handlers here use."""
    static = f"{server.config.origin}/static"
    renderer = app[RENDERER] = Renderer(server, f"{static}/{AVATAR}", f"{static}/{HEADER}")
    streaming.install(app, server, renderer)
