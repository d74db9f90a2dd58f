"""Signing in and out, links that sign in once, a forgotten password, and ending mails by their link."""

from __future__ import annotations

from aiohttp import web

from fedserver import sessions, unsubscribing
from fedserver.sessions import NewSession
from fedserver.viewer import Member
from web import auth, forms, keys
from web.pages import page


async def ask(request: web.Request) -> web.StreamResponse:
    """The form to sign in."""
    target = forms.safe_next(request.query.get("next", ""), "/home")
    if isinstance(request[keys.VIEWER], Member):
        return page.go(target)
    return await page.show(request, "sign_in/login.html", problems={}, name="", next=target)


async def log_in(request: web.Request) -> web.StreamResponse:
    """Begin a session. What it began from, if it was one, has no part in it."""
    params = await forms.params(request)
    target = forms.safe_next(params.text("next"), "/home")
    name = params.text("username")
    try:
        new = await sessions.log_in(
            keys.server(request),
            name,
            params.text("password"),
            ip=request[keys.CLIENT],
            user_agent=request.headers.get("User-Agent", ""),
        )
    except page.MENDABLE as error:
        return await page.show_again(request, "sign_in/login.html", error, name=name, next=target)
    return _begun(request, new, target)


async def look_at_login_link(request: web.Request) -> web.StreamResponse:
    """The page of a link that signs in once."""
    return await page.show(request, "sign_in/once.html", address=request.path)


async def log_in_by_link(request: web.Request) -> web.StreamResponse:
    """Sign in with the link."""
    new = await sessions.log_in_by_link(
        keys.server(request),
        request.match_info["secret"],
        ip=request[keys.CLIENT],
        user_agent=request.headers.get("User-Agent", ""),
    )
    return _begun(request, new, "/settings/security")


async def log_out(request: web.Request) -> web.StreamResponse:
    """End this session, here and on the server."""
    await sessions.log_out(keys.server(request), page.member(request))
    response = page.go("/login?done=signed-out")
    auth.clear_session(response, request)
    return response


# --- a forgotten password -------------------------------------------------------------------


async def ask_reset(request: web.Request) -> web.StreamResponse:
    """Where the link should go."""
    return await page.show(request, "sign_in/forgotten.html", problems={}, email="")


async def send_reset(request: web.Request) -> web.StreamResponse:
    """Send a link, if a member has this address; the answer is the same if nobody has."""
    params = await forms.params(request)
    try:
        await sessions.request_reset(keys.server(request), params.text("email"))
    except page.MENDABLE as error:
        return await page.show_again(request, "sign_in/forgotten.html", error, email=params.text("email"))
    return page.go("/password/sent")


async def reset_sent(request: web.Request) -> web.StreamResponse:
    """What to do next."""
    return await page.show(request, "sign_in/reset_sent.html")


async def look_at_reset(request: web.Request) -> web.StreamResponse:
    """The form for the new password."""
    row = await sessions.look_at_reset(keys.server(request), request.match_info["secret"])
    return await page.show(
        request, "sign_in/reset.html", problems={}, name=row.username, address=request.path
    )


async def reset(request: web.Request) -> web.StreamResponse:
    """Set the new password."""
    server, params = keys.server(request), await forms.params(request)
    secret = request.match_info["secret"]
    row = await sessions.look_at_reset(server, secret)
    try:
        await sessions.reset_password(server, secret, params.text("password"))
    except page.MENDABLE as error:
        return await page.show_again(
            request, "sign_in/reset.html", error, name=row.username, address=request.path
        )
    response = page.go("/login?done=password")
    auth.clear_session(response, request)
    return response


# --- ending mails ---------------------------------------------------------------------------


async def look_at_unsubscribing(request: web.Request) -> web.StreamResponse:
    """What the link would end. Scanners open links, so opening it ends nothing."""
    found = await unsubscribing.look_at(keys.server(request), request.match_info["secret"])
    return await page.show(
        request, "sign_in/unsubscribe.html", subscription=found, address=request.path, ended=not found.active
    )


async def unsubscribe(request: web.Request) -> web.StreamResponse:
    """End the mails of this kind. Mail programs send this by themselves, without a cookie (RFC 8058 §3.2)."""
    found = await unsubscribing.unsubscribe(keys.server(request), request.match_info["secret"])
    return await page.show(
        request, "sign_in/unsubscribe.html", subscription=found, address=request.path, ended=True
    )


def _begun(request: web.Request, new: NewSession, target: str) -> web.Response:
    response = page.go(target)
    auth.set_session(response, request, new.secret, sessions.SESSION_MS // 1000)
    return response


routes = [
    web.get("/login", ask),
    web.post("/login", log_in),
    web.get("/login/once/{secret:[^/]+}", look_at_login_link),
    web.post("/login/once/{secret:[^/]+}", log_in_by_link),
    web.post("/logout", log_out),
    web.get("/password", ask_reset),
    web.post("/password", send_reset),
    web.get("/password/sent", reset_sent),
    web.get("/password/{secret:[^/]+}", look_at_reset),
    web.post("/password/{secret:[^/]+}", reset),
    web.get("/unsubscribe/{secret:[^/]+}", look_at_unsubscribing),
    web.post("/unsubscribe/{secret:[^/]+}", unsubscribe),
]
