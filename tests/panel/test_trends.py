"""Hashtags and what is talked about, in the panel: each list, what is decided there, and that it can be decided otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from fedserver.context import Server
from fedserver.trends import compute
from storage import review
from storage.paging import Window
from tests.api.test_trends import talk
from tests.members import Person
from tests.pages.conftest import browser, signed_in
from tests.pages.visitor import Page, Visitor

__all__ = ["browser", "signed_in", "talk"]

HERE = "/mod/tags"


@pytest.fixture
async def mo(talk: dict[str, Any], signed_in: Any) -> Visitor:
    """A moderator with a browser, where two people talk about something."""
    found: Visitor = await signed_in("mo", role="moderator")
    return found


def entries(page: Page) -> list[str]:
    assert (page.status, page.problems) == (200, [])
    return [" ".join(one.text_content().split()) for one in page.all("li", class_="entry")]


async def trends(server: Server, alice: Person) -> dict[str, int]:
    """How much of each kind is talked about."""
    await compute(server, {})
    return {kind: len(await alice.get(f"/api/v1/trends/{kind}")) for kind in ("tags", "links", "statuses")}


async def test_what_trends_is_rejected_and_allowed_again(
    server: Server, alice: Person, mo: Visitor, talk: dict[str, Any]
) -> None:
    assert await trends(server, alice) == {"tags": 1, "links": 1, "statuses": 1}
    page = await mo.open("/mod")
    assert [one.get("href") for one in page.all("main")[0].iter("a")].count(
        HERE
    ) == 2  # the navigation, and the way
    (shared,) = [one for one in await server.db.read(review.tags, Window()) if one.key == "shared"]
    ways = {
        HERE: (f"{HERE}/{shared.id}", "#Shared"),
        f"{HERE}/links": (f"{HERE}/links/{talk['preview_id']}", "A page"),
        f"{HERE}/posts": (f"{HERE}/posts/{talk['second']['id']}", "@bob"),
    }
    for path, (base, name) in ways.items():
        page = await mo.open(path)
        entry = next(one for one in entries(page) if name in one)
        assert "nobody has decided" in entry
        page = await mo.submit(page, f"{base}/reject")
        assert page.url.endswith(f"{path}?done=trend-rejected")
    assert await trends(server, alice) == {"tags": 0, "links": 0, "statuses": 0}

    # Links and posts are in their lists no more, but found where they can be allowed.
    assert entries(await mo.open(f"{HERE}/links")) == entries(await mo.open(f"{HERE}/posts")) == []
    page = await mo.open(f"{HERE}/rejected")
    post, link = entries(page)
    assert all(one in post for one in ("@bob", "#shared", "Allow"))
    assert all(one in link for one in ("A page", "Allow"))
    for base, _ in list(ways.values())[1:]:
        page = await mo.submit(await mo.open(f"{HERE}/rejected"), f"{base}/approve")
    assert "Nothing was rejected" in page.words()
    page = await mo.submit(await mo.open(HERE), f"{HERE}/{shared.id}/approve")
    assert await trends(server, alice) == {"tags": 1, "links": 1, "statuses": 1}
    log = " ".join((await mo.open("/mod/log")).words().split())
    assert "mo refused: among what is talked about, the link https://a.example/page" in log
    assert f"mo approved: among what is talked about, the post {talk['second']['url']}" in log
    assert "mo changed: the hashtag Shared" in log


async def test_a_site_is_rejected_with_its_pages(server: Server, alice: Person, mo: Visitor) -> None:
    page = await mo.open(f"{HERE}/sites")
    assert entries(page)[0].startswith("a.example nobody has decided")
    page = await mo.submit(page, f"{HERE}/sites/reject")
    assert entries(page)[0].startswith("a.example rejected")
    assert (await trends(server, alice))["links"] == 0
    await mo.submit(await mo.open(f"{HERE}/rejected"), f"{HERE}/sites/approve")
    assert (await trends(server, alice))["links"] == 1


async def test_it_is_said_what_may_be_done_with_a_hashtag(server: Server, alice: Person, mo: Visitor) -> None:
    page = await mo.open(f"{HERE}/all")
    assert ["#rare" in one for one in entries(page)] == [False, True]
    (shared,) = [one for one in await server.db.read(review.tags, Window()) if one.key == "shared"]
    here = f"{HERE}/{shared.id}"
    page = await mo.open(here)
    assert not page.problems
    assert "nobody has decided about it" in page.words()
    (way,) = [one for one in page.all("form") if one.get("action") == here]
    for box in way.iter("input"):
        if box.get("name") in ("usable", "listable"):
            del box.attrib["checked"]
    page = await mo.submit(page, here, {"name": "SHared"})
    assert "Your changes are saved." in page.words()
    row: Any = await server.db.read(review.tag, shared.id)
    assert (row.name, bool(row.usable), bool(row.listable), bool(row.trendable)) == (
        "SHared",
        False,
        False,
        True,
    )
    assert (await trends(server, alice))["tags"] == 0
    entry = entries(await mo.open(HERE))[0]
    assert all(one in entry for one in ("#SHared", "allowed", "not to be used", "not proposed"))

    page = await mo.submit(page, here, {"name": "Scared"}, choose={"usable": "1"})
    assert (page.status, page.problems) == (422, [])
    assert "capitals alone" in page.all("span", id="name-problem")[0].text_content()
    assert page.all("input", id="name")[0].get("value") == "Scared"
    ticked = [one.get("name") for one in page.all("input", type="checkbox") if one.get("checked") is not None]
    assert ticked == ["trendable", "usable"]
