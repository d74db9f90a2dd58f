"""Rules for network addresses in the admin API."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver.moderation import networks
from fedserver.moderation.networks import IpRule
from fedserver.moderation.permissions import Permission
from web import auth, forms, gate, keys, replies
from web.api.admin import shown
from web.api.admin.entities import IpBlock
from web.api.paging import window
from web.api.render import instant, maybe_instant
from web.verbs import put_or_patch

PATH: Final = "/api/v1/admin/ip_blocks"


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/ip_blocks``"""
    member = auth.moderator(request, "admin:read:ip_blocks")
    asked = window(forms.query(request), shown.SIZES)
    found = await networks.page(keys.server(request), member, asked)
    return shown.page(request, [_entity(one) for one in found], [one.id for one in found], asked.limit)


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/ip_blocks/:id``"""
    member = auth.moderator(request, "admin:read:ip_blocks")
    return replies.json(_entity(await networks.one(keys.server(request), member, forms.path_id(request))))


async def create(request: web.Request) -> web.Response:
    """``POST /api/v1/admin/ip_blocks``"""
    member = auth.moderator(request, "admin:write:ip_blocks")
    params = await forms.params(request)
    made = await networks.add(
        keys.server(request),
        member,
        network=params.text("ip"),
        severity=params.text("severity"),
        comment=params.text("comment"),
        expires_in_s=params.integer("expires_in"),
        client=request[keys.CLIENT],
    )
    return replies.json(_entity(made))


async def update(request: web.Request) -> web.Response:
    """``PUT /api/v1/admin/ip_blocks/:id``"""
    member = auth.moderator(request, "admin:write:ip_blocks")
    params = await forms.params(request)
    changed = await networks.change(
        keys.server(request),
        member,
        forms.path_id(request),
        network=params.maybe_text("ip"),
        severity=params.maybe_text("severity"),
        comment=params.maybe_text("comment"),
        expires_in_s=params.integer("expires_in"),
        client=request[keys.CLIENT],
    )
    return replies.json(_entity(changed))


async def remove(request: web.Request) -> web.Response:
    """``DELETE /api/v1/admin/ip_blocks/:id``"""
    member = auth.moderator(request, "admin:write:ip_blocks")
    await networks.remove(keys.server(request), member, forms.path_id(request))
    return replies.json(shown.EMPTY)


def _entity(rule: IpRule) -> IpBlock:
    return IpBlock(
        id=str(rule.id),
        ip=rule.network,
        severity=rule.severity,
        comment=rule.comment,
        created_at=instant(rule.created_at),
        expires_at=maybe_instant(rule.expires_at),
    )


routes: Final[list[web.RouteDef]] = gate.behind(
    Permission.MANAGE_BLOCKS,
    web.get(PATH, listed),
    web.post(PATH, create),
    web.get(PATH + "/{id}", show),
    *put_or_patch(PATH + "/{id}", update),
    web.delete(PATH + "/{id}", remove),
)
