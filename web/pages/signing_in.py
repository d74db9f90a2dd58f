"""Signing in and out, links that sign in once, a forgotten password, and ending mails by their link."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiohttp import web

from fedserver import passkeys, sessions, unsubscribing
from fedserver.errors import FedError
from fedserver.mail_links import LinkExpired
from fedserver.sessions import NewSession, SecondStep
from fedserver.viewer import Member
from web import auth, forms, keys
from web.guard import allow_form_to
from web.pages import page


async def ask(request: web.Request) -> web.StreamResponse:
    """The form to sign in."""
    target = forms.safe_next(request.query.get("next", ""), "/home")
    if isinstance(request[keys.VIEWER], Member):
        return page.go(target)
    return await page.show(request, "sign_in/login.html", problems={}, name="", next=target)


async def log_in(request: web.Request) -> web.StreamResponse:
    """Begin a session."""
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
            target=target,
        )
    except page.MENDABLE as error:
        return await page.show_again(request, "sign_in/login.html", error, name=name, next=target)
    if isinstance(new, SecondStep):
        response = page.go("/login/2fa")
        auth.set_step(response, request, new.secret, sessions.STEP_MS // 1000)
        return response
    return await _begun(request, new, target)


async def ask_second(request: web.Request) -> web.StreamResponse:
    """The form for the second step."""
    return await _second_step(request)


async def second_step(request: web.Request) -> web.StreamResponse:
    """Go on with a code of the app, a recovery code, or a passkey."""
    params = await forms.params(request)
    try:
        new, target = await sessions.finish_step(
            keys.server(request),
            auth.step(request),
            code=params.text("code", chars_max=100),
            passkey=params.text("passkey"),
            ip=request[keys.CLIENT],
            user_agent=request.headers.get("User-Agent", ""),
        )
    except LinkExpired:
        return page.go("/login?done=step-over")
    except page.MENDABLE as error:
        return await _second_step(request, error)
    response = await _begun(request, new, forms.safe_next(target, "/home"))
    auth.clear_step(response, request)
    return response


async def _second_step(request: web.Request, error: FedError | None = None) -> web.Response:
    found = await sessions.look_at_step(keys.server(request), auth.step(request))
    if found is None:
        return page.go("/login?done=step-over")
    user, factors, target = found
    if target.startswith("/oauth/authorize?"):
        # Consent follows at once, whose form leads to the app.
        allow_form_to(request, parse_qs(urlsplit(target).query).get("redirect_uri", [""])[0])
    shown: dict[str, Any] = {"name": user.username, "factors": factors}
    if error is not None:
        return await page.show_again(request, "sign_in/second.html", error, **shown)
    return await page.show(request, "sign_in/second.html", problems={}, **shown)


async def passkey_options(request: web.Request) -> web.StreamResponse:
    """What a browser needs to answer with a passkey: of the member who is signed in or half so, or of anybody."""
    server, viewer = keys.server(request), request[keys.VIEWER]
    found = None if isinstance(viewer, Member) else await sessions.look_at_step(server, auth.step(request))
    account_id = viewer.account_id if found is None else found[0].account_id
    options = await passkeys.to_prove(server, account_id)
    return web.Response(text=options, content_type="application/json")


async def log_in_by_passkey(request: web.Request) -> web.StreamResponse:
    """Begin a session with a passkey alone."""
    params = await forms.params(request)
    target = forms.safe_next(params.text("next"), "/home")
    try:
        new = await sessions.log_in_by_passkey(
            keys.server(request),
            params.text("passkey"),
            ip=request[keys.CLIENT],
            user_agent=request.headers.get("User-Agent", ""),
        )
    except page.MENDABLE as error:
        return await page.show_again(request, "sign_in/login.html", error, name="", next=target)
    return await _begun(request, new, target)


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
    return await _begun(request, new, "/settings/security")


async def go_on(request: web.Request) -> web.StreamResponse:
    """Back to the page that wanted it: the guard has asked on the way here."""
    target = forms.safe_next((await forms.params(request)).text("next"), "/home")
    return page.go(target)


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


async def _begun(request: web.Request, new: NewSession, target: str) -> web.Response:
    response = page.go(target)
    await auth.set_session(response, request, new.secret, sessions.SESSION_MS // 1000)
    return response


routes = [
    web.get("/login", ask),
    web.post("/login", log_in),
    web.get("/login/2fa", ask_second),
    web.post("/login/2fa", second_step),
    web.post("/login/passkey", log_in_by_passkey),
    web.post("/login/passkey/options", passkey_options),
    web.get("/login/once/{secret:[^/]+}", look_at_login_link),
    web.post("/login/once/{secret:[^/]+}", log_in_by_link),
    web.post("/login/again", go_on),
    web.post("/logout", log_out),
    web.get("/password", ask_reset),
    web.post("/password", send_reset),
    web.get("/password/sent", reset_sent),
    web.get("/password/{secret:[^/]+}", look_at_reset),
    web.post("/password/{secret:[^/]+}", reset),
    web.get("/unsubscribe/{secret:[^/]+}", look_at_unsubscribing),
    web.post("/unsubscribe/{secret:[^/]+}", unsubscribe),
]
