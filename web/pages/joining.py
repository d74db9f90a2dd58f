"""Becoming a member: the form, the link in the mail, and asking for that link again."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from fedserver import settings, signup
from fedserver.settings import InstanceSettings
from fedserver.signup import SignUp
from fedserver.viewer import Member
from web import forms, keys
from web.forms import Params
from web.pages import page


async def ask(request: web.Request) -> web.StreamResponse:
    """The form to join, or why there is none at present."""
    if isinstance(request[keys.VIEWER], Member):
        return page.go("/home")
    now = await settings.current(keys.server(request))
    return await page.show(request, "join/join.html", **_context(now, Params({})), problems={})


async def join(request: web.Request) -> web.StreamResponse:
    """Ask to become a member. Whether an address is known shows neither here nor on the next page."""
    server, params = keys.server(request), await forms.params(request)
    form = SignUp(
        username=params.text("username"),
        email=params.text("email"),
        password=params.text("password"),
        reason=params.text("reason"),
        agreed=params.flag("agreement"),
        locale=(request.headers.get("Accept-Language", "").split(",")[0].split(";")[0].strip()) or "en",
        time_zone=params.text("time_zone") or "UTC",
    )
    try:
        await signup.sign_up(server, form, ip=request[keys.CLIENT])
    except page.MENDABLE as error:
        now = await settings.current(server)
        return await page.show_again(request, "join/join.html", error, **_context(now, params))
    return page.go("/join/sent")


async def sent(request: web.Request) -> web.StreamResponse:
    """What to do next, the same for everybody."""
    now = await settings.current(keys.server(request))
    return await page.show(request, "join/sent.html", needs_approval=now.registrations == "approval")


async def ask_again(request: web.Request) -> web.StreamResponse:
    """The form for another mail."""
    return await page.show(request, "join/resend.html", problems={}, email="")


async def send_again(request: web.Request) -> web.StreamResponse:
    """Send the link once more, if somebody waits for it; the answer is the same if nobody does."""
    params = await forms.params(request)
    try:
        await signup.resend_confirmation(keys.server(request), params.text("email"))
    except page.MENDABLE as error:
        return await page.show_again(request, "join/resend.html", error, email=params.text("email"))
    return page.go("/join/sent")


async def look_at_link(request: web.Request) -> web.StreamResponse:
    """The page of the link: a button, because mail scanners open links too."""
    secret = request.match_info["secret"]
    member = await signup.look_at_confirmation(keys.server(request), secret)
    return await page.show(request, "join/confirm.html", address=request.path, name=member.username)


async def confirm(request: web.Request) -> web.StreamResponse:
    """The address is theirs."""
    member = await signup.confirm(keys.server(request), request.match_info["secret"])
    return page.go("/confirmed" if member.approved_at is not None else "/confirmed?waits=1")


async def confirmed(request: web.Request) -> web.StreamResponse:
    """Where to go from here."""
    return await page.show(request, "join/confirmed.html", waits=request.query.get("waits") == "1")


def _context(now: InstanceSettings, params: Params) -> dict[str, Any]:
    return {
        "open": now.registrations in ("open", "approval"),
        "approval": now.registrations == "approval",
        "message": now.registrations_message,
        "question": now.join_question,
        "rules": now.rules,
        "values": {name: params.text(name) for name in ("username", "email", "reason")},
        "agreed": params.flag("agreement"),
    }


routes = [
    web.get("/join", ask),
    web.post("/join", join),
    web.get("/join/sent", sent),
    web.get("/confirm", ask_again),
    web.post("/confirm", send_again),
    web.get("/confirm/{secret:[^/]+}", look_at_link),
    web.post("/confirm/{secret:[^/]+}", confirm),
    web.get("/confirmed", confirmed),
]
