"""Appeals: who did not decide looks at a decision again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from fedserver.moderation import appeals
from fedserver.moderation.permissions import Permission
from fedserver.reading import cursors
from web import auth, forms, gate, keys
from web.pages import page
from web.pages.panel import frame

APPEAL: Final = "/mod/appeals/{id:[0-9]{1,19}}"


async def listed(request: web.Request) -> web.StreamResponse:
    """Those that wait, or those that are settled."""
    state = forms.query(request).text("state")
    window = page.window(request, page.PEOPLE_PER_PAGE)
    found = await appeals.listed(
        keys.server(request), auth.member(request), window, pending=state != "settled"
    )
    newer, older = cursors(window, [one.strike.appeal_id or 0 for one in found])
    return await frame.show(
        request,
        "panel/appeals.html",
        found=found,
        chosen={"state": state},
        leaf={"newer": newer, "older": older},
    )


async def show(request: web.Request) -> web.StreamResponse:
    """One appeal, with all that was decided at once, and what it was decided on."""
    found = await appeals.one(keys.server(request), auth.member(request), forms.path_id(request))
    return await frame.show(request, "panel/appeal.html", found=found)


def _decide(*, approved: bool) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handler(request: web.Request) -> web.StreamResponse:
        appeal_id = forms.path_id(request)
        await appeals.decide(keys.server(request), auth.member(request), appeal_id, approved=approved)
        return page.go(f"/mod/appeals/{appeal_id}?done={'upheld' if approved else 'rejected-appeal'}")

    return handler


routes: Final[list[web.RouteDef]] = gate.behind(
    Permission.MANAGE_APPEALS,
    web.get("/mod/appeals", listed),
    web.get(APPEAL, show),
    web.post(APPEAL + "/approve", _decide(approved=True)),
    web.post(APPEAL + "/reject", _decide(approved=False)),
)
