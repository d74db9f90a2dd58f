"""The pages people see: plain HTML and forms, which work without JavaScript."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from web.pages import (
    archives,
    collections,
    compose,
    disputes,
    email_subscriptions,
    events,
    feeds,
    front,
    groups,
    joining,
    joins,
    leaving,
    lists,
    notifications,
    partners,
    posts,
    profiles,
    remote,
    reports,
    resources,
    scheduled,
    settings,
    signing_in,
)

ROUTES: Final[list[web.RouteDef]] = [
    *front.routes,
    *joining.routes,
    *joins.routes,
    *signing_in.routes,
    *lists.routes,
    *notifications.routes,
    *remote.routes,
    *settings.routes,
    *leaving.routes,
    *disputes.routes,
    *feeds.routes,
    *groups.ROUTES,
    *events.ROUTES,
    *resources.ROUTES,
    *partners.routes,
    *compose.routes,
    *scheduled.routes,
    *reports.routes,
    *posts.routes,
    *collections.routes,
    *email_subscriptions.routes,
    *archives.routes,
    *profiles.routes,
]
