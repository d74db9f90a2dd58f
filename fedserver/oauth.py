"""OAuth 2: apps ask, members grant, tokens open the API (RFC 6749, 7009, 7636, 8414, 9700).

Tokens do not expire, because no client of this API can renew one; the member or the app ends them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit, urlunsplit

from sqlalchemy import Connection

from fedserver import scopes as scopes_
from fedserver.apps import OUT_OF_BAND, AppRow, OAuthError
from fedserver.context import Server
from fedserver.errors import Invalid, NotFound, Unauthorized
from fedserver.remembered import digest, new_secret
from fedserver.sessions import check_standing, role_of
from fedserver.viewer import Anonymous, Member, Viewer
from storage import accounts, oauth, users
from storage.accounts import AccountRow
from storage.oauth import Grant, TokenHolder
from storage.types import HOUR_MS, instant_of, now_ms

CODE_MS: Final = 600_000
USED_EVERY_MS: Final = HOUR_MS
STATE_CHARS_MAX: Final = 4_000
APP_UNUSED_MS: Final = 7 * 24 * HOUR_MS

# RFC 7636 §4.1 and §4.2: 43 to 128 unreserved characters; a SHA-256 in base64url has 43.
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Authorization:
    """A request for authorization that was found to be in order: what the consent page shows."""

    app: AppRow
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str
    challenge: str
    force_login: bool

    @property
    def is_out_of_band(self) -> bool:
        """Whether the code is shown to the member, who carries it over."""
        return self.redirect_uri == OUT_OF_BAND

    def parameters(self) -> dict[str, str]:
        """The request again, for hidden fields of a form or a query."""
        values = {
            "response_type": "code",
            "client_id": self.app.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(self.scopes),
        }
        if self.state:
            values["state"] = self.state
        if self.challenge:
            values |= {"code_challenge": self.challenge, "code_challenge_method": "S256"}
        return values

    def answer(self, **parameters: str) -> str:
        """Where to send the browser with these parameters and the state (RFC 6749 §4.1.2)."""
        parts = urlsplit(self.redirect_uri)
        added = urlencode(parameters | ({"state": self.state} if self.state else {}))
        # A custom scheme may have no path at all, as in "app://": nothing of it may be lost or reordered.
        if parts.scheme not in ("http", "https"):
            return f"{self.redirect_uri}{'&' if '?' in self.redirect_uri else '?'}{added}"
        return urlunsplit(parts._replace(query=f"{parts.query}&{added}" if parts.query else added))


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token as its app gets it, once. `created_at` is in seconds since 1970."""

    access_token: str
    scope: str
    created_at: int
    token_type: str = "Bearer"  # noqa: S105 - the name of the kind


# --- authorizing ----------------------------------------------------------------------------


async def read_request(
    server: Server,
    *,
    response_type: str,
    client_id: str,
    redirect_uri: str,
    scope: str = "",
    state: str = "",
    code_challenge: str = "",
    code_challenge_method: str = "",
    force_login: bool = False,
) -> Authorization:
    """Check a request for authorization. Raises OAuthError, which is shown on a page of ours.

    No error sends the browser on: whoever registers an app could use us to redirect people anywhere
    (RFC 9700 §4.11.2).
    """
    app = await server.db.read(oauth.app_by_client_id, client_id[:200])
    if app is None:
        raise OAuthError("invalid_client")
    # RFC 9700 §4.1.3: compared character by character.
    if redirect_uri not in app.redirect_uris:
        raise OAuthError("invalid_request", "The redirect uri included is not valid.")
    if response_type != "code":
        raise OAuthError("unsupported_response_type")
    try:
        wanted = scopes_.parse(scope) or (scopes_.DEFAULT,)
    except Invalid as error:
        raise OAuthError("invalid_scope") from error
    if not scopes_.within(wanted, tuple(app.scopes.split())):
        raise OAuthError("invalid_scope")
    if len(state) > STATE_CHARS_MAX:
        raise OAuthError("invalid_request")
    if (code_challenge or code_challenge_method) and (
        code_challenge_method != "S256" or not _CHALLENGE.fullmatch(code_challenge)
    ):
        raise OAuthError("invalid_request", "The code challenge method must be S256.")
    return Authorization(app, redirect_uri, wanted, state, code_challenge, force_login)


async def grant(server: Server, member: Member, request: Authorization) -> str:
    """The member agrees: an authorization code, good once and for ten minutes."""
    code, code_hash = new_secret()

    def unit(conn: Connection) -> None:
        oauth.add_code(
            conn,
            code_hash=code_hash,
            app_id=request.app.id,
            account_id=member.account_id,
            redirect_uri=request.redirect_uri,
            scopes=" ".join(request.scopes),
            challenge=request.challenge,
            expires_at=now_ms() + CODE_MS,
        )

    await server.db.write(unit)
    return code


# --- tokens ---------------------------------------------------------------------------------


async def exchange_code(
    server: Server, app: AppRow, *, code: str, redirect_uri: str, code_verifier: str = ""
) -> IssuedToken:
    """A token for an authorization code. Raises OAuthError.

    A code used twice was seen by somebody it was not meant for: what the first use got ends (RFC 6749 §4.1.2).
    """
    outcome = await server.db.write(_exchange, app.id, code, redirect_uri, code_verifier)
    if isinstance(outcome, IssuedToken):
        return outcome
    if outcome is not None:
        server.remembered.forget_token(outcome)
    raise OAuthError("invalid_grant")


def _exchange(
    conn: Connection, app_id: int, code: str, redirect_uri: str, code_verifier: str
) -> IssuedToken | int | None:
    """The token, or the id of the one that ended because the code had been used."""
    now = now_ms()
    row = oauth.code(conn, digest(code))
    if row is None or row.app_id != app_id:
        return None
    if row.token_id is not None:
        oauth.revoke(conn, row.token_id, now)
        return row.token_id
    member = users.by_id(conn, row.account_id)
    if row.expires_at <= now or row.redirect_uri != redirect_uri or member is None or not member.is_let_in:
        return None
    if not _proves(code_verifier, row.challenge):
        return None
    token_id, issued = _issue(conn, app_id, row.account_id, row.scopes, now)
    if not oauth.use_code(conn, digest(code), token_id):
        raise OAuthError("invalid_grant")
    return issued


def _proves(verifier: str, challenge: str) -> bool:
    # RFC 9700 §4.8.2: a verifier where no challenge was sent means that it was taken away on the way.
    if not challenge:
        return not verifier
    if not _VERIFIER.fullmatch(verifier):
        return False
    hashed = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(hashed, challenge.encode())


async def app_token(server: Server, app: AppRow, scope: str = "") -> IssuedToken:
    """A token for the app itself (client credentials), which opens what anybody may see. Raises OAuthError."""
    try:
        wanted = scopes_.parse(scope) or (scopes_.DEFAULT,)
    except Invalid as error:
        raise OAuthError("invalid_scope") from error
    if not scopes_.within(wanted, tuple(app.scopes.split())):
        raise OAuthError("invalid_scope")

    def unit(conn: Connection) -> IssuedToken:
        return _issue(conn, app.id, None, " ".join(wanted), now_ms())[1]

    return await server.db.write(unit)


def issue(conn: Connection, account_id: int, scopes: str, *, app_id: int | None = None) -> IssuedToken:
    """A token for a member, within a unit: after signing up through the API, and for scripts. Raises Invalid."""
    wanted = scopes_.parse(scopes) or (scopes_.DEFAULT,)
    return _issue(conn, app_id, account_id, " ".join(wanted), now_ms())[1]


def _issue(
    conn: Connection, app_id: int | None, account_id: int | None, scopes: str, now: int
) -> tuple[int, IssuedToken]:
    secret, secret_hash = new_secret()
    token_id = oauth.add_token(
        conn, secret_hash=secret_hash, app_id=app_id, account_id=account_id, scopes=scopes, now=now
    )
    return token_id, IssuedToken(secret, scopes, instant_of(token_id) // 1000)


async def revoke(server: Server, app: AppRow, secret: str) -> None:
    """End a token of this app; nothing happens for an unknown one (RFC 7009 §2.2).

    Raises OAuthError if it is another app's.
    """

    def unit(conn: Connection) -> int | None:
        row = oauth.holder(conn, digest(secret))
        if row is None:
            return None
        if row.app_id != app.id:
            raise OAuthError("unauthorized_client", "You are not authorized to revoke this token")
        oauth.revoke(conn, row.id, now_ms())
        return row.id

    revoked = await server.db.write(unit)
    if revoked is not None:
        server.remembered.forget_token(revoked)


async def grants(server: Server, member: Member) -> list[Grant]:
    """The apps a member has let in, newest first."""
    return await server.db.read(oauth.grants, member.account_id)


async def end_grant(server: Server, member: Member, token_id: int) -> None:
    """A member ends the token of an app; NotFound if it is not theirs."""

    def unit(conn: Connection) -> None:
        if not oauth.token_is_of(conn, token_id, member.account_id):
            raise NotFound
        oauth.revoke(conn, token_id, now_ms())

    await server.db.write(unit)
    server.remembered.forget_token(token_id)


async def viewer_of_token(server: Server, secret: str, *, pending: bool = False) -> Viewer:
    """Whoever asks with this token.

    Raises Unauthorized if it is none (any more), Forbidden if its member is disabled or, unless `pending` ones are
    let in, not confirmed or not approved.
    """
    server.remembered.listen(server.bus)
    secret_hash = digest(secret)

    async def load() -> TokenHolder:
        row = await server.db.read(oauth.holder, secret_hash)
        if row is None or row.revoked_at is not None:
            raise Unauthorized("The access token is invalid")
        now = now_ms()
        if row.last_used_at is None or row.last_used_at < now - USED_EVERY_MS:
            await server.db.write(_used, row.id, row.account_id, now)
        return row

    row: TokenHolder = await server.remembered.tokens.get(secret_hash, load)
    granted = frozenset(row.scopes.split())
    if row.account_id is None:
        return Anonymous(row.app_id, granted, token_id=row.id)
    check_standing(row, pending=pending)
    return Member(
        row.account_id,
        row.username or "",
        role_of(row.role),
        granted,
        app_id=row.app_id,
        token_id=row.id,
        has_second_factor=bool(row.has_second_factor),
    )


def remove_unused(conn: Connection) -> None:
    """Forget codes, tokens and apps that nobody can use any more; for the daily job."""
    oauth.remove_unused(conn, now_ms(), app_age_ms=APP_UNUSED_MS)


def _used(conn: Connection, token_id: int, account_id: int | None, now: int) -> None:
    oauth.used(conn, token_id, now)
    if account_id is not None:
        users.touch(conn, account_id, now)


async def userinfo(server: Server, member: Member) -> dict[str, str]:
    """Who the member is, as OpenID Connect Core §5.3.2 names it: ``sub`` is the actor's URI."""

    def unit(conn: Connection) -> AccountRow | None:
        return accounts.by_id(conn, member.account_id)

    row = await server.db.read(unit)
    if row is None:
        raise Unauthorized("The access token is invalid")
    return {
        "iss": f"{server.config.origin}/",
        "sub": row.uri,
        "name": row.display_name or row.username,
        "preferred_username": row.username,
        "profile": row.url,
        **({"picture": row.avatar_url} if row.avatar_url else {}),
    }
