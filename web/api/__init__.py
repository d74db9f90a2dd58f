"""The client API: Mastodon's paths, so that the apps people have work here. Each module exposes its `routes`."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver.context import Server
from web.api import (
    accounts,
    empty,
    instance,
    interactions,
    media,
    notifications,
    push,
    relations,
    reports,
    search,
    statuses,
    timelines,
)
from web.api.render import AVATAR, HEADER, RENDERER, Renderer

# Fixed names come before patterns that would take them for an id.
routes: Final[list[web.RouteDef]] = [
    *accounts.routes,
    *relations.routes,
    *accounts.routes_by_id,
    *statuses.routes,
    *interactions.routes,
    *timelines.routes,
    *notifications.routes,
    *media.routes,
    *search.routes,
    *instance.routes,
    *push.routes,
    *reports.routes,
    *empty.routes,
]


def install(app: web.Application, server: Server) -> None:
    """Give the application what the handlers here use."""
    static = f"{server.config.origin}/static"
    app[RENDERER] = Renderer(server, f"{static}/{AVATAR}", f"{static}/{HEADER}")
