"""Events of the client API: who goes, and the link to join."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from msgspec import Struct

from fedserver.errors import Invalid
from fedserver.events import answers, organising, reading
from web import auth, forms, keys, replies
from web.api.events import shown
from web.api.events.announcing import one
from web.api.events.entities import JoinLink

ATTENDEES: Final = (200, 500)


class RsvpInput(Struct, frozen=True, kw_only=True):
    """An answer: to all that is to come of an event, or to the `occurrences` with these keys."""

    status: str = "going"
    occurrences: list[str] | None = None
    guests: int = 0
    answers: dict[str, str] = {}


async def answer(request: web.Request) -> web.Response:
    """``POST /api/v1/events/:id/rsvp``: answers going, maybe or declined (`status`). Where every seat is taken one waits."""
    member = auth.member(request, "write:events")
    sent = await forms.read(request, RsvpInput)
    server, post_id = keys.server(request), forms.path_id(request)
    every = sent.occurrences is None or sent.occurrences == ["all"]
    await answers.answer(
        server,
        member,
        post_id,
        sent.status,
        keys=None if every else sent.occurrences,
        guests=sent.guests,
        questions=sent.answers,
    )
    return await one(request, member.account_id, post_id)


async def withdraw(request: web.Request) -> web.Response:
    """``DELETE /api/v1/events/:id/rsvp``: does not go after all."""
    member = auth.member(request, "write:events")
    server, post_id = keys.server(request), forms.path_id(request)
    await answers.withdraw(server, member, post_id)
    return await one(request, member.account_id, post_id)


async def attendees(request: web.Request) -> web.Response:
    """``GET /api/v1/events/:id/rsvps?occurrence=``: the answers, the earliest first, for who organises it or looks after
    events of the server; of a series to the
    occurrence with this key. `after` goes on behind a page."""
    member = auth.member(request, "read:events")
    server, post_id = keys.server(request), forms.path_id(request)
    found = await reading.show(server, member.account_id, post_id)
    key = forms.query(request).text("occurrence")
    if not key and len(found.occurrences) > 1:
        raise Invalid({"occurrence": "must say which one is meant"})
    key = key or found.occurrences[0].key
    params = forms.query(request)
    limit = params.limit(*ATTENDEES)
    rows = await organising.attendees(
        server, member, post_id, key=key, limit=limit, after=params.id("after") or 0
    )
    link = ""
    if len(rows) == limit:
        link = replies.link_header(request, next_={"after": str(rows[-1].queue)})
    return replies.json([shown.attendee(key, row) for row in rows], headers={"Link": link} if link else None)


async def decide(request: web.Request) -> web.Response:
    """``POST /api/v1/events/:id/rsvps/:account_id/approve`` (or ``reject``, ``promote``): what who looks after it decides, for one
    `occurrence` or all."""
    member = auth.member(request, "write:events")
    server, post_id = keys.server(request), forms.path_id(request)
    who = organising.Person(forms.path_id(request, "account_id"))
    key = (await forms.params(request)).text("occurrence")
    await organising.decide(server, member, post_id, who, request.match_info["decision"], key=key)
    return await one(request, member.account_id, post_id)


async def decide_of_guest(request: web.Request) -> web.Response:
    """``POST /api/v1/events/:id/guests/:guest_id/approve`` (or ``reject``, ``promote``): the same about somebody who answered
    by mail."""
    member = auth.member(request, "write:events")
    server, post_id = keys.server(request), forms.path_id(request)
    who = organising.Person(guest_id=forms.path_id(request, "guest_id"))
    key = (await forms.params(request)).text("occurrence")
    await organising.decide(server, member, post_id, who, request.match_info["decision"], key=key)
    return await one(request, member.account_id, post_id)


async def join(request: web.Request) -> web.Response:
    """``GET /api/v1/events/:id/join``: where to join, for those who go, from an hour before it begins."""
    member = auth.member(request, "read:events")
    url = await answers.join_link(keys.server(request), member, forms.path_id(request))
    return replies.json(JoinLink(url=url), headers={"Cache-Control": "no-store"})


routes: Final[list[web.RouteDef]] = [
    web.post("/api/v1/events/{id}/rsvp", answer),
    web.delete("/api/v1/events/{id}/rsvp", withdraw),
    web.get("/api/v1/events/{id}/rsvps", attendees),
    web.post("/api/v1/events/{id}/rsvps/{account_id}/{decision:approve|reject|promote}", decide),
    web.post("/api/v1/events/{id}/guests/{guest_id}/{decision:approve|reject|promote}", decide_of_guest),
    web.get("/api/v1/events/{id}/join", join),
]
