"""Apps: client programs that ask members for tokens. Anybody may register one, so nothing they say is believed."""

from __future__ import annotations

import hmac
import re
from typing import Final, Literal
from urllib.parse import urlsplit

from sqlalchemy import Connection

from fedserver import scopes as scopes_
from fedserver.content.text import clean_line
from fedserver.context import Server
from fedserver.errors import FedError, Invalid, Unauthorized
from fedserver.remembered import new_secret
from fedserver.viewer import Viewer
from storage import oauth
from storage.oauth import AppRow as AppRow

OUT_OF_BAND: Final = "urn:ietf:wg:oauth:2.0:oob"
NAME_CHARS_MAX: Final = 60
URI_CHARS_MAX: Final = 2_000
REDIRECT_URIS_MAX: Final = 20

# Schemes by which a browser would run or show what the app wrote, instead of handing it the code.
_NEVER_REDIRECT_WORDS: Final = """
    about blob chrome data file filesystem ftp javascript mailto resource tel vbscript view-source ws
    wss
"""
_NEVER_REDIRECT: Final = frozenset(_NEVER_REDIRECT_WORDS.split())
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_VISIBLE = re.compile(r"[\x21-\x7e]+")

ErrorCode = Literal[
    "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
    "unsupported_response_type", "invalid_scope",
]  # fmt: skip

_SENTENCES: Final[dict[str, str]] = {
    "invalid_request": "The request is missing a required parameter, includes an unsupported parameter value, or is "
    "otherwise malformed.",
    "invalid_client": "Client authentication failed due to unknown client, no client authentication included, or "
    "unsupported authentication method.",
    "invalid_grant": "The provided authorization grant is invalid, expired, revoked, does not match the redirection "
    "URI used in the authorization request, or was issued to another client.",
    "unauthorized_client": "The client is not authorized to perform this request using this method.",
    "unsupported_grant_type": "The authorization grant type is not supported by the authorization server.",
    "unsupported_response_type": "The authorization server does not support this response type.",
    "invalid_scope": "The requested scope is invalid, unknown, or malformed.",
}


class OAuthError(FedError):
    """An error in the form of RFC 6749 §5.2: `oauth_error` for programs, the text for people."""

    def __init__(self, code: ErrorCode, message: str | None = None) -> None:
        self.oauth_error: ErrorCode = code
        super().__init__(message or _SENTENCES[code])


async def register_app(
    server: Server, *, name: str, redirect_uris: tuple[str, ...], scopes: str = "", website: str = ""
) -> AppRow:
    """Register a client program; anybody may. Raises Invalid."""
    name = clean_line(name)
    if not name:
        raise Invalid({"client_name": "can't be blank"}, "Validation failed: Application name can't be blank")
    if len(name) > NAME_CHARS_MAX:
        raise Invalid({"client_name": f"is too long (maximum is {NAME_CHARS_MAX} characters)"})
    if not redirect_uris:
        raise Invalid({"redirect_uris": "can't be blank"}, "Validation failed: Redirect URI can't be blank")
    if len(redirect_uris) > REDIRECT_URIS_MAX:
        raise Invalid({"redirect_uris": f"may be {REDIRECT_URIS_MAX} at most"})
    for uri in redirect_uris:
        _check_redirect_uri(uri)
    website = website.strip()
    if website and (web_host_of(website) is None or len(website) > URI_CHARS_MAX):
        raise Invalid({"website": "must be an http or https address"})
    granted = scopes_.parse(scopes) or (scopes_.DEFAULT,)
    client_id, _ = new_secret()
    client_secret, _ = new_secret()

    def unit(conn: Connection) -> AppRow:
        return oauth.add_app(
            conn,
            client_id=client_id,
            client_secret=client_secret,
            name=name,
            website=website,
            redirect_uris=redirect_uris,
            scopes=" ".join(granted),
        )

    return await server.db.write(unit)


def web_host_of(address: str) -> str | None:
    """The host of an http(s) address, or None if it is none."""
    if not _VISIBLE.fullmatch(address):
        return None
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return parts.hostname if parts.scheme in ("http", "https") else None


def _check_redirect_uri(uri: str) -> None:
    problem = None
    scheme, colon, rest = uri.partition(":")
    if uri == OUT_OF_BAND:
        return
    if len(uri) > URI_CHARS_MAX or not _VISIBLE.fullmatch(uri):
        problem = "must be a valid URI."
    elif not colon or not rest or not _SCHEME.fullmatch(scheme):
        problem = "must be an absolute URI."
    elif scheme.lower() in _NEVER_REDIRECT:
        problem = "is forbidden by the server."
    elif "#" in uri:
        problem = "cannot contain a fragment."
    elif scheme.lower() in ("http", "https") and (web_host_of(uri) is None or "@" in urlsplit(uri).netloc):
        problem = "must be a valid URI."
    if problem:
        raise Invalid({"redirect_uris": problem}, f"Validation failed: Redirect URI {problem}")


async def app_of(server: Server, client_id: str, client_secret: str) -> AppRow:
    """The app that proves who it is. Raises OAuthError."""
    app = await server.db.read(oauth.app_by_client_id, client_id[:200])
    # `bytes`, because a secret that is not ASCII must be wrong, not an error.
    if app is None or not hmac.compare_digest(app.client_secret.encode(), client_secret.encode()):
        raise OAuthError("invalid_client")
    return app


async def app_of_viewer(server: Server, viewer: Viewer) -> AppRow:
    """The app whose token is used: its own or a member's. Raises Unauthorized."""
    if viewer.app_id is None:
        raise Unauthorized("The access token is invalid")
    app = await server.db.read(oauth.app_by_id, viewer.app_id)
    if app is None:
        raise Unauthorized("The access token is invalid")
    return app
