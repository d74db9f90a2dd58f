"""Links by which members invite people: making them, seeing who came, revoking them."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from fedserver import invites
from fedserver.invites import Invitation, NewInvite
from fedserver.reading import Window, cursors
from web import forms, keys
from web.pages import page
from web.params import Params

HERE: Final = "/settings/invites"
DAY_S: Final = 86_400
NAMES: Final = {"expires_in": "days"}


async def own(request: web.Request) -> web.StreamResponse:
    """The member's links, and the form for a new one."""
    return await page.show(
        request, "settings/invites.html", problems={}, **await _context(request, Params({}))
    )


async def create(request: web.Request) -> web.StreamResponse:
    """Make a link."""
    params = await forms.params(request)
    try:
        await invites.create(keys.server(request), page.member(request), wanted(params))
    except page.MENDABLE as error:
        context = await _context(request, params)
        return await page.show_again(request, "settings/invites.html", error, NAMES, **context)
    return page.go(f"{HERE}?done=link-made")


async def revoke(request: web.Request) -> web.StreamResponse:
    """Let a link lead nowhere any more."""
    await invites.revoke(keys.server(request), page.member(request), forms.path_id(request))
    return page.go(f"{HERE}?done=link-revoked")


def wanted(params: Params) -> NewInvite:
    """What a form asks for."""
    days = params.integer("days", 7, least=0, most=3_650)
    return NewInvite(
        note=params.text("note"),
        uses_max=params.integer("uses_max"),
        expires_in_s=days * DAY_S or None,
        role=params.text("role") or "member",
        group_ids=params.ids("group_ids", count_max=invites.GROUPS_MAX + 1),
    )


async def context(
    request: web.Request, found: list[Invitation], window: Window, given: Params
) -> dict[str, Any]:
    """What the form and the list need."""
    server, member = keys.server(request), page.member(request)
    newer, older = cursors(window, [one.row.id for one in found])
    return {
        "found": found,
        "leaf": {"newer": newer, "older": older},
        "given": given,
        "allowed": await invites.allowed(server, member),
        "choices": await invites.choices(server, member),
        "roles": invites.roles_to_give(member),
    }


async def _context(request: web.Request, given: Params) -> dict[str, Any]:
    window = page.window(request)
    found = await invites.own(keys.server(request), page.member(request), window)
    return await context(request, found, window, given)


routes: Final[list[web.RouteDef]] = [
    web.get(HERE, own),
    web.post(HERE, create),
    web.post(HERE + "/{id:[0-9]{1,19}}/revoke", revoke),
]
