"""Events of the client API: what came out of them, who came, and what those who came are written."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from msgspec import Struct

from fedserver.events import adding, attendance
from fedserver.events.adding import NewOutput
from web import auth, forms, keys, replies
from web.api.events.announcing import one
from web.api.events.entities import FollowUp


class OutputInput(Struct, frozen=True, kw_only=True):
    """What came out of an event: an address (`url`) with a `title`, or a resource of the library (`resource_id`)."""

    role: str = "notes"
    title: str = ""
    url: str = ""
    resource_id: str = ""
    occurrence: str = ""


class AttendanceInput(Struct, frozen=True, kw_only=True):
    """The accounts that came to the `occurrence` with this key, and those that did not."""

    occurrence: str
    attended: list[str] = []
    absent: list[str] = []


class FollowUpInput(Struct, frozen=True, kw_only=True):
    """What those are written who came to the `occurrence` with this key; `link` may lead to a survey."""

    occurrence: str
    text: str
    link: str = ""


async def add(request: web.Request) -> web.Response:
    """``POST /api/v1/events/:id/outputs``: adds notes, a recording, slides or something `other`, for who organises it."""
    member = auth.member(request, "write:events")
    sent = await forms.read(request, OutputInput)
    said = NewOutput(
        role=sent.role,
        title=sent.title,
        url=sent.url,
        resource_id=forms.row_id(sent.resource_id) if sent.resource_id else None,
        key=sent.occurrence,
    )
    server, post_id = keys.server(request), forms.path_id(request)
    await adding.add(server, member, post_id, said)
    return await one(request, member.account_id, post_id)


async def remove(request: web.Request) -> web.Response:
    """``DELETE /api/v1/events/:id/outputs/:output_id``: takes one away again."""
    member = auth.member(request, "write:events")
    server, post_id = keys.server(request), forms.path_id(request)
    await adding.remove(server, member, post_id, forms.path_id(request, "output_id"))
    return await one(request, member.account_id, post_id)


async def note(request: web.Request) -> web.Response:
    """``POST /api/v1/events/:id/attendance``: ticks who came (`attended`) and who did not (`absent`), once it has begun. Everybody
    sees how many, the organiser alone who."""
    member = auth.member(request, "write:events")
    sent = await forms.read(request, AttendanceInput)
    server, post_id = keys.server(request), forms.path_id(request)
    came, absent = (
        [forms.row_id(account) for account in several] for several in (sent.attended, sent.absent)
    )
    await attendance.note(server, member, post_id, sent.occurrence, came, absent=absent)
    return await one(request, member.account_id, post_id)


async def table(request: web.Request) -> web.Response:
    """``GET /api/v1/events/:id/attendance``: all answers and who came, as CSV, for who organises it."""
    member = auth.member(request, "read:events")
    body = await attendance.table(keys.server(request), member, forms.path_id(request))
    return replies.table(body, "attendance.csv")


async def follow_up(request: web.Request) -> web.Response:
    """``POST /api/v1/events/:id/follow_up``: writes to those who came, each by themselves, once it is over; once for each time."""
    member = auth.member(request, "write:events")
    sent = await forms.read(request, FollowUpInput)
    server, post_id = keys.server(request), forms.path_id(request)
    number = await attendance.follow_up(server, member, post_id, sent.occurrence, sent.text, sent.link)
    return replies.json(FollowUp(written_to=number))


routes: Final[list[web.RouteDef]] = [
    web.post("/api/v1/events/{id}/outputs", add),
    web.delete("/api/v1/events/{id}/outputs/{output_id}", remove),
    web.post("/api/v1/events/{id}/attendance", note),
    web.get("/api/v1/events/{id}/attendance", table),
    web.post("/api/v1/events/{id}/follow_up", follow_up),
]
