"""Who asks to join, and links by which people are invited, in the admin API. All of it is ours; letting people in and
refusing them is Mastodon's, see `web.api.admin.accounts`."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from fedserver import invites
from fedserver.invites import Invitation, NewInvite
from fedserver.moderation import people
from fedserver.moderation.permissions import Permission
from web import auth, forms, gate, keys, replies
from web.api.admin import shown
from web.api.admin.entities import AdminInvite, AdminJoin, InviteGroup, JoinAnswer, JoinRefusal
from web.api.paging import window
from web.api.render import instant, maybe_instant, renderer
from web.api.roles import ROLES

JOINS: Final = "/api/v1/admin/joins"
INVITES: Final = "/api/v1/admin/invites"


async def joins(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/joins``: who waits to be let in, longest first, with what they answered, and whether the same address was refused before."""
    member = auth.staff(request, "admin:read:accounts")
    server = keys.server(request)
    render = renderer(request)
    return replies.json(
        [
            AdminJoin(
                id=str(one.account_id),
                account=shown.account(render, seen),
                answers=[JoinAnswer(said.question, said.answer) for said in one.answers],
                refusals=[
                    JoinRefusal(
                        instant(was.created_at),
                        was.reason,
                        None if was.actor_id is None else str(was.actor_id),
                    )
                    for was in one.refusals
                ],
            )
            for one, seen in await people.waiting(server, member)
        ]
    )


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/invites``: all links, the newest first."""
    member = auth.staff(request, "admin:read:accounts")
    asked = window(forms.query(request), shown.SIZES)
    found = await invites.everybodys(keys.server(request), member, asked)
    return shown.page(
        request, [_entity(request, one) for one in found], [one.row.id for one in found], asked.limit
    )


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/invites/:id``: one link, with who came by it."""
    member = auth.staff(request, "admin:read:accounts")
    return _shown(request, await invites.one(keys.server(request), member, forms.path_id(request)))


async def create(request: web.Request) -> web.Response:
    """``POST /api/v1/admin/invites``: ``note``, ``max_uses``, ``expires_in`` (seconds), ``role``, ``group_ids``."""
    member = auth.staff(request, "admin:write:accounts")
    params = await forms.params(request)
    wanted = NewInvite(
        note=params.text("note"),
        uses_max=params.integer("max_uses"),
        expires_in_s=params.integer("expires_in"),
        role=params.text("role") or "member",
        group_ids=params.ids("group_ids", count_max=invites.GROUPS_MAX + 1),
    )
    return _shown(request, await invites.create(keys.server(request), member, wanted))


async def revoke(request: web.Request) -> web.Response:
    """``DELETE /api/v1/admin/invites/:id``: the link leads nowhere any more; who came by it stays."""
    member = auth.staff(request, "admin:write:accounts")
    return _shown(request, await invites.revoke(keys.server(request), member, forms.path_id(request)))


def _shown(request: web.Request, found: Invitation) -> web.Response:
    return replies.json(_entity(request, found))


def _entity(request: web.Request, found: Invitation) -> AdminInvite:
    row = found.row
    accounts: Any = [shown.embedded(renderer(request), one) for one in found.people]
    return AdminInvite(
        id=str(row.id),
        code=row.code,
        url=found.url,
        note=row.note,
        created_by_account_id=str(row.account_id),
        created_at=instant(row.created_at),
        expires_at=maybe_instant(row.expires_at),
        revoked_at=maybe_instant(row.revoked_at),
        max_uses=row.uses_max,
        uses=row.uses,
        state=found.state,
        role=ROLES[row.role],
        groups=[InviteGroup(str(one.account_id), one.username, one.display_name) for one in found.groups],
        accounts=accounts,
    )


routes: Final[list[web.RouteDef]] = [
    *gate.behind(Permission.MANAGE_JOINS, web.get(JOINS, joins)),
    *gate.behind(
        Permission.MANAGE_INVITES,
        web.get(INVITES, listed),
        web.post(INVITES, create),
        web.get(INVITES + "/{id}", show),
        web.delete(INVITES + "/{id}", revoke),
    ),
]
