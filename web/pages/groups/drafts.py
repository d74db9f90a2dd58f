"""What a member has begun to write in groups and not sent."""

from __future__ import annotations

from aiohttp import web

from fedserver.groups import drafts, page_lists
from fedserver.groups.drafts import KeptDraft
from web import forms, keys
from web.pages import page


async def listed(request: web.Request) -> web.StreamResponse:
    """All drafts, the latest first."""
    member = page.member(request)
    return await page.show(
        request, "group/drafts.html", found=await page_lists.drafts_of(keys.server(request), member)
    )


async def keep(request: web.Request) -> web.StreamResponse:
    """Keep a draft while it is being written: for the script of the form."""
    member, params = page.member(request), await forms.params(request)
    draft = KeptDraft(
        params.text("draft"),
        params.text("title"),
        params.text("text").replace("\r\n", "\n"),
        params.texts("topics", count_max=100),
    )
    await drafts.keep(keys.server(request), member, draft)
    return web.Response(status=204)


async def discard(request: web.Request) -> web.StreamResponse:
    """Throw a draft away."""
    member, params = page.member(request), await forms.params(request)
    await drafts.discard(keys.server(request), member, params.text("draft"))
    return page.go("/drafts?done=discarded")


routes = [
    web.get("/drafts", listed),
    web.post("/drafts", keep),
    web.post("/drafts/discard", discard),
]
