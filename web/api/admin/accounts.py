"""Accounts in the admin API: listing them, deciding about them, letting members in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from fedserver.context import Server
from fedserver.errors import Invalid
from fedserver.moderation import actions, people, rulings
from fedserver.moderation.actions import Decision, Lasting
from fedserver.moderation.people import STATES, Overseen, Sought, State
from fedserver.moderation.permissions import Permission, roles_with
from fedserver.viewer import Member
from web import auth, forms, gate, keys, replies
from web.api.admin import shown
from web.api.paging import window
from web.api.render import renderer
from web.api.roles import BY_ID
from web.params import Params
from web.verbs import Handler

PATH: Final = "/api/v1/admin/accounts/{id}"


async def listed_v1(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/accounts``: a flag for each state."""
    params = forms.query(request)
    states = frozenset(state for state in STATES if params.flag(state))
    staff = params.flag("staff")
    return await _listed(request, params, params.flag("local"), params.flag("remote"), states, staff)


async def listed_v2(request: web.Request) -> web.Response:
    """``GET /api/v2/admin/accounts``: one origin, one status."""
    params = forms.query(request)
    origin, status = params.text("origin"), params.text("status")
    if origin not in ("", "local", "remote"):
        raise params.wrong("origin", "must be local or remote")
    states: frozenset[State] = frozenset(state for state in STATES if state == status)
    if status and not states:
        raise params.wrong("status", f"must be one of {', '.join(STATES)}")
    staff = params.text("permissions") == "staff"
    return await _listed(request, params, origin == "local", origin == "remote", states, staff)


async def _listed(
    request: web.Request, params: Params, local: bool, remote: bool, states: frozenset[State], staff: bool
) -> web.Response:
    member = auth.moderator(request, "admin:read:accounts")
    roles = [BY_ID[one] for one in params.texts("role_ids", count_max=10) if one in BY_ID]
    sought = Sought(
        local=local and not remote,
        remote=remote and not local,
        states=states,
        domain=params.text("by_domain").strip().lower(),
        username=params.text("username").strip().removeprefix("@"),
        display_name=params.text("display_name").strip(),
        email=params.text("email").strip(),
        roles=roles_with(Permission.MANAGE_REPORTS) if staff else roles,
        invited_by=params.id("invited_by"),
    )
    asked = window(params, shown.SIZES)
    found = await people.page(keys.server(request), member, sought, asked, params.text("ip"))
    entities = [shown.account(renderer(request), one) for one in found]
    return shown.page(request, list(entities), [one.row.id for one in found], asked.limit)


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/accounts/:id``"""
    member = auth.moderator(request, "admin:read:accounts")
    return _shown(request, await people.one(keys.server(request), member, forms.path_id(request)))


async def act(request: web.Request) -> web.Response:
    """``POST /api/v1/admin/accounts/:id/action``; ``expires_in`` (seconds) is ours: the decision ends by itself."""
    member = auth.moderator(request, "admin:write:accounts")
    params = await forms.params(request)
    account_id, server = forms.path_id(request), keys.server(request)
    await people.one(server, member, account_id)
    decision = Decision(
        action=actions.action_of(params.text("type")),
        text=params.text("text"),
        preset_id=params.id("warning_preset_id"),
        report_id=params.id("report_id"),
        by_mail=params.flag("send_email_notification", True),
        expires_in_s=params.integer("expires_in"),
    )
    try:
        await rulings.act(server, member, account_id, decision)
    except Invalid as error:
        raise Invalid(error.fields, f"Validation failed: {error}") from error
    return replies.json(shown.EMPTY)


async def erase(request: web.Request) -> web.Response:
    """``DELETE /api/v1/admin/accounts/:id``: erase the data of a suspended account."""
    member = auth.moderator(request, "admin:write:accounts")
    server, account_id = keys.server(request), forms.path_id(request)
    found = await people.one(server, member, account_id)
    await actions.erase(server, member, account_id)
    return _shown(request, found)


async def grant_groups(request: web.Request) -> web.Response:
    """``PUT /api/v1/admin/accounts/:id/group_creation``: the member may make groups."""
    member = auth.admin(request, "admin:write:accounts")
    return _shown(
        request,
        await people.let_create_groups(keys.server(request), member, forms.path_id(request), granted=True),
    )


async def withdraw_groups(request: web.Request) -> web.Response:
    """``DELETE /api/v1/admin/accounts/:id/group_creation``: no longer; groups that were made stay."""
    member = auth.admin(request, "admin:write:accounts")
    return _shown(
        request,
        await people.let_create_groups(keys.server(request), member, forms.path_id(request), granted=False),
    )


def _undo(action: Lasting) -> Handler:
    async def undo(server: Server, member: Member, account_id: int) -> Overseen:
        await people.one(server, member, account_id)
        await actions.undo(server, member, account_id, action)
        return await people.one(server, member, account_id)

    return _change(undo)


def _change(change: Callable[[Server, Member, int], Awaitable[Overseen]]) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        member = auth.staff(request, "admin:write:accounts")
        return _shown(request, await change(keys.server(request), member, forms.path_id(request)))

    return handler


def _shown(request: web.Request, found: Overseen) -> web.Response:
    return replies.json(shown.account(renderer(request), found))


routes: Final[list[web.RouteDef]] = [
    *gate.behind(
        people.SIGHT,
        web.get("/api/v1/admin/accounts", listed_v1),
        web.get("/api/v2/admin/accounts", listed_v2),
        web.get(PATH, show),
        web.post(PATH + "/action", act),
    ),
    *gate.behind(
        Permission.MANAGE_JOINS,
        web.post(PATH + "/approve", _change(people.approve)),
        web.post(PATH + "/reject", _change(people.reject)),
    ),
    *gate.behind(
        Permission.MANAGE_USERS,
        web.post(PATH + "/enable", _undo("disable")),
        web.post(PATH + "/unsensitive", _undo("sensitive")),
        web.post(PATH + "/unsilence", _undo("silence")),
        web.post(PATH + "/unsuspend", _undo("suspend")),
    ),
    *gate.behind(Permission.DELETE_USER_DATA, web.delete(PATH, erase)),
    *gate.behind(
        Permission.ADMINISTRATOR,
        web.put(PATH + "/group_creation", grant_groups),
        web.delete(PATH + "/group_creation", withdraw_groups),
    ),
]
