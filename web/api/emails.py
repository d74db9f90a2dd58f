"""Addresses that wait for confirmation, for apps through which somebody has signed up."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver import signup
from web import auth, forms, keys, replies


async def confirm(request: web.Request) -> web.Response:
    """``POST /api/v1/emails/confirmations``: the link again, to another address if one is named."""
    member = auth.member(request, "write:accounts")
    email = (await forms.params(request)).maybe_text("email")
    await signup.confirm_later(keys.server(request), member, email)
    return replies.json({})


async def check(request: web.Request) -> web.Response:
    """``GET /api/v1/emails/check_confirmation``: whether the member's address is confirmed."""
    member = auth.member(request, "read:accounts")
    return replies.json(await signup.is_confirmed(keys.server(request), member))


routes: Final[list[web.RouteDef]] = [
    web.post("/api/v1/emails/confirmations", confirm),
    web.get("/api/v1/emails/check_confirmation", check),
]
