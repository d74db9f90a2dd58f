"""Who waits to be let in, for those who decide it."""

from __future__ import annotations

from aiohttp import web

from fedserver import signup
from fedserver.moderation.permissions import Permission
from web import auth, forms, gate, keys
from web.pages import page
from web.pages.panel import frame


async def waiting(request: web.Request) -> web.StreamResponse:
    """Everybody who waits, longest first, with what they answered."""
    member = auth.member(request)
    people = await signup.waiting(keys.server(request), member)
    return await frame.show(request, "panel/joins.html", people=people)


async def approve(request: web.Request) -> web.StreamResponse:
    """Let somebody in; they hear of it by mail."""
    await signup.approve(keys.server(request), auth.member(request), forms.path_id(request))
    return page.go("/mod/joins?done=let-in")


async def reject(request: web.Request) -> web.StreamResponse:
    """Refuse somebody, with a word of explanation if there is one; what they entered is deleted."""
    params = await forms.params(request)
    await signup.reject(
        keys.server(request),
        auth.member(request),
        forms.path_id(request),
        comment=params.text("comment", chars_max=1_000),
    )
    return page.go("/mod/joins?done=refused")


routes = gate.behind(
    Permission.MANAGE_JOINS,
    web.get("/mod/joins", waiting),
    web.post("/mod/joins/{id:[0-9]{1,19}}/approve", approve),
    web.post("/mod/joins/{id:[0-9]{1,19}}/reject", reject),
)
