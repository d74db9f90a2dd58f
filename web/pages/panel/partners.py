"""Partner networks for admins: what other servers offer, what this one has offered, who is one; offered, answered, ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from fedserver import partners, settings
from fedserver.context import Server
from fedserver.moderation.permissions import Permission
from fedserver.partners import STATES, PartnerRow
from fedserver.viewer import Member
from web import auth, forms, gate, keys
from web.pages import page
from web.pages.panel import frame
from web.verbs import Handler

HERE: Final = "/admin/partners"
ONE: Final = HERE + "/{id:[0-9]{1,19}}"

Decision = Callable[[Server, Member, int], Awaitable[PartnerRow]]


async def listed(request: web.Request) -> web.StreamResponse:
    """Offers that wait, partners, and who is one no longer."""
    return await _listed(request, None)


async def offer(request: web.Request) -> web.StreamResponse:
    """Offer another server to be partners; if it has offered that itself, they are."""
    params = await forms.params(request)
    host, note = params.text("host"), params.text("note")
    try:
        row = await partners.offer(keys.server(request), auth.member(request), host, note)
    except page.MENDABLE as error:
        return await _listed(request, error, host=host, note=note)
    return page.go(f"{HERE}?done=partner-{'accepted' if row.state == 'active' else 'offered'}")


def _decide(decision: Decision, done: str) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            await decision(keys.server(request), auth.member(request), forms.path_id(request))
        except page.MENDABLE as error:
            return await _listed(request, error)
        return page.go(f"{HERE}?done=partner-{done}")

    return handler


async def _listed(request: web.Request, error: Any, **entered: str) -> web.StreamResponse:
    server = keys.server(request)
    rows = await partners.listed(server, auth.member(request), STATES)
    context: dict[str, Any] = {
        "by_state": {state: [row for row in rows if row.state == state] for state in STATES},
        "mode": (await settings.current(server)).federation_mode,
        "entered": {"host": "", "note": "", **entered},
    }
    if error is None:
        return await frame.show(request, "panel/partners.html", **context)
    return await frame.show_again(request, "panel/partners.html", error, **context)


routes: Final = gate.behind(
    Permission.MANAGE_FEDERATION,
    web.get(HERE, listed),
    web.post(HERE, offer),
    web.post(f"{ONE}/accept", _decide(partners.accept, "accepted")),
    web.post(f"{ONE}/decline", _decide(partners.decline, "declined")),
    web.post(f"{ONE}/end", _decide(partners.end, "ended")),
)
