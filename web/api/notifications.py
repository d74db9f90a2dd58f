"""Notifications of the client API, and the markers of how far a member has read."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec
from aiohttp import web

from fedserver import noticeboard
from fedserver.noticeboard import MARKED_TIMELINES, Notice, Notices, instant_of
from web import auth, forms, keys, replies
from web.api.entities import Count, Marker
from web.api.paging import NOTIFICATIONS, window
from web.api.render import Renderer, instant, joined, maybe_instant, renderer

UNREAD_COUNTED: Final = (100, 1000)
_encode: Final = msgspec.json.encode


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/notifications``"""
    member = auth.member(request, "read:notifications")
    params = forms.query(request)
    asked = window(params, NOTIFICATIONS)
    render = renderer(request)
    found = await noticeboard.page(
        keys.server(request),
        member,
        asked,
        render.shelf,
        types=params.texts("types", count_max=50),
        exclude=params.texts("exclude_types", count_max=50),
        from_account_id=params.id("account_id"),
    )
    ids = [one.id for one in found.notices]
    return replies.page(
        request,
        joined(entity(render, one, found) for one in found.notices),
        newest=ids[0] if ids else None,
        oldest=ids[-1] if ids else None,
        complete=len(ids) >= asked.limit,
    )


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/notifications/:id``"""
    member = auth.member(request, "read:notifications")
    render = renderer(request)
    found = await noticeboard.one(
        keys.server(request), member.account_id, forms.path_id(request), render.shelf
    )
    return replies.json(entity(render, found.notices[0], found))


async def clear(request: web.Request) -> web.Response:
    """``POST /api/v1/notifications/clear``"""
    member = auth.member(request, "write:notifications")
    await noticeboard.clear(keys.server(request), member)
    return replies.json({})


async def dismiss(request: web.Request) -> web.Response:
    """``POST /api/v1/notifications/:id/dismiss``"""
    member = auth.member(request, "write:notifications")
    await noticeboard.dismiss(keys.server(request), member, forms.path_id(request))
    return replies.json({})


async def unread_count(request: web.Request) -> web.Response:
    """``GET /api/v1/notifications/unread_count``"""
    member = auth.member(request, "read:notifications")
    limit = forms.query(request).limit(*UNREAD_COUNTED)
    return replies.json(Count(await noticeboard.unread(keys.server(request), member, limit)))


async def markers(request: web.Request) -> web.Response:
    """``GET /api/v1/markers?timeline[]=…``"""
    member = auth.member(request, "read:statuses")
    names = forms.query(request).texts("timeline", count_max=10)
    rows = await noticeboard.markers(keys.server(request), member, names)
    return replies.json({row.timeline: _marker(row) for row in rows})


async def put_markers(request: web.Request) -> web.Response:
    """``POST /api/v1/markers``"""
    member = auth.member(request, "write:statuses")
    params = await forms.params(request)
    read = {}
    for name in MARKED_TIMELINES:
        last_read_id = params.nested(name).id("last_read_id")
        if last_read_id is not None:
            read[name] = last_read_id
    rows = await noticeboard.put_markers(keys.server(request), member, read)
    return replies.json({row.timeline: _marker(row) for row in rows})


def _marker(row: Any) -> Marker:
    return Marker(str(row.last_read_id), row.version, instant(row.updated_at))


def entity(render: Renderer, one: Notice, found: Notices) -> bytes:
    """One notification, out of a page of them."""
    more = b""
    card = found.cards.get(one.post_id) if one.post_id is not None else None
    if card is not None:
        more += b',"status":' + render.status(card, found.batch)
    elif one.post_id is not None:
        more += b',"status":null'
    report = found.reports.get(one.report_id) if one.report_id is not None else None
    if report is not None:
        more += b',"report":' + report_entity(render, report, found.targets[report.target_id])
    return b'{"id":"%d","type":%b,"group_key":"ungrouped-%d","created_at":"%b","account":%b%b}' % (
        one.id,
        _encode(one.type),
        one.id,
        instant(instant_of(one.id)).encode(),
        render.line(one.account, found.batch),
        more,
    )


def report_entity(render: Renderer, row: Any, target: Any) -> bytes:
    """A report, with the account it is about."""
    entity = {
        "id": str(row.id),
        "action_taken": row.resolved_at is not None,
        "action_taken_at": maybe_instant(row.resolved_at),
        "category": row.category,
        "comment": row.comment,
        "forwarded": bool(row.forwarded),
        "created_at": instant(row.created_at),
        "status_ids": [str(one) for one in json.loads(row.post_ids)],
        "rule_ids": [str(one) for one in json.loads(row.rule_ids)],
        "collection_ids": [],
    }
    return _encode(entity)[:-1] + b',"target_account":' + render.account(target) + b"}"


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/notifications", listed),
    web.get("/api/v1/notifications/unread_count", unread_count),
    web.post("/api/v1/notifications/clear", clear),
    web.get("/api/v1/notifications/{id:[0-9]+}", show),
    web.post("/api/v1/notifications/{id:[0-9]+}/dismiss", dismiss),
    web.get("/api/v1/markers", markers),
    web.post("/api/v1/markers", put_markers),
]
