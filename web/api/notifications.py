"""Notifications of the client API one by one, and the markers of how far a member has read."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec
from aiohttp import web

from fedserver import noticeboard
from fedserver.noticeboard import MARKED_TIMELINES, Asked, Notice, Notices, Strike, instant_of
from web import auth, forms, keys, replies
from web.api.entities import Count, Marker
from web.api.notice_entities import Appeal, RelationshipSeveranceEvent
from web.api.notice_fallbacks import TYPES_ASKED_MAX, Supported, supported_by
from web.api.paging import NOTIFICATIONS, window
from web.api.render import Renderer, instant, joined, maybe_instant, renderer
from web.forms import Params

UNREAD_COUNTED: Final = (100, 1000)

_encode: Final = msgspec.json.Encoder().encode
_TYPES: Final = {name: _encode(name) for name in noticeboard.TYPES}


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/notifications``"""
    member = auth.member(request, "read:notifications")
    params = forms.query(request)
    asked = window(params, NOTIFICATIONS)
    render = renderer(request)
    found = await noticeboard.page(keys.server(request), member, asked, render.shelf, wanted(params))
    supported = supported_by(request)
    ids = [one.id for one in found.notices]
    return replies.page(
        request,
        joined(entity(render, one, found, supported) for one in found.notices),
        newest=ids[0] if ids else None,
        oldest=ids[-1] if ids else None,
        complete=len(ids) >= asked.limit,
    )


def wanted(params: Params) -> Asked:
    """Which notifications are asked for."""
    return Asked(
        types=noticeboard.types_of(
            params.texts("types", count_max=TYPES_ASKED_MAX),
            params.texts("exclude_types", count_max=TYPES_ASKED_MAX),
        ),
        from_account_id=params.id("account_id"),
        include_filtered=params.flag("include_filtered"),
    )


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/notifications/:id``"""
    member = auth.member(request, "read:notifications")
    render = renderer(request)
    found = await noticeboard.one(
        keys.server(request), member.account_id, forms.path_id(request), render.shelf
    )
    supported = supported_by(request)
    return replies.json(entity(render, found.notices[0], found, supported))


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


async def dismiss_several(request: web.Request) -> web.Response:
    """``DELETE /api/v1/notifications/destroy_multiple``"""
    member = auth.member(request, "write:notifications")
    params = forms.query(request)
    ids = params.ids("ids") or (await forms.params(request)).ids("ids")
    await noticeboard.dismiss_several(keys.server(request), member, ids)
    return replies.json({})


async def unread_count(request: web.Request) -> web.Response:
    """``GET /api/v1/notifications/unread_count``"""
    member = auth.member(request, "read:notifications")
    params = forms.query(request)
    limit = params.limit(*UNREAD_COUNTED)
    return replies.json(Count(await noticeboard.unread(keys.server(request), member, limit, wanted(params))))


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


# -- the entity


def entity(render: Renderer, one: Notice, found: Notices, supported: Supported | None = None) -> bytes:
    """One notification, out of a page of them. `supported` are the types the app knows, if it said so."""
    more = b',"filtered":true' if one.filtered else b""
    if one.card is not None:
        more += b',"status":' + render.status(one.card, found.batch)
    if one.post_id is None:
        more += parts(render, one, found)
    account = render.line(one.account, found.batch)
    if supported is not None:
        more += supported.fallback(one, found, account)
    return b'{"id":"%d","type":%b,"group_key":%b,"created_at":"%b","account":%b%b}' % (
        one.id,
        _TYPES[one.type],
        _encode(one.group_key) if one.group_key else b'"ungrouped-%d"' % one.id,
        instant(instant_of(one.id)).encode(),
        account,
        more,
    )


def parts(render: Renderer, one: Notice, found: Notices) -> bytes:
    """What else than a post a notification tells of, as further members of an object, each after a comma."""
    if one.type == "admin.report" and one.report_id in found.reports:
        report = found.reports[one.report_id]
        return b',"report":' + report_entity(render, report, found.targets[report.target_id])
    if one.collection_id in found.collections:
        return b',"collection":' + _encode(render.collection(found.collections[one.collection_id]))
    if one.severance_id in found.severances:
        return b',"event":' + _encode(_severance(found.severances[one.severance_id]))
    if one.strike_id in found.strikes:
        # Only members who were warned are told, so the account is their own.
        warned = render.line(one.account, found.batch)
        return b',"moderation_warning":' + warning_entity(found.strikes[one.strike_id], warned)
    return b""


def _severance(row: Any) -> RelationshipSeveranceEvent:
    return RelationshipSeveranceEvent(
        id=str(row.id),
        type=row.type,
        purged=False,
        target_name=row.target_name,
        followers_count=row.followers_count,
        following_count=row.following_count,
        created_at=instant(instant_of(row.id)),
    )


def warning_entity(strike: Strike, target: bytes) -> bytes:
    """A decision of the moderators, with the account it is about."""
    appeal = None
    if strike.appeal_state is not None:
        appeal = Appeal(strike.appeal_text or "", strike.appeal_state)  # type: ignore[arg-type]
    entity = {
        "id": str(strike.id),
        # Being kept out of a group is nothing that apps know of.
        "action": "none" if strike.action == "ban" else strike.action,
        "text": strike.text,
        "status_ids": [str(one) for one in strike.posts],
        "appeal": appeal,
        "created_at": instant(strike.created_at),
    }
    return _encode(entity)[:-1] + b',"target_account":' + target + b"}"


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
    web.delete("/api/v1/notifications/destroy_multiple", dismiss_several),
    web.get("/api/v1/notifications/{id:[0-9]+}", show),
    web.delete("/api/v1/notifications/{id:[0-9]+}", dismiss),
    web.post("/api/v1/notifications/{id:[0-9]+}/dismiss", dismiss),
    web.get("/api/v1/markers", markers),
    web.post("/api/v1/markers", put_markers),
]
