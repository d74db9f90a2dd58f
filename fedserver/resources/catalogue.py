"""Finding resources of the library: which a viewer may see and find, in pages, and how many have what.

What is unlisted is in no list but its author's, and on the shelves it was put on; what was withdrawn is in none, and neither
is what the viewer has muted or blocked, or who blocks them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection

from fedserver import filters, search_query, visibility
from fedserver.content.html import to_text
from fedserver.context import Server
from fedserver.errors import Invalid, NotFound
from fedserver.filters import Filters, Match
from fedserver.resources import identifiers, licences
from fedserver.resources.facets import FACETS, SORTS, Count, Eyes, Index, Place, eyes_of
from fedserver.resources.positions import Result
from fedserver.resources.reading import ResourceRow, Shown
from fedserver.resources.records import decode_details
from storage import resource_search, shelves
from storage.accounts import AccountRow
from storage.cards import VIEWER
from storage.search import Bounds
from storage.types import now_ms
from storage.words import fold

__all__ = ["FACETS", "SORTS", "Count", "Place"]

QUERY_CHARACTERS_MAX: Final = 500
VALUES_MAX: Final = 50
COUNTS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: words, by facet any of some values, what is on a shelf, what has changed since an instant (ms).

    `facets` are as they are kept, or as people write them: an ORCID with or without its address, a topic by its address or
    any of its names.
    """

    q: str = ""
    facets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    shelf_id: int | None = None
    updated_since_at: int | None = None
    sort: str = "new"

    def without(self, facet: str) -> Wanted:
        """The same, whatever the value of this facet."""
        rest = {name: values for name, values in self.facets.items() if name != facet}
        return Wanted(self.q, rest, self.shelf_id, self.updated_since_at, self.sort)


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list: `limit` of those behind `below`, from it on; or with `above` those immediately before it.

    `since` bounds the list without moving the page: nothing that comes after it is on the page. `offset` leaves out the first
    ones, for lists that are paged by numbers.
    """

    limit: int = 20
    below: Place | None = None
    above: Place | None = None
    since: Place | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """A page: resources with the rows of their `author`s, `places` for the links to the pages before and after, how many there
    are on all pages, and what matches the viewer's filters, by resource."""

    shown: Sequence[Shown]
    places: Sequence[Place]
    total: int
    matches: Mapping[int, tuple[Match, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counted:
    """How many there are, and how many of what: each facet as if nothing had been chosen of it."""

    total: int
    facets: Mapping[str, Sequence[Count]]


async def find(server: Server, viewer_id: int | None, wanted: Wanted, page: Page = Page()) -> Found:
    """A page of the resources that a viewer finds. Raises Invalid for what cannot be asked."""
    _check(wanted)
    await server.library.fresh(server.db)
    mine = None if viewer_id is None else await filters.of_member(server, viewer_id)
    return await server.db.read(find_unit, server.library, viewer_id, wanted, page, mine)


def find_unit(
    conn: Connection,
    index: Index,
    viewer_id: int | None,
    wanted: Wanted,
    page: Page = Page(),
    mine: Filters | None = None,
) -> Found:
    """The unit of `find`; the index has been made fresh before."""
    asking = _Asking(conn, index, viewer_id, wanted)
    with index.lock:
        bits = _all_of(asking.seen(), _by_facet(index, asking.values()).values())
        places = index.page(
            bits,
            wanted.sort,
            page.limit + page.offset,
            below=page.below,
            above=page.above or page.since,
            ascending=page.above is not None,
        )[page.offset :]
    ids = [one.post_id for one in places]
    shown = of_ids(conn, viewer_id, ids, index)
    return Found(
        shown,
        places,
        bits.bit_count(),
        _matches(mine, shown),
    )


def of_ids(
    conn: Connection, viewer_id: int | None, post_ids: Sequence[int], index: Index | None = None
) -> list[Shown]:
    """Those of these resources that the viewer may see, in this order, as lists show them: without versions. The last word
    is the database's, whatever is kept in memory."""
    parameters = {} if viewer_id is None else {"viewer_id": viewer_id}
    visible = _for_anybody if viewer_id is None else _for_viewer
    met = None if index is None else index.rows
    return resource_search.page(conn, post_ids, visible, _shown, met, **parameters)


def _shown(row: ResourceRow, author: AccountRow) -> Shown:
    return Shown(row, decode_details(row.details), rating=row.rating, author=author)


def _for_viewer() -> ColumnElement[bool]:
    return visibility.predicate(VIEWER)


def _for_anybody() -> ColumnElement[bool]:
    return visibility.predicate(None)


def _matches(mine: Filters | None, shown: Sequence[Shown]) -> dict[int, tuple[Match, ...]]:
    if not mine:
        return {}
    found: dict[int, tuple[Match, ...]] = {}
    for one in shown:
        row = one.row
        if row.account_id != mine.account_id:
            words = filters.folded("\n".join((row.title, row.summary, to_text(row.content_html))))
            if matches := mine.matches(words, (row.id,)):
                found[row.id] = matches
    return found


async def count(
    server: Server,
    viewer_id: int | None,
    wanted: Wanted,
    *,
    facets: Sequence[str] = FACETS,
    limit: int = 20,
) -> Counted:
    """How many resources a viewer finds, and by facet how many with which value: the most frequent ones, and those that are
    chosen. Raises Invalid for what cannot be asked."""
    _check(wanted)
    if unknown := [one for one in facets if one not in FACETS]:
        raise Invalid({"facets": f"must be out of {', '.join(FACETS)}, not {unknown[0][:40]}"})
    await server.library.fresh(server.db)
    return await server.db.read(count_unit, server.library, viewer_id, wanted, facets=facets, limit=limit)


def count_unit(
    conn: Connection,
    index: Index,
    viewer_id: int | None,
    wanted: Wanted,
    *,
    facets: Sequence[str] = FACETS,
    limit: int = 20,
) -> Counted:
    """The unit of `count`; the index has been made fresh before."""
    asking = _Asking(conn, index, viewer_id, wanted)
    with index.lock:
        return _counted(index, asking.seen(), asking.values(), facets, min(limit, COUNTS_MAX))


def _counted(
    index: Index, seen: int, values: Mapping[str, Sequence[str]], facets: Sequence[str], limit: int
) -> Counted:
    by_facet = _by_facet(index, values)
    whole = Result(_all_of(seen, by_facet.values()))
    counts = {}
    for facet in facets:
        others = [name for name in by_facet if name != facet]
        result = Result(_all_of(seen, (by_facet[name] for name in others))) if facet in by_facet else whole
        counts[facet] = index.counts(
            facet,
            result,
            seen,
            limit=limit,
            chosen=values.get(facet, ()),
            chosen_besides=[(name, *values[name]) for name in others],
        )
    return Counted(whole.count, counts)


class _Asking:
    """One question: what is read for it, before the sets are asked."""

    def __init__(self, conn: Connection, index: Index, viewer_id: int | None, wanted: Wanted) -> None:
        self._index, self._wanted = index, wanted
        ties: Sequence[Any] = ()
        if viewer_id is not None:
            with index.lock:
                of_interest = index.of_interest()
            ties = resource_search.ties(conn, viewer_id, now_ms(), of=of_interest)
        self._eyes: Eyes = eyes_of(viewer_id, ties)
        shelf_id = wanted.shelf_id
        if shelf_id is not None and shelves.by_id(conn, shelf_id, visibility.of_shelves(viewer_id)) is None:
            raise NotFound("Record not found")
        self._on_shelf = None if shelf_id is None else resource_search.on_shelf(conn, shelf_id)
        self._with_words = _with_words(conn, index, wanted.q[:QUERY_CHARACTERS_MAX])

    # What follows is asked under the lock of the index.

    def seen(self) -> int:
        """What is found without any facet."""
        index, since_at = self._index, self._wanted.updated_since_at
        bits = index.seen_by(self._eyes, unlisted=self._on_shelf is not None)
        if self._on_shelf is not None:
            bits &= index.with_ids(self._on_shelf)
        if since_at is not None:
            bits &= index.since(since_at)
        if self._with_words is not None:
            bits &= self._with_words()
        return bits

    def values(self) -> dict[str, list[str]]:
        """By facet the values that are asked for, as they are kept."""
        return {
            facet: list(dict.fromkeys(_normal(self._index, facet, one) for one in values))
            for facet, values in self._wanted.facets.items()
            if values
        }


def _with_words(conn: Connection, index: Index, text: str) -> Callable[[], int] | None:
    """What finds the resources with the words somebody typed, if they typed any; it is asked under the lock."""
    if not text.strip():
        return None
    query = search_query.read(text)
    if not query.clauses:
        return lambda: 0
    bounds = Bounds(query.above, query.below, tuple(query.holes))
    key = (tuple(query.clauses), bounds)
    with index.lock:
        found, state = index.remembered(key), index.state
    if found is not None and state == index.state:
        known = found
        return lambda: known
    ids = resource_search.with_words(conn, query.clauses, bounds)

    def bits() -> int:
        made = index.with_ids(ids)
        index.remember(key, made, state)
        return made

    return bits


def _by_facet(index: Index, values: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """What has one of the values of each facet."""
    return {facet: index.with_any(facet, texts) for facet, texts in values.items()}


def _all_of(bits: int, others: Iterable[int]) -> int:
    for one in others:
        bits &= one
    return bits


def _check(wanted: Wanted) -> None:
    problems: dict[str, str] = {}
    if wanted.sort not in SORTS:
        problems["sort"] = f"must be {', '.join(SORTS[:-1])} or {SORTS[-1]}"
    for facet, values in wanted.facets.items():
        if facet not in FACETS:
            problems[facet] = "is nothing that resources are found by"
        elif len(values) > VALUES_MAX:
            problems[facet] = f"can have {VALUES_MAX} values at the most"
    if problems:
        raise Invalid(problems)


def _normal(index: Index, facet: str, text: str) -> str:
    """A value as `fedserver.resources.keeping.facets_of` keeps it."""
    text = text.strip()
    match facet:
        case "topic" | "skill":
            return index.term(facet, text)
        case "author":
            return identifiers.orcid(text) or fold(text)
        case "licence":
            return licences.normal(text) or text
        case "language":
            return text.lower().replace("_", "-").partition("-")[0]
        case "audience":
            return fold(text)
    return text.lower()
