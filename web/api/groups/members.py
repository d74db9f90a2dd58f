"""Who belongs to a group, asks to, is invited or kept out; and what those who moderate it did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from aiohttp import web

from fedserver.groups import members
from web import auth, forms, keys, replies
from web.api.groups import shown
from web.api.groups.entities import Ban, GroupAction, GroupMember, JoinRequest
from web.api.paging import ACCOUNTS, account_page, window
from web.api.render import instant, maybe_instant

BAN_SECONDS_MAX: Final = 10 * 366 * 86_400
ONE: Final = "/api/v1/groups/{id}"


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/groups/:id/members``: who belongs to it; `role` leaves those with one."""
    viewer = auth.viewer(request, "read:groups")
    params = forms.query(request)
    asked = window(params, ACCOUNTS)
    rows = await members.members(
        keys.server(request),
        viewer.account_id,
        forms.path_id(request),
        asked,
        role=params.text("role") or None,
    )
    entities = [
        GroupMember(one.role, maybe_instant(one.joined_at), shown.account(request, one)) for one in rows
    ]
    return _page(request, entities, rows, asked.limit, lambda row: row.id)


async def requests(request: web.Request) -> web.Response:
    """``GET /api/v1/groups/:id/requests``: who asks to join, for those who moderate it."""
    member = auth.member(request, "read:groups")
    asked = window(forms.query(request), ACCOUNTS)
    rows = await members.requests(keys.server(request), member, forms.path_id(request), asked)
    entities = [JoinRequest(one.answer, instant(one.asked_at), shown.account(request, one)) for one in rows]
    return _page(request, entities, rows, asked.limit, lambda row: row.relation_id)


async def invitations(request: web.Request) -> web.Response:
    """``GET /api/v1/groups/:id/invitations``: whom it has invited, for those who moderate it."""
    member = auth.member(request, "read:groups")
    asked = window(forms.query(request), ACCOUNTS)
    rows = await members.invitations(keys.server(request), member, forms.path_id(request), asked)
    return account_page(request, rows, asked)


async def bans(request: web.Request) -> web.Response:
    """``GET /api/v1/groups/:id/bans``: who is kept out, for those who moderate it."""
    member = auth.member(request, "read:groups")
    asked = window(forms.query(request), ACCOUNTS)
    rows = await members.bans(keys.server(request), member, forms.path_id(request), asked)
    entities = [
        Ban(one.reason, instant(one.banned_at), maybe_instant(one.expires_at), shown.account(request, one))
        for one in rows
    ]
    return _page(request, entities, rows, asked.limit, lambda row: row.relation_id)


async def log(request: web.Request) -> web.Response:
    """``GET /api/v1/groups/:id/log``: what those who moderate it did, the latest first, for whoever may read in it."""
    viewer = auth.viewer(request, "read:groups")
    asked = window(forms.query(request), ACCOUNTS)
    rows, people = await members.log_with_people(
        keys.server(request), viewer.account_id, forms.path_id(request), asked
    )
    entities = [
        GroupAction(
            id=str(one.id),
            action=one.action,
            created_at=instant(one.created_at),
            status_id=None if one.post_id is None else str(one.post_id),
            title=one.title,
            reason=one.reason,
            account=shown.account(request, people.get(one.by_id)),
            target_account=shown.account(request, people.get(one.account_id)),
        )
        for one in rows
    ]
    return _page(request, entities, rows, asked.limit, lambda row: row.id)


async def accept(request: web.Request) -> web.Response:
    """``POST /api/v1/groups/:id/requests/:account_id/accept``: lets somebody in who asks to join."""
    member = auth.member(request, "write:groups")
    await members.admit(keys.server(request), member, *_ids(request))
    return replies.json(shown.NOTHING)


async def reject(request: web.Request) -> web.Response:
    """``POST /api/v1/groups/:id/requests/:account_id/reject``: refuses them."""
    member = auth.member(request, "write:groups")
    await members.refuse(keys.server(request), member, *_ids(request))
    return replies.json(shown.NOTHING)


async def invite(request: web.Request) -> web.Response:
    """``POST /api/v1/groups/:id/invitations/:account_id``: invites somebody, or lets them in if they ask to join."""
    member = auth.member(request, "write:groups")
    await members.invite(keys.server(request), member, *_ids(request))
    return replies.json(shown.NOTHING)


async def uninvite(request: web.Request) -> web.Response:
    """``DELETE /api/v1/groups/:id/invitations/:account_id``: takes an invitation back."""
    member = auth.member(request, "write:groups")
    await members.uninvite(keys.server(request), member, *_ids(request))
    return replies.json(shown.NOTHING)


async def appoint(request: web.Request) -> web.Response:
    """``PUT /api/v1/groups/:id/members/:account_id``: gives a member the ``role`` owner, moderator or member."""
    member = auth.member(request, "write:groups")
    role = (await forms.params(request)).required_text("role")
    await members.appoint(keys.server(request), member, *_ids(request), role)
    return replies.json(shown.NOTHING)


async def expel(request: web.Request) -> web.Response:
    """``DELETE /api/v1/groups/:id/members/:account_id``: ends a membership, with a ``reason``; they may come back."""
    member = auth.member(request, "write:groups")
    reason = (await forms.params(request)).text("reason")
    await members.expel(keys.server(request), member, *_ids(request), reason=reason)
    return replies.json(shown.NOTHING)


async def ban(request: web.Request) -> web.Response:
    """``POST /api/v1/groups/:id/bans/:account_id``: keeps somebody out, with a ``reason``, for ``duration`` seconds or for
    good."""
    member = auth.member(request, "write:groups")
    params = await forms.params(request)
    seconds = params.integer("duration", 0, least=0, most=BAN_SECONDS_MAX)
    await members.ban(
        keys.server(request), member, *_ids(request), reason=params.text("reason"), duration_s=seconds
    )
    return replies.json(shown.NOTHING)


async def unban(request: web.Request) -> web.Response:
    """``DELETE /api/v1/groups/:id/bans/:account_id``: ends a ban."""
    member = auth.member(request, "write:groups")
    await members.unban(keys.server(request), member, *_ids(request))
    return replies.json(shown.NOTHING)


def _ids(request: web.Request) -> tuple[int, int]:
    return forms.path_id(request), forms.path_id(request, "account_id")


def _page(
    request: web.Request,
    entities: list[Any],
    rows: Sequence[Any],
    limit: int,
    cursor: Callable[[Any], int],
) -> web.Response:
    return replies.page(
        request,
        entities,
        newest=cursor(rows[0]) if rows else None,
        oldest=cursor(rows[-1]) if rows else None,
        complete=len(rows) >= limit,
    )


routes: Final[list[web.RouteDef]] = [
    web.get(ONE + "/members", listed),
    web.put(ONE + "/members/{account_id}", appoint),
    web.delete(ONE + "/members/{account_id}", expel),
    web.get(ONE + "/requests", requests),
    web.post(ONE + "/requests/{account_id}/accept", accept),
    web.post(ONE + "/requests/{account_id}/reject", reject),
    web.get(ONE + "/invitations", invitations),
    web.post(ONE + "/invitations/{account_id}", invite),
    web.delete(ONE + "/invitations/{account_id}", uninvite),
    web.get(ONE + "/bans", bans),
    web.post(ONE + "/bans/{account_id}", ban),
    web.delete(ONE + "/bans/{account_id}", unban),
    web.get(ONE + "/log", log),
]
