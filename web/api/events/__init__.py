"""Events in the client API, where Mastodon has nothing: `/api/v1/events`, `/api/v1/calendar`."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from web.api.events import afterwards, announcing, answering, calendar, importing, reminders

routes: Final[list[web.RouteDef]] = [
    *calendar.routes,
    *announcing.routes,
    *answering.routes,
    *afterwards.routes,
    *importing.routes,
    *reminders.routes,
]
