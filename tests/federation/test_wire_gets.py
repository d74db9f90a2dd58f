"""What other servers may read of ours, signed and unsigned."""

from __future__ import annotations

import pytest

from fedserver import posts, settings
from storage import instances
from tests.federation.stub import Door, Stub
from tests.members import Person


async def test_secure_mode_asks_who_reads(door: Door, there: Stub, alice: Person) -> None:
    ann = there.actor("ann")
    assert (await door.get("/users/alice"))[0] == 401
    status, document = await door.get("/users/alice", ann)
    assert (status, document["preferredUsername"]) == (200, "alice")
    assert (await door.get("/users/nobody", ann))[0] == 404


async def test_the_servers_own_actor_is_open(door: Door, there: Stub) -> None:
    status, document = await door.get("/actor")
    assert (status, document["type"]) == (200, "Application")
    assert (await door.get("/actor", there.actor("ann")))[0] == 200
    assert there.asked == []  # nobody is asked back, or two servers would wait for each other


async def test_a_blocked_server_reads_nothing(door: Door, there: Stub, alice: Person) -> None:
    ann = there.actor("ann")
    await door.server.db.write(instances.set_rules, there.host, policy="reject")
    assert (await door.get("/users/alice", ann))[0] == 403


@pytest.mark.parametrize("visibility", ["followers", "direct", "members"])
async def test_private_posts_are_like_missing_ones(
    door: Door, there: Stub, alice: Person, visibility: str
) -> None:
    ann = there.actor("ann")
    post_id = await posts.create(door.server, alice.member, posts.Draft("Hush", visibility=visibility))
    missing, hidden = await door.get("/posts/1", ann), await door.get(f"/posts/{post_id}", ann)
    assert (missing[0], missing) == (404, hidden)
    status, outbox = await door.get("/users/alice/outbox?page=true", ann)
    assert (status, outbox["orderedItems"]) == (200, [])


async def test_a_follower_reads_what_is_for_followers(door: Door, there: Stub, alice: Person) -> None:
    ann = there.actor("ann")
    await door.takes(ann, ann.says("Follow", door.server.uris.actor("alice")))
    post_id = await posts.create(door.server, alice.member, posts.Draft("Friends", visibility="followers"))
    status, document = await door.get(f"/posts/{post_id}", ann)
    assert (status, "Friends" in document["content"]) == (200, True)


async def test_a_deleted_post_leaves_a_tombstone(door: Door, there: Stub, alice: Person) -> None:
    post_id = await posts.create(door.server, alice.member, posts.Draft("Short lived"))
    await posts.delete_post(door.server, alice.member, post_id)
    status, document = await door.get(f"/posts/{post_id}", there.actor("ann"))
    assert (status, document["type"]) == (410, "Tombstone")


@pytest.mark.parametrize(
    "part", ["outbox", "followers", "following", "collections/featured", "collections/tags"]
)
async def test_every_collection_is_there(door: Door, there: Stub, alice: Person, part: str) -> None:
    status, document = await door.get(f"/users/alice/{part}", there.actor("ann"))
    assert (status, document["type"], document["totalItems"]) == (200, "OrderedCollection", 0)


async def test_followers_are_told_to_their_own_server_only(
    door: Door, there: Stub, elsewhere: Stub, alice: Person
) -> None:
    ann, mallory = there.actor("ann"), elsewhere.actor("mallory")
    await door.takes(ann, ann.says("Follow", door.server.uris.actor("alice")))
    path = "/users/alice/followers_synchronization"
    assert (await door.get(path, ann))[1]["orderedItems"] == [ann.uri]
    assert (await door.get(path, mallory))[1]["orderedItems"] == []
    assert (await door.get(path))[0] == 401


async def test_people_are_led_to_pages(door: Door, alice: Person) -> None:
    post_id = await posts.create(door.server, alice.member, posts.Draft("Hello"))
    for path, page in (("/users/alice", "/@alice"), (f"/posts/{post_id}", f"/@alice/{post_id}")):
        async with door.client.get(path, headers={"Accept": "text/html"}, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (302, door.server.config.origin + page)


async def test_an_open_server_shows_open_posts_to_all(door: Door, alice: Person) -> None:
    await door.server.db.write(settings.store, door.server.config, {"secure_mode": False})
    post_id = await posts.create(door.server, alice.member, posts.Draft("Open"))
    headers = {"Accept": "application/activity+json"}
    async with door.client.get(f"/posts/{post_id}", headers=headers) as answer:
        assert (answer.status, answer.headers["Vary"]) == (200, "Accept, Signature")
        assert answer.headers["Content-Type"].startswith("application/activity+json")
        tag = answer.headers["ETag"]
    async with door.client.get(f"/posts/{post_id}", headers=headers | {"If-None-Match": tag}) as answer:
        assert answer.status == 304


async def test_inboxes_are_not_read(door: Door, alice: Person) -> None:
    assert (await door.get("/users/alice/inbox"))[0] == 405
