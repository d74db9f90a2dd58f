"""Parts of Mastodon's API that this server does not have, as far as clients ask for them at start-up or in tabs.

Lists answer truthfully that there is nothing in them, things answer that there is no such thing. To a client
either is better than an unknown address, which some take for a broken server. Nothing here can be written.
"""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from fedserver.errors import NotFound
from web import auth, replies
from web.verbs import Handler

NONE: Final = b"[]"


def _always(body: Any, scope: str | None, *, member: bool) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        if member:
            auth.member(request, scope)
        else:
            auth.viewer(request, scope)
        return replies.json(body)

    return handler


def _member(path: str, scope: str | None, body: Any = NONE) -> web.RouteDef:
    return web.get(path, _always(body, scope, member=True))


def _anybody(path: str, scope: str | None = None, body: Any = NONE) -> web.RouteDef:
    return web.get(path, _always(body, scope, member=False))


def _no_such(path: str, scope: str | None = None, *, member: bool = True) -> web.RouteDef:
    return web.get(path, _no_such_handler(scope, member=member))


def _no_such_handler(scope: str | None, *, member: bool) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        if member:
            auth.member(request, scope)
        else:
            auth.viewer(request, scope)
        raise NotFound("Record not found")

    return handler


async def _no_campaign(request: web.Request) -> web.StreamResponse:
    """As Mastodon answers where nobody asks for donations."""
    auth.member(request)
    return web.Response(status=204)


routes: Final[list[web.RouteDef]] = [
    _member("/api/v1/accounts/{id}/identity_proofs", "read:accounts"),
    # what is scheduled
    # discovery
    web.get("/api/v1/donation_campaigns", _no_campaign),
    # cards
    # the rest
    _member(
        "/api/v1/annual_reports",
        "read:accounts",
        b'{"annual_reports":[],"accounts":[],"statuses":[]}',
    ),
    _no_such("/api/v1/annual_reports/{year}", "read:accounts"),
    _member("/api/v1/annual_reports/{year}/state", "read:accounts", b'{"state":"ineligible"}'),
    web.post("/api/v1/annual_reports/{year}/generate", _always(b"{}", "write:accounts", member=True)),
    web.post("/api/v1/annual_reports/{year}/read", _no_such_handler("write:accounts", member=True)),
    _no_such("/api/v1_alpha/async_refreshes/{id}", "read"),
    _no_such("/api/proofs", member=False),
]
