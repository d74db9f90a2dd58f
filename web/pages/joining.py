"""Becoming a member: the form, with an invitation or without, the link in the mail, and asking for that link again."""

from __future__ import annotations

from typing import Any

from aiohttp import hdrs, web

from fedserver import greeting, invites, settings, signup
from fedserver.errors import Forbidden
from fedserver.invites import Invitation
from fedserver.join_questions import FIELD
from fedserver.signup import SignUp
from fedserver.viewer import Member
from web import forms, keys, replies
from web.forms import Params
from web.pages import page


async def ask(request: web.Request) -> web.StreamResponse:
    """The form to join, or why there is none at present."""
    if isinstance(request[keys.VIEWER], Member):
        return page.go("/home")
    return await page.show(request, "join/join.html", **await _context(request, Params({})), problems={})


async def by_invitation(request: web.Request) -> web.StreamResponse:
    """The form for who comes by a link, or that the link leads nowhere any more."""
    server = keys.server(request)
    try:
        invitation = await invites.look_at(server, request.match_info["code"])
    except Forbidden as error:
        return await page.show(request, "join/ended.html", status=403, why=str(error))
    if isinstance(request[keys.VIEWER], Member):
        return page.go("/home")
    context = await _context(request, Params({}), invitation)
    return await page.show(request, "join/join.html", **context, problems={})


async def join(request: web.Request) -> web.StreamResponse:
    """Ask to become a member. Whether an address is known shows neither here nor on the next page."""
    server, params = keys.server(request), await forms.params(request)
    code = request.match_info.get("code", "")
    form = SignUp(
        username=params.text("username"),
        email=params.text("email"),
        password=params.text("password"),
        answers={name.removeprefix(FIELD): params.text(name) for name in params if name.startswith(FIELD)},
        invite_code=code,
        agreed=params.flag("agreement"),
        locale=(request.headers.get("Accept-Language", "").split(",")[0].split(";")[0].strip()) or "en",
        time_zone=params.text("time_zone") or "UTC",
    )
    try:
        invitation = await invites.look_at(server, code) if code else None
    except Forbidden as error:
        return await page.show(request, "join/ended.html", status=403, why=str(error))
    try:
        await signup.sign_up(server, form, ip=request[keys.CLIENT])
    except page.MENDABLE as error:
        context = await _context(request, params, invitation)
        return await page.show_again(request, "join/join.html", error, **context)
    return page.go("/join/sent?invited=1" if code else "/join/sent")


async def mastodons_address(request: web.Request) -> web.StreamResponse:
    """Where Mastodon has invitations: its apps ask there as JSON where to sign up, browsers go to the page."""
    code = request.match_info["code"]
    if "application/json" not in request.headers.get(hdrs.ACCEPT, ""):
        return page.go(f"/join/{code}")
    server = keys.server(request)
    try:
        await invites.look_at(server, code)
    except Forbidden as error:
        return replies.json({"error": str(error)}, status=401)
    return replies.json({"invite_code": code, "instance_api_url": f"{server.config.origin}/api/v2/instance"})


async def sent(request: web.Request) -> web.StreamResponse:
    """What to do next, the same for everybody."""
    now = await settings.current(keys.server(request))
    needs_approval = now.registrations == "approval" and request.query.get("invited") != "1"
    return await page.show(request, "join/sent.html", needs_approval=needs_approval)


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


async def look_at_question(request: web.Request) -> web.StreamResponse:
    """The question that somebody was sent, with room for the answer."""
    asked = await greeting.look_at(keys.server(request), request.match_info["secret"])
    return await page.show(
        request, "join/answer.html", address=request.path, asked=asked, value="", problems={}
    )


async def answer(request: web.Request) -> web.StreamResponse:
    """Keep the answer."""
    server, secret, params = keys.server(request), request.match_info["secret"], await forms.params(request)
    text = params.text("answer")
    try:
        await greeting.answer(server, secret, text)
    except page.MENDABLE as error:
        asked = await greeting.look_at(server, secret)
        return await page.show_again(
            request, "join/answer.html", error, address=request.path, asked=asked, value=text
        )
    return page.go("/answered")


async def answered(request: web.Request) -> web.StreamResponse:
    """What happens with it."""
    return await page.show(request, "join/answered.html")


async def _context(
    request: web.Request, params: Params, invitation: Invitation | None = None
) -> dict[str, Any]:
    server = keys.server(request)
    now = await settings.current(server)
    approval = now.registrations == "approval" and invitation is None
    is_open = invitation is not None or now.registrations in ("open", "approval")
    return {
        "open": is_open,
        "again_at": await signup.full_until(server) if is_open and invitation is None else None,
        "approval": approval,
        "invitation": invitation,
        "action": request.path,
        "message": now.registrations_message,
        "questions": now.join_questions if approval else (),
        "rules": now.rules,
        "values": {
            name: params.text(name)
            for name in ("username", "email", *(f"{FIELD}{one.id}" for one in now.join_questions))
        },
        "agreed": params.flag("agreement"),
    }


routes = [
    web.get("/join", ask),
    web.post("/join", join),
    web.get("/join/sent", sent),
    web.get("/join/{code:[A-Za-z0-9]{4,32}}", by_invitation),
    web.post("/join/{code:[A-Za-z0-9]{4,32}}", join),
    web.get("/invite/{code:[A-Za-z0-9]{4,32}}", mastodons_address),
    web.get("/confirm", ask_again),
    web.post("/confirm", send_again),
    web.get("/confirm/{secret:[^/]+}", look_at_link),
    web.post("/confirm/{secret:[^/]+}", confirm),
    web.get("/confirmed", confirmed),
    web.get("/answer/{secret:[^/]+}", look_at_question),
    web.post("/answer/{secret:[^/]+}", answer),
    web.get("/answered", answered),
]
