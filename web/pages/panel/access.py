"""Of whom a second factor is wanted."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver import settings
from fedserver.moderation.permissions import Permission
from web import auth, forms, gate, keys
from web.pages import page
from web.pages.panel import frame

HERE: Final = "/admin/access"


async def overview(request: web.Request) -> web.StreamResponse:
    """The setting as it is."""
    server = keys.server(request)
    now = await settings.current(server)
    is_locked = "require_two_factor" in settings.locked(server.config)
    return await frame.show(request, "panel/access.html", now=now.require_two_factor, is_locked=is_locked)


async def change(request: web.Request) -> web.StreamResponse:
    """Want it of others."""
    of_whom = (await forms.params(request)).text("require_two_factor")
    await settings.change(keys.server(request), auth.member(request), {"require_two_factor": of_whom})
    return page.go(f"{HERE}?done=saved")


routes = gate.behind(Permission.MANAGE_SETTINGS, web.get(HERE, overview), web.post(HERE, change))
