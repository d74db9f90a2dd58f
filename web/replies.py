"""Answers: JSON from bytes or values, ETags, paging links, problems, and who wants ActivityPub."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import msgspec
from aiohttp import hdrs, web

from activitypub import names
from web import keys

JSON: Final = "application/json; charset=utf-8"
PROBLEM: Final = "application/problem+json"
# Cursors make the next link, and a token in a link would end up in histories and logs.
_NOT_KEPT: Final = frozenset({"max_id", "min_id", "since_id", "offset", "after", "access_token"})
_encode: Final = msgspec.json.Encoder().encode


def json(data: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer. `bytes` are sent as they are; anything else msgspec can encode is encoded."""
    body = data if isinstance(data, bytes) else _encode(data)
    response = web.Response(body=body, status=status, headers=headers)
    response.headers.setdefault(hdrs.CONTENT_TYPE, JSON)
    # web.Response adds a type of its own to a body without one.
    if response.headers[hdrs.CONTENT_TYPE] == "application/octet-stream":
        response.headers[hdrs.CONTENT_TYPE] = JSON
    return response


def activity(
    data: bytes | Mapping[str, Any], *, status: int = 200, max_age: int = 0, vary: str = "Accept, Signature"
) -> web.Response:
    """An ActivityPub document. `max_age` in seconds is for caches that all may share; 0 for none."""
    body = data if isinstance(data, bytes) else _encode(data)
    cache = f"public, max-age={max_age}" if max_age else "private, no-store"
    return web.Response(
        body=body,
        status=status,
        headers={
            hdrs.CONTENT_TYPE: names.ACTIVITY_CONTENT_TYPE,
            hdrs.VARY: vary,
            hdrs.CACHE_CONTROL: cache,
        },
    )


def table(body: bytes, name: str) -> web.Response:
    """A table (CSV in UTF-8) to save as a file of this name, which has ASCII alone. No cache keeps it."""
    headers = {
        hdrs.CONTENT_DISPOSITION: f'attachment; filename="{name}"',
        hdrs.CACHE_CONTROL: "private, no-store",
    }
    return web.Response(body=body, content_type="text/csv", charset="utf-8", headers=headers)


def problem(
    status: int, title: str, detail: str = "", *, headers: Mapping[str, str] | None = None, **more: Any
) -> web.Response:
    """A problem in the form of RFC 9457, as other servers and programs get it."""
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, **more}
    if detail and detail != title:
        body["detail"] = detail
    return web.Response(
        body=_encode(body), status=status, headers={**(headers or {}), hdrs.CONTENT_TYPE: PROBLEM}
    )


def etag(body: bytes) -> str:
    """A strong validator for these bytes, quoted as the header wants it (RFC 9110 §8.8.3)."""
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def conditional(request: web.Request, response: web.Response) -> web.Response:
    """The response with an ETag, or 304 when the client has it already. Only for 200 with a body of bytes."""
    body = response.body
    if response.status != 200 or not isinstance(body, bytes):
        return response
    tag = response.headers.get(hdrs.ETAG) or etag(body)
    if _has(request.headers.get(hdrs.IF_NONE_MATCH, ""), tag):
        kept = {
            name: value
            for name in (hdrs.CACHE_CONTROL, hdrs.VARY, hdrs.LINK)
            if (value := response.headers.get(name)) is not None
        }
        return web.Response(status=304, headers={**kept, hdrs.ETAG: tag})
    response.headers[hdrs.ETAG] = tag
    return response


def _has(known: str, tag: str) -> bool:
    return known.strip() == "*" or any(
        entry.strip().removeprefix("W/") == tag for entry in known.split(",") if entry
    )


def link_header(
    request: web.Request, *, next_: Mapping[str, Any] | None = None, prev: Mapping[str, Any] | None = None
) -> str:
    """The paging ``Link`` (RFC 8288): this address at our public origin with every filter kept and these cursors.

    ``link_header(request, next_={"max_id": 5}, prev={"min_id": 9})``; empty when there is neither.
    """
    kept = _kept(request.rel_url.raw_query_string)
    base = f"{request.app[keys.SERVER].config.origin}{request.rel_url.raw_path}?{kept}"
    return ", ".join(
        f'<{base}{urlencode(cursors)}>; rel="{relation}"'
        for relation, cursors in (("next", next_), ("prev", prev))
        if cursors
    )


@lru_cache(256)
def _kept(query: str) -> str:
    """What of a query goes on to the next page, ready to be continued."""
    kept = [
        (name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name not in _NOT_KEPT
    ]
    return urlencode(kept) + "&" if kept else ""


def page(
    request: web.Request,
    body: bytes | list[Any],
    *,
    newest: int | None,
    oldest: int | None,
    complete: bool = True,
) -> web.Response:
    """A page of a list by id, with its ``Link``: nothing for an empty page, no next where the list ended.

    `newest` and `oldest` are the cursors of the first and last entry; `complete` says whether as many came
    as were asked for.
    """
    link = link_header(
        request,
        next_={"max_id": oldest} if oldest is not None and complete else None,
        prev={"min_id": newest} if newest is not None else None,
    )
    return json(body, headers={hdrs.LINK: link} if link else None)


# --- content negotiation --------------------------------------------------------------------


def wants_activity(request: web.Request) -> bool:
    """Whether an ActivityPub document is preferred to a page, by the ``Accept`` header (RFC 9110 §12.5.1).

    ``application/activity+json``, or ``application/ld+json`` with the ActivityStreams profile in any spelling
    or without one. Whoever accepts everything gets the page.
    """
    return _prefers_activity(",".join(request.headers.getall(hdrs.ACCEPT, ())))


@lru_cache(512)
def _prefers_activity(accept: str) -> bool:
    activity_at = page_at = -1.0  # quality of each
    first = ""
    for item in accept.split(","):
        if is_activity_type(item):
            kind = "activity"
            activity_at = max(activity_at, quality(item))
        elif is_page_type(item):
            kind = "page"
            page_at = max(page_at, quality(item))
        else:
            continue
        first = first or kind
    if activity_at <= 0:
        return False
    return activity_at > page_at or (activity_at == page_at and first == "activity")


def is_activity_type(item: str) -> bool:
    """Whether an entry of an ``Accept`` header asks for ActivityPub."""
    if names.is_activitypub_media_type(item):
        return True
    essence, _, parameters = item.partition(";")
    return essence.strip().lower() == "application/ld+json" and "profile" not in parameters.lower()


def is_page_type(item: str) -> bool:
    """Whether an entry of an ``Accept`` header asks for a page."""
    return item.partition(";")[0].strip().lower() in ("text/html", "application/xhtml+xml", "text/*")


def quality(item: str) -> float:
    """How much an entry of an ``Accept`` header is wanted, from 0 to 1."""
    for parameter in item.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
