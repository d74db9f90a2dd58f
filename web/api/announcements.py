"""Announcements of the client API: what those who run the server tell all members."""

from __future__ import annotations

import json
from typing import Any, Final

from aiohttp import web
from msgspec import UNSET

from fedserver import announcements
from fedserver.announcements import Shown
from fedserver.content.formulas import as_tex
from web import auth, forms, keys, replies
from web.api.entities import Mention, StatusTag
from web.api.notice_entities import AnnouncedStatus, Announcement, Reaction
from web.api.render import Renderer, acct, instant, maybe_instant, renderer


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/announcements``"""
    member = auth.member(request)
    found = await announcements.shown(keys.server(request), member)
    render = renderer(request)
    return replies.json([entity(render, row, found) for row in found.rows])


async def dismiss(request: web.Request) -> web.Response:
    """``POST /api/v1/announcements/:id/dismiss``"""
    member = auth.member(request, "write:accounts")
    await announcements.dismiss(keys.server(request), member, forms.path_id(request))
    return replies.json({})


async def react(request: web.Request) -> web.Response:
    """``PUT /api/v1/announcements/:id/reactions/:name``"""
    member = auth.member(request, "write:favourites")
    name = request.match_info["name"]
    await announcements.react(keys.server(request), member, forms.path_id(request), name)
    return replies.json({})


async def take_back(request: web.Request) -> web.Response:
    """``DELETE /api/v1/announcements/:id/reactions/:name``"""
    member = auth.member(request, "write:favourites")
    name = request.match_info["name"]
    await announcements.take_back(keys.server(request), member, forms.path_id(request), name)
    return replies.json({})


def entity(render: Renderer, row: Any, found: Shown, *, known: bool = True) -> Announcement:
    """One announcement, out of those found; `known` says whether it is made for one member or for all."""
    named = [found.accounts[one] for one in json.loads(row.mentioned_ids) if one in found.accounts]
    posts = [found.posts[one] for one in json.loads(row.post_ids) if one in found.posts]
    return Announcement(
        id=str(row.id),
        content=as_tex(row.content_html),
        starts_at=maybe_instant(row.starts_at),
        ends_at=maybe_instant(row.ends_at),
        all_day=bool(row.all_day),
        published_at=instant(row.published_at),
        updated_at=instant(row.updated_at),
        mentions=[Mention(str(one.id), one.username, one.url or one.uri, acct(one)) for one in named],
        statuses=[AnnouncedStatus(str(one.id), one.url or one.uri) for one in posts],
        tags=[StatusTag(**one) for one in json.loads(row.tags)],
        emojis=render.emojis(row.emojis, ""),
        reactions=[_reaction(one, found, known=known) for one in found.reactions.get(row.id, ())],
        read=bool(row.is_read) if known else UNSET,
    )


def _reaction(one: Any, found: Shown, *, known: bool) -> Reaction:
    custom = found.emojis.get(one.name)
    return Reaction(
        name=one.name,
        count=one.total,
        me=bool(one.mine) if known else UNSET,
        url=UNSET if custom is None else custom.url,
        static_url=UNSET if custom is None else custom.static_url,
    )


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/announcements", listed),
    web.post("/api/v1/announcements/{id:[0-9]+}/dismiss", dismiss),
    web.put("/api/v1/announcements/{id:[0-9]+}/reactions/{name}", react),
    web.delete("/api/v1/announcements/{id:[0-9]+}/reactions/{name}", take_back),
]
