"""Which resources have what, kept in memory, so that any choice among 50,000 is counted in a few milliseconds.

Every resource has a place in a list. For each value of a facet, for each audience and each author there is a set of places
(`fedserver.resources.positions`); what a viewer finds is made of these by *and*, *or* and *not*. Each process has its own,
made when it is first needed, kept current by signals, and lost with the process: what is in it comes from `resource_facet`
and the rows beside it alone. It takes about 2 kB for each resource of the library (100 MB for 50,000 with nine values each).
"""

# Long because what is kept and how it is kept current must be read together.

from __future__ import annotations

import asyncio
import threading
from bisect import bisect_left, insort
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, compress
from time import monotonic
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from fedserver.live import Bus
from fedserver.resources.positions import Positions, bits_of, flags_of, places_of
from storage import resource_search
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


class Count(NamedTuple):
    """How many resources have a value; `chosen` if it is one of those asked for."""

    value: str
    label: str
    number: int
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
    """One value of a facet, and which resources have it."""

    __slots__ = ("places", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.places = Positions()


class _Entry:
    """A resource: what was read of it, its values by facet with their labels, and whom it mentions if that matters."""

    __slots__ = ("audiences", "base", "labels", "values")

    def __init__(self, base: Base) -> None:
        self.base = base
        self.values: dict[str, tuple[_Value, ...]] = {}
        self.labels: dict[str, tuple[str, ...]] = {}
        self.audiences: tuple[Any, ...] = ()


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
        self._entries: list[_Entry | None] = []
        self._free: list[int] = []
        self._place_of: dict[int, int] = {}
        self._values: dict[str, dict[str, _Value]] = {facet: {} for facet in FACETS}
        # By facet the values of each place, for facets with more values than one would ask one by one.
        self._forward: dict[str, list[tuple[_Value, ...]]] = {facet: [] for facet in FACETS}
        self._audiences: dict[tuple[str, Any], Positions] = {}
        self._orders: dict[str, list[int]] = {"new": []}
        self._term_labels: dict[str, str] = {}
        self._named: dict[str, str] = {}  # by folded label or synonym
        self._children: dict[str, list[str]] = {}
        self._families: dict[str, tuple[str, ...]] = {}
        self._found: OrderedDict[Any, tuple[float, int]] = OrderedDict()

    # -- keeping current

    def listen(self, bus: Bus) -> None:
        """Begin to hear of changes; further calls do nothing."""
        if self._listens:
            return
        self._listens = True
        bus.subscribe("resource", self._resource_changed)
        bus.subscribe("account", lambda row_id: self._stale.account_ids.add(int(row_id)))
        bus.subscribe("vocabulary", self._terms_changed)

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
                    self._stale.terms = False
                    await self._reading(db, self._take_terms, terms=True)
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
            self._stale.terms |= undone.get("terms", False)
            raise

    def _take_accounts(self) -> None:
        """Whoever was suspended, limited or brought back: all of theirs is read again."""
        with self.lock:
            while self._stale.account_ids:
                places = self._audiences.get(("by", self._stale.account_ids.pop()))
                for place in () if places is None else places_of(places.bits):
                    entry = self._entries[place]
                    assert entry is not None
                    self._stale.post_ids.add(entry.base.post_id)

    def _compare(self, conn: Connection) -> None:
        """Read all anew that is not as it was."""
        rows = resource_search.all_bases(conn)
        with self.lock:
            known = {entry.base.post_id: entry.base for entry in self._entries if entry is not None}
        differing = {row.post_id for row in rows if known.pop(row.post_id, None) != row}
        self._stale.post_ids |= differing | set(known)

    def _take(self, conn: Connection, post_ids: Sequence[int]) -> None:
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
                self._put(base, values[base.post_id], mentioned[base.post_id])
            self._found.clear()
            self.state += 1

    def _take_terms(self, conn: Connection) -> None:
        terms = resource_search.terms(conn)
        children: defaultdict[str, list[str]] = defaultdict(list)
        for one in terms:
            for parent in one.parents:
                children[parent].append(one.uri)
        with self.lock:
            self._term_labels = {one.uri: one.label for one in terms}
            self._named = resource_search.by_name(terms)
            self._children, self._families = dict(children), {}

    def _drop(self, post_id: int) -> None:
        place = self._place_of.pop(post_id, None)
        if place is None:
            return
        entry, size = self._entries[place], len(self._entries)
        assert entry is not None
        for facet, values in entry.values.items():
            known = self._values[facet]
            for value in values:
                value.places.remove(place, size)
                if not value.places.count:
                    del known[value.text]
            self._forward[facet][place] = ()
        for audience in entry.audiences:
            places = self._audiences[audience]
            places.remove(place, size)
            if not places.count:
                del self._audiences[audience]
        if entry.base.listed:
            for sort, order in self._orders.items():
                packed = _place(entry.base, sort).packed
                del order[bisect_left(order, packed)]
        self._entries[place] = None
        self._free.append(place)

    def _put(self, base: Base, rows: Iterable[FacetRow], mentioned: Iterable[int]) -> None:
        entry = _Entry(base)
        if self._free:
            place = self._free.pop()
            self._entries[place] = entry
        else:
            place = len(self._entries)
            self._entries.append(entry)
            for forward in self._forward.values():
                forward.append(())
        size = len(self._entries)
        self._place_of[base.post_id] = place
        entry.audiences = tuple(_audiences(base, mentioned))
        for audience in entry.audiences:
            self._audiences.setdefault(audience, Positions()).add(place, size)
        if not base.listed:
            return
        by_facet: defaultdict[str, list[tuple[_Value, str]]] = defaultdict(list)
        for row in rows:
            known = self._values.get(row.facet)
            if known is not None:
                value = known.get(row.value)
                if value is None:
                    value = known[row.value] = _Value(row.value)
                value.places.add(place, size)
                by_facet[row.facet].append((value, row.label))
        for facet, pairs in by_facet.items():
            entry.values[facet] = self._forward[facet][place] = tuple(value for value, _ in pairs)
            if any(label for _, label in pairs):
                entry.labels[facet] = tuple(label for _, label in pairs)
        for sort, order in self._orders.items():
            insort(order, _place(base, sort).packed)

    # -- asking, in a unit, under `lock`

    def of_interest(self) -> list[int]:
        """The accounts of which it matters whether the viewer follows them."""
        return [
            key
            for (kind, key), _ in self._audiences.items()
            if kind in ("followers", "limited") and isinstance(key, int)
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
        for (kind, key), places in self._audiences.items():
            if kind == "limited" and key not in eyes.follows:
                bits &= ~places.bits
        for account_id in eyes.hides:
            bits &= ~self._audience("by", account_id)
        for domain in eyes.servers:
            bits &= ~self._audience("server", domain)
        if eyes.viewer_id is not None:
            bits |= self._audience("own", eyes.viewer_id)
        return bits

    def _audience(self, kind: str, key: Any) -> int:
        found = self._audiences.get((kind, key))
        return 0 if found is None else found.bits

    def term(self, text: str) -> str:
        """The address of the term that is called so, or by a synonym; else the text folded, as one without is kept."""
        return text if "://" in text else self._named.get(fold(text), fold(text))

    def with_any(self, facet: str, values: Iterable[str]) -> int:
        """Those that have any of these values, or of those below them."""
        known, bits = self._values[facet], 0
        for text in values:
            for one in self._family(facet, text):
                value = known.get(one)
                if value is not None:
                    bits |= value.places.bits
        return bits

    def with_ids(self, post_ids: Iterable[int]) -> int:
        """Those with these ids, as far as there are any."""
        return bits_of(self._place_of[one] for one in post_ids if one in self._place_of)

    def since(self, at_ms: int) -> int:
        """Those that have changed since an instant."""
        order = self._order("updated")
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
        """A value and all below it, however the vocabulary is knotted."""
        if facet not in WITH_FAMILY or text not in self._children:
            return (text,)
        found = self._families.get(text)
        if found is None:
            seen, waiting = {text: None}, [text]
            while waiting:
                for one in self._children.get(waiting.pop(), ()):
                    if one not in seen:
                        seen[one] = None
                        waiting.append(one)
            found = self._families[text] = tuple(seen)
        return found

    # -- counting

    def counts(
        self,
        facet: str,
        within: int,
        seen: int,
        *,
        limit: int,
        chosen: Collection[str] = (),
    ) -> list[Count]:
        """How many `within` a result have each value of a facet: the most frequent ones, and those `chosen` whether there
        are any or not. Nothing is told that only what is not `seen` says."""
        numbers = self._numbers(facet, within)
        if facet in WITH_FAMILY:
            self._count_families(facet, within, seen, numbers)
        best = sorted(((-number, text) for text, number in numbers.items() if number), key=lambda one: one)
        shown = [text for _, text in best[:limit]]
        shown += [text for text in dict.fromkeys(chosen) if text not in shown]
        return [
            Count(text, self._label(facet, text, within, seen), numbers.get(text, 0), text in chosen)
            for text in shown
        ]

    def _numbers(self, facet: str, within: int) -> dict[str, int]:
        known = self._values[facet]
        if not known or not within:
            return {}
        flags = flags_of(within)
        # Going through the result costs about a tenth of asking a set, for each of its resources.
        if within.bit_count() < 10 * len(known):
            counted = Counter(chain.from_iterable(compress(self._forward[facet], flags)))
            return {value.text: number for value, number in counted.items()}
        return {text: value.places.count_in(within, flags) for text, value in known.items()}

    def _count_families(self, facet: str, within: int, seen: int, numbers: dict[str, int]) -> None:
        known = self._values[facet]
        for text, value in known.items():
            if text in self._children:
                # Only what somebody says who can be seen.
                bits = value.places.bits
                numbers[text] = (self.with_any(facet, (text,)) & within).bit_count() if bits & seen else 0

    def _label(self, facet: str, text: str, within: int, seen: int) -> str:
        """As the vocabulary has it, or else the latest of those who say it and can be seen."""
        label = self._term_labels.get(text)
        if label is not None and facet in WITH_FAMILY:
            return label
        value = self._values[facet].get(text)
        bits = 0 if value is None else value.places.bits
        bits = bits & within or bits & seen
        if not bits:
            return text
        entry = self._entries[bits.bit_length() - 1]
        assert entry is not None
        assert value is not None
        labels = entry.labels.get(facet)
        return (labels[entry.values[facet].index(value)] if labels else "") or text

    # -- one page

    def _order(self, sort: str) -> list[int]:
        order = self._orders.get(sort)
        if order is None:
            entries = (one for one in self._entries if one is not None and one.base.listed)
            order = self._orders[sort] = sorted(_place(one.base, sort).packed for one in entries)
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
        order, count = self._order(sort), bits.bit_count()
        lowest = -1 if above is None else above.packed
        highest = None if below is None else below.packed
        found: list[int] = []
        # Of few, all are looked at; of many, those that come first.
        if count * count < limit * len(order):
            entries = (self._entries[place] for place in places_of(bits))
            keys = sorted(_place(one.base, sort).packed for one in entries if one is not None)
            keys = [one for one in keys if lowest < one and (highest is None or one < highest)]
            found = keys[:limit][::-1] if ascending else keys[::-1][:limit]
        else:
            flags = bits.to_bytes((len(self._entries) >> 3) + 1, "little")
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
