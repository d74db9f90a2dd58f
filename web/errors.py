"""The one place that knows HTTP status codes for what can go wrong, and how each kind of reader is told.

Clients of the API get ``{"error": …}``, other servers ``application/problem+json`` (RFC 9457), people a page.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from math import ceil
from typing import Any, Final, Literal
from urllib.parse import quote

from aiohttp import hdrs, web

from activitypub.errors import NotTrusted, ProtocolError
from fedserver.apps import OAuthError
from fedserver.errors import (
    Conflict,
    FedError,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    RateLimited,
    TooLarge,
    Unauthorized,
    Unreachable,
)
from fedserver.streams.names import UnknownStream
from fedserver.translation_services import TranslationFailed
from web import keys, replies
from web.forms import TooSlow, UnknownKind, Unreadable
from web.limits import UsedUp

log = logging.getLogger("fedserver.web")

Face = Literal["api", "oauth", "wire", "page", "plain"]

# The first that fits holds.
_STATUS: Final[tuple[tuple[type[Exception], int], ...]] = (
    (Unreadable, 400),
    (UnknownStream, 400),
    (UnknownKind, 415),
    (OAuthError, 400),
    (TooSlow, 408),
    (NotFound, 404),
    (Gone, 410),
    (Unauthorized, 401),
    (Forbidden, 403),
    (Invalid, 422),
    (Conflict, 409),
    (TooLarge, 413),
    (RateLimited, 429),
    (TranslationFailed, 503),
    (Unreachable, 502),
    (FedError, 500),
    (NotTrusted, 401),
    (ProtocolError, 400),
)
WENT_WRONG: Final = "Something went wrong."
_SENTENCES: Final = {
    404: "There is nothing here.",
    405: "This cannot be done here.",
    413: "This is too large.",
    415: "Send JSON or a form.",
}


def status_of(error: Exception) -> int:
    """The HTTP status for an error; 500 for what nobody foresaw."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def reply(request: web.Request, error: Exception, face: Face) -> web.StreamResponse:
    """Tell the reader, in its form, what went wrong. What nobody foresaw is logged here, once, and not told."""
    if isinstance(error, web.HTTPException):
        return _of_http(request, error, face)
    status = status_of(error)
    if isinstance(error, OAuthError) and error.oauth_error == "invalid_client":
        status = 401
    foreseen = isinstance(error, FedError | ProtocolError)
    if not foreseen:
        log.error("A request failed: %s", type(error).__name__, exc_info=error)
    text = str(error) if foreseen else WENT_WRONG
    headers: dict[str, str] = {}
    if isinstance(error, RateLimited):
        headers[hdrs.RETRY_AFTER] = str(error.retry_after)
    if isinstance(error, UsedUp):
        request[keys.QUOTA] = error.quota
        if face == "page":
            minutes = ceil(error.retry_after / 60)
            text = f"Too many requests have come from where you are. Please try again in {minutes} {'minute' if minutes == 1 else 'minutes'}."
    if status == 401 and face in ("api", "oauth"):
        # RFC 6750 §3
        headers[hdrs.WWW_AUTHENTICATE] = 'Bearer realm="api"' + (
            ', error="invalid_token"' if hdrs.AUTHORIZATION in request.headers else ""
        )
    fields = error.fields if isinstance(error, Invalid) else {}
    if isinstance(error, OAuthError) and face in ("api", "oauth"):  # RFC 6749 §5.2
        body = {"error": error.oauth_error, "error_description": text}
        return replies.json(body, status=status, headers=headers)
    return told(request, face, status, text, headers=headers, fields=fields)


def _of_http(request: web.Request, error: web.HTTPException, face: Face) -> web.StreamResponse:
    if error.status < 400:
        return web.Response(status=error.status, headers={hdrs.LOCATION: error.headers[hdrs.LOCATION]})
    text = _SENTENCES.get(error.status) or HTTPStatus(error.status).phrase + "."
    headers = {
        str(name): error.headers[name] for name in (hdrs.ALLOW, hdrs.RETRY_AFTER) if name in error.headers
    }
    return told(request, face, error.status, text, headers=headers)


def told(
    request: web.Request,
    face: Face,
    status: int,
    text: str,
    *,
    headers: dict[str, str] | None = None,
    fields: dict[str, str] | None = None,
) -> web.StreamResponse:
    """The answer with this status and sentence as readers of this face expect it."""
    headers = headers or {}
    if face in ("api", "oauth"):
        body: dict[str, Any] = {"error": text}
        if fields:
            body["details"] = {
                name: [{"error": "ERR_INVALID", "description": what}] for name, what in fields.items()
            }
        return replies.json(body, status=status, headers=headers)
    if face == "page" and not replies.wants_activity(request):
        return _page(request, status, text, headers, fields or {})
    more = {"fields": fields} if fields else {}
    return replies.problem(status, HTTPStatus(status).phrase, text, headers=headers, **more)


def _page(
    request: web.Request, status: int, text: str, headers: dict[str, str], fields: dict[str, str]
) -> web.StreamResponse:
    if status == 401 and request[keys.POLICY].identity == "session":
        back = request.rel_url.raw_path_qs if request.method in ("GET", "HEAD") else "/"
        return web.Response(status=303, headers={hdrs.LOCATION: f"/login?next={quote(back, safe='')}"})
    pages = request.app[keys.PAGES]
    try:
        return pages.render(
            request,
            "error.html",
            status=status,
            headers=headers,
            heading=HTTPStatus(status).phrase,
            sentence=text,
            fields=fields,
        )
    except Exception:
        # The page that tells of errors must not be one; this plain text always works.
        log.exception("The error page could not be made.")
        return web.Response(text=text, status=status, headers=headers)
