"""Groups in the client API, where Mastodon has nothing: `/api/v1/groups`, `/api/v1/threads`, drafts."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from web.api.groups import archives, catalogue, members, moderation, reading, threads

routes: Final[list[web.RouteDef]] = [
    *catalogue.routes,
    *members.routes,
    *threads.routes,
    *moderation.routes,
    *reading.routes,
    *archives.routes,
]
