"""What a member has written for later: a list, other times, and deleting."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from fedserver import scheduled
from fedserver.errors import FedError
from fedserver.reading import Window
from web import forms, keys
from web.pages import page

PER_PAGE = 100


async def listed(request: web.Request) -> web.StreamResponse:
    """What is scheduled, the next first."""
    return await _show(request, None)


async def move(request: web.Request) -> web.StreamResponse:
    """Give one another time."""
    server, member, params = keys.server(request), page.member(request), await forms.params(request)
    try:
        at_ms = scheduled.instant_of(params.text("scheduled_at", chars_max=64), _zone(request))
        await scheduled.move(server, member, forms.path_id(request), at_ms)
    except page.MENDABLE as error:
        return await _show(request, error, wrong_id=forms.path_id(request))
    return page.go("/scheduled?done=saved")


async def remove(request: web.Request) -> web.StreamResponse:
    """Delete one."""
    member = page.member(request)
    await forms.params(request)
    await scheduled.remove(keys.server(request), member, forms.path_id(request))
    return page.go("/scheduled?done=unscheduled")


async def _show(
    request: web.Request, error: FedError | None, *, wrong_id: int | None = None
) -> web.StreamResponse:
    member, zone = page.member(request), _zone(request)
    found = await scheduled.page(keys.server(request), member, Window(limit=PER_PAGE))
    context: dict[str, Any] = {
        "posts": sorted(found, key=lambda one: one.scheduled_at),
        "zone": zone.key,
        "wrong_id": wrong_id,
        # As the browser's field for day and time wants it.
        "local": {
            one.id: f"{datetime.fromtimestamp(one.scheduled_at / 1000, zone):%Y-%m-%dT%H:%M}" for one in found
        },
    }
    if error is None:
        return await page.show(request, "lists/scheduled.html", problems={}, **context)
    return await page.show_again(request, "lists/scheduled.html", error, **context)


def _zone(request: web.Request) -> ZoneInfo:
    return ZoneInfo(request[keys.SETTINGS].time_zone)


routes = [
    web.get("/scheduled", listed),
    web.post("/scheduled/{id:[0-9]+}/move", move),
    web.post("/scheduled/{id:[0-9]+}/delete", remove),
]
