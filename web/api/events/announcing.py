"""Events of the client API: announcing and changing them, and single occurrences."""

from __future__ import annotations

from typing import Final

import msgspec
from aiohttp import web
from msgspec import Struct

from fedserver import posts
from fedserver.events import publishing, reading
from fedserver.events.publishing import OccurrenceChange
from fedserver.events.reading import described_of
from fedserver.events.records import Described
from web import auth, forms, keys, replies
from web.api.events import shown
from web.api.statuses import KEY_CHARS_MAX
from web.params import Params
from web.verbs import put_or_patch


class AnnounceInput(Described, frozen=True, kw_only=True, omit_defaults=True):
    """What is said of a new event, and where it is to be seen."""

    visibility: str = "public"
    group_id: str = ""


class OccurrenceInput(Struct, frozen=True, kw_only=True):
    """What is different about one occurrence."""

    starts: str | None = None
    minutes: int | None = None
    cancelled: bool | None = None
    capacity: int | None = None
    note: str | None = None


async def create(request: web.Request) -> web.Response:
    """``POST /api/v1/events``: announces an event, perhaps into a group (`group_id`)."""
    member = auth.member(request, "write:events")
    sent = await forms.read(request, AnnounceInput)
    key = request.headers.get("Idempotency-Key", "")[:KEY_CHARS_MAX]
    post_id = await publishing.publish(
        keys.server(request),
        member,
        Described(**{name: getattr(sent, name) for name in Described.__struct_fields__}),
        visibility=sent.visibility,
        group_id=forms.row_id(sent.group_id) if sent.group_id else None,
        idempotency_key=key or None,
    )
    return await one(request, member.account_id, post_id)


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/events/:id``: an event with its occurrences, and what the viewer answered."""
    viewer = auth.viewer(request, "read:events")
    return await one(request, viewer.account_id, forms.path_id(request))


async def change(request: web.Request) -> web.Response:
    """``PATCH /api/v1/events/:id``: what is not mentioned stays as it is; a list replaces the whole list. Those who go hear of what
    matters to them."""
    member = auth.member(request, "write:events")
    server, post_id = keys.server(request), forms.path_id(request)
    found = await reading.show(server, member.account_id, post_id)
    known = msgspec.json.decode(msgspec.json.encode(described_of(found.row)))
    sent = (await forms.params(request)).tree
    # What was said of the schedule before holds as far as it is not said anew.
    schedule = (
        {"schedule": {**known["schedule"], **sent["schedule"]}}
        if isinstance(sent.get("schedule"), dict)
        else {}
    )
    kept = forms.as_struct(Params({**known, **sent, **schedule}), Described)
    await publishing.change(server, member, post_id, kept)
    return await one(request, member.account_id, post_id)


async def delete(request: web.Request) -> web.Response:
    """``DELETE /api/v1/events/:id``. To call it off rather set `status` to cancelled, which calendars understand."""
    member = auth.member(request, "write:events")
    server, post_id = keys.server(request), forms.path_id(request)
    await reading.show(server, member.account_id, post_id)
    await posts.delete_post(server, member, post_id)
    return replies.json({})


async def occurrences(request: web.Request) -> web.Response:
    """``GET /api/v1/events/:id/occurrences``: when it takes place, in order."""
    viewer = auth.viewer(request, "read:events")
    found = await reading.show(keys.server(request), viewer.account_id, forms.path_id(request))
    return replies.json([shown.occurrence(request, found, one) for one in found.occurrences])


async def change_occurrence(request: web.Request) -> web.Response:
    """``PATCH /api/v1/events/:id/occurrences/:key``: moves (`starts`, `minutes`) or cancels one, or brings it back; `note` says
    why."""
    member = auth.member(request, "write:events")
    sent = await forms.read(request, OccurrenceInput)
    change = OccurrenceChange(**{name: getattr(sent, name) for name in OccurrenceInput.__struct_fields__})
    server, post_id = keys.server(request), forms.path_id(request)
    await publishing.change_occurrence(server, member, post_id, request.match_info["key"], change)
    return await one(request, member.account_id, post_id)


async def one(request: web.Request, viewer_id: int | None, post_id: int) -> web.Response:
    """The event as it stands now."""
    found = await reading.show(keys.server(request), viewer_id, post_id)
    return replies.json(shown.event(request, found))


routes: Final[list[web.RouteDef]] = [
    web.post("/api/v1/events", create),
    web.get("/api/v1/events/{id}", show),
    *put_or_patch("/api/v1/events/{id}", change),
    web.delete("/api/v1/events/{id}", delete),
    web.get("/api/v1/events/{id}/occurrences", occurrences),
    *put_or_patch("/api/v1/events/{id}/occurrences/{key}", change_occurrence),
]
