"""Pages of groups: which there are, what is said in them, and what those who look after them do."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from web.pages.groups import catalogue, drafts, feeds, moderating, staff, threads, writing

# Whole paths before those that any name fits.
ROUTES: Final[list[web.RouteDef]] = [
    *drafts.routes,
    *feeds.routes,
    *catalogue.routes,
    *staff.routes,
    *writing.routes,
    *moderating.routes,
    *threads.routes,
]
