"""A member's posts by e-mail, for people without an account."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver import email_subscriptions
from web import auth, forms, keys, replies


async def ask(request: web.Request) -> web.Response:
    """``POST /api/v1/accounts/:id/email_subscriptions``: the address is written to, and confirmed there."""
    auth.viewer(request)
    params = await forms.params(request)
    await email_subscriptions.ask(keys.server(request), forms.path_id(request), params.text("email"))
    return replies.json(b"{}")


routes: Final[list[web.RouteDef]] = [web.post("/api/v1/accounts/{id}/email_subscriptions", ask)]
