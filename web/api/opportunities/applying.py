"""Opportunities of the client API: applying, alone or as a team."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web
from msgspec import Struct

from fedserver.errors import NotFound
from fedserver.opportunities import applying, reading, teams
from fedserver.opportunities.seeing import Seen
from web import auth, forms, keys, replies
from web.api.opportunities.applications import application
from web.api.opportunities.entities import ApplicationSummary
from web.api.render import instant, maybe_instant

SIZES: Final = (20, 80)
_PATH: Final = "/api/v1/opportunities/{id}"
_ONE: Final = "/api/v1/opportunities/applications/{id}"


class ApplyInput(Struct, frozen=True, kw_only=True):
    """Answers by the keys or labels of the questions; with `submit` they are sent."""

    answers: dict[str, str] = {}
    submit: bool = False


class MemberInput(Struct, frozen=True, kw_only=True):
    """A member of this server, by name or id."""

    account: str = ""


async def apply(request: web.Request) -> web.Response:
    """``POST /api/v1/opportunities/:id/apply``: keeps `answers` as a draft, or sends them (`submit`); until the deadline what was sent can be changed."""
    member = auth.member(request, "write:opportunities")
    sent = await forms.read(request, ApplyInput)
    found = await applying.save(
        keys.server(request), member, forms.path_id(request), sent.answers, submit=sent.submit
    )
    return await _one(request, found)


async def mine(request: web.Request) -> web.Response:
    """``GET /api/v1/opportunities/:id/application``: the member's own."""
    member = auth.member(request, "read:opportunities")
    found = await applying.mine(keys.server(request), member, forms.path_id(request))
    if found is None:
        raise NotFound("You have not applied for this.")
    return await _one(request, found)


async def withdraw(request: web.Request) -> web.Response:
    """``DELETE /api/v1/opportunities/:id/application``: takes it back, until it is decided."""
    member = auth.member(request, "write:opportunities")
    await applying.withdraw(keys.server(request), member, forms.path_id(request))
    return replies.json({})


async def invite(request: web.Request) -> web.Response:
    """``POST /api/v1/opportunities/:id/application/team``: asks a member (`account`, a name or id) to apply with one."""
    member = auth.member(request, "write:opportunities")
    sent = await forms.read(request, MemberInput)
    found = await teams.invite(keys.server(request), member, forms.path_id(request), sent.account)
    return await _one(request, found)


async def remove(request: web.Request) -> web.Response:
    """``DELETE /api/v1/opportunities/:id/application/team/:account_id``: takes somebody out of one's team."""
    member = auth.member(request, "write:opportunities")
    account_id = forms.path_id(request, "account_id")
    found = await teams.remove(keys.server(request), member, forms.path_id(request), account_id)
    return await _one(request, found)


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/opportunities/applications``: what the member has begun, sent, or is asked to take part in, the latest first."""
    member = auth.member(request, "read:opportunities")
    params = forms.query(request)
    limit = params.limit(*SIZES)
    rows = await applying.listed(keys.server(request), member, limit=limit, below=params.id("max_id"))
    following = {"max_id": rows[-1].id} if len(rows) == limit else None
    link = replies.link_header(request, next_=following)
    return replies.json([_summary(row) for row in rows], headers={"Link": link} if link else None)


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/opportunities/applications/:id``: one, as far as the member may see it: who applies, is in the team, offers the opportunity, or reviews."""
    member = auth.member(request, "read:opportunities")
    row, found = await applying.show(keys.server(request), member, forms.path_id(request))
    return replies.json(application(row.title, found))


async def answer(request: web.Request) -> web.Response:
    """``POST /api/v1/opportunities/applications/:id/join`` (or ``decline``): answers to being asked into a team; who has joined leaves by declining."""
    member = auth.member(request, "write:opportunities")
    application_id = forms.path_id(request)
    joins = request.match_info["answer"] == "join"
    await teams.answer(keys.server(request), member, application_id, joins=joins)
    if not joins:
        return replies.json({})
    row, found = await applying.show(keys.server(request), member, application_id)
    return replies.json(application(row.title, found))


async def _one(request: web.Request, found: Seen) -> web.Response:
    member = request[keys.VIEWER]
    row = (await reading.show(keys.server(request), member.account_id, found.post_id)).row
    return replies.json(application(row.title, found))


def _summary(row: Any) -> ApplicationSummary:
    return ApplicationSummary(
        id=str(row.id),
        opportunity_id=str(row.post_id),
        opportunity_title=row.title,
        state=row.state,
        role="lead" if row.team_state is None else row.team_state,
        lead=row.username,
        expires_at=instant(row.expires_at),
        submitted_at=maybe_instant(row.submitted_at),
        decided_at=maybe_instant(row.decided_at),
    )


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/opportunities/applications", listed),
    web.get(_ONE, show),
    web.post(_ONE + "/{answer:join|decline}", answer),
    web.post(_PATH + "/apply", apply),
    web.get(_PATH + "/application", mine),
    web.delete(_PATH + "/application", withdraw),
    web.post(_PATH + "/application/team", invite),
    web.delete(_PATH + "/application/team/{account_id}", remove),
]
