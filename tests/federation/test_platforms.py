"""What Lemmy, Mbin, NodeBB and PieFed really sent, replayed as conversations: it ends in the rows that it should.

Names of hosts are those of the stubs, what was scrubbed is filled in, and nothing else is changed.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fedserver.federation import fetch
from storage import groups, inbox
from tests.federation.guild import Guild
from tests.federation.stub import Door, Stub, StubActor, stub_server
from tests.members import Person


@pytest.fixture
async def third() -> AsyncIterator[Stub]:
    async with stub_server() as stub:
        yield stub


class Script:
    """Reads payloads of one platform, with its addresses turned into those of stubs."""

    def __init__(self, shared: Path, platform: str, names: dict[str, str]) -> None:
        self._folder = shared / "data" / "federation" / platform
        self._names = names

    def read(self, name: str, *ids: str, **also: str) -> Any:
        """The payload; `ids` are put, in order, where ids were scrubbed, and `also` are names to change afterwards: {old: new}."""
        text = (self._folder / f"{name}.json").read_text()
        text = text.replace("SCRUBBED_DATE", "2026-01-01T00:00:00Z")
        for uri in ids:
            text = text.replace('"SCRUBBED_ID"', json.dumps(uri), 1)
        for names in (self._names, also):
            for old, new in sorted(names.items(), key=lambda one: -len(one[0])):
                text = text.replace(json.dumps(old)[1:-1], new)
        return json.loads(text)


def serve(stub: Stub, *documents: dict[str, Any]) -> None:
    """Let their origin show these to whoever asks."""
    for document in documents:
        assert document["id"].startswith(stub.origin)
        stub.documents[document["id"].removeprefix(stub.origin)] = document


# Lemmy


@pytest.fixture
async def beta(there: Stub) -> StubActor:
    """Of the group's own server."""
    return there.actor("lemmy_beta")


@pytest.fixture
async def alpha(elsewhere: Stub) -> StubActor:
    return elsewhere.actor("lemmy_alpha")


@pytest.fixture
async def main(door: Door, there: Stub, beta: StubActor, alice: Person) -> Guild:
    return await Guild.found(door, there, beta, alice)


@pytest.fixture
def lemmy(shared: Path, main: Guild, beta: StubActor, alpha: StubActor) -> Script:
    here, there = beta.stub.origin, alpha.stub.origin
    names: dict[str, str] = {}
    for scheme in ("http", "https"):
        enterprise, ds9 = f"{scheme}://enterprise.lemmy.ml", f"{scheme}://ds9.lemmy.ml"
        # Their fixtures say the group's audience in three ways, two of which are slips.
        names |= dict.fromkeys(
            [f"{enterprise}/{one}" for one in ("c/main", "u/main", "c/tenforward")], main.uri
        )
        names |= {f"{enterprise}/u/{one}": beta.uri for one in ("lemmy_beta", "picard")}
        names |= {f"{ds9}/u/lemmy_alpha": alpha.uri, enterprise: here, ds9: there}
    names |= {
        "https://lemmy-alpha/u/lemmy_aplha": beta.uri, "https://lemmy-alpha/c/test": main.uri,
        "http://lemmy-alpha/c/main": main.uri, "https://lemmy-alpha": here,
    }  # fmt: skip
    return Script(shared, "lemmy", names)


async def test_a_conversation_with_lemmy(
    lemmy: Script, main: Guild, beta: StubActor, alpha: StubActor
) -> None:
    announce = lemmy.read("activities-community-announce_create_page")
    serve(beta.stub, announce["object"]["object"])
    await main.door.takes(main.actor, announce)
    assert (await main.thread(announce["object"]["object"])).title == "post 4"

    page, comment = lemmy.read("objects-page"), lemmy.read("objects-comment")
    serve(beta.stub, page, comment)
    await main.announces(
        beta.says("Create", page, cc=[main.uri]), beta.says("Create", comment, cc=[main.uri])
    )
    thread = await main.thread(page)
    assert (thread.title, thread.replies_count, (await main.post(comment)).language) == (
        "Post title",
        1,
        "fr",
    )

    about = {f"{alpha.stub.origin}/post/1": page["id"], f"{alpha.stub.origin}/comment/1": comment["id"]}
    like, dislike = (
        lemmy.read("activities-voting-like_note", **about),
        lemmy.read("activities-voting-dislike_page", **about),
    )
    serve(alpha.stub, like)
    serve(beta.stub, dislike)
    await main.announces(like, dislike)
    assert ((await main.post(comment)).likes_count, await main.dislikes(page)) == (1, 1)
    unlike = lemmy.read("activities-voting-undo_like_note", **about)
    undislike = lemmy.read("activities-voting-undo_dislike_page", **about)
    serve(alpha.stub, unlike)
    serve(beta.stub, undislike)
    await main.announces(unlike, undislike)
    assert ((await main.post(comment)).likes_count, await main.dislikes(page)) == (0, 0)


async def test_moderation_by_lemmy(
    lemmy: Script, main: Guild, beta: StubActor, alpha: StubActor, alice: Person
) -> None:
    page, comment = lemmy.read("objects-page"), lemmy.read("objects-comment")
    serve(beta.stub, page, comment)
    await main.announces(
        beta.says("Create", page, cc=[main.uri]), beta.says("Create", comment, cc=[main.uri])
    )
    about = {f"{beta.stub.origin}/comment/1": page["id"]}
    await main.announces(lemmy.read("activities-community-lock_note", **about))
    assert (await main.thread(page)).locked_at is not None
    await main.announces(lemmy.read("activities-community-undo_lock_note", **about))
    assert (await main.thread(page)).locked_at is None
    await main.announces(lemmy.read("activities-community-add_mod"))
    assert await main.role_of(alpha.uri) == "moderator"
    await main.announces(lemmy.read("activities-community-remove_mod"))
    assert await main.role_of(alpha.uri) is None
    undo = lemmy.read(
        "activities-deletion-undo_remove_note", **{f"{alpha.stub.origin}/comment/1": comment["id"]}
    )
    await main.announces(undo["object"])
    assert ((await main.post(comment)), (await main.thread(page)).replies_count) == (None, 0)
    assert (await main.log())[-1] == ("remove", "bad comment")
    await main.announces(undo)
    assert not await main.door.server.db.read(inbox.is_buried, comment["id"])  # so it can be fetched again

    me = main.door.server.uris.actor("alice")
    over = lemmy.read("activities-block-block_user", **{alpha.uri: me})
    await main.announces(over)
    assert await main.role_of(me) == "member"  # that ban ended in 2021
    ban = lemmy.read("activities-block-block_user", **{alpha.uri: me, "2021-11-01": "2099-11-01"})
    await main.announces(ban | {"id": beta.uri_of("activities")})
    assert await main.role_of(me) is None
    assert await main.door.server.db.read(groups.is_banned, main.group_id, alice.account_id)
    await main.announces(lemmy.read("activities-block-undo_block_user", **{alpha.uri: me}))
    assert not await main.door.server.db.read(groups.is_banned, main.group_id, alice.account_id)


async def test_a_community_is_read_as_lemmy_describes_it(shared: Path, door: Door, there: Stub) -> None:
    actor = there.actor("tenforward", "Group")
    key = there.documents["/users/tenforward"]["publicKey"]
    script = Script(
        shared,
        "lemmy",
        {"https://enterprise.lemmy.ml/c/tenforward": actor.uri, "https://enterprise.lemmy.ml": there.origin},
    )
    there.documents["/users/tenforward"] = script.read("objects-group") | {"publicKey": key}
    group_id = await fetch.account(door.server, actor.uri)
    row = await door.server.db.read(groups.by_id, group_id)
    assert (row.display_name, row.language, row.moderators_uri) == (
        "Ten Forward",
        "fr",
        f"{actor.uri}/moderators",
    )
    assert "Welcome to the Enterprise" in row.charter_html
    assert (row.access, row.posting, row.join_mode) == ("public", "anybody", "open")


# Mbin


async def test_a_conversation_with_mbin(shared: Path, door: Door, there: Stub, alice: Person) -> None:
    owner, user, user2 = there.actor("owner"), there.actor("user"), there.actor("user2")
    guild = await Guild.found(door, there, owner, alice, featured=f"{there.origin}/m/test/pinned")
    mbin = Script(
        shared, "mbin",
        {"https://kbin.test/m/test/pinned": f"{there.origin}/m/test/pinned", "https://kbin.test/m/test": guild.uri,
         "https://kbin.test/u/owner": owner.uri, "https://kbin.test/u/user2": user2.uri, "https://kbin.test/u/user": user.uri},
    )  # fmt: skip
    fresh = lambda: guild.actor.uri_of("activities")  # noqa: E731 - ids of activities are nobody's concern here
    post_uri, comment_uri = f"{there.origin}/posts/1", f"{there.origin}/comments/1"

    announce = mbin.read("AnnounceTest-testAnnounceCreatePost", fresh(), fresh(), post_uri, post_uri)
    serve(there, announce["object"]["object"])
    await door.takes(guild.actor, announce)
    thread = await guild.thread({"id": post_uri})
    assert (thread.group_id, thread.title) == (guild.group_id, "test")

    create = mbin.read("CreateTest-testCreateEntryComment", fresh(), comment_uri, post_uri, comment_uri)
    serve(there, create["object"])
    await guild.announces(create)
    assert (await guild.thread({"id": post_uri})).replies_count == 1

    like = mbin.read("LikeTest-testLikeEntryComment", fresh(), comment_uri)
    serve(there, like)
    await guild.announces(like)
    assert (await guild.post({"id": comment_uri})).likes_count == 1
    undo = mbin.read(
        "AnnounceTest-testAnnounceUndoLikeEntryComment", fresh(), fresh(), like["id"], comment_uri
    )
    serve(there, undo["object"])
    await door.takes(guild.actor, undo)
    assert (await guild.post({"id": comment_uri})).likes_count == 0

    pin = mbin.read("AnnounceTest-testAnnounceAddPinnedPost", fresh(), fresh(), post_uri)
    lock = mbin.read("LockTest-testLockEntryByAuthor", fresh(), post_uri)
    await door.takes(guild.actor, pin)
    await guild.announces(lock)
    assert (await guild.thread({"id": post_uri})).locked_at is not None
    delete = mbin.read(
        "AnnounceTest-testAnnounceDeleteEntryCommentByModerator", fresh(), fresh(), comment_uri
    )
    await door.takes(guild.actor, delete)
    assert await guild.post({"id": comment_uri}) is None
    me = door.server.uris.actor("alice")
    await door.takes(guild.actor, mbin.read("AnnounceTest-testAnnounceBlockUser", fresh(), fresh(), me))
    assert await guild.role_of(me) is None
    assert await guild.log() == [("pin", ""), ("lock", ""), ("remove", ""), ("ban", "some test")]


# NodeBB, as Discourse received it, and PieFed


async def test_a_conversation_with_nodebb(
    shared: Path, door: Door, there: Stub, elsewhere: Stub, third: Stub, alice: Person
) -> None:
    author = there.actor("uid14929")
    guild = await Guild.found(door, there, author, alice)
    blaze, tramort = elsewhere.actor("blaze"), third.actor("tramort")
    nodebb = Script(
        shared, "discourse",
        {"https://community.nodebb.org/category/30": guild.uri, "https://community.nodebb.org/uid/14929": author.uri,
         "https://community.nodebb.org": there.origin, "https://feddit.org/u/Blaze": blaze.uri,
         "https://feddit.org": elsewhere.origin, "https://programming.dev/u/Tramort": tramort.uri,
         "https://programming.dev": third.origin},
    )  # fmt: skip
    announce = nodebb.read("case_1-received_2")
    post = announce["object"]["object"]
    serve(there, post)
    likes = [nodebb.read("case_1-received_6"), nodebb.read("case_1-received_9")]
    serve(elsewhere, likes[0]["object"])
    serve(third, likes[1]["object"])
    await door.takes(guild.actor, announce, *likes)
    assert (await guild.thread(post)).title == "Is ActivityPub too complicated?"
    assert (await guild.post(post)).likes_count == 2


async def test_a_vote_that_piefed_received_counts_when_its_origin_confirms_it(
    shared: Path, door: Door, there: Stub, elsewhere: Stub, alice: Person
) -> None:
    guild = await Guild.found(door, there, there.actor("mod"), alice)
    ranger, ann = elsewhere.actor("ranger"), elsewhere.actor("ann")
    page = await guild.begins(ann)
    piefed = Script(
        shared, "piefed",
        {"https://lemmy.ml/c/memes": guild.uri, "https://lemmy.ml": there.origin,
         "https://lemmy.blahaj.zone/u/RenegadeRangerX": ranger.uri, "https://lemmy.blahaj.zone": elsewhere.origin,
         "https://kbin.social/m/memes@lemmy.ml/t/371636/-/comment/1843783": page["id"]},
    )  # fmt: skip
    announce = piefed.read("body_1")
    await door.takes(guild.actor, announce)
    assert (await guild.post(page)).likes_count == 0
    serve(elsewhere, announce["object"])
    await door.takes(guild.actor, announce | {"id": guild.actor.uri_of("activities")})
    assert (await guild.post(page)).likes_count == 1
