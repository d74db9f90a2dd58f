"""Bringing events in through the client API: a calendar once, or by subscription."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec
from aiohttp import web

from fedserver.errors import Invalid
from fedserver.events.importing import bringing, subscribing
from fedserver.events.importing.bringing import Wanted
from fedserver.events.importing.filling import Report
from fedserver.events.importing.subscribing import Feed, Wish
from web import auth, forms, keys, replies
from web.api.events.entities import CalendarFeed, EventImport, ImportedEvent, ImportNote, LeftOutEvent
from web.api.render import instant, maybe_instant


async def create(request: web.Request) -> web.Response:
    """``POST /api/v1/calendar/import``: brings the events of a calendar in, as a `file`, as a text (`ics`) or by its `url`; with
    `dry_run` it only says what would happen. `zone` is that of times which name none; `visibility`, `group_id`, `answers` (people
    can say here that they come)."""
    member = auth.member(request, "write:events")
    params = await forms.params(request)
    file, text = params.upload("file"), params.text("ics")
    body = await asyncio.to_thread(file.path.read_bytes) if file is not None else text.encode()
    group = params.text("group_id")
    wanted = Wanted(
        url=params.text("url").strip(),
        body=body,
        name=file.filename[:200] if file is not None else "",
        zone=params.text("zone").strip(),
        visibility=params.text("visibility") or "public",
        group_id=forms.row_id(group) if group else None,
        answers=params.flag("answers"),
    )
    dry_run = params.flag("dry_run")
    return replies.json(
        imported(await bringing.bring(keys.server(request), member, wanted, dry_run=dry_run), dry_run=dry_run)
    )


def imported(report: Report, *, dry_run: bool) -> EventImport:
    """A report as the API gives it."""
    return EventImport(
        dry_run=dry_run,
        name=report.name,
        counts=report.counts(),
        events=msgspec.convert(
            [
                {**msgspec.to_builtins(one), "receipt": msgspec.to_builtins(one.receipt)}
                for one in report.outcomes
            ],
            list[ImportedEvent],
        ),
        left_out=msgspec.convert(msgspec.to_builtins(report.left_out), list[LeftOutEvent]),
        repaired=msgspec.convert(msgspec.to_builtins(report.repaired), list[ImportNote]),
    )


# -- subscriptions


async def feeds(request: web.Request) -> web.Response:
    """``GET /api/v1/calendar/feeds``: the calendars that are subscribed to, as far as the member looks after them."""
    member = auth.member(request, "read:events")
    return replies.json([_feed(one) for one in await subscribing.listed(keys.server(request), member)])


async def subscribe(request: web.Request) -> web.Response:
    """``POST /api/v1/calendar/feeds``: subscribes to the calendar at a `url`, for a group that one moderates (`group_id`) or, where one
    looks after events, for the whole server; read every so many `hours`."""
    member = auth.member(request, "write:events")
    wish = await _wish(request)
    return replies.json(_feed(await subscribing.subscribe(keys.server(request), member, wish)))


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/calendar/feeds/:id``: one of them, with how its last reading went."""
    member = auth.member(request, "read:events")
    return replies.json(_feed(await subscribing.show(keys.server(request), member, forms.path_id(request))))


async def act(request: web.Request) -> web.Response:
    """``POST /api/v1/calendar/feeds/:id/:what``: lets it rest (``pause``), goes on with it (``resume``), has it read now (``refresh``)."""
    member = auth.member(request, "write:events")
    what = request.match_info["what"]
    if what not in subscribing.ACTS:
        raise Invalid({"what": f"must be one of {', '.join(subscribing.ACTS)}"})
    return replies.json(
        _feed(await subscribing.act(keys.server(request), member, forms.path_id(request), what))
    )


async def end(request: web.Request) -> web.Response:
    """``DELETE /api/v1/calendar/feeds/:id?events=``: ends a subscription; its events that are to come go with it, unless `events` is
    ``keep``."""
    member = auth.member(request, "write:events")
    keep = (await forms.params(request)).text("events") == "keep"
    await subscribing.end(keys.server(request), member, forms.path_id(request), keep=keep)
    return replies.json({})


async def _wish(request: web.Request) -> Wish:
    params = await forms.params(request)
    group = params.text("group_id")
    hours = params.text("hours")
    return Wish(
        url=params.text("url"),
        title=params.text("title"),
        zone=params.text("zone"),
        hours=int(hours) if hours.isascii() and hours.isdigit() and len(hours) < 5 else 0 if hours else 6,
        group_id=forms.row_id(group) if group else None,
    )


def _feed(one: Feed) -> CalendarFeed:
    row = one.row
    return CalendarFeed(
        id=str(row.id),
        url=row.url,
        title=row.title,
        zone=row.zone,
        group_id=None if row.group_id is None else str(row.group_id),
        account_id=str(row.account_id),
        hours=row.hours,
        state=row.state,
        problem=row.problem,
        failures=row.failures,
        counts=one.summary.counts,
        notes=list(one.summary.notes),
        created_at=instant(row.created_at),
        asked_at=maybe_instant(row.asked_at),
        read_at=maybe_instant(row.read_at),
        due_at=instant(row.due_at),
    )


routes: Final[list[web.RouteDef]] = [
    web.post("/api/v1/calendar/import", create),
    web.get("/api/v1/calendar/feeds", feeds),
    web.post("/api/v1/calendar/feeds", subscribe),
    web.get("/api/v1/calendar/feeds/{id}", show),
    web.delete("/api/v1/calendar/feeds/{id}", end),
    web.post("/api/v1/calendar/feeds/{id}/{what}", act),
]
