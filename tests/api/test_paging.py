"""However a list is walked by its links, and whatever comes and goes meanwhile, what stays is seen exactly once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fedserver.context import Server
from tests.api.listings import POOL, Listing, Listings
from tests.contract.world import World
from tests.members import Person

LISTED = 6  # of which every other one stays
PAGES_MAX = 60


@dataclass
class Plan:
    """How a list is walked down and up again, and what happens after each page."""

    limit: int
    events: list[str]


PLANS = st.builds(
    Plan,
    limit=st.sampled_from([2, 1, 3, 4]),
    events=st.lists(st.sampled_from(["both", "put", "remove", ""]), min_size=4, max_size=8),
)


@pytest.fixture
async def world(server: Server, app_client: TestClient[Any, Any]) -> World:
    made = World(server, app_client)
    await made.settle()
    return made


@pytest.fixture
def turn() -> Iterator[int]:
    """0, 1 and so on, from one example to the next."""
    return itertools.count()


@pytest.mark.long
@settings(
    max_examples=2,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # to shrink a failure takes minutes and tells little more
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
async def test_what_stays_in_a_list_is_seen_once(
    world: World, turn: Iterator[int], data: st.DataObject
) -> None:
    listings = Listings(world)
    # On PostgreSQL, where a walk takes longer, every list is walked in one of the two turns.
    half = (
        slice(None) if world.server.config.database_url.startswith("sqlite") else slice(next(turn), None, 2)
    )
    for name in Listings.NAMES[half]:
        plan = data.draw(PLANS, label=name)
        listing = await listings.listing(name)
        await Walk(listing, plan, listing.person or world.alice).check()


class Walk:
    """One walk through one list, down to its end and up again."""

    def __init__(self, listing: Listing, plan: Plan, person: Person) -> None:
        self.listing = listing
        self.plan = plan
        self.person = person
        self.passing: list[str] = []
        self._number = 0
        self._events = itertools.cycle(plan.events)

    async def check(self) -> None:
        staying = []
        for index in range(LISTED):
            key = await self._put()
            (self.passing if index % 2 else staying).append(key)
        expected = staying[::-1]
        path = self.listing.path
        pages, last = await self._follow(
            f"{path}{'&' if '?' in path else '?'}limit={self.plan.limit}", "next"
        )
        assert self._stayed(pages, staying) == expected, f"{path} going down"
        pages, _ = await self._follow((await links(last))["prev"], "prev")
        assert self._stayed([*pages[::-1], await self._keys(last)], staying) == expected, f"{path} going up"
        if self.listing.clears:
            for key in (*staying, *self.passing):
                await self.listing.remove(key)
        if self.listing.after is not None:
            await self.listing.after()

    def _stayed(self, pages: list[list[str]], staying: list[str]) -> list[str]:
        seen = [key for page in pages for key in page if key in staying]
        return list(dict.fromkeys(seen)) if self.listing.repeats else seen

    async def _follow(self, path: str, relation: str) -> tuple[list[list[str]], ClientResponse]:
        """The keys of each page in the order of the walk, and the last page with anything on it."""
        pages: list[list[str]] = []
        last: ClientResponse | None = None
        for _ in range(PAGES_MAX):
            answer = await self.person.raw("GET", path)
            assert answer.status == 200, await answer.text()
            keys, found = await self._keys(answer), await links(answer)
            assert len(keys) <= self.plan.limit, path
            if keys:
                last = answer
                pages.append(keys)
            else:
                assert found == {}, f"{path} is empty and leads on"
            for address in found.values():
                assert address != path, f"{path} leads to itself"
                assert kept(address) == kept(self.listing.path)
            if relation not in found:
                assert last is not None, f"{path} is empty"
                return pages, last
            path = found[relation]
            await self._happen(next(self._events))
        raise AssertionError(f"{path}: the walk does not end")

    async def _happen(self, event: str) -> None:
        if event in ("remove", "both") and self.passing:
            await self.listing.remove(self.passing.pop(0))
        if event in ("put", "both") and self._number < POOL:
            self.passing.append(await self._put())

    async def _put(self) -> str:
        self._number += 1
        return await self.listing.put(self._number - 1)

    async def _keys(self, answer: ClientResponse) -> list[str]:
        found = await answer.json()
        return [self.listing.key(one) for one in (found[self.listing.inner] if self.listing.inner else found)]


async def test_limits_are_capped(alice: Person) -> None:
    for number in range(42):
        await alice.post("/api/v1/statuses", {"status": str(number)})
    assert len(await alice.get("/api/v1/timelines/home", limit=1000)) == 40
    assert len(await alice.get("/api/v1/timelines/home")) == 20


async def links(answer: ClientResponse) -> dict[str, str]:
    """By relation, the address; checked to be of the public origin."""
    origin = f"{answer.url.scheme}://{answer.url.authority}/"
    found = {}
    for part in filter(None, answer.headers.get("Link", "").split(", <")):
        address, _, relation = part.lstrip("<").partition(">; rel=")
        assert address.startswith(origin)
        found[relation.strip('"')] = address.removeprefix(origin[:-1])
    return found


def kept(path: str) -> dict[str, list[str]]:
    """The filters in an address."""
    return {
        name: values
        for name, values in parse_qs(urlsplit(path).query).items()
        if name not in ("limit", "max_id", "min_id")
    }
