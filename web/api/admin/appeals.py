"""Appeals in the admin API. All of it is ours."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver.moderation import appeals
from fedserver.moderation.appeals import Appealed
from fedserver.moderation.permissions import Permission
from web import auth, forms, gate, keys, replies
from web.api.admin import shown
from web.api.admin.entities import AdminAppeal
from web.api.paging import window
from web.api.render import instant
from web.verbs import Handler

APPEALS: Final = "/api/v1/admin/appeals"


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/appeals``"""
    member = auth.moderator(request, "admin:read:accounts")
    params = forms.query(request)
    asked = window(params, shown.SIZES)
    found = await appeals.listed(keys.server(request), member, asked, pending=not params.flag("resolved"))
    ids = [one.strike.appeal_id or 0 for one in found]
    return shown.page(request, [_entity(one) for one in found], ids, asked.limit)


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/appeals/:id``"""
    member = auth.moderator(request, "admin:read:accounts")
    return replies.json(_entity(await appeals.one(keys.server(request), member, forms.path_id(request))))


def _decide(*, approved: bool) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        member = auth.moderator(request, "admin:write:accounts")
        server, appeal_id = keys.server(request), forms.path_id(request)
        await appeals.decide(server, member, appeal_id, approved=approved)
        return replies.json(_entity(await appeals.one(server, member, appeal_id)))

    return handler


def _entity(found: Appealed) -> AdminAppeal:
    one = found.strike
    return AdminAppeal(
        id=str(one.appeal_id),
        state=one.appeal_state or "pending",
        text=one.appeal_text or "",
        created_at=instant(one.appealed_at or one.created_at),
        strike=shown.strike(one),
        may_decide=one.appeal_state == "pending" and not found.may_not,
    )


routes: Final[list[web.RouteDef]] = gate.behind(
    Permission.MANAGE_APPEALS,
    web.get(APPEALS, listed),
    web.get(APPEALS + "/{id}", show),
    web.post(APPEALS + "/{id}/approve", _decide(approved=True)),
    web.post(APPEALS + "/{id}/reject", _decide(approved=False)),
)
