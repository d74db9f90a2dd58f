"""Pages behind the links in mails to people who read a member by e-mail, and the member's own choice."""

from __future__ import annotations

from aiohttp import web

from fedserver import email_subscriptions
from web import forms, keys
from web.pages import page


async def look_at_confirming(request: web.Request) -> web.StreamResponse:
    """Make sure that the mails are wanted: programs open links, too."""
    found = await email_subscriptions.look_at(keys.server(request), request.match_info["secret"])
    return await _show(request, "confirmed" if found.confirmed else "confirm", found)


async def confirm(request: web.Request) -> web.StreamResponse:
    """Begin the mails."""
    found = await email_subscriptions.confirm(keys.server(request), request.match_info["secret"])
    return await _show(request, "confirmed", found)


async def look_at_ending(request: web.Request) -> web.StreamResponse:
    """Make sure that the end is wanted."""
    found = await email_subscriptions.look_at(keys.server(request), request.match_info["secret"])
    return await _show(request, "end", found)


async def end(request: web.Request) -> web.StreamResponse:
    """End the mails. Mail programs send this by themselves, without a cookie (RFC 8058 §3.2)."""
    await email_subscriptions.end(keys.server(request), request.match_info["secret"])
    return await _show(request, "ended", None)


async def _show(
    request: web.Request, state: str, found: email_subscriptions.Subscription | None
) -> web.StreamResponse:
    return await page.show(
        request, "sign_in/subscription.html", state=state, subscription=found, address=request.path
    )


async def offer(request: web.Request) -> web.StreamResponse:
    """A member lets people without an account have their posts by e-mail, or no longer."""
    params = await forms.params(request)
    await email_subscriptions.offer(
        keys.server(request), page.member(request), wanted=params.flag("mails_posts")
    )
    return page.go("/settings/email?done=saved")


routes = [
    web.get("/confirm/posts/{secret:[^/]+}", look_at_confirming),
    web.post("/confirm/posts/{secret:[^/]+}", confirm),
    web.get("/unsubscribe/posts/{secret:[^/]+}", look_at_ending),
    web.post("/unsubscribe/posts/{secret:[^/]+}", end),
    web.post("/settings/email/readers", offer),
]
