"""Groups of other servers: what they hand on is believed for who did it, shown once, and touches nothing but theirs."""

from __future__ import annotations

import time
from typing import Any

import pytest

from activitypub.names import PUBLIC
from activitypub.signatures import PrivateKey, with_proof
from fedserver import posts
from fedserver.errors import Forbidden
from fedserver.federation import fetch, group_places
from fedserver.posts import Draft
from storage import group_threads, inbox
from storage import posts as stored_posts
from tests.conftest import MakeMember
from tests.federation.guild import Guild
from tests.federation.stub import Door, Stub, StubActor
from tests.members import Person


@pytest.fixture
async def guild(door: Door, there: Stub, elsewhere: Stub, alice: Person) -> Guild:
    return await Guild.found(door, there, elsewhere.actor("mod"), alice)


@pytest.fixture
async def ann(elsewhere: Stub) -> StubActor:
    """Who posts in the group, of another server than its."""
    return elsewhere.actor("ann")


async def home(person: Person) -> list[str]:
    return [(one["reblog"] or one)["uri"] for one in await person.get("/api/v1/timelines/home")]


async def test_an_accept_makes_a_member_of_the_group(guild: Guild, alice: Person) -> None:
    row = await guild.row()
    assert (row.access, row.posting, row.join_mode, row.allows_downvotes) == (
        "public", "anybody", "open", True,
    )  # fmt: skip
    assert await guild.role_of(guild.door.server.uris.actor("alice")) == "member"
    await guild.door.takes(
        guild.actor, guild.actor.says("Reject", {"type": "Follow", "actor": f"{guild.door.server.uris.actor('alice')}"})
    )  # fmt: skip
    assert await guild.role_of(guild.door.server.uris.actor("alice")) is None


async def test_a_thread_comes_home_once_however_it_is_announced(
    guild: Guild, ann: StubActor, alice: Person
) -> None:
    page = guild.page(ann, "Which editor?")
    wrapped, plain = guild.hands_on(guild.does(ann, "Create", page)), guild.actor.says("Announce", page["id"])
    await guild.door.takes(guild.actor, wrapped, plain)
    assert await home(alice) == [page["id"]]
    thread = await guild.thread(page)
    assert (thread.group_id, thread.title, len(await guild.boosts())) == (guild.group_id, "Which editor?", 1)


async def test_a_thread_that_is_only_boosted_is_in_the_group_too(
    guild: Guild, ann: StubActor, alice: Person
) -> None:
    page = guild.page(ann)
    await guild.door.takes(guild.actor, guild.actor.says("Announce", page["id"]))
    assert (await guild.thread(page)).group_id == guild.group_id
    assert await home(alice) == [page["id"]]


async def test_answers_are_in_their_thread_and_not_in_timelines(
    guild: Guild, ann: StubActor, alice: Person
) -> None:
    page = await guild.begins(ann)
    first = guild.comment(ann, page)
    second = guild.comment(ann, first)
    # The second comes before the first, which is fetched for it.
    await guild.announces(guild.does(ann, "Create", second), guild.does(ann, "Create", first))
    assert (await guild.thread(page)).replies_count == 2
    assert (await guild.post(second)).group_id == guild.group_id
    assert await home(alice) == [page["id"]]


async def test_an_answer_brings_its_thread_into_the_group(guild: Guild, ann: StubActor) -> None:
    page = guild.page(ann)
    deep = guild.comment(ann, guild.comment(ann, page))
    await guild.announces(guild.does(ann, "Create", deep))
    thread = await guild.thread(page)
    assert (thread.group_id, thread.replies_count) == (guild.group_id, 2)


async def test_an_answer_that_two_find_out_at_once_is_counted_once(guild: Guild, ann: StubActor) -> None:
    page = await guild.begins(ann)
    comment = guild.comment(ann, page)
    answer_id = await fetch.post(guild.door.server, comment["id"])
    server, group = guild.door.server, await guild.row()
    row = await server.db.read(stored_posts.by_id, answer_id)
    assert row is not None
    # Both have read that it is in no group: one who fetches the thread, and one to whom the group has handed it on.
    assert (row.id, row.group_id) == (answer_id, None)
    assert await server.db.write(group_places.put_in, row, group)
    assert await server.db.write(group_places.put_in, row, group)
    assert (await guild.thread(page)).replies_count == 1


async def test_votes_edits_and_deletes_are_their_actors(guild: Guild, ann: StubActor) -> None:
    page = await guild.begins(ann)
    await guild.announces(guild.does(ann, "Dislike", page["id"]))
    assert ((await guild.post(page)).likes_count, await guild.dislikes(page)) == (0, 1)
    like = guild.does(ann, "Like", page["id"])
    await guild.announces(like)
    assert ((await guild.post(page)).likes_count, await guild.dislikes(page)) == (1, 0)
    await guild.announces(guild.does(ann, "Undo", like))
    assert (await guild.post(page)).likes_count == 0
    edited = page | {"content": "<p>Better</p>", "updated": "2099-01-01T00:00:00Z"}
    ann.stub.documents[page["id"].removeprefix(ann.stub.origin)] = edited
    await guild.announces(guild.does(ann, "Update", edited))
    assert (await guild.post(page)).content_html == "<p>Better</p>"
    await guild.announces(guild.does(ann, "Delete", page["id"]))
    assert await guild.post(page) is None


async def test_a_proof_saves_asking_the_origin(guild: Guild, ann: StubActor) -> None:
    key = PrivateKey.generate_ed25519(key_id=f"{ann.uri}#ed25519", owner_uri=ann.uri)
    ann.stub.documents["/users/ann"]["assertionMethod"] = [
        {"id": key.key_id, "type": "Multikey", "controller": ann.uri, "publicKeyMultibase": key.public_key.to_multibase()}
    ]  # fmt: skip
    page = guild.page(ann, served=False)
    said = with_proof(ann.says("Create", page, audience=guild.uri), key, now=time.time())
    await guild.announces(said | {"object": page | {"name": "Bent"}})
    assert await guild.post(page) is None
    await guild.announces(said)
    assert (await guild.thread(page)).title == "A thread"


async def test_moderators_lock_pin_and_remove(guild: Guild, ann: StubActor) -> None:
    page = await guild.begins(ann)
    mod = guild.mod
    lock = guild.does(mod, "Lock", page["id"], summary="Enough")
    await guild.announces(lock)
    assert (await guild.thread(page)).locked_at is not None
    await guild.announces(guild.does(mod, "Undo", lock))
    assert (await guild.thread(page)).locked_at is None
    pin = {"target": f"{guild.uri}/featured"}
    await guild.announces(guild.does(mod, "Add", page["id"], **pin))
    await guild.announces(guild.does(mod, "Remove", page["id"], **pin))
    removal = guild.does(mod, "Delete", page["id"], summary="Spam")
    await guild.announces(removal)
    assert await guild.post(page) is None
    assert await guild.log() == [
        ("lock", "Enough"),
        ("unlock", ""),
        ("pin", ""),
        ("unpin", ""),
        ("remove", "Spam"),
    ]


@pytest.mark.jobs
async def test_what_moderators_put_back_is_fetched_again(guild: Guild, ann: StubActor) -> None:
    from tests.waiting import until

    page = await guild.begins(ann)
    removal = guild.does(guild.mod, "Delete", page["id"], summary="Spam")
    await guild.announces(removal, guild.does(guild.mod, "Undo", removal))

    async def back() -> Any:
        return await guild.thread(page)

    assert (await until(back, "the thread is back")).group_id == guild.group_id


@pytest.mark.jobs
async def test_authors_put_back_what_they_deleted_and_their_neighbours_do_not(
    guild: Guild, ann: StubActor, elsewhere: Stub
) -> None:
    from tests.waiting import until

    page, neighbour = await guild.begins(ann), elsewhere.actor("neighbour")
    deletion = guild.does(ann, "Delete", page["id"])
    await guild.announces(deletion)
    bent = guild.does(neighbour, "Delete", page["id"])
    await guild.announces(bent, guild.does(neighbour, "Undo", bent))
    assert await guild.door.server.db.read(inbox.is_buried, page["id"])
    await guild.announces(guild.does(ann, "Undo", deletion))

    async def back() -> Any:
        return await guild.thread(page)

    assert (await until(back, "the thread is back")).group_id == guild.group_id


async def test_authors_do_not_put_back_what_moderators_removed(guild: Guild, ann: StubActor) -> None:
    page = await guild.begins(ann)
    await guild.announces(guild.does(guild.mod, "Delete", page["id"], summary="Spam"))
    deletion = guild.does(ann, "Delete", page["id"])
    await guild.announces(deletion, guild.does(ann, "Undo", deletion))
    assert await guild.door.server.db.read(inbox.is_buried, page["id"])


async def test_no_other_group_puts_back_what_a_group_removed(
    guild: Guild, ann: StubActor, third: Stub, alice: Person
) -> None:
    page = await guild.begins(ann)
    await guild.announces(guild.does(guild.mod, "Delete", page["id"], summary="Spam"))
    other = await Guild.found(guild.door, third, third.actor("other_mod"), alice)
    theirs = other.does(other.mod, "Delete", page["id"], summary="Spam")
    await other.announces(other.does(other.mod, "Undo", theirs))
    assert await guild.door.server.db.read(inbox.is_buried, page["id"])


async def test_who_moderates_is_what_the_groups_server_says(
    guild: Guild, ann: StubActor, third: Stub
) -> None:
    page = await guild.begins(ann)
    eve = third.actor("eve")
    await guild.announces(
        guild.does(eve, "Lock", page["id"]), guild.does(eve, "Delete", page["id"], summary="x")
    )
    assert (await guild.thread(page)).locked_at is None
    await guild.announces(guild.does(guild.mod, "Add", eve.uri, target=f"{guild.uri}/moderators"))
    assert await guild.role_of(eve.uri) == "moderator"
    await guild.announces(guild.does(eve, "Lock", page["id"]))
    assert (await guild.thread(page)).locked_at is not None
    await guild.announces(guild.does(guild.mod, "Remove", eve.uri, target=f"{guild.uri}/moderators"))
    assert await guild.role_of(eve.uri) is None


async def test_who_is_banned_learns_it(guild: Guild, alice: Person) -> None:
    me = guild.door.server.uris.actor("alice")
    ban = guild.does(guild.mod, "Block", me, target=guild.uri, summary="Rude", endTime="2099-01-01T00:00:00Z")
    await guild.announces(ban)
    assert await guild.role_of(me) is None
    draft = Draft("Hello", title="Hello", group_id=guild.group_id)
    with pytest.raises(Forbidden, match="You are banned"):
        await posts.create(guild.door.server, alice.member, draft)


async def test_a_members_own_post_leaves_the_group_and_stays_theirs(guild: Guild, alice: Person) -> None:
    server = guild.door.server
    post_id = await posts.create(server, alice.member, Draft("Hello", title="Hello", group_id=guild.group_id))
    ours = {"id": server.uris.post(post_id)}
    assert (await guild.thread(ours)).group_id == guild.group_id
    removal = guild.does(guild.mod, "Delete", ours["id"], summary="Not here")
    await guild.announces(removal)
    assert ((await guild.post(ours)).group_id, await guild.thread(ours)) == (None, None)
    await guild.announces(guild.does(guild.mod, "Undo", removal))
    assert (await guild.thread(ours)).group_id == guild.group_id


async def test_our_own_thread_comes_back_as_one_that_the_group_shows(
    guild: Guild, alice: Person, member: MakeMember
) -> None:
    bob = await member("bob")
    await guild.joined_by(bob)
    server = guild.door.server
    post_id = await posts.create(server, alice.member, Draft("Hello", title="Hello", group_id=guild.group_id))
    uri = server.uris.post(post_id)
    create = {"id": f"{uri}#create", "type": "Create", "actor": server.uris.actor("alice"), "object": uri}
    await guild.announces(create)
    assert await home(bob) == [uri]
    assert [one["reblog"] for one in await alice.get("/api/v1/timelines/home")] == [None]


async def test_what_is_for_members_stays_among_them(
    door: Door, there: Stub, elsewhere: Stub, alice: Person, bob: Person
) -> None:
    guild = await Guild.found(door, there, elsewhere.actor("mod"), alice, membersOnly=True)
    ann = elsewhere.actor("ann")
    followers = f"{guild.uri}/followers"
    page = guild.page(ann, to=[guild.uri, followers])
    await door.takes(
        guild.actor, guild.hands_on(guild.does(ann, "Create", page, to=[followers]), to=[followers])
    )
    row = await guild.post(page)
    assert (row.visibility, row.group_id) == ("group", guild.group_id)
    assert await home(alice) == [page["id"]]
    assert (await bob.raw("GET", f"/api/v1/statuses/{row.id}")).status == 404
    assert (await alice.raw("POST", f"/api/v1/statuses/{row.id}/reblog")).status in (403, 404, 422)


# Nobody's word but their own


async def test_only_a_group_that_somebody_follows_hands_on(
    guild: Guild, ann: StubActor, third: Stub, door: Door
) -> None:
    eve, club = third.actor("eve"), third.actor("club", "Group")
    page = guild.page(ann)
    create = guild.does(ann, "Create", page)
    await door.takes(eve, eve.says("Announce", create))
    await door.takes(club, club.says("Announce", create))
    assert await guild.post(page) is None


async def test_a_group_speaks_for_nobody_else(guild: Guild, ann: StubActor, there: Stub) -> None:
    page = await guild.begins(ann)
    neighbour = there.actor("neighbour")
    await guild.announces(
        ann.says("Update", page | {"content": "<p>Bent</p>", "updated": "2099-01-01T00:00:00Z"}, audience=guild.uri),
        ann.says("Like", page["id"], audience=guild.uri),
        neighbour.says("Like", page["id"], audience=guild.uri),
        ann.says("Create", guild.page(ann, served=False), audience=guild.uri),
    )  # fmt: skip
    row = await guild.post(page)
    assert (row.content_html, row.likes_count, row.edited_at) == ("<p>Text</p>", 0, None)
    assert len(await guild.boosts()) == 1


async def test_what_is_not_addressed_to_a_group_does_not_come_under_it(
    guild: Guild, ann: StubActor, door: Door, alice: Person, third: Stub
) -> None:
    elsewhere_said = guild.page(ann, audience="https://other.example/c/cats")
    plain = ann.note("To everybody", served=True)
    mine = await posts.create(door.server, alice.member, Draft("Mine"))
    await guild.announces(
        guild.does(ann, "Create", elsewhere_said), guild.does(ann, "Create", plain, audience=[])
    )
    await door.takes(guild.actor, guild.actor.says("Announce", plain["id"]))
    for document in (plain, {"id": door.server.uris.post(mine)}):
        await guild.announces(guild.does(guild.mod, "Delete", document["id"], summary="x"))
        assert (await guild.post(document)).group_id is None
    assert await guild.post(elsewhere_said) is None


async def test_a_moderator_of_one_group_is_nobody_in_another(
    guild: Guild, ann: StubActor, door: Door, third: Stub, alice: Person
) -> None:
    other = await Guild.found(door, third, third.actor("warden"), alice)
    page = await guild.begins(ann)
    await other.announces(
        other.does(other.mod, "Lock", page["id"]), other.does(other.mod, "Delete", page["id"], summary="x")
    )
    # Nor does one act without the group.
    await door.takes(guild.mod, guild.does(guild.mod, "Delete", page["id"], summary="x"))
    await door.takes(guild.mod, guild.does(guild.mod, "Lock", page["id"]))
    assert (await guild.thread(page)).locked_at is None


async def test_a_neighbour_of_the_group_is_nobody_without_it(
    guild: Guild, ann: StubActor, there: Stub, door: Door
) -> None:
    page, neighbour = await guild.begins(ann), there.actor("neighbour")
    await door.takes(
        neighbour,
        guild.does(neighbour, "Lock", page["id"]),
        guild.does(neighbour, "Delete", page["id"], summary="x"),
        guild.does(neighbour, "Add", page["id"], target=f"{guild.uri}/featured"),
        guild.does(neighbour, "Block", door.server.uris.actor("alice"), target=guild.uri),
        neighbour.says("Announce", guild.does(ann, "Delete", page["id"])),
    )
    assert (await guild.thread(page)).locked_at is None
    assert await guild.log() == []
    assert await guild.role_of(door.server.uris.actor("alice")) == "member"


async def test_a_thread_that_takes_no_answers_is_locked(guild: Guild, ann: StubActor) -> None:
    page = await guild.begins(ann, commentsEnabled=False)
    assert (await guild.thread(page)).locked_at is not None


async def test_an_activity_of_another_audience_is_not_the_groups(guild: Guild, ann: StubActor) -> None:
    page = guild.page(ann)
    await guild.announces(guild.does(ann, "Create", page, audience="https://other.example/c/cats"))
    assert await guild.post(page) is None


async def test_containers_are_announces_in_other_words(guild: Guild, ann: StubActor) -> None:
    wall = {"type": "OrderedCollection", "id": f"{guild.uri}/wall", "attributedTo": guild.uri}
    page, note = guild.page(ann), ann.note("On the wall", served=True, target=wall)
    await guild.door.takes(
        guild.actor,
        guild.actor.says("Add", guild.does(ann, "Create", page), target=wall),  # FEP-171b
        guild.actor.says("Add", note, target=wall),  # FEP-400e
    )
    for document in (page, note):
        assert (await guild.thread(document)).group_id == guild.group_id
    assert PUBLIC in page["to"]


# What was there before


@pytest.mark.jobs
async def test_what_a_group_has_shown_before_is_fetched_when_somebody_joins(
    door: Door, there: Stub, elsewhere: Stub, alice: Person
) -> None:
    from tests.waiting import until

    ann, mod = elsewhere.actor("ann"), elsewhere.actor("mod")
    name = "archive"
    club = there.actor(name, "Group", featured=f"{there.origin}/users/{name}/featured")
    group = {"to": [club.uri, PUBLIC], "cc": [], "audience": club.uri}
    lemmy, plain, pinned = (
        ann.note("Text", served=True, type="Page", name=title, **group)
        for title in ("Wrapped", "Plain", "Pinned")
    )
    foreign = ann.note("To everybody", served=True)
    there.documents[f"/users/{name}/outbox"] = {
        "type": "OrderedCollection",
        "id": f"{club.uri}/outbox",
        "orderedItems": [
            club.says("Announce", ann.says("Create", lemmy)),
            club.says("Announce", plain["id"]),
            club.says("Announce", ann.says("Like", lemmy["id"])),
            club.says("Announce", foreign["id"]),
        ],
    }
    there.documents[f"/users/{name}/featured"] = {
        "type": "OrderedCollection", "id": f"{club.uri}/featured", "orderedItems": [pinned],
    }  # fmt: skip
    guild = await Guild.found(door, there, mod, alice, existing=club)

    async def threads() -> Any:
        found = [await guild.thread(one) for one in (lemmy, plain, pinned)]
        return all(found) and found

    assert [one.title for one in await until(threads, "the threads are there")] == [
        "Wrapped",
        "Plain",
        "Pinned",
    ]
    assert sorted(await home(alice)) == sorted([lemmy["id"], plain["id"]])
    assert (await guild.post(foreign)).group_id is None
    pins = await door.server.db.read(group_threads.pinned_ids, guild.group_id)
    assert pins == [(await guild.post(pinned)).id]
