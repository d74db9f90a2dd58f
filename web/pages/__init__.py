"""The pages people see: plain HTML and forms, which work without JavaScript."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from web.pages import (
    archives,
    collections,
    compose,
    directory,
    disputes,
    email_subscriptions,
    events,
    feeds,
    front,
    groups,
    held,
    invites,
    joining,
    leaving,
    lists,
    notifications,
    opportunities,
    panel,
    partners,
    posts,
    profiles,
    remote,
    reports,
    resources,
    scheduled,
    second_factors,
    settings,
    signing_in,
)

ROUTES: Final[list[web.RouteDef]] = [
    *front.routes,
    *joining.routes,
    *panel.ROUTES,
    *signing_in.routes,
    *second_factors.routes,
    *lists.routes,
    *notifications.routes,
    *remote.routes,
    *settings.routes,
    *invites.routes,
    *leaving.routes,
    *disputes.routes,
    *feeds.routes,
    *groups.ROUTES,
    *events.ROUTES,
    *opportunities.ROUTES,
    *resources.ROUTES,
    *partners.routes,
    *directory.routes,
    *compose.routes,
    *scheduled.routes,
    *held.routes,
    *reports.routes,
    *posts.routes,
    *collections.routes,
    *email_subscriptions.routes,
    *archives.routes,
    *profiles.routes,
]
