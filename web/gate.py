"""The gate before moderation and administration: which permission each of their routes wants, asked in one place.

Every route below `PLACES` goes through `behind`; the tests read `WANTED` and walk all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import wraps
from typing import Final

from aiohttp import web

from fedserver import second_factors, settings
from fedserver.errors import Forbidden
from fedserver.moderation.permissions import Permission, require_any
from web import auth, keys
from web.verbs import Handler

PLACES: Final = ("/mod", "/admin", "/api/v1/admin", "/api/v2/admin")
WANTED: Final[dict[tuple[str, str], Permission]] = {}
"""By method and pattern: any one of these permissions opens the route."""


def behind(wanted: Permission, *routes: web.RouteDef) -> list[web.RouteDef]:
    """These routes, for those alone whose role includes one of the permissions `wanted`. Nobody is sent to sign in,
    everybody else gets 403 before anything is read."""
    handlers = {route.handler: _asking(wanted, route.handler) for route in routes}
    for route in routes:
        WANTED[route.method, route.path] = wanted
    # What answers to two verbs is one handler still.
    return [web.RouteDef(one.method, one.path, handlers[one.handler], one.kwargs) for one in routes]


def is_place(path: str) -> bool:
    """Whether a route's pattern belongs to moderation or administration."""
    return any(path == place or path.startswith(f"{place}/") for place in PLACES)


def forgotten(routes: Iterable[web.RouteDef]) -> list[tuple[str, str]]:
    """Routes of these places that go through no gate: there must be none."""
    return [
        (route.method, route.path)
        for route in routes
        if is_place(route.path) and (route.method, route.path.rstrip("/")) not in WANTED
    ]


def _asking(wanted: Permission, inner: Handler) -> Handler:
    @wraps(inner)
    async def handler(request: web.Request) -> web.StreamResponse:
        member = auth.member(request)
        require_any(member, wanted)
        # Browsers are led to where they set one up (`web.fresh`).
        if member.token_id is not None and second_factors.is_missing(
            await settings.current(request.app[keys.SERVER]), member
        ):
            raise Forbidden(
                "This server wants a second factor. Please set one up in your settings, in a browser."
            )
        return await inner(request)

    return handler
