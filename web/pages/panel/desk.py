"""The first page of the panel: what waits."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from fedserver.context import Server
from fedserver.moderation import cases, desk, duty, server_files
from fedserver.moderation.permissions import ANY, Permission, allows
from fedserver.viewer import Member
from web import auth, gate, keys
from web.pages.panel import frame

CASES_SHOWN: Final = 10
ELSEWHERE: Final = (
    ("/events/calendars", "Calendars that the server reads", Permission.MANAGE_EVENTS),
    ("/events", "Events", Permission.MANAGE_EVENTS),
    ("/resources", "The library", Permission.MANAGE_LIBRARY),
)
"""What those look after for whom nothing waits in the panel."""


async def waiting(request: web.Request) -> web.StreamResponse:
    """How much waits, and where it is dealt with."""
    server, member = keys.server(request), auth.member(request)
    judges, hears = allows(member.role, Permission.MANAGE_REPORTS), duty.concerns(member)
    elsewhere = [] if hears else [one for one in ELSEWHERE if allows(member.role, one[2])]
    return await frame.show(
        request,
        "panel/desk.html",
        **await about_servers(server, member),
        mine=await cases.mine(server, member, CASES_SHOWN) if judges else [],
        hears=hears,
        elsewhere=elsewhere,
        reviews=allows(member.role, Permission.MANAGE_TAXONOMIES),
    )


async def about_servers(server: Server, member: Member) -> dict[str, Any]:
    """What waits about other servers, as ``panel/servers_wait.html`` shows it."""
    return {
        "failing": await desk.failing(server) if allows(member.role, Permission.VIEW_DASHBOARD) else [],
        "lists": await desk.lists(server, member),
        "opens_servers": any(allows(member.role, one) for one in server_files.SIGHT),
        "decides_servers": allows(member.role, Permission.MANAGE_FEDERATION),
    }


routes: Final[list[web.RouteDef]] = gate.behind(ANY, web.get("/mod", waiting))
