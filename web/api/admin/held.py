"""Posts of new members that wait for a moderator, in the admin API, and how far members are trusted. All of it is ours."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver import held
from fedserver.moderation import people
from fedserver.moderation.permissions import Permission
from web import auth, forms, gate, keys, replies
from web.api import scheduled
from web.api.admin import shown
from web.api.admin.entities import AdminHeldStatus, PublishedStatus
from web.api.paging import window
from web.api.render import instant, renderer

HELD: Final = "/api/v1/admin/held_statuses"
MESSAGE_CHARACTERS_MAX: Final = 1_000


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/held_statuses``: what waits, the newest first."""
    member = auth.moderator(request, "admin:read:reports")
    asked, render = window(forms.query(request), shown.SIZES), renderer(request)
    found = await held.waiting(keys.server(request), member, asked)
    entities = [
        AdminHeldStatus(
            id=str(one.id),
            created_at=instant(one.written_at),
            reason=one.why,
            account=shown.embedded(render, one.author),
            params=scheduled.params_of(one.draft),
            media_attachments=[render.attachment(row) for row in one.media],
        )
        for one in found
    ]
    return shown.page(request, list(entities), [one.id for one in found], asked.limit)


async def approve(request: web.Request) -> web.Response:
    """``POST /api/v1/admin/held_statuses/:id/approve``: publish it in its author's name."""
    member = auth.moderator(request, "admin:write:reports")
    post_id = await held.publish(keys.server(request), member, forms.path_id(request))
    return replies.json(PublishedStatus(status_id=str(post_id)))


async def reject(request: web.Request) -> web.Response:
    """``POST /api/v1/admin/held_statuses/:id/reject``: do not publish it; its author hears of it by mail, with ``message``."""
    member, params = auth.moderator(request, "admin:write:reports"), await forms.params(request)
    message = params.text("message", chars_max=MESSAGE_CHARACTERS_MAX)
    await held.refuse(keys.server(request), member, forms.path_id(request), message=message)
    return replies.json(shown.EMPTY)


async def trust(request: web.Request) -> web.Response:
    """``PUT /api/v1/admin/accounts/:id/trust``: how far the member is trusted, ``trust``: new, member or trusted."""
    member, params = auth.moderator(request, "admin:write:accounts"), await forms.params(request)
    server, account_id = keys.server(request), forms.path_id(request)
    await people.trust(server, member, account_id, params.text("trust"))
    return replies.json(shown.account(renderer(request), await people.one(server, member, account_id)))


routes: Final[list[web.RouteDef]] = [
    *gate.behind(
        Permission.MANAGE_REPORTS,
        web.get(HELD, listed),
        web.post(HELD + "/{id}/approve", approve),
        web.post(HELD + "/{id}/reject", reject),
    ),
    *gate.behind(Permission.MANAGE_USERS, web.put("/api/v1/admin/accounts/{id}/trust", trust)),
]
