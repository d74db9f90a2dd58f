"""Hashtags: how much they are used, those a member follows or features, and timelines of several of them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from fedserver import settings
from fedserver.context import Server
from storage import accounts, posts
from tests.api.test_statuses import say
from tests.api.uploads import upload
from tests.members import Person
from tests.people import add_post, add_stranger


async def test_posts_with_a_followed_hashtag_come_home(alice: Person, bob: Person) -> None:
    tag = await alice.post("/api/v1/tags/Bioinformatics/follow")
    assert (tag["name"], tag["following"], tag["featuring"]) == ("Bioinformatics", True, False)
    wanted = await say(bob, "about #bioinformatics and #more")
    for other in ("private", "unlisted"):
        await say(bob, "#bioinformatics", visibility=other)
    await say(bob, "#biology")
    assert [one["id"] for one in await alice.get("/api/v1/timelines/home")] == [wanted["id"]]
    await alice.post("/api/v1/tags/more/follow")
    page = await alice.raw("GET", "/api/v1/followed_tags?limit=1")
    assert [one["name"] for one in await page.json()] == ["more"]
    older = await alice.get(page.links["next"]["url"].raw_path_qs)
    assert [one["name"] for one in older] == ["Bioinformatics"]
    await alice.post(f"/api/v1/accounts/{bob.id}/mute")
    await say(bob, "#bioinformatics again")
    assert await alice.get("/api/v1/timelines/home") == []
    assert (await alice.post("/api/v1/tags/more/unfollow"))["following"] is False
    assert len(await alice.get("/api/v1/followed_tags")) == 1


async def test_a_hashtag_tells_how_much_it_was_used(
    server: Server, alice: Person, bob: Person, nobody: Person
) -> None:
    for person in (alice, alice, bob):
        await say(person, "#workshop")
    await say(alice, "#workshop", visibility="private")
    tag = await nobody.get("/api/v1/tags/workshop")
    assert (len(tag["history"]), "following" in tag) == (7, False)
    today, *before = tag["history"]
    assert (today["uses"], today["accounts"], int(today["day"]) % 86_400) == ("3", "2", 0)
    assert all(one["uses"] == one["accounts"] == "0" for one in before)
    found = await alice.get("/api/v2/search", q="#works", type="hashtags")
    assert found["hashtags"] == [tag | {"following": False, "featuring": False}]
    assert (await nobody.get("/api/v1/tags/unheardof"))["history"][0]["uses"] == "0"


async def test_a_profile_features_hashtags(
    server: Server, alice: Person, bob: Person, nobody: Person
) -> None:
    status = await say(alice, "#Training #course")
    await say(bob, "#training")
    await say(alice, "#training", visibility="private")
    assert [one["name"] for one in await alice.get("/api/v1/featured_tags/suggestions")] == [
        "course",
        "Training",
    ]
    made = await alice.post("/api/v1/featured_tags", {"name": "training"})
    assert (made["statuses_count"], made["last_status_at"]) == ("1", status["created_at"][:10])
    assert await nobody.get(f"/api/v1/accounts/{alice.id}/featured_tags") == [made]
    for name in ("training", "not one", ""):
        assert (await alice.raw("POST", "/api/v1/featured_tags", json={"name": name})).status == 422

    def federated(conn: Connection) -> Any:
        row = accounts.by_id(conn, alice.account_id)
        assert row is not None
        return server.publish.documents.featured_tags(conn, row)

    assert [one["name"] for one in (await server.db.read(federated))["orderedItems"]] == ["#training"]
    course = await alice.get("/api/v1/tags/course")
    assert (await alice.post(f"/api/v1/tags/{course['id']}/feature"))["featuring"] is True
    assert len(await alice.get("/api/v1/featured_tags")) == 2
    assert (await alice.post("/api/v1/tags/course/unfeature"))["featuring"] is False
    assert (await bob.raw("DELETE", f"/api/v1/featured_tags/{made['id']}")).status == 404
    assert await alice.delete(f"/api/v1/featured_tags/{made['id']}") == {}
    assert await alice.get("/api/v1/featured_tags") == []


async def test_a_timeline_of_hashtags_joins_and_excludes(server: Server, alice: Person, bob: Person) -> None:
    drawn = await upload(bob)
    said = {
        "a": await say(bob, "#a"),
        "ab": await say(bob, "#a #b"),
        "b": await say(bob, "#b", media_ids=[drawn["id"]]),
        "abc": await say(bob, "#a #b #c"),
    }
    names = {one["id"]: name for name, one in said.items()}

    def far(conn: Connection) -> int:
        post_id = add_post(conn, add_stranger(conn, "far"), local=False)
        posts.put_tags(conn, post_id, {"a": "a"}, new=True)
        return post_id

    names[str(await server.db.write(far))] = "far"

    async def read(tag: str, **query: Any) -> list[str]:
        return [names[one["id"]] for one in await alice.get(f"/api/v1/timelines/tag/{tag}", **query)]

    assert await read("A") == ["far", "abc", "ab", "a"]
    assert await read("a", **{"any[]": "b"}) == ["far", "abc", "b", "ab", "a"]
    assert await read("a", **{"all[]": "b"}) == ["abc", "ab"]
    assert await read("a", **{"all[]": "b", "none[]": "c"}) == ["ab"]
    assert await read("b", only_media="true") == ["b"]
    assert await read("a", local="true") == ["abc", "ab", "a"]
    assert await read("a", remote="true") == ["far"]
    page = await alice.raw("GET", "/api/v1/timelines/tag/a?any[]=b&local=true&limit=2")
    rest = page.links["next"]["url"]
    assert [names[one["id"]] for one in await alice.get(rest.raw_path_qs)] == ["ab", "a"]
    assert rest.query.getall("any[]") == ["b"]
    assert rest.query["local"] == "true"


async def test_an_admin_decides_who_reads_open_timelines(
    server: Server, alice: Person, admin: Person, nobody: Person
) -> None:
    await say(alice, "#open")
    decided = {"local_live_feed_access": "disabled", "remote_topic_feed_access": "authenticated"}
    await settings.change(server, admin.member, decided)
    for path, status in (
        ("/api/v1/timelines/public", 401),
        ("/api/v1/timelines/public?local=true", 401),
        ("/api/v1/timelines/public?remote=true", 200),
        ("/api/v1/timelines/tag/open", 401),
        ("/api/v1/timelines/tag/open?local=true", 200),
    ):
        assert (await nobody.raw("GET", path)).status == status, path
    assert await alice.get("/api/v1/timelines/public", local="true") == []
    assert await alice.get("/api/v1/timelines/public") == []
    assert len(await admin.get("/api/v1/timelines/public")) == 1
    shown = (await nobody.get("/api/v2/instance"))["configuration"]["timelines_access"]
    assert shown["live_feeds"] == {"local": "disabled", "remote": "public"}
    assert shown["hashtag_feeds"] == {"local": "public", "remote": "authenticated"}
