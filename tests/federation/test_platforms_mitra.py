"""What Mitra and Smithereen really sent, or have as samples in their tests and documentation, replayed as conversations."""

from __future__ import annotations

from typing import Any, Final

import pytest

from activitypub.names import ACTIVITY_JSON
from fedserver import posts, relationships
from fedserver.federation import fetch
from fedserver.posts import Draft, PollDraft
from storage import group_threads
from storage import posts as stored_posts
from tests.federation.replay import Stage, replays
from tests.federation.stub import Door, Stub, StubActor
from tests.groups.conftest import MakeGroup, make_group
from tests.members import Person
from tests.waiting import until

__all__ = ["make_group"]


async def followed_by(alice: Person, door: Door, actor: StubActor) -> int:
    """The account of somebody whom alice follows from now on."""
    account_id = await fetch.account(door.server, actor.uri)
    assert account_id is not None
    await relationships.follow(door.server, alice.member, account_id)
    me = door.server.uris.actor("alice")
    await door.takes(actor, actor.says("Accept", {"type": "Follow", "actor": me, "object": actor.uri}))
    return account_id


def jrd_of(actor: StubActor) -> dict[str, Any]:
    link = {"rel": "self", "type": ACTIVITY_JSON, "href": actor.uri}
    return {"subject": f"acct:{actor.name}@{actor.stub.host}", "links": [link]}


# In groups


@replays("mitra", delivered="activities-create_post test-builders-note-03")
async def test_posts_of_mitra_in_a_group_of_ours(
    stage: Stage, door: Door, there: Stub, elsewhere: Stub, alice: Person, make_group: MakeGroup
) -> None:
    group_id, uri = await make_group(alice, "main"), door.server.uris.group("main")
    test, other = there.actor("test"), elsewhere.actor("test")
    stage.names = {
        "https://mitra.social/users/test": test.uri, "https://mitra.social": there.origin,
        "https://voyager.lemmy.ml/c/pubtest0906": uri, "https://server.example/users/test": other.uri,
        "https://server.example": elsewhere.origin, "https://social.example/group": uri,
    }  # fmt: skip
    create = stage.read("activities-create_post")
    await door.takes(test, create)
    row = await stage.post(create["object"])
    thread = await door.server.db.read(group_threads.by_id, row.id)
    assert (thread.group_id, thread.title, row.language) == (group_id, "Remote post 5", "da")
    # Without a word in it there is nothing to call it by.
    empty = stage.read("test-builders-note-03")
    await door.takes(other, other.says("Create", empty))
    thread = await door.server.db.read(group_threads.by_id, (await stage.post(empty)).id)
    assert (thread.group_id, thread.title) == (group_id, "…")


# What somebody posts

POSTED: Final[dict[str, str]] = {
    # The sample, and what was noted of it; "" where it was kept.
    "test-json_signatures-create-01": "a post without id",
    "test-json_signatures-create-02": "a post without id",
    "test-json_signatures-create-03": "a post without id",
    "test-json_signatures-create-04": "a post without id",
    "test-c2s-authorization-03": "it is addressed to nobody",
    "test-c2s-authorization-05": "it is addressed to nobody",
    "test-src-authentication-01": "a post without id",
    "test-src-authentication-02": "",
    "test-src-ownership-01": "",
    "test-src-ownership-02": "",
    "test-src-ownership-02-2": "",
    "test-src-utils-04": "",
    "test-handlers-note-01": "",
    "test-handlers-note-02": "",
    "test-builders-offer_agreement-01": "it offers nothing that is known here",
    "test-src-utils-02": "it is about nobody here",
}


@replays(
    "mitra",
    delivered=f"{' '.join(POSTED)} test-builders-note-01 test-handlers-question_vote-01"
    " docs-federation-04-subscription-events",
    served="pleroma-mitra.social_01830912-1357-d4c5-e4a2-76eab347e749",
)
async def test_what_people_of_mitra_post(stage: Stage, door: Door, there: Stub, alice: Person) -> None:
    author, silverpill, me = there.actor("author"), there.actor("silverpill"), door.server.uris.actor("alice")
    await followed_by(alice, door, author)
    people = [
        "https://example.org/users/test", "https://social.example/actors/1", "https://social.example/actor",
        "https://social.example/users/1", "https://local.example/users/payer", "https://server.example/users/alice",
    ]  # fmt: skip
    origins = [
        "https://example.org",
        "https://social.example",
        "https://local.example",
        "https://server.example",
    ]
    everywhere = {**dict.fromkeys(people, author.uri), **dict.fromkeys(origins, there.origin)}
    wrong = []
    for number, (name, expected) in enumerate(POSTED.items()):
        # Samples share a few ids, which are different posts here.
        at = {
            f"https://social.example/{one}/": f"{there.origin}/{one}/{number}-"
            for one in ("objects", "notes", "activities")
        }
        stage.names = everywhere | at | {"https://social.example/testobject": f"{there.origin}/testobject"}
        said = stage.read(name)
        if "actor" not in said or said["type"] == "Note":
            said = author.says("Create", said)
        said["id"] = author.uri_of("activities")
        (note,) = await stage.takes(author, said)
        row = (
            await stage.post(said["object"]["id"])
            if "id" in said["object"] and type(said["object"]) is dict
            else None
        )
        if not note.startswith(expected) or (note == "") != (row is not None and row.visibility == "public"):
            wrong.append(f"{name}: {note!r}, {row}")
    assert wrong == []
    # What was inside a post that was refused has not come in another way.
    assert (await stage.rows())["post"] == list(POSTED.values()).count("")

    stage.names = everywhere
    tag = stage.read("test-builders-note-01")
    tagged = author.note("About #test", tag=[tag])
    await door.takes(author, author.says("Create", tagged))
    row = await stage.post(tagged)
    found = await door.server.db.read(stored_posts.tags_of, [row.id])
    assert [one.name for one in found[row.id]] == ["test"]

    poll = PollDraft(("test", "no"), expires_in_s=3600)
    question = await posts.create(door.server, alice.member, Draft("Well?", poll=poll))
    stage.names = {"https://social.example/objects/121": door.server.uris.post(question), **everywhere}
    vote = stage.read("test-handlers-question_vote-01")
    await door.takes(author, author.says("Create", vote, to=[me]))
    options = await door.server.db.read(stored_posts.poll_options_of, [question])
    assert [one.votes_count for one in options[question]] == [1, 0]

    stage.names = {"https://server.example/users/bob": me, **everywhere}
    removal = stage.read("docs-federation-04-subscription-events")
    assert await stage.takes(author, removal) == ["the collection is not its actor's"]

    stage.names = {
        "https://mitra.social/users/silverpill": silverpill.uri,
        "https://mitra.social": there.origin,
    }
    note = stage.read("pleroma-mitra.social_01830912-1357-d4c5-e4a2-76eab347e749")
    stage.serve(there, note)
    (status,) = (await stage.pasted(alice, note))["statuses"]
    assert (status["visibility"], "FEP-e232" in status["content"]) == ("public", True)


# What somebody boosts


@replays(
    "mitra",
    delivered="test-handlers-announce-01 test-handlers-announce-02 test-src-ownership-01-2 test-c2s-authorization-06",
)
async def test_what_people_of_mitra_boost(
    stage: Stage, door: Door, there: Stub, elsewhere: Stub, alice: Person
) -> None:
    booster, ann = there.actor("booster"), elsewhere.actor("ann")
    await followed_by(alice, door, booster)
    for name, expected in (
        ("test-handlers-announce-01", "Boosted"), ("test-handlers-announce-02", "Boosted"),
        ("test-src-ownership-01-2", "Boosted"),
        # What is inside may be said by anybody: the origin says something else.
        ("test-c2s-authorization-06", "Boosted"),
    ):  # fmt: skip
        note = ann.note("Boosted", served=True)
        stage.names = {
            "https://example.com/users/1": booster.uri, "https://social.example/actors/1": booster.uri,
            "https://social.example/actors/2": ann.uri, "https://social.example/actor": booster.uri,
            "https://test.org/objects/999": note["id"], "https://social.example/objects/876": note["id"],
            "https://social.example/notes/1": note["id"], "https://example.com": there.origin,
            "https://social.example": there.origin,
        }  # fmt: skip
        boost = stage.read(name)
        boost["id"] = booster.uri_of("activities")
        assert await stage.takes(booster, boost) == [""]
        row, boosted = await stage.post(boost), await stage.post(note)
        assert (row.boost_of_id, boosted.content_html, boosted.boosts_count) == (
            boosted.id,
            f"<p>{expected}</p>",
            1,
        )


# Who somebody is


@pytest.mark.jobs
@replays(
    "mitra",
    delivered="test-c2s-authorization-01 docs-federation-02-fep7628-pull-mode",
    served="test-actors-builders-03 docs-federation-05-cryptocurrency-addresses-in-profile test-src-jrd-01"
    " test-src-jrd-02 test-builders-collection-01 test-builders-collection-02 test-src-utils-01 test-src-utils-05",
)
async def test_who_people_of_mitra_are(
    stage: Stage, door: Door, there: Stub, elsewhere: Stub, alice: Person
) -> None:
    server = door.server
    # Found by handle, with a field of their profile.
    field = stage.read("docs-federation-05-cryptocurrency-addresses-in-profile")
    user, second = there.actor("user", attachment=[field]), elsewhere.actor("user")
    for actor, host, name in (
        (user, "social.example", "test-src-jrd-01"),
        (second, "piefed.example", "test-src-jrd-02"),
    ):
        stage.names = {f"https://{host}/u/user": actor.uri, f"user@{host}": f"user@{actor.stub.host}"}
        stage.serve(actor.stub, stage.read(name), at="webfinger:user")
        found = await alice.get("/api/v2/search", q=f"@user@{actor.stub.host}", resolve="true")
        assert [one["url"] for one in found["accounts"]] == [actor.uri]
    stage.serve(there, there.documents["/users/user"])
    await fetch.account(server, user.uri, refresh=True)
    shown = await alice.get(f"/api/v1/accounts/{(await stage.account(user.uri)).id}")
    assert [(one["name"], one["value"]) for one in shown["fields"]] == [(field["name"], field["value"])]

    # What lists nothing is read when somebody is followed, and brings nothing.
    stage.names = {"https://example.social/collection": f"{user.uri}/outbox"}
    stage.serve(there, stage.read("test-builders-collection-01"))
    stage.names = {"https://example.social/collection": f"{user.uri}/featured"}
    stage.serve(there, stage.read("test-builders-collection-02"))
    await followed_by(alice, door, user)

    async def both_read() -> bool:
        return {"/users/user/outbox", "/users/user/featured"} <= set(there.asked)

    await until(both_read, "what they have posted and pinned is asked for")
    assert (await stage.rows())["post"] == 0

    # Empty keys replace nothing: whoever signs is whom their own server describes.
    stage.names = {"https://social.example/actors/1": user.uri, "https://social.example": there.origin}
    await stage.takes(user, stage.read("test-c2s-authorization-01"))
    note = user.note("Still me")
    assert await door.post(user, user.says("Create", note)) == 202

    # The new account alone says that the old one has moved: nobody follows it there for that.
    new = elsewhere.actor("newcomer", alsoKnownAs=[user.uri])
    stage.names = {
        "https://server2.example/users/alice": new.uri, "https://server1.example/users/alice": user.uri,
        "https://server2.example": elsewhere.origin, "https://server.example/users/bob": server.uris.actor("alice"),
    }  # fmt: skip
    assert await stage.takes(new, stage.read("docs-federation-02-fep7628-pull-mode")) == [
        "it moves somebody else"
    ]
    assert (await stage.account(user.uri)).moved_to_id is None

    # Actors that lack what is needed are none; a server's own has keys in two shapes.
    stage.names = {"https://social.example": there.origin, "https://group.example": there.origin}
    for name in ("test-src-utils-01", "test-src-utils-05"):
        document = stage.read(name)
        stage.serve(there, document)
        found = await stage.pasted(alice, document)
        assert (found["accounts"], found["statuses"], await stage.account(document["id"])) == ([], [], None)
    own = elsewhere.actor("server.example")
    stage.names = {"https://server.example/actor": own.uri, "https://server.example": elsewhere.origin}
    document = stage.read("test-actors-builders-03")
    stage.serve(elsewhere, document)
    assert await fetch.account(server, own.uri) is not None
    assert (await stage.account(own.uri)).actor_type == "Application"


# What somebody publishes that is no post


@replays(
    "mitra",
    served="test-builders-affiliation-01 test-builders-agreement-01 test-builders-proposal-01"
    " test-json_signatures-create-05 test-json_signatures-verify-02 test-src-ownership-04",
)
async def test_what_is_of_no_known_kind_shows_what_it_has(
    stage: Stage, door: Door, there: Stub, alice: Person
) -> None:
    alice_there, second = there.actor("alice"), there.actor("second")
    kept = {
        # For nobody in particular: it is kept, and nobody sees it.
        "test-builders-affiliation-01": (True, ""),
        "test-builders-agreement-01": (True, ""),
        "test-builders-proposal-01": (True, "Pay for subscription"),
        # Without an author there is no post.
        "test-json_signatures-create-05": (False, ""),
        "test-json_signatures-verify-02": (False, ""),
        # It has an inbox, and says that it is a post: that is what it is.
        "test-src-ownership-04": (True, ""),
    }
    for name, (is_kept, shown) in kept.items():
        stage.names = {
            "https://social.example/users/group": alice_there.uri, "https://test.example/users/alice/": f"{there.origin}/of/",
            "https://test.example/users/alice": alice_there.uri, "https://social.example/actors/2": second.uri,
            **dict.fromkeys(("https://social.example", "https://test.example", "https://example.org"), there.origin),
            "https://server.example": there.origin,
        }  # fmt: skip
        document = stage.read(name)
        stage.serve(there, document)
        found = (await stage.pasted(alice, document))["statuses"]
        assert ((await stage.post(document)) is not None) == is_kept, name
        assert [shown in one["content"] for one in found] == ([True] if shown else []), name
    # What was kept of the last is its author's, and did not make an account of its id.
    row = await stage.post(document)
    assert (row.account_id, await stage.account(row.uri)) == ((await stage.account(second.uri)).id, None)


# Smithereen


@replays("smithereen", served="pleroma-smithereen_non_anonymous_poll")
async def test_a_poll_of_smithereen(stage: Stage, there: Stub, alice: Person) -> None:
    grishka = there.actor("grishka")
    stage.names = {
        "https://friends.grishka.me/users/1": grishka.uri,
        "https://friends.grishka.me": there.origin,
    }
    question = stage.read("pleroma-smithereen_non_anonymous_poll")
    stage.serve(there, question)
    (status,) = (await stage.pasted(alice, question))["statuses"]
    poll = status["poll"]
    assert [one["votes_count"] for one in poll["options"]] == [4, 4, 6]
    assert (poll["voters_count"], poll["multiple"], status["visibility"]) == (14, False, "public")
