"""What surrounds every request, in one middleware: who asks and how often, forgery, errors, headers, the log.

What a request may do follows from where it goes (its `Policy`), decided once for each route.
"""

from __future__ import annotations

import logging
import random
import re
from dataclasses import dataclass
from time import perf_counter
from typing import Final
from urllib.parse import quote, urlsplit

from aiohttp import HttpVersion10, hdrs, web
from aiohttp.typedefs import Middleware

from fedserver import settings
from fedserver.context import Server
from fedserver.errors import FedError, Forbidden
from fedserver.moderation import networks
from fedserver.observe import REQUEST_ID
from fedserver.viewer import Member
from web import auth, errors, forms, fresh, keys, limits, malformed
from web.errors import Face
from web.limits import Limit, Limits, reset_text
from web.params import Unreadable
from web.proxies import Proxies, subject
from web.verbs import Handler

log = logging.getLogger("fedserver.request")

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

CORS_METHODS: Final = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
CORS_REQUEST_HEADERS: Final = "Authorization, Content-Type, Idempotency-Key"
CORS_EXPOSED: Final = (
    "Link, Mastodon-Async-Refresh, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, "
    "Retry-After, X-Request-Id"
)
CORS_SECONDS: Final = "86400"

CSP_DATA: Final = "default-src 'none'; frame-ancestors 'none'"
CSP_MEDIA: Final = "sandbox; default-src 'none'; frame-ancestors 'none'"
# What a redirect target may put into a header: an origin, or a scheme an app has registered for itself.
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{0,63}\Z")
_AUTHORITY: Final = re.compile(r"[a-z0-9.:\[\]-]{1,255}\Z")
_IN_ADDRESSES: Final = "%:/?#[]@!$&'()*+,;=~"


@dataclass(frozen=True, slots=True)
class Policy:
    """How requests of one kind are treated.

    `face` is who reads the answer; `identity` how they may say who they are; `cors` whether pages of other
    sites may ask; `limits` apply to each request, `member_limits` to those of a member.
    """

    face: Face
    identity: str = ""  # token, stream, session; pending: a token of who is still to be let in
    cors: bool = False
    limits: tuple[Limit, ...] = ()
    member_limits: tuple[Limit, ...] = ()
    quiet: bool = False  # watchers ask every few seconds: no log line, no limit


# What catalogues and search engines read, whoever they are.
_FOR_PROGRAMS: Final = ("/oai-pmh", "/sitemap", "/robots.txt", "/resources.", "/embed/")
# What programs subscribe to; one under a secret address is for whoever has that.
_CALENDARS: Final = ("/events.", "/calendar.", "/calendar/{token")
_OBSERVED: Final = frozenset({"/livez", "/readyz", "/metrics"})


_FILES: Final = frozenset({"/api/v1/media", "/api/v2/media", "/api/v1/resources/files"})
_POSTINGS: Final = frozenset(
    {
        "/api/v1/opportunities",
        "/api/v1/opportunities/{id}/application/team",
        "/api/v1/opportunities/{id}/reviewers",
        "/api/v1/opportunities/{id}/decisions/send",
    }
)


def policy_for(method: str, path: str) -> Policy:
    """The policy for a route's pattern, or for a path that has no route."""
    if path in _OBSERVED:
        return Policy("plain", quiet=True)
    if path.startswith("/api/"):
        return _api_policy(method, path.rstrip("/"))
    if path in ("/oauth/token", "/oauth/revoke"):
        return Policy("oauth", cors=True, limits=(limits.TOKENS,))
    if path == "/oauth/userinfo":
        return Policy("api", identity="token", cors=True, limits=(limits.API_CLIENT,))
    if path.startswith(("/.well-known/", "/nodeinfo")):
        return Policy("wire", cors=True, limits=(limits.LOOKUPS,))
    if path == "/inbox" or path.endswith("/inbox"):
        return Policy("wire", limits=(limits.INBOX,))
    if path.startswith("/media/remote/"):
        return Policy("plain", cors=True, limits=(limits.REMOTE_MEDIA,))
    if path.startswith(_FOR_PROGRAMS):
        return Policy("plain", cors=True, limits=(limits.LOOKUPS,))
    if path.startswith(_CALENDARS):
        return Policy("plain", cors=True, limits=(limits.CALENDARS,))
    if path.startswith(("/static/", "/media/")) or path == "/colours.css":
        return Policy("plain", cors=True)
    return _page_policy(method, path)


def _api_policy(method: str, path: str) -> Policy:
    member: tuple[Limit, ...] = (limits.API_TOKEN, limits.API_ACCOUNT)
    own: tuple[Limit, ...] = (limits.API_CLIENT,)
    if path.startswith("/api/v1/streaming"):
        return Policy("api", identity="stream", cors=True, limits=own, member_limits=member)
    if method == "POST":
        if path in _FILES or path.endswith("/imports"):
            member = (limits.UPLOADS, *member)
        elif path == "/api/v1/reports" or path.endswith("mark_as_spam"):
            member = (limits.REPORTS, *member)
        elif path.startswith("/api/v1/statuses/") and path.endswith("/translate"):
            member = (limits.TRANSLATIONS, *member)
        elif path in ("/api/v1/resources/import", "/api/v1/calendar/import") or path.startswith(
            "/api/v1/calendar/feeds"
        ):
            member = (limits.IMPORTS, *member)
        elif path == "/api/v1/events":
            member = (limits.EVENTS, *member)
        elif path in _POSTINGS:
            member = (limits.POSTINGS, *member)
        elif path == "/api/v1/accounts":
            # Asked with an app's own token, so it is the address that counts.
            own = (limits.SIGN_UPS, *own)
        elif path == "/api/v1/apps":
            own = (limits.APPS, *own)
        elif path == "/api/v1/emails/confirmations" or path.endswith("/email_subscriptions"):
            own = (limits.MAILS, *own)
            member = (limits.MAILS, *member)
        elif path.startswith("/api/v1/statuses/") and path.endswith("/unreblog"):
            member = (limits.DELETES, *member)
    elif method == "DELETE" and path.startswith("/api/v1/statuses/"):
        member = (limits.DELETES, *member)
    identity = "pending" if path.startswith("/api/v1/emails/") else "token"
    return Policy("api", identity=identity, cors=True, limits=own, member_limits=member)


def _page_policy(method: str, path: str) -> Policy:
    counted: tuple[Limit, ...] = (limits.PAGES,)
    of_member: tuple[Limit, ...] = ()
    if method == "POST":
        if path.startswith(("/login", "/oauth/authorize")):
            counted = (limits.LOGINS, limits.PAGES)
        elif path.startswith(("/join/", "/confirm/")):
            counted = (limits.ARRIVALS, limits.PAGES)
        elif path == "/join":
            counted = (limits.SIGN_UPS, limits.PAGES)
        elif path.startswith(("/password", "/confirm", "/disputes")) or path.endswith("/guest"):
            counted = (limits.MAILS, limits.PAGES)
        elif path == "/events/new":
            of_member = (limits.EVENTS,)
        elif path == "/settings/import":
            of_member = (limits.IMPORTS,)
        elif path.endswith("/archives"):
            of_member = (limits.UPLOADS,)
        elif path.endswith(("/report", "/mark", "/unmark")):
            of_member = (limits.REPORTS,)
        elif path in ("/interact", "/resources/import") or path.startswith(
            ("/events/import", "/events/calendars")
        ):
            counted = (limits.VISITORS, limits.PAGES)
    elif path.endswith(".ics"):
        counted = (limits.CALENDARS, limits.PAGES)
    elif path.startswith("/search"):
        counted = (limits.SEARCHES, limits.PAGES)
    if method == "POST" and counted == (limits.PAGES,) and not of_member:
        # What a member changes counts for them, as through an app, from however many addresses it comes.
        of_member = (limits.API_ACCOUNT,)
    readable = path.startswith(("/@", "/users/", "/resources"))
    return Policy("page", identity="session", cors=readable, limits=counted, member_limits=of_member)


# Links from mails and invitations carry their secret in the path.
_SECRET_PATHS: Final = (
    "/login",
    "/confirm",
    "/password",
    "/join",
    "/invite",
    "/unsubscribe",
    "/disputes",
    "/oauth",
    "/calendar",
    "/answers",
    "/guests",
)


def loggable(path: str, route: str) -> str:
    """The path as the log may show it: without the secrets of links that were sent to somebody."""
    if not path.startswith(_SECRET_PATHS):
        return path
    return route or "/" + path.split("/", 2)[1] + "/…"


def allow_form_to(request: web.Request, target: str) -> None:
    """Let the forms of this page end at `target`, such as an app's redirect address.

    Browsers apply ``form-action`` to the redirect after a form as well, so the consent page and any
    sign-in on the way to it name where they will lead, custom schemes included.
    """
    try:
        parts = urlsplit(target)
    except ValueError:  # it leads nowhere
        return
    scheme, authority = parts.scheme.lower(), parts.netloc.lower()
    if scheme in ("http", "https"):
        if _AUTHORITY.match(authority):
            request.setdefault(keys.FORM_TARGETS, []).append(f"{scheme}://{authority}")
    elif _SCHEME.match(scheme) and scheme not in ("javascript", "data", "vbscript", "urn"):
        request.setdefault(keys.FORM_TARGETS, []).append(f"{scheme}:")


def allow_own_frames(request: web.Request) -> None:
    """Let the page of this request show pages of ours in frames, those alone that say they may be."""
    request[keys.FRAMES] = True


class Guard:
    """The middleware `around` and the signal handler `prepare`, for one application."""

    def __init__(self, server: Server) -> None:
        config = server.config
        self._server = server
        self._proxies = Proxies(config.trusted_proxies)
        self._limits = Limits(config.rate_limit_factor)
        # Ids of requests tell lines of the log apart and keep no secret: asking the system for each costs more.
        self._chance = random.Random()  # noqa: S311
        self._policies: dict[tuple[str, str], Policy] = {}
        secure = config.origin.startswith("https:")
        pictures = "'self' data: blob: https:" if secure else "'self' data: blob: https: http:"
        socket = f"{'wss' if secure else 'ws'}://{urlsplit(config.origin).netloc}"
        self._csp_page = (
            f"default-src 'none'; script-src 'self'; style-src 'self'; img-src {pictures}; media-src {pictures}; "
            f"font-src 'self'; connect-src 'self' {socket}; manifest-src 'self'; worker-src 'self'; "
            "base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
        )
        self._headers = {
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "same-origin",
            "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
            **({"Strict-Transport-Security": "max-age=31536000"} if secure else {}),
        }

    def middleware(self) -> Middleware:
        """What the application calls around each handler."""

        @web.middleware
        async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._around(request, handler)

        return around

    async def _around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        started = perf_counter()
        request_id = request[keys.REQUEST_ID] = f"{self._chance.getrandbits(64):016x}"
        REQUEST_ID.set(request_id)
        request[keys.CLIENT] = self._proxies.client(request)
        request[keys.VIEWER] = auth.ANONYMOUS
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else ""
        policy = request[keys.POLICY] = self._policy(request, route)
        try:
            if policy.cors and request.method == hdrs.METH_OPTIONS:
                response: web.StreamResponse = _preflight()
            else:
                # No name, word or address has a NUL in it, and PostgreSQL cannot even be asked about one.
                # HTTP/0.9 has no headers, so nothing of it says whom it is for.
                if "%00" in request.raw_path or request.version < HttpVersion10:
                    raise Unreadable
                await self._admit(request, policy)
                before = await fresh.in_the_way(request, route) if policy.identity == "session" else None
                response = await handler(request) if before is None else before
        except (FedError, web.HTTPException) as error:
            response = errors.reply(request, error, policy.face)
        except ConnectionResetError:
            raise  # the client has gone: there is nobody to tell, and nothing is wrong here
        except Exception as error:
            response = errors.reply(request, error, policy.face)
        finally:
            forms.discard_uploads(request)
        seconds = perf_counter() - started
        # How long a stream was open says nothing about how quick the server is.
        took = None if policy.identity == "stream" else seconds
        self._server.metrics.answered(route or "unknown", response.status, took)
        # What was only read is the proxy's to log, and what arrives from other servers has counters of its own:
        # a line for each would cost as much as the answer.
        routine = response.status < 400 and (request.method in SAFE_METHODS or response.status == 202)
        level = logging.DEBUG if routine else logging.INFO
        if not policy.quiet and log.isEnabledFor(level):
            log.log(
                level,
                "%s %s %d",
                request.method,
                loggable(request.rel_url.raw_path, route),
                response.status,
                extra={"route": route, "status": response.status, "ms": round(seconds * 1000, 1)},
            )
        return response

    def _policy(self, request: web.Request, route: str) -> Policy:
        if not route:
            return policy_for(request.method, request.rel_url.raw_path)
        policy = self._policies.get((request.method, route))
        if policy is None:
            policy = policy_for(request.method, route)
            if len(self._policies) < 10_000:  # methods are the client's to invent
                self._policies[request.method, route] = policy
        return policy

    async def _admit(self, request: web.Request, policy: Policy) -> None:
        """Refuse networks that may not come, find out who asks, count it, and refuse forgeries."""
        if (
            not policy.quiet
            and (await networks.current(self._server)).severity(request[keys.CLIENT]) == "no_access"
        ):
            raise Forbidden("This server cannot be reached from your network.")
        if policy.identity == "session":
            request[keys.SETTINGS] = await settings.current(self._server)
            if hdrs.COOKIE in request.headers:
                request[keys.VIEWER] = await auth.by_session(request)
            self._count(request, policy)
            if request.method not in SAFE_METHODS and request.match_info.http_exception is None:
                await forms.check_forgery(request)
        elif policy.identity:
            try:
                request[keys.VIEWER] = await auth.by_token(
                    request, streaming=policy.identity == "stream", pending=policy.identity == "pending"
                )
            finally:
                # A token that is not valid counts for the address it was tried from.
                self._count(request, policy)
        else:
            self._count(request, policy)

    def _count(self, request: web.Request, policy: Policy) -> None:
        if not policy.limits:
            return
        viewer = request[keys.VIEWER]
        client = subject(request[keys.CLIENT])
        paging = policy.face == "api" and "_id=" in request.rel_url.raw_query_string
        if isinstance(viewer, Member) and policy.member_limits:
            account = str(viewer.account_id)
            applying = [
                (limit, str(viewer.token_id) if limit.by == "token" else account)
                for limit in policy.member_limits
            ]
            if paging:
                applying.append((limits.PAGING, account))
        else:
            applying = [(limit, client) for limit in policy.limits]
            if paging:
                applying.append((limits.PAGING_CLIENT, client))
        quota = self._limits.take(applying)
        if quota is not None and policy.face in ("api", "oauth"):
            request[keys.QUOTA] = quota

    async def prepare(self, request: web.Request, response: web.StreamResponse) -> None:
        """Complete the headers of a response that is about to be sent, whatever made it."""
        headers = response.headers
        headers["Server"] = malformed.NAME
        for name, value in self._headers.items():
            headers.setdefault(name, value)
        location = headers.get(hdrs.LOCATION, "")
        if not location.isascii():  # an address has ASCII alone (RFC 3986 §2)
            headers[hdrs.LOCATION] = quote(location, safe=_IN_ADDRESSES)
        policy = request.get(keys.POLICY)
        if policy is None:
            return
        headers["X-Request-Id"] = request[keys.REQUEST_ID]
        # What a page shows somebody who is signed in is for no other site, even if no browser sends a cookie for it.
        if policy.cors and keys.SESSION not in request:
            headers["Access-Control-Allow-Origin"] = "*"
            headers["Access-Control-Expose-Headers"] = CORS_EXPOSED
        quota = request.get(keys.QUOTA)
        if quota is not None:
            headers["X-RateLimit-Limit"] = str(quota.limit)
            headers["X-RateLimit-Remaining"] = str(quota.remaining)
            headers["X-RateLimit-Reset"] = reset_text(quota.reset_at)
        if policy.face in ("api", "oauth"):
            headers.setdefault(hdrs.VARY, "Authorization, Origin")
            headers.setdefault(hdrs.CACHE_CONTROL, "private, no-store")
            headers.setdefault("Content-Security-Policy", CSP_DATA)
        elif policy.face == "page":
            if hdrs.CACHE_CONTROL not in headers:
                known = isinstance(request[keys.VIEWER], Member)
                headers[hdrs.CACHE_CONTROL] = "private, no-store" if known else "no-cache"
            headers.setdefault(hdrs.VARY, "Accept, Cookie")
            if "Content-Security-Policy" not in headers:
                headers["Content-Security-Policy"] = self._csp(request)
        elif policy.face == "plain" and request.rel_url.raw_path.startswith("/media/"):
            headers.setdefault("Content-Security-Policy", CSP_MEDIA)
        else:
            headers.setdefault("Content-Security-Policy", CSP_DATA)

    def _csp(self, request: web.Request) -> str:
        targets = request.get(keys.FORM_TARGETS)
        found = f"{self._csp_page} {' '.join(dict.fromkeys(targets))}" if targets else self._csp_page
        return f"{found}; frame-src 'self'" if request.get(keys.FRAMES) else found


def _preflight() -> web.Response:
    return web.Response(
        status=204,
        headers={
            "Access-Control-Allow-Methods": CORS_METHODS,
            "Access-Control-Allow-Headers": CORS_REQUEST_HEADERS,
            "Access-Control-Max-Age": CORS_SECONDS,
        },
    )
