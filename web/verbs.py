"""Routes that answer to more than one verb."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def put_or_patch(path: str, handler: Handler) -> list[web.RouteDef]:
    """An update under both verbs: clients send PUT to what is documented as PATCH, and the other way round."""
    return [web.put(path, handler), web.patch(path, handler)]


def get_or_post(path: str, handler: Handler) -> list[web.RouteDef]:
    """A page and the form on it, or an endpoint that may be asked either way (OAuth userinfo)."""
    return [web.get(path, handler), web.post(path, handler)]
