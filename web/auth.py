"""Who is asking: the bearer of a token (API) or of a session cookie (pages), never one as the other."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

from fedserver import oauth, sessions
from fedserver.errors import Forbidden, Invalid, Unauthorized
from fedserver.viewer import Anonymous, Member, Viewer, require_scope
from web import keys

INVALID_TOKEN: Final = "The access token is invalid"  # noqa: S105 - Mastodon's words, which clients look for
TOKEN_CHARS_MAX: Final = 256
ANONYMOUS: Final = Anonymous()


def bearer(request: web.Request, *, streaming: bool = False) -> str | None:
    """The token that was sent, if any. Streams may carry it in the query or as WebSocket protocol, because
    browsers let a page set no header there (RFC 6750 §2.3 warns of the query elsewhere)."""
    header = request.headers.get(hdrs.AUTHORIZATION)
    if header is not None:
        scheme, _, secret = header.partition(" ")
        if scheme.lower() == "bearer":
            return secret.strip()
    if streaming:
        return request.query.get("access_token") or request.headers.get(hdrs.SEC_WEBSOCKET_PROTOCOL) or None
    return None


async def by_token(request: web.Request, *, streaming: bool = False, pending: bool = False) -> Viewer:
    """The viewer a token stands for; Anonymous without one. Unauthorized for a token we do not know (any more).
    `pending` lets in who has still to confirm an address or to be approved."""
    secret = bearer(request, streaming=streaming)
    if secret is None:
        return ANONYMOUS
    if not secret or len(secret) > TOKEN_CHARS_MAX:
        raise Unauthorized(INVALID_TOKEN)
    return await oauth.viewer_of_token(request.app[keys.SERVER], secret, pending=pending)


async def by_session(request: web.Request) -> Viewer:
    """The member a session cookie stands for; Anonymous without one that holds."""
    server = request.app[keys.SERVER]
    secret = request.cookies.get(cookie_name(server.config.origin))
    if not secret or len(secret) > TOKEN_CHARS_MAX:
        return ANONYMOUS
    member = await sessions.viewer_of_cookie(server, secret)
    if member is None:
        return ANONYMOUS
    request[keys.SESSION] = secret
    return member


# --- what handlers ask ----------------------------------------------------------------------


def viewer(request: web.Request, scope: str | None = None) -> Viewer:
    """Whoever asks, signed in or not. A token must cover `scope`; no token at all is let through."""
    asking = request[keys.VIEWER]
    if scope is not None and (isinstance(asking, Member) or asking.app_id is not None):
        require_scope(asking, scope)
    return asking


def member(request: web.Request, scope: str | None = None) -> Member:
    """The member who asks. Unauthorized for nobody, Invalid for an app on its own, Forbidden out of scope."""
    asking = request[keys.VIEWER]
    if not isinstance(asking, Member):
        if asking.app_id is not None:
            raise Invalid(message="This method requires an authenticated user")
        raise Unauthorized(INVALID_TOKEN if request[keys.POLICY].face == "api" else None)
    if scope is not None:
        require_scope(asking, scope)
    return asking


def staff(request: web.Request, scope: str | None = None) -> Member:
    """A member who looks after something; Forbidden for others. What in particular, the gate has asked."""
    asking = member(request, scope)
    if not asking.serves:
        raise Forbidden("This action is not allowed")
    return asking


def moderator(request: web.Request, scope: str | None = None) -> Member:
    """A member who moderates; Forbidden for others."""
    asking = member(request, scope)
    if not asking.moderates:
        raise Forbidden("This action is not allowed")
    return asking


def admin(request: web.Request, scope: str | None = None) -> Member:
    """An admin; Forbidden for others."""
    asking = member(request, scope)
    if not asking.administers:
        raise Forbidden("This action is not allowed")
    return asking


# --- the session cookie ---------------------------------------------------------------------


def cookie_name(origin: str) -> str:
    """With the prefix by which browsers keep a cookie to this very host, where https allows it (RFC 6265bis §4.1.3)."""
    return "__Host-session" if origin.startswith("https:") else "session"


async def set_session(response: web.StreamResponse, request: web.Request, secret: str, seconds: int) -> None:
    """Sign this browser in: `secret` is a new session's, good for `seconds`. The session that it had ends."""
    server = request.app[keys.SERVER]
    before, origin = request[keys.VIEWER], server.config.origin
    if isinstance(before, Member):
        await sessions.log_out(server, before)
    response.set_cookie(
        cookie_name(origin),
        secret,
        max_age=seconds,
        path="/",
        secure=origin.startswith("https:"),
        httponly=True,
        samesite="Lax",
    )


def step(request: web.Request) -> str:
    """The secret of a sign-in that waits in this browser for its second step; "" for none."""
    secret = request.cookies.get(_step_name(request), "")
    return secret if len(secret) <= TOKEN_CHARS_MAX else ""


def set_step(response: web.StreamResponse, request: web.Request, secret: str, seconds: int) -> None:
    """Have this browser go on with the second step."""
    secure = request.app[keys.SERVER].config.origin.startswith("https:")
    response.set_cookie(
        _step_name(request), secret, max_age=seconds, path="/", secure=secure, httponly=True, samesite="Lax"
    )


def clear_step(response: web.StreamResponse, request: web.Request) -> None:
    """The second step is done."""
    secure = request.app[keys.SERVER].config.origin.startswith("https:")
    response.del_cookie(_step_name(request), path="/", secure=secure, httponly=True, samesite="Lax")


def _step_name(request: web.Request) -> str:
    return cookie_name(request.app[keys.SERVER].config.origin).replace("session", "step")


def clear_session(response: web.StreamResponse, request: web.Request) -> None:
    """Sign this browser out; the session itself is ended by `fedserver.sessions`."""
    origin = request.app[keys.SERVER].config.origin
    response.del_cookie(
        cookie_name(origin), path="/", secure=origin.startswith("https:"), httponly=True, samesite="Lax"
    )
