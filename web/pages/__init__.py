"""The pages people see: plain HTML and forms, which work without JavaScript."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from web.pages import (
    compose,
    feeds,
    front,
    joining,
    joins,
    leaving,
    lists,
    notifications,
    posts,
    profiles,
    remote,
    reports,
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
    *feeds.routes,
    *compose.routes,
    *reports.routes,
    *posts.routes,
    *profiles.routes,
]
