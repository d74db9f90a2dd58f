"""OAuth 2 over HTTP: apps, the pages on which a member agrees, tokens, metadata."""

from __future__ import annotations

import base64
from typing import Any, Final
from urllib.parse import unquote_plus, urlencode, urlsplit

from aiohttp import hdrs, web

from fedserver import apps, oauth, scopes, sessions
from fedserver.apps import AppRow, OAuthError
from fedserver.context import Server
from fedserver.errors import Forbidden, Invalid, RateLimited, Unauthorized
from fedserver.oauth import Authorization
from fedserver.sessions import SecondStep
from fedserver.viewer import Member, require_scope
from web import auth, errors, forms, keys, replies, templating
from web.api.render import AVATAR
from web.forms import Params
from web.guard import allow_form_to
from web.verbs import get_or_post

NO_STORE: Final[dict[str, str]] = {hdrs.CACHE_CONTROL: "no-store"}


async def register_app(request: web.Request) -> web.Response:
    """``POST /api/v1/apps``: anybody registers a client program."""
    server = keys.server(request)
    params = await forms.params(request)
    app = await apps.register_app(
        server,
        name=params.text("client_name"),
        redirect_uris=_redirect_uris(params),
        scopes=_joined(params, "scopes"),
        website=params.text("website"),
    )
    secrets = {
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "client_secret_expires_at": 0,
    }
    return replies.json(_application(server, app) | secrets)


async def verify_app(request: web.Request) -> web.Response:
    """``GET /api/v1/apps/verify_credentials``: which app a token belongs to."""
    server = keys.server(request)
    app = await apps.app_of_viewer(server, auth.viewer(request))
    return replies.json(_application(server, app))


def _application(server: Server, app: AppRow) -> dict[str, Any]:
    return {
        "id": str(app.id),
        "name": app.name,
        "website": app.website or None,
        "scopes": app.scopes.split(),
        "redirect_uri": "\n".join(app.redirect_uris),
        "redirect_uris": list(app.redirect_uris),
        "vapid_key": server.keys.vapid_public_key(),
    }


def _redirect_uris(params: Params) -> tuple[str, ...]:
    """One text with a URI on each line, or a list."""
    given = params.texts("redirect_uris")
    return tuple(dict.fromkeys(uri for text in given for uri in text.split()))


def _joined(params: Params, name: str) -> str:
    return " ".join(params.texts(name))


# --- the pages ------------------------------------------------------------------------------


async def show_authorization(request: web.Request) -> web.StreamResponse:
    """``GET /oauth/authorize``: sign in if need be, then agree or not. Changes nothing."""
    params = forms.query(request)
    try:
        asked = await _asked(request, params)
    except (OAuthError, Invalid) as error:
        return errors.told(request, "page", 400, str(error))
    allow_form_to(request, asked.redirect_uri)
    viewer = request[keys.VIEWER]
    if not isinstance(viewer, Member) or asked.force_login:
        return _sign_in_page(request, asked)
    return _consent_page(request, asked)


async def answer_authorization(request: web.Request) -> web.StreamResponse:
    """``POST /oauth/authorize``: the forms of the pages above. What was asked travels in the form, so it does not
    matter if the browser forgets its cookie in between."""
    params = await forms.params(request)
    try:
        asked = await _asked(request, params)
    except (OAuthError, Invalid) as error:
        return errors.told(request, "page", 400, str(error))
    allow_form_to(request, asked.redirect_uri)
    decision = params.text("decision")
    if decision == "sign_in":
        return await _sign_in(request, asked, params)
    viewer = request[keys.VIEWER]
    if not isinstance(viewer, Member):
        return _sign_in_page(request, asked)
    if decision == "deny":
        return _denied(request, asked)
    if decision != "allow":
        return errors.told(request, "page", 400, "Please say whether you allow this or not.")
    code = await oauth.grant(keys.server(request), viewer, asked)
    if asked.is_out_of_band:
        return templating.render(
            request, "oauth/code.html", headers=NO_STORE, app_name=asked.app.name, code=code
        )
    return _sent_to(asked.answer(code=code))


async def _asked(request: web.Request, params: Params) -> Authorization:
    # RFC 6749 §3.1: no parameter twice. Which of two addresses would be the checked one?
    for name in ("client_id", "redirect_uri", "response_type", "scope", "state", "code_challenge"):
        if len(request.query.getall(name, ())) > 1:
            raise OAuthError("invalid_request")
    return await oauth.read_request(
        keys.server(request),
        response_type=params.text("response_type"),
        client_id=params.text("client_id"),
        redirect_uri=params.text("redirect_uri"),
        scope=params.text("scope"),
        state=params.text("state"),
        code_challenge=params.text("code_challenge"),
        code_challenge_method=params.text("code_challenge_method"),
        force_login=params.flag("force_login"),
    )


async def _sign_in(request: web.Request, asked: Authorization, params: Params) -> web.StreamResponse:
    username = params.text("username")
    here = f"/oauth/authorize?{urlencode(asked.parameters())}"
    try:
        session = await sessions.log_in(
            keys.server(request),
            username,
            params.text("password"),
            ip=request[keys.CLIENT],
            user_agent=request.headers.get(hdrs.USER_AGENT, ""),
            target=here,
        )
    except (Unauthorized, Forbidden, RateLimited) as error:
        status = errors.status_of(error)
        return _sign_in_page(request, asked, problem=str(error), username=username, status=status)
    if isinstance(session, SecondStep):
        response = _sent_to("/login/2fa")
        auth.set_step(response, request, session.secret, sessions.STEP_MS // 1000)
        return response
    response = _sent_to(here)
    await auth.set_session(response, request, session.secret, sessions.SESSION_MS // 1000)
    return response


def _sign_in_page(
    request: web.Request, asked: Authorization, *, problem: str = "", username: str = "", status: int = 200
) -> web.StreamResponse:
    return templating.render(
        request,
        "oauth/sign_in.html",
        status=status,
        headers=NO_STORE,
        app_name=asked.app.name,
        request_fields=asked.parameters(),
        problem=problem,
        username=username,
    )


def _consent_page(request: web.Request, asked: Authorization) -> web.StreamResponse:
    parameters = asked.parameters()
    return templating.render(
        request,
        "oauth/consent.html",
        headers=NO_STORE,
        app_name=asked.app.name,
        website=asked.app.website,
        sentences=scopes.sentences(asked.scopes),
        destination="" if asked.is_out_of_band else _destination(asked.redirect_uri),
        request_fields=parameters,
        other_account_url=f"/oauth/authorize?{urlencode(parameters | {'force_login': 'true'})}",
    )


def _denied(request: web.Request, asked: Authorization) -> web.StreamResponse:
    if asked.is_out_of_band:
        return templating.render(request, "oauth/denied.html", headers=NO_STORE, app_name=asked.app.name)
    words = "The resource owner or authorization server denied the request."
    return _sent_to(asked.answer(error="access_denied", error_description=words))


def _destination(redirect_uri: str) -> str:
    """Where the browser goes, so that a member can notice if it is not the app's."""
    parts = urlsplit(redirect_uri)
    return parts.netloc if parts.scheme in ("http", "https") else f"{parts.scheme}:"


def _sent_to(location: str) -> web.Response:
    return web.Response(status=303, headers={hdrs.LOCATION: location, **NO_STORE})


# --- tokens ---------------------------------------------------------------------------------


async def issue_token(request: web.Request) -> web.Response:
    """``POST /oauth/token``: a code, or an app's own credentials, for a token (RFC 6749 §4.1.3, §4.4.2)."""
    server = keys.server(request)
    params = await forms.params(request)
    app = await apps.app_of(server, *_credentials(request, params))
    kind = params.text("grant_type")
    if kind == "authorization_code":
        issued = await oauth.exchange_code(
            server,
            app,
            code=params.text("code"),
            redirect_uri=params.text("redirect_uri"),
            code_verifier=params.text("code_verifier"),
        )
    elif kind == "client_credentials":
        issued = await oauth.app_token(server, app, params.text("scope"))
    else:
        raise OAuthError("unsupported_grant_type" if kind else "invalid_request")
    body = {
        "access_token": issued.access_token,
        "token_type": issued.token_type,
        "scope": issued.scope,
        "created_at": issued.created_at,
    }
    return replies.json(body, headers=NO_STORE)


async def revoke_token(request: web.Request) -> web.Response:
    """``POST /oauth/revoke`` (RFC 7009): empty 200, for unknown tokens too."""
    server = keys.server(request)
    params = await forms.params(request)
    app = await apps.app_of(server, *_credentials(request, params))
    await oauth.revoke(server, app, params.text("token"))
    return replies.json({})


def _credentials(request: web.Request, params: Params) -> tuple[str, str]:
    """Client id and secret from the header (RFC 6749 §2.3.1) or the body."""
    in_body = params.text("client_id"), params.text("client_secret")
    scheme, _, encoded = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    if scheme.lower() != "basic":
        return in_body
    try:
        client_id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError as error:  # neither Base64 nor UTF-8
        raise OAuthError("invalid_client") from error
    client_id, secret = unquote_plus(client_id), unquote_plus(secret)
    if not colon or (in_body[0] and in_body[0] != client_id):
        raise OAuthError("invalid_client")
    return client_id, secret


async def userinfo(request: web.Request) -> web.Response:
    """``GET|POST /oauth/userinfo``: who the member is; scope ``profile``, or one that shows more."""
    member = auth.member(request)
    if "profile" not in member.scopes:
        require_scope(member, "read:accounts")
    server = keys.server(request)
    # Never without a picture, as everywhere else in this API.
    stand_in = {"picture": f"{server.config.origin}/static/{AVATAR}"}
    return replies.json(stand_in | await oauth.userinfo(server, member))


async def metadata(request: web.Request) -> web.Response:
    """``GET /.well-known/oauth-authorization-server`` (RFC 8414), with Mastodon's name for app registration."""
    origin = keys.server(request).config.origin
    return replies.json(
        {
            "issuer": f"{origin}/",
            "authorization_endpoint": f"{origin}/oauth/authorize",
            "token_endpoint": f"{origin}/oauth/token",
            "revocation_endpoint": f"{origin}/oauth/revoke",
            "userinfo_endpoint": f"{origin}/oauth/userinfo",
            "app_registration_endpoint": f"{origin}/api/v1/apps",
            "scopes_supported": list(scopes.ALL),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "client_credentials"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            "service_documentation": f"{origin}/about",
        },
        headers={hdrs.CACHE_CONTROL: "public, max-age=600"},
    )


routes: Final[list[web.RouteDef]] = [
    web.post("/api/v1/apps", register_app),
    web.get("/api/v1/apps/verify_credentials", verify_app),
    web.get("/oauth/authorize", show_authorization),
    web.post("/oauth/authorize", answer_authorization),
    web.post("/oauth/token", issue_token),
    web.post("/oauth/revoke", revoke_token),
    *get_or_post("/oauth/userinfo", userinfo),
    web.get("/.well-known/oauth-authorization-server", metadata),
]
