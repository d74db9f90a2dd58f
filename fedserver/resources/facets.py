"""Which resources have what, kept in memory, so that any choice among 50,000 is counted in a few milliseconds.

Every resource has a place in a list. For each value of a facet, for each audience and each author there is a set of places
(`fedserver.resources.positions`); what a viewer finds is made of these by *and*, *or* and *not*. Each process has its own,
made when it is first needed, kept current by signals, and lost with the process: what is in it comes from `resource_facet`
and the rows beside it alone. It takes about 2 kB for each resource of the library.
"""

# Long because what is kept and how it is kept current must be read together.

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from bisect import bisect_left, insort
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from heapq import heappush, heappushpop, nlargest
from itertools import chain
from operator import attrgetter
from time import monotonic
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection

from fedserver.live import Bus
from fedserver.rendered import Kept
from fedserver.resources import languages
from fedserver.resources.positions import Positions, Result, bits_of, places_of
from fedserver.resources.terms import Terms
from storage import resource_search
from storage import terms as stored_terms
from storage.database import Database
from storage.resource_search import RESTRICTED, Base, FacetRow
from storage.words import fold

FACETS: Final = ("type", "level", "topic", "skill", "language", "licence", "audience", "author", "instance")
WITH_FAMILY: Final = frozenset({"topic", "skill"})
"""Facets whose values have others below them: who asks for one asks for these, too."""
SORTS: Final = ("new", "updated", "used", "reviewed")
BATCH: Final = 2_000  # resources that are read at once
FOUND_KEPT: Final = 64
FOUND_SECONDS: Final = 5.0
COUNTED_KEPT: Final = 2_500  # about 3 kB each
ROWS_KEPT: Final = 2_000  # about 8 kB each
_ID_BITS: Final = 63
_ID_MASK: Final = (1 << _ID_BITS) - 1


@dataclass(frozen=True, slots=True)
class Eyes:
    """What decides what a viewer finds. `follows` are those of the accounts asked about that they follow, `hides` accounts,
    and `servers` (their domains) whom they do not want to see, or must not."""

    viewer_id: int | None = None
    is_member: bool = False
    groups: frozenset[int] = frozenset()
    follows: frozenset[int] = frozenset()
    hides: frozenset[int] = frozenset()
    servers: frozenset[str] = frozenset()


class Count(msgspec.Struct, frozen=True):
    """How many resources have a value; `chosen` if it is one of those asked for."""

    value: str
    label: str
    count: int
    chosen: bool


class Place(NamedTuple):
    """Where a resource stands in a list: what it is sorted by (0 for `new`), and its id."""

    value: int
    post_id: int

    @property
    def packed(self) -> int:
        """As one number, which sorts like the pair."""
        return self.value << _ID_BITS | self.post_id

    @classmethod
    def of(cls, packed: int) -> Place:
        return cls(packed >> _ID_BITS, packed & _ID_MASK)


class _Value:
    """One value of a facet, and which resources have it. `family` are the bits of those that have it or one below it, if
    there is one; `total` is how many."""

    __slots__ = ("family", "places", "text", "total")

    def __init__(self, text: str) -> None:
        self.text = text
        self.places = Positions()
        self.family: int | None = None
        self.total = 0

    @property
    def bits(self) -> int:
        return self.places.bits if self.family is None else self.family

    def count_in(self, result: Result) -> int:
        if self.family is None:
            return self.places.count_in(result)
        return (self.family & result.bits).bit_count()


class _Facet:
    """The values of one facet: by their text, by place, and those that most have first."""

    __slots__ = ("by_place", "by_text", "changed", "families", "labels", "ordered")

    def __init__(self) -> None:
        self.by_text: dict[str, _Value] = {}
        self.by_place: list[tuple[_Value, ...]] = []
        self.labels: dict[int, tuple[str, ...]] = {}  # by place, where they are other than the values
        self.ordered: list[_Value] = []
        self.families: list[_Value] = []
        self.changed = True

    def put(self, place: int, rows: Sequence[FacetRow]) -> None:
        values = []
        for row in rows:
            value = self.by_text.get(row.value)
            if value is None:
                value = self.by_text[row.value] = _Value(row.value)
            value.places.add(place)
            values.append(value)
        self.by_place[place] = tuple(values)
        if any(row.label for row in rows):
            self.labels[place] = tuple([sys.intern(row.label) for row in rows])
        self.changed = True

    def drop(self, place: int) -> None:
        for value in self.by_place[place]:
            value.places.remove(place)
            if not value.places.count:
                del self.by_text[value.text]
        if self.by_place[place]:
            self.by_place[place] = ()
            self.labels.pop(place, None)
            self.changed = True

    def settle(self, size: int, family: Callable[[str], tuple[str, ...]]) -> None:
        """Bring sums and order up to date."""
        if not self.changed:
            return
        for text, value in self.by_text.items():
            value.places.settle(size)
            below = family(text)
            if len(below) > 1:
                value.family = self.with_any(below)
                value.total = value.family.bit_count()
            else:
                value.family, value.total = None, value.places.count
        self.ordered = sorted(self.by_text.values(), key=_total, reverse=True)
        self.families = [value for value in self.ordered if value.family is not None]
        self.changed = False

    def with_any(self, texts: Iterable[str]) -> int:
        """The bits of those that have one of these values."""
        bits = 0
        for text in texts:
            value = self.by_text.get(text)
            if value is not None:
                bits |= value.places.bits
        return bits


_total: Final = attrgetter("total")


def _less(value: _Value) -> int:
    return -value.total


class _Order:
    """The places of all that is listed, in the order of a list."""

    __slots__ = ("by_place", "ordered")

    def __init__(self) -> None:
        self.ordered: list[int] = []
        self.by_place: dict[int, int] = {}

    def put(self, place: int, packed: int) -> None:
        self.by_place[place] = packed
        insort(self.ordered, packed)

    def drop(self, place: int) -> None:
        packed = self.by_place.pop(place, None)
        if packed is not None:
            del self.ordered[bisect_left(self.ordered, packed)]


@dataclass(slots=True)
class _Stale:
    """What has been signalled and not been read yet."""

    post_ids: set[int] = field(default_factory=set)
    account_ids: set[int] = field(default_factory=set)
    everything: bool = True
    terms: bool = True

    def __bool__(self) -> bool:
        return bool(self.post_ids or self.account_ids or self.everything or self.terms)


class Index:
    """What one process holds. `fresh` is awaited before a unit asks for anything; units ask from their threads, under
    `lock`."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.state = 0  # counts how often anything has changed
        self._stale = _Stale()
        self._refreshing = asyncio.Lock()
        self._listens = False
        self.rows: Kept[Any] = Kept(ROWS_KEPT)
        """Rows of lists, by all that the database says of them."""
        self._bases: list[Base | None] = []
        self._mentioned: dict[int, tuple[int, ...]] = {}  # by place, where it matters
        self._free: list[int] = []
        self._place_of: dict[int, int] = {}
        self._facets = {facet: _Facet() for facet in FACETS}
        self._audiences: dict[tuple[str, Any], Positions] = {}
        self._orders = {"new": _Order()}
        self._terms = Terms()
        self._named: set[int] = set()  # resources with topics or skills that were given by name alone
        self._found: OrderedDict[Any, tuple[float, int]] = OrderedDict()
        self._counted: Kept[Any] = Kept(COUNTED_KEPT)

    # -- keeping current

    def listen(self, bus: Bus) -> None:
        """Begin to hear of changes; further calls do nothing."""
        if self._listens:
            return
        self._listens = True
        bus.subscribe("resource", self._resource_changed)
        bus.subscribe("account", lambda row_id: self._stale.account_ids.add(int(row_id)))
        bus.subscribe("vocabulary", self._terms_changed)
        bus.subscribe("instance", lambda _: self._resource_changed(""))

    def _resource_changed(self, post_id: str) -> None:
        if post_id:
            self._stale.post_ids.add(int(post_id))
        else:
            self._stale.everything = True  # other processes have written unheard

    def _terms_changed(self, _: str) -> None:
        self._stale.terms = True

    async def fresh(self, db: Database) -> None:
        """Read whatever has been signalled. What is signalled was committed before, and each part is forgotten as stale
        before the unit that reads it begins: no unit can take an older state for the newest."""
        if not self._stale:
            return
        async with self._refreshing:
            while self._stale:
                if self._stale.terms:
                    await db.read(self.terms_now)
                elif self._stale.everything:
                    self._stale.everything = False
                    await self._reading(db, self._compare, everything=True)
                else:
                    self._take_accounts()
                    batch = sorted(self._stale.post_ids)[:BATCH]
                    self._stale.post_ids.difference_update(batch)
                    if batch:
                        await self._reading(db, self._take, batch, post_ids=batch)

    async def _reading(self, db: Database, unit: Callable[..., None], *arguments: Any, **undone: Any) -> None:
        try:
            await db.read(unit, *arguments)
        except BaseException:
            self._stale.post_ids.update(undone.get("post_ids", ()))
            self._stale.everything |= undone.get("everything", False)
            raise

    def _take_accounts(self) -> None:
        """Whoever was suspended, limited or brought back: all of theirs is read again."""
        with self.lock:
            while self._stale.account_ids:
                places = self._audiences.get(("by", self._stale.account_ids.pop()))
                for place in () if places is None else places_of(places.bits):
                    self._stale.post_ids.add(self._at(place).post_id)

    def _compare(self, conn: Connection) -> None:
        """Read all anew that is not as it was."""
        rows = resource_search.all_bases(conn)
        with self.lock:
            known = {base.post_id: base for base in self._bases if base is not None}
        differing = {row.post_id for row in rows if known.pop(row.post_id, None) != row}
        self._stale.post_ids |= differing | set(known)

    def _take(self, conn: Connection, post_ids: Sequence[int]) -> None:
        with _without_collecting():
            self._read(conn, post_ids)

    def _read(self, conn: Connection, post_ids: Sequence[int]) -> None:
        bases = resource_search.bases(conn, post_ids)
        listed = [one.post_id for one in bases if one.listed]
        values: defaultdict[int, list[FacetRow]] = defaultdict(list)
        for row in resource_search.facets(conn, listed):
            values[row.post_id].append(row)
        mentioned: defaultdict[int, list[int]] = defaultdict(list)
        restricted = [one.post_id for one in bases if one.listed and one.visibility in RESTRICTED]
        for post_id, account_id in resource_search.mentions(conn, restricted):
            mentioned[post_id].append(account_id)
        with self.lock:
            for post_id in post_ids:
                self._drop(post_id)
            for base in bases:
                self._put(base, values[base.post_id], tuple(mentioned[base.post_id]))
            self._changed()

    async def terms(self, db: Database) -> Terms:
        """Every term, without making the rest of it fresh."""
        if self._stale.terms:
            await db.read(self.terms_now)
        return self._terms

    def terms_now(self, conn: Connection) -> Terms:
        """The same in a unit. Whatever was signalled has been committed before, so that a unit reads it that has not read
        anything else of terms."""
        if self._stale.terms:
            self._stale.terms = False
            try:
                found = Terms(stored_terms.every(conn))
            except BaseException:
                self._stale.terms = True
                raise
            with self.lock:
                self._terms = found
                self._stale.post_ids |= self._named
                for name in WITH_FAMILY:
                    self._facets[name].changed = True
                self._changed()
        return self._terms

    def _changed(self) -> None:
        self.state += 1
        self._found.clear()
        self._counted = Kept(COUNTED_KEPT)

    def _drop(self, post_id: int) -> None:
        place = self._place_of.pop(post_id, None)
        if place is None:
            return
        base = self._at(place)
        for facet in self._facets.values():
            facet.drop(place)
        for audience in _audiences(base, self._mentioned.pop(place, ())):
            places = self._audiences[audience]
            places.remove(place)
            if not places.count:
                del self._audiences[audience]
        for order in self._orders.values():
            order.drop(place)
        self._bases[place] = None
        self._free.append(place)

    def _put(self, base: Base, rows: Iterable[FacetRow], mentioned: tuple[int, ...]) -> None:
        if self._free:
            place = self._free.pop()
            self._bases[place] = base
        else:
            place = len(self._bases)
            self._bases.append(base)
            for facet in self._facets.values():
                facet.by_place.append(())
        self._place_of[base.post_id] = place
        self._named.discard(base.post_id)
        if mentioned:
            self._mentioned[place] = mentioned
        for audience in _audiences(base, mentioned):
            places = self._audiences.get(audience)
            if places is None:
                places = self._audiences[audience] = Positions()
            places.add(place)
        if not base.listed:
            return
        by_facet: dict[str, list[FacetRow]] = {}
        for row in rows:
            by_facet.setdefault(row.facet, []).append(row)
        for name, of_facet in by_facet.items():
            if name in WITH_FAMILY:
                of_facet = self._with_addresses(name, of_facet)
            if name in self._facets:
                self._facets[name].put(place, of_facet)
        for sort, order in self._orders.items():
            order.put(place, _place(base, sort).packed)

    def _with_addresses(self, name: str, rows: list[FacetRow]) -> list[FacetRow]:
        """What was given by a name that a vocabulary knows (perhaps it did not then) is found at its address, too."""
        found: dict[str, FacetRow] = {}
        for row in rows:
            if "://" not in row.value:
                self._named.add(row.post_id)
                row = row._replace(value=self._term(name, row.value))
            found.setdefault(row.value, row)
        return list(found.values())

    def _at(self, place: int) -> Base:
        base = self._bases[place]
        assert base is not None
        return base

    def _settled(self, name: str) -> _Facet:
        facet = self._facets[name]
        if facet.changed:
            facet.settle(len(self._bases), partial(self._family, name))
        return facet

    # -- asking, in a unit, under `lock`

    def of_interest(self) -> list[int]:
        """The accounts of which it matters whether the viewer follows them."""
        return [
            key for kind, key in self._audiences if kind in ("followers", "limited") and isinstance(key, int)
        ]

    def seen_by(self, eyes: Eyes, *, unlisted: bool = False) -> int:
        """What a viewer finds in lists: what they may see and want to see; what is `unlisted` only if that is asked for,
        except for one's own."""
        bits = self._audience("public", None)
        if unlisted:
            bits |= self._audience("unlisted", None)
        if eyes.is_member:
            bits |= self._audience("members", None)
        for group_id in eyes.groups:
            bits |= self._audience("group", group_id)
        for account_id in eyes.follows:
            bits |= self._audience("followers", account_id)
        if eyes.viewer_id is not None:
            bits |= self._audience("mentioned", eyes.viewer_id)
        for kind, key in self._audiences:
            if kind == "limited" and key not in eyes.follows:
                bits &= ~self._audience(kind, key)
        for account_id in eyes.hides:
            bits &= ~self._audience("by", account_id)
        for domain in eyes.servers:
            bits &= ~self._audience("server", domain)
        if eyes.viewer_id is not None:
            bits |= self._audience("own", eyes.viewer_id)
        return bits

    def _audience(self, kind: str, key: Any) -> int:
        found = self._audiences.get((kind, key))
        if found is None:
            return 0
        found.settle(len(self._bases))
        return found.bits

    def term(self, facet: str, text: str) -> str:
        """The address of the term that is called so, or by a synonym; else the text folded, as one without is kept."""
        return text if "://" in text else self._term(facet, text)

    def _term(self, facet: str, text: str) -> str:
        return self._terms.uri_of(text, skill=facet == "skill") or fold(text)

    def with_any(self, facet: str, values: Iterable[str]) -> int:
        """Those that have any of these values, or of those below them."""
        known = self._settled(facet)
        return known.with_any(chain.from_iterable(self._family(facet, text) for text in values))

    def with_ids(self, post_ids: Iterable[int]) -> int:
        """Those with these ids, as far as there are any."""
        return bits_of(self._place_of[one] for one in post_ids if one in self._place_of)

    def since(self, at_ms: int) -> int:
        """Those that have changed since an instant."""
        order = self._order("updated").ordered
        begin = bisect_left(order, Place(at_ms, 0).packed)
        return bits_of(self._place_of[packed & _ID_MASK] for packed in order[begin:])

    def remembered(self, key: Any) -> int | None:
        """What was found for a text a moment ago, if nothing has changed since."""
        known = self._found.get(key)
        return None if known is None or known[0] < monotonic() else known[1]

    def remember(self, key: Any, bits: int, state: int) -> None:
        """Keep it for the pages and counts that are asked for next, if it was read in the state that still holds."""
        if state != self.state:
            return
        self._found[key] = monotonic() + FOUND_SECONDS, bits
        if len(self._found) > FOUND_KEPT:
            self._found.popitem(last=False)

    def _family(self, facet: str, text: str) -> tuple[str, ...]:
        return self._terms.family(text) if facet in WITH_FAMILY else (text,)

    # -- counting

    def counts(
        self,
        facet: str,
        result: Result,
        seen: int,
        *,
        limit: int,
        chosen: Collection[str] = (),
        chosen_besides: Sequence[tuple[str, ...]] = (),
    ) -> list[Count]:
        """How many of a result have each value of a facet: the most frequent ones, and those `chosen` whether there are any
        or not. Nothing is told that only what is not `seen` says.

        The result is what is left of `seen` by what was chosen of other facets (`chosen_besides`): whoever chooses another
        value of this one finds the same, which is remembered until anything changes.
        """
        known = self._settled(facet)
        key = (facet, limit, seen, *chosen_besides)
        best: list[Count] | None = self._counted.get(key)
        if best is None:
            best = [
                Count(text, self._label(known, facet, text, result.bits, seen), -negative, False)
                for negative, text in self._best(known, result, seen, limit)
            ]
            self._counted.put(key, best)
        if not chosen:
            return best
        there = {one.value for one in best}
        # Perhaps nobody says one that was chosen, but somebody what is below it.
        return [Count(one.value, one.label, one.count, one.value in chosen) for one in best] + [
            Count(
                text,
                self._label(known, facet, text, result.bits, seen),
                (self.with_any(facet, (text,)) & result.bits).bit_count(),
                True,
            )
            for text in chosen
            if text not in there
        ]

    def _best(self, known: _Facet, result: Result, seen: int, limit: int) -> list[tuple[int, str]]:
        """The values that most of a result have, as pairs that sort like this."""
        if not result.count or limit <= 0 or not known.ordered:
            return []
        # About as far as one has to go among the values, each of which costs as much as to look at ten of the result.
        likely = known.ordered[min(limit, len(known.ordered)) - 1].total * result.count // len(self._place_of)
        if result.count < 10 * bisect_left(known.ordered, -likely, key=_less):
            return self._best_of_few(known, result, seen, limit)
        found: list[tuple[int, str]] = []
        best: list[int] = []
        for value in known.ordered:
            # No more can have it than have it at all, and the next ones even fewer.
            if len(best) == limit and value.total < best[0]:
                break
            number = value.count_in(result)
            if number and (value.family is None or value.places.bits & seen):
                found.append((-number, value.text))
                if len(best) < limit:
                    heappush(best, number)
                else:
                    heappushpop(best, number)
        return sorted(found)[:limit]

    def _best_of_few(self, known: _Facet, result: Result, seen: int, limit: int) -> list[tuple[int, str]]:
        """The same by looking at each of the result."""
        numbers = Counter(chain.from_iterable(map(known.by_place.__getitem__, result.places)))
        for value in known.families:
            numbers[value] = value.count_in(result) if value.places.bits & seen else 0
        least = min(nlargest(limit, numbers.values()), default=0)
        return sorted(
            (-number, value.text) for value, number in numbers.items() if number and number >= least
        )[:limit]

    def _label(self, known: _Facet, facet: str, text: str, within: int, seen: int) -> str:
        """As the vocabulary has it, or else the latest of those who say it and can be seen."""
        label = self._terms.labels.get(text) if facet in WITH_FAMILY else None
        value = known.by_text.get(text)
        if facet == "language":
            return languages.name(text)
        if label is not None or value is None or not known.labels:
            return label or text
        bits = value.places.bits
        bits = bits & within or bits & seen
        place = bits.bit_length() - 1
        labels = known.labels.get(place)
        return (labels[known.by_place[place].index(value)] if labels else "") or text

    # -- one page

    def _order(self, sort: str) -> _Order:
        order = self._orders.get(sort)
        if order is None:
            order = self._orders[sort] = _Order()
            for place, base in enumerate(self._bases):
                if base is not None and base.listed:
                    order.by_place[place] = _place(base, sort).packed
            order.ordered = sorted(order.by_place.values())
        return order

    def page(
        self,
        bits: int,
        sort: str,
        limit: int,
        *,
        below: Place | None = None,
        above: Place | None = None,
        ascending: bool = False,
    ) -> list[Place]:
        """A page of these, from the highest down, whatever comes first: those between `above` and `below` (both exclusive),
        the lowest ones of them if `ascending`."""
        known, count = self._order(sort), bits.bit_count()
        order = known.ordered
        lowest = -1 if above is None else above.packed
        highest = None if below is None else below.packed
        found: list[int] = []
        # Of few, all are looked at; of many, those that come first.
        if count * count < limit * len(order):
            keys = sorted(map(known.by_place.__getitem__, places_of(bits)))
            keys = [one for one in keys if lowest < one and (highest is None or one < highest)]
            found = keys[:limit][::-1] if ascending else keys[::-1][:limit]
        else:
            flags = bits.to_bytes((len(self._bases) >> 3) + 1, "little")
            begin = bisect_left(order, lowest + 1)
            end = len(order) if highest is None else bisect_left(order, highest)
            steps = range(begin, end) if ascending else range(end - 1, begin - 1, -1)
            for at in steps:
                packed = order[at]
                place = self._place_of[packed & _ID_MASK]
                if flags[place >> 3] >> (place & 7) & 1:
                    found.append(packed)
                    if len(found) == limit:
                        break
            if ascending:
                found.reverse()
        return [Place.of(one) for one in found]


@contextmanager
def _without_collecting() -> Iterator[None]:
    """What is kept here has no cycles: to look for them whenever some thousands have been made takes more than making them."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _place(base: Base, sort: str) -> Place:
    match sort:
        case "updated":
            return Place(base.changed_at, base.post_id)
        case "used":
            return Place(base.uses_count, base.post_id)
        case "reviewed":
            return Place(base.reviews_count, base.post_id)
    return Place(0, base.post_id)


def _audiences(base: Base, mentioned: Iterable[int]) -> Iterable[tuple[str, Any]]:
    """For whom a resource is; what is in no list is only known to be somebody's."""
    yield "by", base.account_id
    if not base.listed:
        return
    yield "own", base.account_id
    yield "server", base.domain
    match base.visibility:
        case "group":
            yield "group", base.group_id
        case "followers":
            yield "followers", base.account_id
        case "public" | "unlisted" | "members":
            yield base.visibility, None
    for account_id in mentioned:
        yield "mentioned", account_id
    if base.limited_at is not None:
        yield "limited", base.account_id


def eyes_of(viewer_id: int | None, ties: Iterable[resource_search.Tie]) -> Eyes:
    """The eyes of a viewer, by what `storage.resource_search.ties` says of them."""
    found: Mapping[str, set[Any]] = defaultdict(set)
    for tie in ties:
        found[tie.what].add(tie.name if tie.what == "server" else tie.row_id)
    return Eyes(
        viewer_id,
        viewer_id in found["member"],
        frozenset(found["group"]),
        frozenset(found["follows"]),
        frozenset(found["hides"]),
        frozenset(found["server"]),
    )
