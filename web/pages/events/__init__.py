"""Pages of events, and the calendars that programs subscribe to."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from web.pages.events import (
    afterwards,
    agenda,
    answering,
    calendar,
    feeds,
    guests,
    importing,
    organising,
    reminders,
)

ROUTES: Final[list[web.RouteDef]] = [
    *feeds.routes,
    *importing.routes,
    *afterwards.routes,
    *calendar.routes,
    *organising.routes,
    *reminders.routes,
    *agenda.routes,
    *answering.routes,
    *guests.routes,
]
