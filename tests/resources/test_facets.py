"""What is kept in memory of the library says what the database says: for every viewer, choice and change."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, delete, insert, select, update

from fedserver import visibility
from fedserver.live import Bus
from fedserver.resources import catalogue
from fedserver.resources.catalogue import FACETS, SORTS, Page, Wanted
from fedserver.resources.facets import Index
from fedserver.resources.positions import Positions, bits_of, places_of
from storage import accounts, posts, resources, signals, tables, terms
from storage.resources import Facet
from storage.terms import Term
from storage.types import now_ms
from tests.people import add_follow, add_member, add_post, add_stranger

TYPES = ("slides", "lesson", "video")
TOPICS = ("https://v.example/animals", "https://v.example/cats", "https://v.example/plants", "knots")
AUTHORS = tuple(f"person {number}" for number in range(8))
VOCABULARY = [
    Term(TOPICS[0], "edam", "Animals"),
    Term(TOPICS[1], "edam", "Cats", parents=(TOPICS[0],)),
    Term(TOPICS[2], "edam", "Plants", synonyms=("Greenery",), parents=(TOPICS[1], TOPICS[2])),
]


@dataclass
class Heard:
    """A process that hears what units signal, and its index."""

    conn: Connection
    index: Index
    bus: Bus

    @classmethod
    def of(cls, conn: Connection) -> Heard:
        index, bus = Index(), Bus()
        index.listen(bus)
        return cls(conn, index, bus)

    def tell(self) -> None:
        for channel, payload in signals.take(self.conn):
            self.bus.tell(channel, payload)

    async def read(self, unit: Callable[..., Any], *arguments: Any) -> Any:
        return unit(self.conn, *arguments)

    def fresh(self) -> Index:
        asyncio.run(self.index.fresh(self))  # type: ignore[arg-type]
        return self.index


class World:
    """Some people, what is between them, and a library of theirs; all by chance."""

    def __init__(self, conn: Connection, chance: random.Random) -> None:
        self.conn, self.chance = conn, chance
        self.people = [add_member(conn, name) for name in ("alice", "bob", "carol")]
        self.people += [add_stranger(conn, "sam"), add_stranger(conn, "rae", "far.example")]
        self.group = add_member(conn, "a_group")
        self.viewers: list[int | None] = [None, *self.people]
        conn.execute(insert(tables.membership).values(group_id=self.group, account_id=self.people[0]))
        for one in self.people:
            for other in self.people:
                if one != other:
                    self._tie(one, other)
        if chance.random() < 0.3:
            self.limit(chance.choice(self.people))
        if chance.random() < 0.2:
            conn.execute(
                insert(tables.member_domain_block).values(
                    id=1, account_id=self.people[1], domain="far.example"
                )
            )
        terms.put_all(conn, "edam", VOCABULARY)
        self.ids: list[int] = []
        for _ in range(chance.randrange(16)):
            self.publish()

    def _tie(self, one: int, other: int) -> None:
        if self.chance.random() < 0.3:
            add_follow(self.conn, one, other, accepted=self.chance.random() < 0.8)
        if self.chance.random() < 0.08:
            uri = f"https://here.example/b/{one}/{other}"
            self.conn.execute(
                insert(tables.block).values(
                    id=one ^ other ^ self.chance.getrandbits(60), uri=uri, account_id=one, target_id=other
                )
            )
        if self.chance.random() < 0.08:
            expires = self.chance.choice([None, 1, now_ms() + 10**7])
            self.conn.execute(
                insert(tables.mute).values(
                    id=self.chance.getrandbits(62), account_id=one, target_id=other, expires_at=expires
                )
            )

    def limit(self, account_id: int) -> None:
        accounts.change(self.conn, account_id, limited_at=now_ms())

    def publish(self) -> None:
        conn, chance = self.conn, self.chance
        shown_to = chance.choices(visibility.VISIBILITIES, weights=(6, 1, 2, 2, 2, 1))[0]
        post_id = add_post(
            conn, chance.choice(self.people), shown_to, kind="resource", title="T",
            group_id=self.group if shown_to == "group" else None,
        )  # fmt: skip
        if chance.random() < 0.3:
            posts.put_mentions(conn, post_id, [chance.choice(self.people)])
        resources.put(conn, post_id, details="{}", status="active", changed_at=chance.randrange(20))
        resources.change(conn, post_id, uses_count=chance.randrange(4), reviews_count=chance.randrange(2))
        self.describe(post_id)
        self.ids.append(post_id)

    def describe(self, post_id: int) -> None:
        chance = self.chance
        said = [Facet("type", one) for one in chance.sample(TYPES, chance.randrange(3))]
        said += [Facet("topic", one, one) for one in chance.sample(TOPICS, chance.randrange(3))]
        said += [Facet("author", one, one.title()) for one in chance.sample(AUTHORS, chance.randrange(4))]
        said += [Facet("topic", "greenery", "Greenery")] if chance.random() < 0.1 else []
        resources.put_facets(self.conn, post_id, said)
        resources.change(self.conn, post_id, changed_at=chance.randrange(20))

    def change(self) -> None:
        """Something happens, as the domain does it: with the signals it gives."""
        conn, chance = self.conn, self.chance
        what = chance.choice(["publish", "describe", "withdraw", "delete", "suspend", "limit", "hide", "use"])
        if what == "publish" or not self.ids:
            self.publish()
            return
        post_id = chance.choice(self.ids)
        match what:
            case "describe":
                self.describe(post_id)
            case "withdraw":
                withdrawn = chance.choice([None, now_ms()])
                resources.change(conn, post_id, withdrawn_at=withdrawn)
            case "delete":
                conn.execute(delete(tables.post).where(tables.post.c.id == post_id))
                signals.signal(conn, "resource", str(post_id))
                self.ids.remove(post_id)
            case "suspend":
                accounts.change(
                    conn, chance.choice(self.people), suspended_at=chance.choice([None, now_ms()])
                )
            case "limit":
                accounts.change(conn, chance.choice(self.people), limited_at=chance.choice([None, now_ms()]))
            case "hide":
                posts.change(conn, post_id, visibility=chance.choice(("public", "members", "followers")))
            case "use":
                resources.add_to_counts(conn, post_id, uses=1)

    # -- what the index must say, one by one and by the function that says who may see what

    def finds(self, viewer_id: int | None) -> list[Any]:
        found = []
        for post_id in self.ids:
            row, beside = posts.by_id(self.conn, post_id), resources.by_id(self.conn, post_id)
            assert row is not None
            if beside.withdrawn_at is None and visibility.may_see(self.conn, row, viewer_id):
                own = row.account_id == viewer_id
                author = accounts.by_id(self.conn, row.account_id)
                if own or (row.visibility != "unlisted" and self._wants(viewer_id, author)):
                    found.append(beside)
        return found

    def _wants(self, viewer_id: int | None, author: Any) -> bool:
        def any_of(table: Any, *conditions: Any) -> bool:
            return self.conn.execute(select(table).where(*conditions)).first() is not None

        if author.limited_at is not None and not any_of(
            tables.follow,
            tables.follow.c.account_id == viewer_id, tables.follow.c.target_id == author.id, tables.follow.c.accepted,
        ):  # fmt: skip
            return False
        mute, block, kept_out = tables.mute, tables.block, tables.member_domain_block
        expired = (mute.c.expires_at.is_not(None)) & (mute.c.expires_at < now_ms())
        return not (
            any_of(mute, mute.c.account_id == viewer_id, mute.c.target_id == author.id, ~expired)
            or any_of(block, block.c.account_id == viewer_id, block.c.target_id == author.id)
            or any_of(block, block.c.account_id == author.id, block.c.target_id == viewer_id)
            or any_of(kept_out, kept_out.c.account_id == viewer_id, kept_out.c.domain == author.domain)
        )

    def values(self, post_id: int) -> dict[str, set[str]]:
        """By facet what a resource has, with what is above it."""
        found: dict[str, set[str]] = {facet: set() for facet in FACETS}
        facet = tables.resource_facet
        for row in self.conn.execute(select(facet).where(facet.c.post_id == post_id)):
            value = TOPICS[2] if row.value == "greenery" else row.value
            found[row.facet].add(value)
            if value == TOPICS[1]:
                found[row.facet].add(TOPICS[0])
            if value == TOPICS[2]:
                found[row.facet] |= {TOPICS[1], TOPICS[0]}
        return found


def check(world: World, index: Index, wanted: Wanted, sort: str) -> None:
    """Counts, pages and order for every viewer are those of the plain way."""
    chosen = {facet: set(values) for facet, values in wanted.facets.items() if values}
    for viewer_id in world.viewers:
        seen = world.finds(viewer_id)
        has = {row.id: world.values(row.id) for row in seen}

        def fits(row: Any, but: str = "", has: Any = has) -> bool:
            return all(values & has[row.id][facet] for facet, values in chosen.items() if facet != but)

        found = [row for row in seen if fits(row)]
        counted = catalogue.count_unit(world.conn, index, viewer_id, wanted, limit=100)
        assert counted.total == len(found)
        said_by_some = {
            facet: set().union(*(_said(world, row.id)[facet] for row in seen)) for facet in FACETS
        }
        for facet in FACETS:
            numbers = Counter(one for row in seen if fits(row, but=facet) for one in has[row.id][facet])
            expected = {
                one: n
                for one, n in numbers.items()
                if one in said_by_some[facet] or one in chosen.get(facet, ())
            }
            expected |= {one: 0 for one in chosen.get(facet, ()) if one not in numbers}
            assert {one.value: one.count for one in counted.facets[facet]} == expected, facet
            best = catalogue.count_unit(world.conn, index, viewer_id, wanted, facets=[facet], limit=2)
            first = sorted((-n, one) for one, n in expected.items() if n and one in said_by_some[facet])[:2]
            assert [(-one.count, one.value) for one in best.facets[facet]][: len(first)] == first
        keys = {"new": "id", "updated": "changed_at", "used": "uses_count", "reviewed": "reviews_count"}
        ordered = sorted(found, key=lambda row: (getattr(row, keys[sort]), row.id), reverse=True)
        assert _pages(world, index, viewer_id, wanted) == [row.id for row in ordered]


def _said(world: World, post_id: int) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {facet: set() for facet in FACETS}
    facet = tables.resource_facet
    for row in world.conn.execute(select(facet).where(facet.c.post_id == post_id)):
        found[row.facet].add(TOPICS[2] if row.value == "greenery" else row.value)
    return found


def _pages(world: World, index: Index, viewer_id: int | None, wanted: Wanted) -> list[int]:
    """Down to the end three at a time, and up again: the same pages."""
    down: list[Sequence[Any]] = []
    page = Page(limit=3)
    while found := catalogue.find_unit(world.conn, index, viewer_id, wanted, page):
        if not found.places:
            break
        assert [one.row.id for one in found.shown] == [one.post_id for one in found.places]
        down.append(found.places)
        page = Page(limit=3, below=found.places[-1])
    up: list[Sequence[Any]] = []
    if down:
        page = Page(limit=3, above=down[-1][0])
        while (found := catalogue.find_unit(world.conn, index, viewer_id, wanted, page)).places:
            up.insert(0, found.places)
            page = Page(limit=3, above=found.places[0])
        assert [one for places in up for one in places] == [one for places in down[:-1] for one in places]
    return [one.post_id for places in down for one in places]


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    seed=st.integers(0, 2**32),
    types=st.lists(st.sampled_from(TYPES), max_size=2),
    topics=st.lists(st.sampled_from(TOPICS), max_size=2),
    authors=st.lists(st.sampled_from(AUTHORS), max_size=1),
    sort=st.sampled_from(SORTS),
)
def test_counts_and_lists_are_those_of_looking_at_each(
    database_url: str, seed: int, types: list[str], topics: list[str], authors: list[str], sort: str
) -> None:
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.connect() as conn, conn.begin() as whole:
        chance = random.Random(seed)
        world, heard = World(conn, chance), Heard.of(conn)
        heard.tell()
        wanted = Wanted(facets={"type": types, "topic": topics, "author": authors}, sort=sort)
        check(world, heard.fresh(), wanted, sort)
        for _ in range(2):
            for _ in range(chance.randrange(1, 5)):
                world.change()
            heard.tell()
            check(world, heard.fresh(), wanted, sort)
        whole.rollback()
    engine.dispose()


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2_000))), st.integers(1, 5_000))
def test_positions_are_a_set_in_either_form(steps: list[tuple[bool, int]], size: int) -> None:
    places, plain = Positions(), set[int]()
    for number, (adds, place) in enumerate(steps):
        if adds and place not in plain:
            places.add(place)
            plain.add(place)
        elif not adds and place in plain:
            places.remove(place)
            plain.remove(place)
        if number % 3 == 0:
            places.settle(size)
        assert places.count == len(plain)
        assert places.bits == bits_of(plain)
    assert set(places_of(places.bits)) == plain


def test_many_values_are_counted_alike_whichever_way(database_url: str) -> None:
    """A result of few is looked at one by one, one of many by values: both give the same."""
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.connect() as conn, conn.begin() as whole:
        alice = add_member(conn, "alice")
        expected: Counter[str] = Counter()
        for number in range(400):
            post_id = add_post(conn, alice, kind="resource")
            resources.put(conn, post_id, details="{}", status="active", changed_at=1)
            names = {f"p{number % 7}", f"p{number % 150}", f"p{number}"}
            resources.put_facets(
                conn,
                post_id,
                [Facet("author", one) for one in names] + [Facet("type", f"t{number % 100 < 3}")],
            )
            expected.update(names)
        heard = Heard.of(conn)
        counted = catalogue.count_unit(conn, heard.fresh(), None, Wanted(), facets=["author"], limit=30)
        first = sorted((-n, one) for one, n in expected.items())[:30]
        assert [(-one.count, one.value) for one in counted.facets["author"]] == first
        few = catalogue.count_unit(
            conn, heard.fresh(), None, Wanted(facets={"type": ["tTrue".lower()]}), facets=["author"], limit=5
        )
        assert few.total == 0
        whole.rollback()
    engine.dispose()


@pytest.mark.parametrize("again", ["resource", "account"])
async def test_what_could_not_be_read_is_read_the_next_time(db: Any, again: str) -> None:
    def unit(conn: Connection) -> int:
        alice = add_member(conn, "alice")
        post_id = add_post(conn, alice, kind="resource")
        resources.put(conn, post_id, details="{}", status="active", changed_at=1)
        return post_id if again == "resource" else alice

    index, bus = Index(), Bus()
    index.listen(bus)
    row_id = await db.write(unit)
    await index.fresh(db)

    class Broken:
        async def read(self, *_: Any) -> Any:
            raise ConnectionError

    await db.write(lambda conn: conn.execute(update(tables.account).values(suspended_at=1)))
    bus.tell(again, str(row_id))
    with pytest.raises(ConnectionError):
        await index.fresh(Broken())  # type: ignore[arg-type]
    await index.fresh(db)
    assert (await db.read(catalogue.count_unit, index, None, Wanted())).total == 0
