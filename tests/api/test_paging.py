"""Walking a list by its links gives each item once, from either end, and a link keeps what was asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import ClientResponse

from tests.members import Person

SIZE = 7
Path = str


async def statuses(alice: Person) -> list[str]:
    return [(await alice.post("/api/v1/statuses", {"status": f"{i} #walk"}))["id"] for i in range(SIZE)]


async def home(alice: Person, bob: Person, member: Any) -> Path:
    await statuses(alice)
    return "/api/v1/timelines/home"


async def public(alice: Person, bob: Person, member: Any) -> Path:
    await statuses(alice)
    return "/api/v1/timelines/public?local=true"


async def hashtag(alice: Person, bob: Person, member: Any) -> Path:
    await statuses(alice)
    return "/api/v1/timelines/tag/walk?any[]=other"


async def of_account(alice: Person, bob: Person, member: Any) -> Path:
    await statuses(bob)
    return f"/api/v1/accounts/{bob.id}/statuses?exclude_replies=true"


async def favourites(alice: Person, bob: Person, member: Any) -> Path:
    # Liked in another order than they were written.
    for status in sorted(await statuses(bob), key=lambda one: one[-1]):
        await alice.post(f"/api/v1/statuses/{status}/favourite")
    return "/api/v1/favourites"


async def bookmarks(alice: Person, bob: Person, member: Any) -> Path:
    for status in await statuses(bob):
        await alice.post(f"/api/v1/statuses/{status}/bookmark")
    return "/api/v1/bookmarks"


async def notifications(alice: Person, bob: Person, member: Any) -> Path:
    for status in await statuses(alice):
        await bob.post(f"/api/v1/statuses/{status}/favourite")
    return "/api/v1/notifications?types[]=favourite&types[]=mention"


async def followers(alice: Person, bob: Person, member: Any) -> Path:
    for index in range(SIZE):
        await (await member(f"fan{index}")).post(f"/api/v1/accounts/{bob.id}/follow")
    return f"/api/v1/accounts/{bob.id}/followers"


async def blocks(alice: Person, bob: Person, member: Any) -> Path:
    for index in range(SIZE):
        await alice.post(f"/api/v1/accounts/{(await member(f'foe{index}')).id}/block")
    return "/api/v1/blocks"


Fill = Callable[[Person, Person, Any], Awaitable[Path]]


@pytest.mark.parametrize(
    "fill",
    [home, public, hashtag, of_account, favourites, bookmarks, notifications, followers, blocks],
    ids=lambda fill: fill.__name__,
)
async def test_a_walk_gives_each_item_once(alice: Person, bob: Person, member: Any, fill: Fill) -> None:
    path = await fill(alice, bob, member)
    everything = [one["id"] for one in await alice.get(path)]
    assert len(everything) == SIZE
    down, last = await walk(alice, with_limit(path, 3), "next")
    assert down == everything
    assert await links(last) == {"prev": (await links(last))["prev"]}  # fewer came than were asked for
    # And back up from the oldest, page by page.
    prev = (await links(last))["prev"]
    up, _ = await walk(alice, prev, "prev", front=True)
    assert up + everything[-len(await last.json()) :] == everything
    assert kept(prev) == kept(path)


async def test_min_id_gives_what_lies_immediately_above(alice: Person) -> None:
    ids = (await statuses(alice))[::-1]
    above = await alice.get("/api/v1/timelines/home", min_id=ids[5], limit=2)
    assert [one["id"] for one in above] == ids[3:5]
    newest = await alice.get("/api/v1/timelines/home", since_id=ids[5], limit=2)
    assert [one["id"] for one in newest] == ids[:2]
    between = await alice.get("/api/v1/timelines/home", min_id=ids[5], max_id=ids[1])
    assert [one["id"] for one in between] == ids[2:5]


async def test_an_empty_page_has_no_links(alice: Person) -> None:
    answer = await alice.raw("GET", "/api/v1/timelines/home")
    assert (await answer.json(), "Link" in answer.headers) == ([], False)


async def test_limits_are_capped(alice: Person) -> None:
    for index in range(42):
        await alice.post("/api/v1/statuses", {"status": str(index)})
    assert len(await alice.get("/api/v1/timelines/home", limit=1000)) == 40
    assert len(await alice.get("/api/v1/timelines/home")) == 20


async def walk(
    person: Person, path: str, direction: str, *, front: bool = False
) -> tuple[list[str], ClientResponse]:
    found: list[str] = []
    while True:
        answer = await person.raw("GET", path)
        page = [one["id"] for one in await answer.json()]
        found = [*page, *found] if front else [*found, *page]
        following = await links(answer)
        assert len(found) <= SIZE * 2, "the walk does not end"
        if direction not in following or not page:
            return found, answer
        path = following[direction]


async def links(answer: ClientResponse) -> dict[str, str]:
    """By relation, the address; checked to be of the public origin."""
    origin = f"{answer.url.scheme}://{answer.url.authority}/"
    found = {}
    for part in filter(None, answer.headers.get("Link", "").split(", <")):
        address, _, relation = part.lstrip("<").partition(">; rel=")
        assert address.startswith(origin)
        found[relation.strip('"')] = address.removeprefix(origin[:-1])
    return found


def with_limit(path: str, limit: int) -> str:
    return f"{path}{'&' if '?' in path else '?'}limit={limit}"


def kept(path: str) -> dict[str, list[str]]:
    """The filters in an address."""
    return {
        name: values
        for name, values in parse_qs(urlsplit(path).query).items()
        if name not in ("limit", "max_id", "min_id")
    }
