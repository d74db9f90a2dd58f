"""The library in the client API, where Mastodon has nothing: `/api/v1/resources`, drafts, `/api/v1/shelves`."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from web.api.resources import (
    adaptations,
    catalogue,
    citing,
    drafts,
    files,
    importing,
    links,
    publishing,
    reports,
    shelves,
    vocabularies,
)

routes: Final[list[web.RouteDef]] = [
    *catalogue.routes,
    *drafts.routes,
    *files.routes,
    *importing.routes,
    *publishing.routes,
    *reports.routes,
    *adaptations.routes,
    *links.routes,
    *citing.routes,
    *shelves.routes,
    *vocabularies.routes,
]
