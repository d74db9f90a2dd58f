"""Filters of the client API: version 2, and version 1 as a view on it in which every keyword is a filter."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from fedserver import filters
from fedserver.filters import Filter as Row
from fedserver.filters import FilterChange, FilteredPost, Keyword, KeywordChange
from fedserver.timelines import now_ms
from web import auth, forms, keys, replies
from web.api.entities import Filter, FilterKeyword, FilterStatus, SingleFilter
from web.api.render import filter_entity, maybe_instant
from web.forms import Params
from web.verbs import put_or_patch

NOTHING: Final[dict[str, Any]] = {}


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v2/filters``"""
    member = auth.member(request, "read:filters")
    found = await filters.listed(keys.server(request), member)
    return replies.json([_entity(one) for one in found])


async def show(request: web.Request) -> web.Response:
    """``GET /api/v2/filters/:id``"""
    member = auth.member(request, "read:filters")
    return replies.json(_entity(await filters.one(keys.server(request), member, forms.path_id(request))))


async def create(request: web.Request) -> web.Response:
    """``POST /api/v2/filters``"""
    member = auth.member(request, "write:filters")
    wanted = _change(await forms.params(request))
    return replies.json(_entity(await filters.create(keys.server(request), member, wanted)))


async def change(request: web.Request) -> web.Response:
    """``PUT /api/v2/filters/:id``: what is not mentioned stays; a keyword with ``_destroy`` goes."""
    member = auth.member(request, "write:filters")
    wanted = _change(await forms.params(request))
    found = await filters.change(keys.server(request), member, forms.path_id(request), wanted)
    return replies.json(_entity(found))


async def remove(request: web.Request) -> web.Response:
    """``DELETE /api/v2/filters/:id``"""
    member = auth.member(request, "write:filters")
    await filters.remove(keys.server(request), member, forms.path_id(request))
    return replies.json(NOTHING)


# -- keywords


async def keywords(request: web.Request) -> web.Response:
    """``GET /api/v2/filters/:filter_id/keywords``"""
    member = auth.member(request, "read:filters")
    found = await filters.one(keys.server(request), member, forms.path_id(request, "filter_id"))
    return replies.json([_keyword(one) for one in found.keywords])


async def add_keyword(request: web.Request) -> web.Response:
    """``POST /api/v2/filters/:filter_id/keywords``"""
    member = auth.member(request, "write:filters")
    wanted = _keyword_change(await forms.params(request))
    filter_id = forms.path_id(request, "filter_id")
    return replies.json(_keyword(await filters.add_keyword(keys.server(request), member, filter_id, wanted)))


async def show_keyword(request: web.Request) -> web.Response:
    """``GET /api/v2/filters/keywords/:id``"""
    member = auth.member(request, "read:filters")
    return replies.json(_keyword(await filters.keyword(keys.server(request), member, forms.path_id(request))))


async def change_keyword(request: web.Request) -> web.Response:
    """``PUT /api/v2/filters/keywords/:id``"""
    member = auth.member(request, "write:filters")
    wanted = _keyword_change(await forms.params(request))
    found = await filters.change_keyword(keys.server(request), member, forms.path_id(request), wanted)
    return replies.json(_keyword(found))


async def remove_keyword(request: web.Request) -> web.Response:
    """``DELETE /api/v2/filters/keywords/:id``"""
    member = auth.member(request, "write:filters")
    await filters.remove_keyword(keys.server(request), member, forms.path_id(request))
    return replies.json(NOTHING)


# -- statuses


async def statuses(request: web.Request) -> web.Response:
    """``GET /api/v2/filters/:filter_id/statuses``"""
    member = auth.member(request, "read:filters")
    found = await filters.one(keys.server(request), member, forms.path_id(request, "filter_id"))
    return replies.json([_status(one) for one in found.posts])


async def add_status(request: web.Request) -> web.Response:
    """``POST /api/v2/filters/:filter_id/statuses``"""
    member = auth.member(request, "write:filters")
    post_id = (await forms.params(request)).id("status_id")
    filter_id = forms.path_id(request, "filter_id")
    return replies.json(_status(await filters.add_post(keys.server(request), member, filter_id, post_id)))


async def show_status(request: web.Request) -> web.Response:
    """``GET /api/v2/filters/statuses/:id``"""
    member = auth.member(request, "read:filters")
    found = await filters.filtered_post(keys.server(request), member, forms.path_id(request))
    return replies.json(_status(found))


async def remove_status(request: web.Request) -> web.Response:
    """``DELETE /api/v2/filters/statuses/:id``"""
    member = auth.member(request, "write:filters")
    await filters.remove_post(keys.server(request), member, forms.path_id(request))
    return replies.json(NOTHING)


# -- version 1


async def listed_singly(request: web.Request) -> web.Response:
    """``GET /api/v1/filters``"""
    member = auth.member(request, "read:filters")
    found = await filters.listed(keys.server(request), member)
    return replies.json([_single(one, keyword) for one in found for keyword in one.keywords])


async def show_single(request: web.Request) -> web.Response:
    """``GET /api/v1/filters/:id``"""
    member = auth.member(request, "read:filters")
    server = keys.server(request)
    keyword = await filters.keyword(server, member, forms.path_id(request))
    return replies.json(_single(await filters.one(server, member, keyword.filter_id), keyword))


async def create_single(request: web.Request) -> web.Response:
    """``POST /api/v1/filters``"""
    member = auth.member(request, "write:filters")
    params = await forms.params(request)
    phrase = params.text("phrase")
    word = KeywordChange(keyword=phrase, whole_word=params.flag("whole_word"))
    wanted = _single_change(params, title=phrase[: filters.TITLE_CHARACTERS_MAX], keywords=[word])
    found = await filters.create(keys.server(request), member, wanted)
    return replies.json(_single(found, found.keywords[0]))


async def change_single(request: web.Request) -> web.Response:
    """``PUT /api/v1/filters/:id``: 422 for what several keywords of a filter have in common."""
    member = auth.member(request, "write:filters")
    params = await forms.params(request)
    word = KeywordChange(keyword=params.maybe_text("phrase"), whole_word=params.maybe_flag("whole_word"))
    found, keyword = await filters.change_single(
        keys.server(request), member, forms.path_id(request), _single_change(params), word
    )
    return replies.json(_single(found, keyword))


async def remove_single(request: web.Request) -> web.Response:
    """``DELETE /api/v1/filters/:id``"""
    member = auth.member(request, "write:filters")
    await filters.remove_single(keys.server(request), member, forms.path_id(request))
    return replies.json(NOTHING)


# -- what is asked, and what is answered


def _change(params: Params) -> FilterChange:
    sets_expiry, expires_at = _expiry(params)
    return FilterChange(
        title=params.maybe_text("title"),
        contexts=params.texts("context") if "context" in params else None,
        action=params.text("filter_action") or None,
        sets_expiry=sets_expiry,
        expires_at=expires_at,
        keywords=[_keyword_change(one) for one in params.children("keywords_attributes")],
    )


def _single_change(
    params: Params, *, title: str | None = None, keywords: list[KeywordChange] | None = None
) -> FilterChange:
    sets_expiry, expires_at = _expiry(params)
    irreversible = params.maybe_flag("irreversible")
    return FilterChange(
        title=title,
        contexts=params.texts("context") if "context" in params else None,
        action=None if irreversible is None else "hide" if irreversible else "warn",
        sets_expiry=sets_expiry,
        expires_at=expires_at,
        keywords=keywords or (),
    )


def _expiry(params: Params) -> tuple[bool, int | None]:
    """Whether ``expires_in`` (seconds) was sent, and when that is; empty is never."""
    if "expires_in" not in params:
        return False, None
    seconds = params.integer("expires_in", least=0, most=filters.EXPIRY_SECONDS_MAX)
    return True, None if seconds is None else now_ms() + seconds * 1000


def _keyword_change(params: Params) -> KeywordChange:
    return KeywordChange(
        id=params.id("id"),
        keyword=params.maybe_text("keyword"),
        whole_word=params.maybe_flag("whole_word"),
        remove=params.flag("_destroy"),
    )


def _entity(found: Row) -> Filter:
    entity = filter_entity(found)
    entity.keywords = [_keyword(one) for one in found.keywords]
    entity.statuses = [_status(one) for one in found.posts]
    return entity


def _keyword(found: Keyword) -> FilterKeyword:
    return FilterKeyword(str(found.id), found.keyword, found.whole_word)


def _status(found: FilteredPost) -> FilterStatus:
    return FilterStatus(str(found.id), str(found.post_id))


def _single(found: Row, keyword: Keyword) -> SingleFilter:
    return SingleFilter(
        id=str(keyword.id),
        phrase=keyword.keyword,
        context=list(found.contexts),
        expires_at=maybe_instant(found.expires_at),
        irreversible=found.action == "hide",
        whole_word=keyword.whole_word,
    )


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v2/filters", listed),
    web.post("/api/v2/filters", create),
    web.get("/api/v2/filters/keywords/{id}", show_keyword),
    *put_or_patch("/api/v2/filters/keywords/{id}", change_keyword),
    web.delete("/api/v2/filters/keywords/{id}", remove_keyword),
    web.get("/api/v2/filters/statuses/{id}", show_status),
    web.delete("/api/v2/filters/statuses/{id}", remove_status),
    web.get("/api/v2/filters/{id}", show),
    *put_or_patch("/api/v2/filters/{id}", change),
    web.delete("/api/v2/filters/{id}", remove),
    web.get("/api/v2/filters/{filter_id}/keywords", keywords),
    web.post("/api/v2/filters/{filter_id}/keywords", add_keyword),
    web.get("/api/v2/filters/{filter_id}/statuses", statuses),
    web.post("/api/v2/filters/{filter_id}/statuses", add_status),
    web.get("/api/v1/filters", listed_singly),
    web.post("/api/v1/filters", create_single),
    web.get("/api/v1/filters/{id}", show_single),
    *put_or_patch("/api/v1/filters/{id}", change_single),
    web.delete("/api/v1/filters/{id}", remove_single),
]
