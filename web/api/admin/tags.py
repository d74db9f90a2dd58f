"""Hashtags, and what many look at, in the admin API: approved or rejected."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec
from aiohttp import web

from fedserver import timelines
from fedserver.moderation import review
from fedserver.moderation.permissions import Permission
from fedserver.tags import ShownTag
from fedserver.trends import TrendingLink
from web import auth, forms, gate, keys, replies
from web.api import tags as public_tags
from web.api.admin import shown
from web.api.admin.entities import AdminTag, Publisher
from web.api.entities import TagUse
from web.api.paging import window
from web.api.render import Renderer, joined, renderer
from web.verbs import Handler, put_or_patch

TAGS: Final = "/api/v1/admin/tags"
TRENDS: Final = "/api/v1/admin/trends"


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/tags``"""
    member = auth.moderator(request, "admin:read")
    asked = window(forms.query(request), shown.SIZES)
    found = await review.tags(keys.server(request), member, asked)
    entities = [_tag(request, one) for one in found]
    return shown.page(request, list(entities), [one.row.id for one in found], asked.limit)


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/tags/:id``"""
    member = auth.moderator(request, "admin:read")
    return replies.json(_tag(request, await review.tag(keys.server(request), member, forms.path_id(request))))


async def update(request: web.Request) -> web.Response:
    """``PUT /api/v1/admin/tags/:id``"""
    member = auth.moderator(request, "admin:write")
    params = await forms.params(request)
    changed = await review.change_tag(
        keys.server(request),
        member,
        forms.path_id(request),
        display_name=params.maybe_text("display_name"),
        usable=params.maybe_flag("usable"),
        listable=params.maybe_flag("listable"),
        trendable=params.maybe_flag("trendable"),
    )
    return replies.json(_tag(request, changed))


def _tag(request: web.Request, found: ShownTag) -> AdminTag:
    row: Any = found.row
    plain = public_tags.entity(request, found)
    return AdminTag(
        **{name: getattr(plain, name) for name in plain.__struct_fields__},
        # What nobody has decided about is shown.
        trendable=row.trendable is not False and row.trendable != 0,
        usable=bool(row.usable),
        listable=bool(row.listable),
        requires_review=row.reviewed_at is None,
    )


# -- trends


async def busy_tags(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/trends/tags``"""
    member = auth.moderator(request, "admin:read")
    offset, limit = shown.slice_of(forms.query(request))
    found = await review.busy_tags(keys.server(request), member, offset=offset, limit=limit)
    return replies.json([_tag(request, one) for one in found])


def _decide_tag(trendable: bool) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        member = auth.moderator(request, "admin:write")
        server, tag_id = keys.server(request), forms.path_id(request)
        return replies.json(
            _tag(request, await review.change_tag(server, member, tag_id, trendable=trendable))
        )

    return handler


async def busy_statuses(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/trends/statuses``"""
    member = auth.moderator(request, "admin:read")
    offset, limit = shown.slice_of(forms.query(request))
    render = renderer(request)
    found = await review.busy_posts(keys.server(request), member, render.shelf, offset=offset, limit=limit)
    return replies.json(render.statuses(found))


async def busy_links(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/trends/links``"""
    member = auth.moderator(request, "admin:read")
    offset, limit = shown.slice_of(forms.query(request))
    found = await review.links(keys.server(request), member, offset=offset, limit=limit)
    render = renderer(request)
    return replies.json(joined(_link(render, one, allowed) for one, allowed in found))


def _link(render: Renderer, found: TrendingLink, allowed: bool | None) -> bytes:
    more = {
        "history": [TagUse(str(day), str(uses), str(accounts)) for day, uses, accounts in found.history],
        "id": str(found.preview.id),
        "requires_review": allowed is None,
    }
    card = msgspec.json.encode(render.preview_card(found.preview, found.writer))
    return card[:-1] + b"," + msgspec.json.encode(more)[1:]


async def publishers(request: web.Request) -> web.Response:
    """``GET /api/v1/admin/trends/links/publishers``; a publisher's id is its domain."""
    member = auth.moderator(request, "admin:read")
    offset, limit = shown.slice_of(forms.query(request))
    found = await review.publishers(keys.server(request), member, offset=offset, limit=limit)
    return replies.json([Publisher(name, name, allowed, allowed is None) for name, allowed in found])


def _decide(kind: Literal["link", "publisher", "post"], allowed: bool) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        member = auth.moderator(request, "admin:write")
        subject = request.match_info["id"] if kind == "publisher" else str(forms.path_id(request))
        server, render = keys.server(request), renderer(request)
        await review.decide(server, member, kind, subject, allowed=allowed)
        if kind == "publisher":
            return replies.json(Publisher(subject, subject, allowed, requires_review=False))
        if kind == "link":
            return replies.json(_link(render, await review.link(server, member, int(subject)), allowed))
        found = await timelines.some(server, member.account_id, [int(subject)], render.shelf)
        # One of a list; nothing of a post that this moderator may not see.
        return replies.json(render.statuses(found)[1:-1] or shown.EMPTY)

    return handler


routes: Final[list[web.RouteDef]] = gate.behind(
    Permission.MANAGE_TAXONOMIES,
    web.get(TAGS, listed),
    web.get(TAGS + "/{id}", show),
    *put_or_patch(TAGS + "/{id}", update),
    web.get(TRENDS + "/tags", busy_tags),
    web.post(TRENDS + "/tags/{id}/approve", _decide_tag(True)),
    web.post(TRENDS + "/tags/{id}/reject", _decide_tag(False)),
    web.get(TRENDS + "/statuses", busy_statuses),
    web.post(TRENDS + "/statuses/{id}/approve", _decide("post", True)),
    web.post(TRENDS + "/statuses/{id}/reject", _decide("post", False)),
    web.get(TRENDS + "/links", busy_links),
    web.get(TRENDS + "/links/publishers", publishers),
    web.post(TRENDS + "/links/publishers/{id}/approve", _decide("publisher", True)),
    web.post(TRENDS + "/links/publishers/{id}/reject", _decide("publisher", False)),
    web.post(TRENDS + "/links/{id}/approve", _decide("link", True)),
    web.post(TRENDS + "/links/{id}/reject", _decide("link", False)),
)
