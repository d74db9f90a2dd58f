"""Servers that a member keeps out, in the client API."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from fedserver import domain_blocks
from web import auth, forms, keys, replies
from web.api.entities import DomainBlockPreview
from web.api.paging import window

DOMAINS: Final = (100, 200)
NOTHING: Final[dict[str, Any]] = {}


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/domain_blocks``"""
    member = auth.member(request, "read:blocks")
    asked = window(forms.query(request), DOMAINS)
    rows = await domain_blocks.listed(keys.server(request), member, asked)
    return replies.page(
        request,
        [row.domain for row in rows],
        newest=rows[0].id if rows else None,
        oldest=rows[-1].id if rows else None,
        complete=len(rows) >= asked.limit,
    )


async def preview(request: web.Request) -> web.Response:
    """``GET /api/v1/domain_blocks/preview?domain=…``: what would end."""
    member = auth.member(request, "read:blocks")
    ties = await domain_blocks.preview(
        keys.server(request), member, forms.query(request).required_text("domain")
    )
    return replies.json(DomainBlockPreview(ties.following, ties.followers))


async def block(request: web.Request) -> web.Response:
    """``POST /api/v1/domain_blocks``"""
    member = auth.member(request, "write:blocks")
    await domain_blocks.block(
        keys.server(request), member, (await forms.params(request)).required_text("domain")
    )
    return replies.json(NOTHING)


async def unblock(request: web.Request) -> web.Response:
    """``DELETE /api/v1/domain_blocks``"""
    member = auth.member(request, "write:blocks")
    await domain_blocks.unblock(
        keys.server(request), member, (await forms.params(request)).required_text("domain")
    )
    return replies.json(NOTHING)


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/domain_blocks", listed),
    web.post("/api/v1/domain_blocks", block),
    web.delete("/api/v1/domain_blocks", unblock),
    web.get("/api/v1/domain_blocks/preview", preview),
]
