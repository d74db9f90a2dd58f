"""Pages of opportunities, with their feeds and calendars."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from web.pages.opportunities import applying, board, feeds, posting, reviewing

ROUTES: Final[list[web.RouteDef]] = [
    *feeds.routes,
    *posting.routes,
    *applying.routes,
    *reviewing.routes,
    *board.routes,
]
