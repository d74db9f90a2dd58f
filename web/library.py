"""What is asked of the library, read from an address: the same for the API, pages and feeds.

``?q=&topic=&type=&level=&skill=&licence=&language=&audience=&author=&instance=&shelf=&updated_since=&sort=``; a facet may be
there several times (``topic=a&topic=b`` or ``topic[]=a``), and any of its values will do.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from fedserver.resources import catalogue
from fedserver.resources.catalogue import FACETS, Found, Page, Place, Wanted
from web import forms, replies
from web.params import ID_MAX, Params, Unreadable

RESOURCES: Final = (20, 40)
_NUMBER_DIGITS_MAX: Final = 18


def wanted(request: web.Request) -> Wanted:
    """What is asked for. Invalid for an `updated_since` that is no instant, NotFound for a shelf that cannot be."""
    params = forms.query(request)
    facets = {facet: tuple(values) for facet in FACETS if (values := _values(request, facet))}
    return Wanted(
        q=params.text("q", chars_max=catalogue.QUERY_CHARACTERS_MAX),
        facets=facets,
        shelf_id=params.id("shelf"),
        updated_since_at=_instant(params, "updated_since"),
        sort=params.text("sort") or "new",
    )


def _values(request: web.Request, name: str) -> list[str]:
    query = request.rel_url.query
    found = [*query.getall(name, ()), *query.getall(f"{name}[]", ())]
    return [one for one in found if one.strip()]


def _instant(params: Params, name: str) -> int | None:
    text = params.text(name).strip()
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise params.wrong(name, "must be a date or an instant, such as 2026-11-29") from None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0, int(moment.timestamp() * 1000))


def page(request: web.Request, sizes: tuple[int, int] = RESOURCES) -> Page:
    """``limit``, ``max_id``, ``since_id``, ``min_id``: ids where the list is by id, else what `cursor` gives."""
    params = forms.query(request)
    return Page(
        limit=params.limit(*sizes),
        below=_place(params, "max_id"),
        above=_place(params, "min_id"),
        since=_place(params, "since_id"),
    )


def _place(params: Params, name: str) -> Place | None:
    text = params.text(name).strip()
    if not text:
        return None
    value, dash, row_id = text.rpartition("-")
    numbers = (value, row_id) if dash else (row_id,)
    if not all(one.isascii() and one.isdigit() and len(one) <= _NUMBER_DIGITS_MAX + 1 for one in numbers):
        raise Unreadable(f"{name} must be an id, or what the Link of an earlier page says.")
    return Place(int(value or 0), min(int(row_id), ID_MAX))


def cursor(place: Place, sort: str) -> str:
    """Where an entry stands, as an address says it: the id, behind what the list is sorted by if that is another."""
    return str(place.post_id) if sort == "new" else f"{place.value}-{place.post_id}"


def link_header(request: web.Request, found: Found, asked: Wanted, part: Page) -> str:
    """The ``Link`` to the pages before and after (RFC 8288)."""
    places: Sequence[Place] = found.places
    if not places:
        return ""
    complete = len(places) >= part.limit
    return replies.link_header(
        request,
        next_={"max_id": cursor(places[-1], asked.sort)} if complete else None,
        prev={"min_id": cursor(places[0], asked.sort)},
    )
