"""What catalogues, reference managers and search engines ask for: documents of resources, harvesting, feeds, site maps."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from web.catalogues import documents, oai_pmh, queries, whole

routes: Final[list[web.RouteDef]] = [
    *documents.routes,
    *oai_pmh.routes,
    *queries.routes,
    *whole.routes,
]
