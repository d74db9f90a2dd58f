"""Opportunities in the client API, where Mastodon has nothing: `/api/v1/opportunities`."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from web.api.opportunities import applying, board, reviewing

# Those that are named come before those with an id.
routes: Final[list[web.RouteDef]] = [*applying.routes, *board.routes, *reviewing.routes]
