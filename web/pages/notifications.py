"""What happened to a member, who asks to follow them, and who waits to be let in."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver import notification_policy, notification_requests, profiles, relationships
from web import auth, forms, keys
from web.pages import page

_TYPES: Final[dict[str, tuple[str, ...]]] = {"": (), "mentions": ("mention",)}


async def listed(request: web.Request) -> web.StreamResponse:
    """The notifications, all or mentions only. Looking at them marks nothing as read."""
    member = page.member(request)
    shown = request.match_info.get("shown", "")
    leaf = await profiles.notifications_of(
        keys.server(request), member, page.window(request), types=_TYPES[shown]
    )
    return await page.show(request, "people/notifications.html", leaf=leaf, shown=shown)


async def read(request: web.Request) -> web.StreamResponse:
    """Mark everything up to the newest that was shown as read."""
    member, params = page.member(request), await forms.params(request)
    newest = params.id("newest")
    if newest is not None:
        await profiles.mark_read(keys.server(request), member, newest)
    return page.go("/notifications")


async def clear(request: web.Request) -> web.StreamResponse:
    """Forget all notifications."""
    await profiles.clear_notifications(keys.server(request), page.member(request))
    return page.go("/notifications?done=cleared")


async def held(request: web.Request) -> web.StreamResponse:
    """Whose mentions are held back, and what is held back at all."""
    server, member = keys.server(request), page.member(request)
    leaf = await notification_requests.for_page(server, member, page.window(request))
    policy = await notification_policy.current(server, member)
    return await page.show(request, "people/held.html", leaf=leaf, policy=policy.choices._asdict())


async def let_through(request: web.Request) -> web.StreamResponse:
    """Show what waits of a sender, from now on too."""
    member, request_id = page.member(request), forms.path_id(request)
    await notification_requests.accept(keys.server(request), member, [request_id], strict=True)
    return page.go("/notifications/requests?done=let-through")


async def drop(request: web.Request) -> web.StreamResponse:
    """Forget what waits of a sender."""
    member, request_id = page.member(request), forms.path_id(request)
    await notification_requests.dismiss(keys.server(request), member, [request_id], strict=True)
    return page.go("/notifications/requests?done=dropped")


async def change_policy(request: web.Request) -> web.StreamResponse:
    """Choose what is held back."""
    member, params = page.member(request), await forms.params(request)
    choices = {name: params.text(name) for name in notification_policy.CONDITIONS if name in params.tree}
    await notification_policy.change(keys.server(request), member, choices)
    return page.go("/notifications/requests?done=saved")


async def requests(request: web.Request) -> web.StreamResponse:
    """Who asks to follow the member."""
    window = page.window(request, page.PEOPLE_PER_PAGE)
    people = await profiles.requests(keys.server(request), page.member(request), window)
    return await page.show(request, "people/requests.html", listed=people)


async def accept(request: web.Request) -> web.StreamResponse:
    """Let somebody follow."""
    await relationships.accept_request(keys.server(request), page.member(request), forms.path_id(request))
    return page.go("/follows/requests")


async def reject(request: web.Request) -> web.StreamResponse:
    """Refuse somebody; they are not told."""
    await relationships.reject_request(keys.server(request), page.member(request), forms.path_id(request))
    return page.go("/follows/requests")


async def follows(request: web.Request) -> web.StreamResponse:
    """The member's own lists, under an address without a name."""
    raise web.HTTPFound(f"/@{auth.member(request).username}/{request.match_info['shown']}")


routes = [
    web.get("/notifications", listed),
    web.get("/notifications/{shown:mentions}", listed),
    web.post("/notifications/read", read),
    web.post("/notifications/clear", clear),
    web.get("/notifications/requests", held),
    web.post("/notifications/requests/{id:[0-9]{1,19}}/accept", let_through),
    web.post("/notifications/requests/{id:[0-9]{1,19}}/dismiss", drop),
    web.post("/notifications/policy", change_policy),
    web.get("/follows/requests", requests),
    web.post("/follows/requests/{id:[0-9]{1,19}}/accept", accept),
    web.post("/follows/requests/{id:[0-9]{1,19}}/reject", reject),
    web.get("/follows/{shown:followers|following}", follows),
]
