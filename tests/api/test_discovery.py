"""One's own profile as apps edit it; the directory; whom to follow."""

from __future__ import annotations

from typing import Any

import pytest

from fedserver.context import Server
from fedserver.federation.documents import Documents
from tests.api.uploads import picture
from tests.client import ApiError
from tests.members import Person
from tests.people import add_stranger


@pytest.fixture
def server_settings() -> dict[str, str]:
    return {"featured_accounts": "@star@there.example"}


async def test_a_profile_is_read_and_changed_as_a_whole(
    server: Server, alice: Person, nobody: Person
) -> None:
    changes = {
        "display_name": "Alice",
        "note": "Teaches",
        "show_media": False,
        "show_media_replies": "false",
        "show_featured": False,
        "attribution_domains": ["https://Blog.example/", "news.example"],
        "indexable": True,
        "hide_collections": True,
        "avatar_description": "A face",
        "fields_attributes": {"0": {"name": "Lab", "value": "Here"}},
    }
    changed = await alice.put("/api/v1/profile", changes)
    assert changed == await alice.get("/api/v1/profile")
    shown = {
        name: changed[name] for name in ("show_media", "show_media_replies", "show_featured", "indexable")
    }
    assert shown == {
        "show_media": False,
        "show_media_replies": False,
        "show_featured": False,
        "indexable": True,
    }
    assert changed["attribution_domains"] == ["blog.example", "news.example"]
    assert (changed["note"], changed["formatted_note"]) == ("Teaches", "<p>Teaches</p>")
    assert changed["fields"][0]["value"] == "Here"
    assert (await alice.patch("/api/v1/profile", {"attribution_domains": []}))["attribution_domains"] == []
    with pytest.raises(ApiError) as refused:
        await alice.patch("/api/v1/profile", {"attribution_domains": ["no domain"]})
    assert refused.value.status == 422
    seen = await nobody.get(f"/api/v1/accounts/{alice.id}")
    assert (seen["show_media"], seen["show_featured"]) == (False, False)
    documents: Documents = server.publish.documents
    actor = await server.db.read(documents.actor_document, alice.account_id)
    assert (actor["showMedia"], actor["showRepliesInMedia"], actor["showFeatured"]) == (False, False, False)
    for kind in ("avatar", "header"):
        answer = await alice.raw("PATCH", "/api/v1/profile", data={kind: picture()})
        assert (await answer.json())[kind], kind
        assert (await alice.delete(f"/api/v1/profile/{kind}"))["source"]["note"] == "Teaches"
        assert (await alice.get("/api/v1/profile"))[kind] is None


async def test_the_directory_lists_who_wants_to_be_found(
    server: Server, alice: Person, bob: Person, nobody: Person
) -> None:
    await server.db.write(lambda conn: add_stranger(conn, "shown", discoverable=True))
    await server.db.write(lambda conn: add_stranger(conn, "hidden", discoverable=False))
    await alice.post("/api/v1/statuses", {"status": "I am active"})

    async def names(person: Person, **query: Any) -> list[str]:
        return [one["acct"] for one in await person.get("/api/v1/directory", **query)]

    assert await names(nobody, order="new") == ["shown@there.example", "bob", "alice"]
    assert (await names(nobody))[0] == "alice"
    assert set(await names(nobody, local="true")) == {"alice", "bob"}
    assert await names(nobody, order="new", limit=1, offset=1) == ["bob"]
    await bob.post(f"/api/v1/accounts/{alice.id}/mute")
    assert "alice" not in await names(bob)
    assert await nobody.get("/api/v1/peers/search", q="ther") == ["there.example"]
    assert await nobody.get("/api/v1/peers/search", q="elsewhere") == []


async def test_suggestions_say_why_and_go_for_good(
    server: Server, alice: Person, bob: Person, member: Any
) -> None:
    carol, dave = await member("carol"), await member("dave")
    star_id = await server.db.write(lambda conn: add_stranger(conn, "star", discoverable=True))
    for follower, followed in ((alice, bob), (bob, carol), (dave, carol)):
        await follower.post(f"/api/v1/accounts/{followed.id}/follow")

    async def suggested() -> dict[str, Any]:
        return {one["account"]["acct"]: one for one in await alice.get("/api/v2/suggestions")}

    found = await suggested()
    assert list(found) == ["carol", "star@there.example"]
    assert found["carol"]["sources"] == ["friends_of_friends", "most_followed"]
    assert (found["star@there.example"]["sources"], found["star@there.example"]["source"]) == (
        ["featured"],
        "staff",
    )
    assert [one["acct"] for one in await alice.get("/api/v1/suggestions", limit=1)] == ["carol"]
    assert await alice.delete(f"/api/v1/suggestions/{carol.id}") == {}
    assert list(await suggested()) == ["star@there.example"]
    await alice.post(f"/api/v1/accounts/{star_id}/block")
    assert await suggested() == {}
    familiar = await alice.get(f"/api/v1/accounts/familiar_followers?id[]={carol.id}&id[]={dave.id}")
    assert {one["id"]: [who["acct"] for who in one["accounts"]] for one in familiar} == {
        carol.id: ["bob"],
        dave.id: [],
    }
    await bob.patch("/api/v1/profile", {"hide_collections": True})
    familiar = await alice.get(f"/api/v1/accounts/familiar_followers?id[]={carol.id}")
    assert familiar[0]["accounts"] == []
