"""Hashtags of the client API: one of them, those a member follows, those on profiles."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from fedserver import tags
from fedserver.tags import Featured, ShownTag, instant_of
from web import auth, forms, keys, replies
from web.api.entities import FeaturedTag, Tag, TagUse
from web.api.paging import window
from web.api.render import date
from web.verbs import Handler

FOLLOWED: Final = (100, 200)
NOTHING: Final[dict[str, Any]] = {}


async def show(request: web.Request) -> web.Response:
    """``GET /api/v1/tags/:name``: also for one that nobody has used yet."""
    viewer = auth.viewer(request)
    found = await tags.one(keys.server(request), viewer.account_id, request.match_info["name"])
    return replies.json(entity(request, found))


async def follow(request: web.Request) -> web.Response:
    """``POST /api/v1/tags/:name/follow``"""
    member = auth.member(request, "write:follows")
    found = await tags.follow(keys.server(request), member, request.match_info["name"])
    return replies.json(entity(request, found))


async def unfollow(request: web.Request) -> web.Response:
    """``POST /api/v1/tags/:name/unfollow``"""
    member = auth.member(request, "write:follows")
    found = await tags.unfollow(keys.server(request), member, request.match_info["name"])
    return replies.json(entity(request, found))


async def followed(request: web.Request) -> web.Response:
    """``GET /api/v1/followed_tags``"""
    member = auth.member(request, "read:follows")
    asked = window(forms.query(request), FOLLOWED)
    cursors, found = await tags.followed(keys.server(request), member, asked)
    return replies.page(
        request,
        [entity(request, one) for one in found],
        newest=cursors[0] if cursors else None,
        oldest=cursors[-1] if cursors else None,
        complete=len(cursors) >= asked.limit,
    )


async def featured(request: web.Request) -> web.Response:
    """``GET /api/v1/featured_tags``"""
    member = auth.member(request, "read:accounts")
    found = await tags.featured(keys.server(request), member.account_id, member.account_id)
    return replies.json([featured_entity(request, one) for one in found])


async def featured_by(request: web.Request) -> web.Response:
    """``GET /api/v1/accounts/:id/featured_tags``"""
    viewer = auth.viewer(request, "read:accounts")
    found = await tags.featured(keys.server(request), viewer.account_id, forms.path_id(request))
    return replies.json([featured_entity(request, one) for one in found])


async def feature(request: web.Request) -> web.Response:
    """``POST /api/v1/featured_tags``"""
    member = auth.member(request, "write:accounts")
    name = (await forms.params(request)).required_text("name")
    return replies.json(featured_entity(request, await tags.feature(keys.server(request), member, name)))


async def unfeature(request: web.Request) -> web.Response:
    """``DELETE /api/v1/featured_tags/:id``"""
    member = auth.member(request, "write:accounts")
    await tags.unfeature(keys.server(request), member, forms.path_id(request))
    return replies.json(NOTHING)


async def suggestions(request: web.Request) -> web.Response:
    """``GET /api/v1/featured_tags/suggestions``"""
    member = auth.member(request, "read:accounts")
    found = await tags.suggested(keys.server(request), member)
    return replies.json([entity(request, one) for one in found])


def _featuring(wanted: bool) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        member = auth.member(request, "write:accounts")
        server, id_or_name = keys.server(request), request.match_info["id"]
        return replies.json(
            entity(request, await tags.set_featured(server, member, id_or_name, wanted=wanted))
        )

    return handler


def entity(request: web.Request, found: ShownTag) -> Tag:
    """A hashtag as its viewer sees it."""
    made = Tag(
        id=str(found.row.id),
        name=found.row.name,
        url=keys.server(request).uris.tag(found.row.key),
        history=[TagUse(str(day), str(uses), str(accounts)) for day, uses, accounts in found.history],
    )
    if found.following is not None and found.featuring is not None:
        made.following, made.featuring = found.following, found.featuring
    return made


def featured_entity(request: web.Request, found: Featured) -> FeaturedTag:
    """A hashtag on a profile."""
    last = None if found.last_post_id is None else date(instant_of(found.last_post_id))
    return FeaturedTag(
        id=str(found.id),
        name=found.name,
        url=keys.server(request).uris.tag(found.key),
        statuses_count=str(found.posts_count),
        last_status_at=last,
    )


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/tags/{name}", show),
    web.post("/api/v1/tags/{name}/follow", follow),
    web.post("/api/v1/tags/{name}/unfollow", unfollow),
    web.post("/api/v1/tags/{id}/feature", _featuring(True)),
    web.post("/api/v1/tags/{id}/unfeature", _featuring(False)),
    web.get("/api/v1/followed_tags", followed),
    web.get("/api/v1/featured_tags", featured),
    web.post("/api/v1/featured_tags", feature),
    web.get("/api/v1/featured_tags/suggestions", suggestions),
    web.delete("/api/v1/featured_tags/{id}", unfeature),
    web.get("/api/v1/accounts/{id}/featured_tags", featured_by),
]
