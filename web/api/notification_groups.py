"""Notifications of the client API in groups."""

from __future__ import annotations

from typing import Final

import msgspec
from aiohttp import web

from fedserver import notification_groups
from fedserver.noticeboard import instant_of
from fedserver.notification_groups import Group, Groups
from web import auth, forms, keys, replies
from web.api.entities import Count
from web.api.notice_entities import PartialAccount
from web.api.notice_fallbacks import TYPES_ASKED_MAX, Supported, supported_by
from web.api.notifications import UNREAD_COUNTED, clear, parts, wanted
from web.api.paging import ACCOUNTS, NOTIFICATIONS, window
from web.api.render import Renderer, instant, joined, renderer
from web.params import Unreadable

_partial: Final = msgspec.json.Decoder(PartialAccount).decode
_encode: Final = msgspec.json.encode


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v2/notifications``"""
    member = auth.member(request, "read:notifications")
    params = forms.query(request)
    asked = window(params, NOTIFICATIONS)
    partial = _expands_partly(params.text("expand_accounts"))
    render = renderer(request)
    found = await notification_groups.page(
        keys.server(request),
        member,
        asked,
        render.shelf,
        wanted(params),
        params.texts("grouped_types", count_max=TYPES_ASKED_MAX),
    )
    ids = [one.notice.id for one in found.groups]
    return replies.page(
        request,
        _entity(render, found, supported_by(request), partial=partial),
        newest=ids[0] if ids else None,
        oldest=ids[-1] if ids else None,
        complete=len(ids) >= asked.limit,
    )


async def show(request: web.Request) -> web.Response:
    """``GET /api/v2/notifications/:group_key``"""
    member = auth.member(request, "read:notifications")
    render = renderer(request)
    key = request.match_info["group_key"]
    found = await notification_groups.one(keys.server(request), member, key, render.shelf)
    return replies.json(_entity(render, found, supported_by(request), partial=False))


async def people(request: web.Request) -> web.Response:
    """``GET /api/v2/notifications/:group_key/accounts``"""
    member = auth.member(request, "read:notifications")
    asked = window(forms.query(request), ACCOUNTS)
    render = renderer(request)
    key = request.match_info["group_key"]
    found = await notification_groups.people(keys.server(request), member, key, asked, render.shelf)
    return replies.page(
        request,
        joined(render.line(line, found.batch) for line in found.lines),
        newest=found.cursors[0] if found.cursors else None,
        oldest=found.cursors[-1] if found.cursors else None,
        complete=len(found.cursors) >= asked.limit,
    )


async def dismiss(request: web.Request) -> web.Response:
    """``POST /api/v2/notifications/:group_key/dismiss``"""
    member = auth.member(request, "write:notifications")
    await notification_groups.dismiss(keys.server(request), member, request.match_info["group_key"])
    return replies.json({})


async def unread_count(request: web.Request) -> web.Response:
    """``GET /api/v2/notifications/unread_count``"""
    member = auth.member(request, "read:notifications")
    params = forms.query(request)
    count = await notification_groups.unread(
        keys.server(request),
        member,
        params.limit(*UNREAD_COUNTED),
        wanted(params),
        params.texts("grouped_types", count_max=TYPES_ASKED_MAX),
    )
    return replies.json(Count(count))


def _expands_partly(word: str) -> bool:
    if word not in ("", "full", "partial_avatars"):
        raise Unreadable(
            f"Invalid value for 'expand_accounts': '{word}', allowed values are 'full' and 'partial_avatars'"
        )
    return word == "partial_avatars"


# -- the entity


def _entity(render: Renderer, found: Groups, supported: Supported | None, *, partial: bool) -> bytes:
    batch = found.found.batch
    shown = {one.sample[0].id: one.sample[0] for one in found.groups}
    others = {line.id: line for one in found.groups for line in one.sample}
    more = b""
    if partial:
        stacked = [_partial(render.line(line, batch)) for line in others.values() if line.id not in shown]
        more = b',"partial_accounts":' + _encode(stacked)
    else:
        shown = others
    return b'{"accounts":%b%b,"statuses":%b,"notification_groups":%b}' % (
        joined(render.line(line, batch) for line in shown.values()),
        more,
        render.statuses(batch),
        joined(_group(render, one, found, supported) for one in found.groups),
    )


def _group(render: Renderer, one: Group, found: Groups, supported: Supported | None) -> bytes:
    notice = one.notice
    more = b""
    if one.oldest_id is not None:
        more = b',"page_min_id":"%d","page_max_id":"%d","latest_page_notification_at":"%b"' % (
            one.oldest_id,
            one.newest_id,
            instant(instant_of(one.newest_id)).encode(),
        )
    if notice.card is not None:
        more += b',"status_id":"%d"' % notice.card.post.id
    more += parts(render, notice, found.found)
    if supported is not None:
        first = render.line(one.sample[0], found.found.batch)
        more += supported.fallback(notice, found.found, first, others=one.count - 1)
    return (
        b'{"group_key":%b,"notifications_count":%d,"type":%b,"most_recent_notification_id":%d,"sample_account_ids":%b%b}'
        % (
            _encode(one.key),
            one.count,
            _encode(notice.type),
            one.newest_id,
            _encode([str(line.id) for line in one.sample]),
            more,
        )
    )


def _routes(base: str) -> list[web.RouteDef]:
    return [
        web.get(base, listed),
        web.get(f"{base}/unread_count", unread_count),
        web.post(f"{base}/clear", clear),
        web.get(f"{base}/{{group_key}}", show),
        web.get(f"{base}/{{group_key}}/accounts", people),
        web.post(f"{base}/{{group_key}}/dismiss", dismiss),
    ]


routes: Final[list[web.RouteDef]] = [
    *_routes("/api/v2/notifications"),
    *_routes("/api/v2_alpha/notifications"),  # of 4.3 before its release; some apps still ask there
]
