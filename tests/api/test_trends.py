"""What is talked about: several people have to use it, moderators can keep it out, and it is counted here alone."""

from __future__ import annotations

from typing import Any

import pytest

from fedserver.context import Server
from fedserver.trends import compute
from storage import previews
from tests.members import Person


@pytest.fixture
async def talk(server: Server, alice: Person, bob: Person) -> dict[str, Any]:
    """Both use one hashtag and link to one page; only alice uses another; bob's post is liked and boosted."""
    await alice.post("/api/v1/statuses", {"status": "#rare #rare #rare"})
    first = await alice.post("/api/v1/statuses", {"status": "#Shared https://a.example/page"})
    second = await bob.post("/api/v1/statuses", {"status": "#shared https://a.example/page"})
    page = {"url": "https://a.example/page", "title": "A page", "author_id": None}
    preview_id = await server.db.write(previews.put, "https://a.example/page", page)
    for one in (first, second):
        await server.db.write(previews.show, int(one["id"]), preview_id)
    await alice.post(f"/api/v1/statuses/{second['id']}/favourite")
    await alice.post(f"/api/v1/statuses/{second['id']}/reblog")
    await bob.post(f"/api/v1/statuses/{first['id']}/favourite")
    await compute(server, {})
    return {"first": first, "second": second, "preview_id": preview_id}


async def test_what_several_people_use_is_shown(alice: Person, talk: dict[str, Any]) -> None:
    (tag,) = await alice.get("/api/v1/trends/tags")
    assert (tag["name"], tag["following"], len(tag["history"])) == ("Shared", False, 7)
    assert (tag["history"][0]["uses"], tag["history"][0]["accounts"]) == ("2", "2")
    assert await alice.get("/api/v1/trends") == [tag]
    (status,) = await alice.get("/api/v1/trends/statuses")
    assert status["id"] == talk["second"]["id"]
    (link,) = await alice.get("/api/v1/trends/links")
    assert (link["title"], link["history"][0]["accounts"]) == ("A page", "2")
    assert await alice.get("/api/v1/trends/links?offset=1") == []


async def test_what_a_moderator_rejects_is_not(
    server: Server, alice: Person, admin: Person, talk: dict[str, Any]
) -> None:
    (tag,) = await alice.get("/api/v1/trends/tags")
    await admin.post(f"/api/v1/admin/trends/tags/{tag['id']}/reject")
    await admin.post(f"/api/v1/admin/trends/links/{talk['preview_id']}/reject")
    await admin.post(f"/api/v1/admin/trends/statuses/{talk['second']['id']}/reject")
    await compute(server, {})
    for kind in ("tags", "links", "statuses"):
        assert await alice.get(f"/api/v1/trends/{kind}") == []


async def test_somebody_blocked_is_left_out_for_who_blocks(
    server: Server, alice: Person, bob: Person, talk: dict[str, Any]
) -> None:
    await alice.post(f"/api/v1/accounts/{bob.account_id}/block")
    assert await alice.get("/api/v1/trends/statuses") == []
    assert len(await bob.get("/api/v1/trends/statuses")) == 1
