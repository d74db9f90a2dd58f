"""What each role may do, who has which, and giving somebody another."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from fedserver.errors import Conflict, FedError, Forbidden, Invalid
from fedserver.moderation import roles
from fedserver.moderation.permissions import Permission, allows
from fedserver.viewer import ROLES
from web import auth, forms, gate, keys
from web.pages import page
from web.pages.panel import frame

HERE: Final = "/admin/roles"
TASKS: Final[tuple[tuple[str, Permission], ...]] = (
    ("Let people in", Permission.MANAGE_JOINS),
    ("Invite people", Permission.MANAGE_INVITES),
    ("Look after events of the server", Permission.MANAGE_EVENTS),
    ("Look after the library", Permission.MANAGE_LIBRARY),
    ("Settle reports", Permission.MANAGE_REPORTS),
    ("Decide about accounts", Permission.MANAGE_USERS),
    ("Decide about appeals", Permission.MANAGE_APPEALS),
    ("Decide about hashtags and trends", Permission.MANAGE_TAXONOMIES),
    ("Read the log", Permission.VIEW_AUDIT_LOG),
    ("Keep out addresses and networks", Permission.MANAGE_BLOCKS),
    ("Decide about other servers", Permission.MANAGE_FEDERATION),
    ("Write the rules", Permission.MANAGE_RULES),
    ("Announce things to all members", Permission.MANAGE_ANNOUNCEMENTS),
    ("Look after emoji", Permission.MANAGE_CUSTOM_EMOJIS),
    ("Change settings, look after operations", Permission.MANAGE_SETTINGS),
    ("Remove second factors of others", Permission.MANAGE_USER_ACCESS),
    ("Erase what others have here", Permission.DELETE_USER_DATA),
    ("Give roles up to moderator", Permission.MANAGE_ROLES),
)
"""What the table says, in its order; that owners alone make admins and owners is its last row."""


async def overview(request: web.Request) -> web.StreamResponse:
    """The table, and everybody who has a role."""
    return await _shown(request, name=forms.query(request).text("name"))


async def appoint(request: web.Request) -> web.StreamResponse:
    """Give somebody a role; they hear of it by mail."""
    params = await forms.params(request)
    name, role = params.text("username", chars_max=100), params.text("role")
    try:
        await roles.appoint(keys.server(request), auth.member(request), name, role)
    except (Invalid, Conflict, Forbidden) as error:
        return await _shown(request, name=name, role=role, error=error)
    return page.go(f"{HERE}?done=role-given")


async def _shown(
    request: web.Request, *, name: str, role: str = "", error: FedError | None = None
) -> web.Response:
    member = auth.member(request)
    holders = await roles.holders(keys.server(request), member)
    context: dict[str, Any] = {
        "tasks": [(label, [allows(one, wanted) for one in roles.SERVING]) for label, wanted in TASKS],
        "serving": roles.SERVING,
        "holders": holders,
        "choices": [one for one in ROLES if member.role == "owner" or one not in ("admin", "owner")],
        "open": {
            row.account_id for _, rows in holders for row in rows if roles.may_appoint(member, row, "member")
        },
        "name": name,
        "role": role,
    }
    if error is not None:
        return await frame.show_again(request, "panel/roles.html", error, **context)
    return await frame.show(request, "panel/roles.html", **context)


routes = gate.behind(Permission.MANAGE_ROLES, web.get(HERE, overview), web.post(HERE, appoint))
