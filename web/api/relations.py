"""How a member stands to others: follow, block, mute, requests to follow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from aiohttp import web

from fedserver import endorsements, people, relationships
from fedserver.context import Server
from fedserver.errors import Invalid
from fedserver.people import ACCOUNTS_ASKED_MAX
from fedserver.people import Relationship as Standing
from fedserver.viewer import Member
from web import auth, forms, keys, replies
from web.api.entities import Relationship
from web.api.paging import ACCOUNTS, account_page, window
from web.api.render import joined, maybe_instant, renderer
from web.verbs import Handler

MUTE_SECONDS_MAX: Final = 10 * 365 * 86_400

Act = Callable[[Server, Member, int], Awaitable[None]]


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/accounts/relationships?id[]=…``"""
    member = auth.member(request, "read:follows")
    ids = forms.query(request).ids("id")[:ACCOUNTS_ASKED_MAX]
    server = keys.server(request)
    known = [row.id for row in await people.some(server, member.account_id, ids)]
    return replies.json([_entity(one) for one in await relationships.between(server, member, known)])


async def follow(request: web.Request) -> web.Response:
    """``POST /api/v1/accounts/:id/follow``: also changes how one follows."""
    member = auth.member(request, "write:follows")
    params = await forms.params(request)
    account_id = forms.path_id(request)
    await relationships.follow(
        keys.server(request),
        member,
        account_id,
        shows_boosts=params.maybe_flag("reblogs"),
        notifies=params.maybe_flag("notify"),
        languages=params.texts("languages", count_max=50) if "languages" in params else None,
    )
    return await _one(request, member, account_id)


async def mute(request: web.Request) -> web.Response:
    """``POST /api/v1/accounts/:id/mute``"""
    member = auth.member(request, "write:mutes")
    params = await forms.params(request)
    account_id = forms.path_id(request)
    await relationships.mute(
        keys.server(request),
        member,
        account_id,
        hides_notifications=params.flag("notifications", True),
        duration_s=params.integer("duration", 0, least=0, most=MUTE_SECONDS_MAX),
    )
    return await _one(request, member, account_id)


async def requests(request: web.Request) -> web.Response:
    """``GET /api/v1/follow_requests``"""
    member = auth.member(request, "read:follows")
    asked = window(forms.query(request), ACCOUNTS)
    return account_page(request, await people.requests(keys.server(request), member, asked), asked)


async def blocks(request: web.Request) -> web.Response:
    """``GET /api/v1/blocks``"""
    member = auth.member(request, "read:blocks")
    asked = window(forms.query(request), ACCOUNTS)
    return account_page(request, await people.blocked(keys.server(request), member, asked), asked)


async def mutes(request: web.Request) -> web.Response:
    """``GET /api/v1/mutes``"""
    member = auth.member(request, "read:mutes")
    asked = window(forms.query(request), ACCOUNTS)
    rows = await people.muted(keys.server(request), member, asked)
    render = renderer(request)
    return replies.page(
        request,
        joined(render.account(row, more=_mute_ends(row.mute_expires_at)) for row in rows),
        newest=rows[0].relation_id if rows else None,
        oldest=rows[-1].relation_id if rows else None,
        complete=len(rows) >= asked.limit,
    )


async def endorsements_of(request: web.Request) -> web.Response:
    """``GET /api/v1/accounts/:id/endorsements``"""
    viewer = auth.viewer(request, "read:accounts")
    return await _endorsed(request, viewer.account_id, forms.path_id(request))


async def own_endorsements(request: web.Request) -> web.Response:
    """``GET /api/v1/endorsements``"""
    member = auth.member(request, "read:accounts")
    return await _endorsed(request, member.account_id, member.account_id)


async def _endorsed(request: web.Request, viewer_id: int | None, account_id: int) -> web.Response:
    asked = window(forms.query(request), ACCOUNTS)
    rows = await endorsements.endorsed(keys.server(request), viewer_id, account_id, asked)
    return account_page(request, rows, asked)


async def note(request: web.Request) -> web.Response:
    """``POST /api/v1/accounts/:id/note``"""
    member = auth.member(request, "write:accounts")
    comment = (await forms.params(request)).text("comment")
    server, account_id = keys.server(request), forms.path_id(request)
    await people.one(server, member.account_id, account_id)
    await endorsements.note(server, member, account_id, comment)
    return await _one(request, member, account_id)


def _mute_ends(at_ms: int | None) -> bytes:
    text = maybe_instant(at_ms)
    return b',"mute_expires_at":' + (b"null" if text is None else f'"{text}"'.encode())


def _acting(scope: str, act: Act, name: str = "id") -> Handler:
    """A handler that changes how the member stands to an account, and answers how that is now."""

    async def handler(request: web.Request) -> web.StreamResponse:
        member = auth.member(request, scope)
        account_id = forms.path_id(request, name)
        # An account nobody knows is 404, whatever was asked.
        await people.one(keys.server(request), member.account_id, account_id)
        await act(keys.server(request), member, account_id)
        return await _one(request, member, account_id)

    return handler


async def _one(request: web.Request, member: Member, account_id: int) -> web.Response:
    found: Sequence[Any] = await relationships.between(keys.server(request), member, [account_id])
    if not found:
        raise Invalid({}, "Record not found")
    return replies.json(_entity(found[0]))


def _entity(one: Standing) -> Relationship:
    return Relationship(
        id=str(one.account_id),
        following=bool(one.following),
        showing_reblogs=bool(one.shows_boosts),
        notifying=bool(one.notifies),
        languages=list(one.languages) or None,
        followed_by=bool(one.followed_by),
        blocking=bool(one.blocking),
        blocked_by=bool(one.blocked_by),
        muting=bool(one.muting),
        muting_notifications=bool(one.muting_notifications),
        muting_expires_at=maybe_instant(one.muting_expires_at),
        requested=bool(one.requested),
        requested_by=bool(one.requested_by),
        domain_blocking=bool(one.domain_blocking),
        endorsed=bool(one.endorsed),
        note=one.note,
    )


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/accounts/relationships", show),
    web.post("/api/v1/accounts/{id}/follow", follow),
    web.post("/api/v1/accounts/{id}/unfollow", _acting("write:follows", relationships.unfollow)),
    web.post(
        "/api/v1/accounts/{id}/remove_from_followers",
        _acting("write:follows", relationships.remove_follower),
    ),
    web.post("/api/v1/accounts/{id}/block", _acting("write:blocks", relationships.block)),
    web.post("/api/v1/accounts/{id}/unblock", _acting("write:blocks", relationships.unblock)),
    web.post("/api/v1/accounts/{id}/mute", mute),
    web.post("/api/v1/accounts/{id}/unmute", _acting("write:mutes", relationships.unmute)),
    *(
        web.post(f"/api/v1/accounts/{{id}}/{name}", _acting("write:accounts", act))
        for name, act in (
            ("endorse", endorsements.endorse),
            ("unendorse", endorsements.unendorse),
            ("pin", endorsements.endorse),
            ("unpin", endorsements.unendorse),
        )
    ),
    web.post("/api/v1/accounts/{id}/note", note),
    web.get("/api/v1/accounts/{id}/endorsements", endorsements_of),
    web.get("/api/v1/endorsements", own_endorsements),
    web.get("/api/v1/follow_requests", requests),
    web.post(
        "/api/v1/follow_requests/{account_id}/authorize",
        _acting("write:follows", relationships.accept_request, "account_id"),
    ),
    web.post(
        "/api/v1/follow_requests/{account_id}/reject",
        _acting("write:follows", relationships.reject_request, "account_id"),
    ),
    web.get("/api/v1/blocks", blocks),
    web.get("/api/v1/mutes", mutes),
]
