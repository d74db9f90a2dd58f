"""The library: what there is, by words and facets, each of which can be taken off again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from fedserver import filters
from fedserver.errors import Invalid
from fedserver.resources import catalogue
from fedserver.resources.cards import LANGUAGES, ResourceCard, card_of
from fedserver.resources.catalogue import FACETS, SORTS, Count, Found, Page, Wanted
from web import forms, keys, library
from web.catalogues import queries
from web.kept import for_strangers
from web.pages import page

PER_PAGE: Final = 20
VALUES_SHOWN: Final = 12

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A value that is asked for, and the address of the list without it."""

    facet: str
    count: Count
    href: str


@dataclass(frozen=True, slots=True)
class Line:
    """A resource in the list; `filtered_by` are those of the viewer's filters that want a warning before it."""

    card: ResourceCard
    filtered_by: tuple[filters.Filter, ...]


@for_strangers
async def listed(request: web.Request) -> web.StreamResponse:
    """What the viewer finds, twenty at a time, and how many there are of what."""
    server, viewer = keys.server(request), request[keys.VIEWER]
    query = forms.query(request)
    more = query.text("more")
    try:
        asked = library.wanted(request)
        part = library.page(request)
        # One more than is shown tells whether there is a page after this one.
        found = await catalogue.find(server, viewer.account_id, asked, replace(part, limit=PER_PAGE + 1))
        rest = [one for one in FACETS if one != more]
        counted = await catalogue.count(server, viewer.account_id, asked, facets=rest, limit=VALUES_SHOWN + 1)
        facets = dict(counted.facets)
        if more in FACETS:
            whole = await catalogue.count(
                server, viewer.account_id, asked, facets=[more], limit=catalogue.COUNTS_MAX
            )
            facets.update(whole.facets)
    except Invalid as error:
        return await page.show(
            request, "resource/catalogue.html", status=422, asked=None, problem=str(error), **_NOTHING
        )
    newer, older, lines = _part(found, part, asked)
    chosen = {facet: [one for one in facets[facet] if one.chosen] for facet in FACETS}
    pairs = _pairs(asked, chosen)
    return await page.show(
        request,
        "resource/catalogue.html",
        asked=asked,
        problem="",
        lines=lines,
        total=found.total,
        facets=[(facet, facets[facet]) for facet in FACETS if len(facets[facet]) > 1 or chosen[facet]],
        chosen=[
            Chosen(facet, one, _address(_without(pairs, facet, one.value)))
            for facet in FACETS
            for one in chosen[facet]
        ],
        more=more,
        shown_max=VALUES_SHOWN,
        languages=LANGUAGES,
        sorts=SORTS,
        query=urlencode(pairs),
        snippet=queries.snippet(server.config.origin, pairs, asked.q or "Library"),
        newer=_address([*pairs, ("min_id", newer)]) if newer else "",
        older=_address([*pairs, ("max_id", older)]) if older else "",
    )


_NOTHING: Final[dict[str, Any]] = {
    "lines": [], "total": 0, "facets": [], "chosen": [], "more": "", "shown_max": 0, "languages": LANGUAGES, "sorts": SORTS, "query": "", "snippet": "", "newer": "",
    "older": "",
}  # fmt: skip


def _part(found: Found, part: Page, asked: Wanted) -> tuple[str, str, list[Line]]:
    """The cursors of the pages before and after, "" where there is none, and what is on this one."""
    places = list(found.places)
    further = len(places) > PER_PAGE
    back = part.above is not None
    places = places[-PER_PAGE:] if back else places[:PER_PAGE]
    ids = {place.post_id for place in places}
    newer = further if back else part.below is not None
    older = back or further
    lines = []
    for one in found.shown:
        matches = found.matches.get(one.row.id, ())
        if one.row.id in ids and not filters.withholds(matches, "public"):
            lines.append(Line(card_of(one.row, one.details), filters.warnings(matches, "public")))
    return (
        library.cursor(places[0], asked.sort) if places and newer else "",
        library.cursor(places[-1], asked.sort) if places and older else "",
        lines,
    )


def _pairs(asked: Wanted, chosen: dict[str, list[Count]]) -> list[tuple[str, str]]:
    """What is asked for as an address says it, in one order."""
    pairs = [("q", asked.q)] if asked.q.strip() else []
    pairs += [(facet, one.value) for facet, counts in chosen.items() for one in counts]
    if asked.shelf_id is not None:
        pairs.append(("shelf", str(asked.shelf_id)))
    if asked.sort != "new":
        pairs.append(("sort", asked.sort))
    return pairs


def _without(pairs: Pairs, facet: str, value: str) -> Iterable[tuple[str, str]]:
    return [one for one in pairs if one != (facet, value)]


def _address(pairs: Iterable[tuple[str, str]]) -> str:
    query = urlencode(list(pairs))
    return f"/resources?{query}" if query else "/resources"


routes = [
    web.get("/resources", listed),
]
