"""The library as pages: found, shown, published, changed, used, put on shelves."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from web.pages.resources import catalogue, importing, shelves, shown, terms, writing

ROUTES: Final[list[web.RouteDef]] = [
    *catalogue.routes,
    *terms.routes,
    *importing.routes,
    *writing.routes,
    *shown.routes,
    *shelves.routes,
]
