"""Collections: made, read, with the consent of whom they feature."""

from __future__ import annotations

from typing import Any

import pytest

from fedserver.context import Server
from tests.client import ApiError
from tests.conftest import MakeMember
from tests.members import Person
from tests.people import add_stranger


async def refused(coroutine: Any) -> int:
    with pytest.raises(ApiError) as error:
        await coroutine
    return error.value.status


async def test_a_collection_is_made_changed_and_read(
    server: Server, alice: Person, bob: Person, nobody: Person
) -> None:
    form = {
        "name": "Trainers",
        "description": "Who teach",
        "language": "en",
        "tag_name": "#Teaching",
        "sensitive": False,
        "discoverable": True,
        "account_ids": [bob.id],
    }
    made = (await alice.post("/api/v1/collections", form))["collection"]
    at = f"/api/v1/collections/{made['id']}"
    assert (made["name"], made["tag"]["name"], made["item_count"]) == ("Trainers", "Teaching", 1)
    assert made["items"][0]["account_id"] == bob.id
    told = (await bob.get("/api/v1/notifications"))[0]
    assert (told["type"], told["collection"]["id"]) == ("added_to_collection", made["id"])
    shown = await nobody.get(at)
    assert [one["acct"] for one in shown["accounts"]] == ["alice", "bob"]
    assert (await nobody.get("/api/v2/search", q=made["url"]))["collections"][0]["id"] == made["id"]
    changed = (await alice.put(at, {"name": "Teachers", "tag_name": ""}))["collection"]
    assert (changed["name"], changed["description"], changed["tag"]) == ("Teachers", "Who teach", None)
    assert (await bob.get("/api/v1/notifications"))[0]["type"] == "collection_update"
    listed = await nobody.get(f"/api/v1/accounts/{alice.id}/collections")
    assert [one["id"] for one in listed["collections"]] == [made["id"]]
    await alice.patch(at, {"discoverable": False})
    assert (await nobody.get(f"/api/v1/accounts/{alice.id}/collections"))["collections"] == []
    mine = await alice.get(f"/api/v1/accounts/{alice.id}/collections")
    assert [one["id"] for one in mine["collections"]] == [made["id"]]
    for unusable in ({"name": ""}, {"name": "x" * 41}, {"description": "x" * 101}, {"language": "!"}):
        assert await refused(alice.patch(at, unusable)) == 422
    for attempt in (
        bob.patch(at, {"name": "Mine"}),
        bob.delete(at),
        bob.post(f"{at}/items", {"account_id": bob.id}),
    ):
        assert await refused(attempt) == 403
    assert await refused(nobody.post("/api/v1/collections", form)) == 401
    await alice.delete(at)
    assert await refused(alice.get(at)) == 404
    assert await bob.get("/api/v1/notifications") == []


async def test_nobody_is_featured_against_their_will(
    server: Server, alice: Person, bob: Person, member: MakeMember
) -> None:
    made = (await alice.post("/api/v1/collections", {"name": "Friends"}))["collection"]
    items = f"/api/v1/collections/{made['id']}/items"
    carol = await member("carol")
    await bob.patch("/api/v1/profile", {"discoverable": False})
    await carol.patch("/api/v1/profile", {"locked": True})
    assert (await alice.get(f"/api/v1/accounts/{bob.id}"))["feature_approval"]["current_user"] == "denied"
    shy = (await alice.get(f"/api/v1/accounts/{carol.id}"))["feature_approval"]
    assert (shy["automatic"], shy["current_user"]) == (["followers"], "unknown")
    stranger_id = await server.db.write(lambda conn: add_stranger(conn, "stranger"))
    for account_id in (bob.id, carol.id, stranger_id):
        assert await refused(alice.post(items, {"account_id": account_id})) == 403
    assert await refused(alice.post(items)) == 422
    assert await refused(alice.post(items, {"account_id": "1"})) == 404
    # Somebody's followers may; and whoever is in takes themselves out for good.
    await alice.post(f"/api/v1/accounts/{carol.id}/follow")
    await carol.post(f"/api/v1/follow_requests/{alice.id}/authorize")
    item = (await alice.post(items, {"account_id": carol.id}))["collection_item"]
    assert (item["account_id"], item["state"]) == (carol.id, "accepted")
    assert await refused(alice.post(items, {"account_id": carol.id})) == 422
    within = await carol.get(f"/api/v1/accounts/{carol.id}/in_collections")
    assert [one["id"] for one in within["collections"]] == [made["id"]]
    assert await refused(alice.get(f"/api/v1/accounts/{carol.id}/in_collections")) == 403
    assert await refused(bob.post(f"{items}/{item['id']}/revoke")) == 403
    await carol.post(f"{items}/{item['id']}/revoke")
    assert (await alice.get(f"/api/v1/collections/{made['id']}"))["collection"]["items"] == []
    assert await refused(alice.post(items, {"account_id": carol.id})) == 403
    mine = (await alice.post(items, {"account_id": alice.id}))["collection_item"]
    await alice.delete(f"{items}/{mine['id']}")
    assert await refused(alice.delete(f"{items}/{mine['id']}")) == 404


async def test_how_many_there_can_be(alice: Person) -> None:
    for number in range(10):
        await alice.post("/api/v1/collections", {"name": f"No. {number}"})
    assert await refused(alice.post("/api/v1/collections", {"name": "One more"})) == 422
    first = await alice.raw("GET", f"/api/v1/accounts/{alice.id}/collections?limit=4")
    assert [one["name"] for one in (await first.json())["collections"]] == [
        "No. 9",
        "No. 8",
        "No. 7",
        "No. 6",
    ]
    assert "offset=4" in str(first.links["next"]["url"])
    last = await alice.raw("GET", f"/api/v1/accounts/{alice.id}/collections?limit=4&offset=8")
    assert set(last.links) == {"prev"}
    role = (await alice.get("/api/v1/accounts/verify_credentials"))["role"]
    assert role["collection_limit"] == 10


async def test_a_post_shows_the_collections_it_links_to(alice: Person, bob: Person) -> None:
    made = (await alice.post("/api/v1/collections", {"name": "Friends", "account_ids": [bob.id]}))[
        "collection"
    ]
    status = await bob.post("/api/v1/statuses", {"status": f"Look: {made['url']}"})
    assert [one["id"] for one in status["tagged_collections"]] == [made["id"]]
    at = f"/api/v1/statuses/{status['id']}"
    await alice.delete(f"/api/v1/collections/{made['id']}/items/{made['items'][0]['id']}")
    await alice.patch(f"/api/v1/collections/{made['id']}", {"name": "Foes"})
    shown = (await bob.get(at))["tagged_collections"][0]
    assert (shown["name"], shown["item_count"]) == ("Foes", 0)
    await bob.put(at, {"status": "Never mind"})
    assert (await bob.get(at))["tagged_collections"] == []
