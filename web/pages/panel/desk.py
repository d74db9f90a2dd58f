"""The first page of the panel: what waits."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver.moderation import desk
from fedserver.moderation.permissions import Permission
from web import gate, keys
from web.pages.panel import frame


async def waiting(request: web.Request) -> web.StreamResponse:
    """How much waits, and where it is dealt with."""
    return await frame.show(request, "panel/desk.html", failing=await desk.failing(keys.server(request)))


routes: Final[list[web.RouteDef]] = gate.behind(Permission.VIEW_DASHBOARD, web.get("/mod", waiting))
