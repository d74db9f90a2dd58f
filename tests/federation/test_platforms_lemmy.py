"""What Lemmy really sent, replayed as conversations: it ends in the rows that it should."""

from __future__ import annotations

from typing import Any

import pytest

from activitypub.names import ACTIVITY_JSON
from fedserver import relationships
from fedserver.federation import fetch
from storage import group_threads, groups, inbox
from storage import posts as stored_posts
from storage import relationships as stored_relationships
from tests.federation.guild import Guild
from tests.federation.replay import Stage, replays
from tests.federation.stub import Door, Stub, StubActor
from tests.groups.conftest import MakeGroup, make_group
from tests.members import Person
from tests.waiting import until

__all__ = ["make_group"]

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
def lemmy(stage: Stage, main: Guild, beta: StubActor, alpha: StubActor) -> Stage:
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
    stage.names = names
    return stage


@replays(
    "lemmy",
    delivered="activities-community-announce_create_page objects-page objects-page_image_and_link objects-comment"
    " activities-voting-like_note activities-voting-dislike_page activities-voting-undo_like_note"
    " activities-voting-undo_dislike_page",
)
async def test_a_conversation_with_lemmy(
    lemmy: Stage, main: Guild, beta: StubActor, alpha: StubActor, alice: Person
) -> None:
    announce = lemmy.read("activities-community-announce_create_page")
    lemmy.serve(beta.stub, announce["object"]["object"])
    await main.door.takes(main.actor, announce)
    assert (await main.thread(announce["object"]["object"])).title == "post 4"

    page, comment = lemmy.read("objects-page"), lemmy.read("objects-comment")
    lemmy.serve(beta.stub, page, comment)
    await main.announces(
        beta.says("Create", page, cc=[main.uri]), beta.says("Create", comment, cc=[main.uri])
    )
    thread = await main.thread(page)
    assert (thread.title, thread.replies_count, (await main.post(comment)).language) == (
        "Post title",
        1,
        "fr",
    )
    pictured = lemmy.read("objects-page_image_and_link")
    lemmy.serve(beta.stub, pictured)
    await main.announces(beta.says("Create", pictured, cc=[main.uri]))
    shown = await alice.get(f"/api/v1/statuses/{(await main.post(pictured)).id}")
    (picture,) = shown["media_attachments"]
    assert (picture["type"], picture["remote_url"]) == (
        "image",
        f"{beta.stub.origin}/pictrs/image/eOtYb9iEiB.png",
    )
    assert "https://example.com/some-article" in shown["content"]

    about = {f"{alpha.stub.origin}/post/1": page["id"], f"{alpha.stub.origin}/comment/1": comment["id"]}
    like, dislike = (
        lemmy.read("activities-voting-like_note", **about),
        lemmy.read("activities-voting-dislike_page", **about),
    )
    lemmy.serve(alpha.stub, like)
    lemmy.serve(beta.stub, dislike)
    await main.announces(like, dislike)
    assert ((await main.post(comment)).likes_count, await main.dislikes(page)) == (1, 1)
    unlike = lemmy.read("activities-voting-undo_like_note", **about)
    undislike = lemmy.read("activities-voting-undo_dislike_page", **about)
    lemmy.serve(alpha.stub, unlike)
    lemmy.serve(beta.stub, undislike)
    await main.announces(unlike, undislike)
    assert ((await main.post(comment)).likes_count, await main.dislikes(page)) == (0, 0)


@replays(
    "lemmy",
    delivered="objects-page objects-comment activities-community-lock_note activities-community-undo_lock_note"
    " activities-community-add_mod activities-community-remove_mod activities-deletion-undo_remove_note"
    " activities-block-block_user activities-block-undo_block_user activities-community-warn",
)
async def test_moderation_by_lemmy(
    lemmy: Stage, main: Guild, beta: StubActor, alpha: StubActor, alice: Person
) -> None:
    page, comment = lemmy.read("objects-page"), lemmy.read("objects-comment")
    lemmy.serve(beta.stub, page, comment)
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
    # A warning is between the moderator and whom it is for; nothing is done about it here.
    before = await lemmy.rows()
    warning = lemmy.read("activities-community-warn", **{"http://voyager.lemmy.ml/u/lemmy_alpha": me})
    assert await lemmy.takes(beta, warning) == ["nothing is done about Warn"]
    assert await lemmy.rows() == before


@pytest.mark.jobs
@replays(
    "lemmy",
    served="objects-group collections-group_featured_posts collections-group_followers collections-person_outbox"
    " wp-tests-lemmy-ml-u-pfefferle objects-instance",
)
async def test_communities_and_people_are_read_as_lemmy_describes_them(
    stage: Stage, door: Door, there: Stub, alice: Person
) -> None:
    club, alpha, pfefferle = (
        there.actor("tenforward", "Group"),
        there.actor("lemmy_alpha"),
        there.actor("pfefferle"),
    )
    stage.names = {
        "https://enterprise.lemmy.ml/c/tenforward": club.uri, "https://enterprise.lemmy.ml": there.origin,
        "https://ds9.lemmy.ml/c/main": club.uri, "https://ds9.lemmy.ml/u/lemmy_alpha": alpha.uri,
        "https://ds9.lemmy.ml": there.origin, "http://ds9.lemmy.ml/u/lemmy_alpha": alpha.uri,
        "http://enterprise.lemmy.ml/c/main": club.uri, "https://lemmy.ml/u/pfefferle": pfefferle.uri,
        "https://lemmy.ml": there.origin,
    }  # fmt: skip
    stage.cast(club, "objects-group")
    featured = stage.read(
        "collections-group_featured_posts", **{f"{club.uri}/featured": f"{club.uri}//featured"}
    )
    stage.serve(there, featured, *featured["orderedItems"])
    followers, outbox = stage.read("collections-group_followers"), stage.read("collections-person_outbox")
    stage.serve(there, followers, outbox)
    guild = await Guild.found(door, there, there.actor("beta"), alice, existing=club)
    row = await guild.row()
    assert (row.display_name, row.language, row.moderators_uri) == (
        "Ten Forward",
        "fr",
        f"{club.uri}/moderators",
    )
    assert "Welcome to the Enterprise" in row.charter_html
    assert (row.access, row.posting, row.join_mode) == ("public", "anybody", "open")

    async def pinned() -> Any:
        ids = await door.server.db.read(group_threads.pinned_ids, guild.group_id)
        rows = await door.server.db.read(stored_posts.by_ids, ids)
        titles = [rows[one].title for one in ids]
        return len(titles) == 2 and titles

    assert sorted(await until(pinned, "the pinned threads are there")) == ["test 1", "test 2"]

    # Whom somebody follows has an outbox that is read, with nothing in it.
    alpha_id = await fetch.account(door.server, alpha.uri)
    assert alpha_id is not None
    await relationships.follow(door.server, alice.member, alpha_id)
    follow = {"type": "Follow", "actor": door.server.uris.actor("alice"), "object": alpha.uri}
    await door.takes(alpha, alpha.says("Accept", follow))

    async def outbox_read() -> bool:
        return outbox["id"].removeprefix(there.origin) in there.asked

    await until(outbox_read, "the outbox has been read")
    # A profile of somebody without a name, and lists which are nobody's post.
    stage.cast(pfefferle, "wp-tests-lemmy-ml-u-pfefferle")
    pfefferle_id = await fetch.account(door.server, pfefferle.uri)
    shown = await alice.get(f"/api/v1/accounts/{pfefferle_id}")
    assert (shown["acct"], shown["display_name"], shown["created_at"][:10]) == (
        f"pfefferle@{there.host}", "", "2020-01-07",
    )  # fmt: skip
    # Who belongs to a community elsewhere is not asked; the list is nobody's post either.
    before = await stage.rows()
    assert (await stage.pasted(alice, followers))["statuses"] == []
    assert await stage.rows() == before
    # What signs for the whole server is an account here as soon as it asks for something.
    instance = there.actor("enterprise.lemmy.ml", "Application")
    instance.uri = f"{there.origin}/"
    document = stage.cast(instance, "objects-instance")
    jrd = {"subject": f"acct:{document['preferredUsername']}@{there.host}", "links": [
        {"rel": "self", "type": ACTIVITY_JSON, "href": instance.uri}
    ]}  # fmt: skip
    stage.serve(there, jrd, at=f"webfinger:{document['preferredUsername']}")
    status, _ = await door.get("/users/alice", instance)
    assert status == 200
    assert (await stage.account(instance.uri)).actor_type == "Application"


@replays(
    "lemmy",
    delivered="activities-create_or_update-create_private_message"
    " activities-create_or_update-create_private_message_0.19 objects-private_message"
    " activities-deletion-delete_private_message activities-deletion-undo_delete_private_message",
)
async def test_private_messages_of_lemmy(
    stage: Stage, door: Door, there: Stub, elsewhere: Stub, alice: Person
) -> None:
    me, beta, nutomic, picard = (
        door.server.uris.actor("alice"),
        there.actor("lemmy_beta"),
        elsewhere.actor("nutomic"),
        elsewhere.actor("picard"),
    )
    stage.names = {
        "http://ds9.lemmy.ml/u/lemmy_alpha": me, "https://voyager.lemmy.ml/u/nutomic": me,
        "https://queer.hacktivis.me/users/lanodan": me, "http://enterprise.lemmy.ml/u/lemmy_beta": beta.uri,
        "http://enterprise.lemmy.ml": there.origin, "https://enterprise.lemmy.ml/u/nutomic": nutomic.uri,
        "https://enterprise.lemmy.ml/u/picard": picard.uri, "https://enterprise.lemmy.ml": elsewhere.origin,
    }  # fmt: skip
    note = stage.read("activities-create_or_update-create_private_message")
    chat = stage.read("activities-create_or_update-create_private_message_0.19")
    message = stage.read("objects-private_message")
    await door.takes(beta, note)
    await door.takes(nutomic, chat)
    await door.takes(picard, picard.says("Create", message, to=[me]))
    for document, said in (
        (note["object"], "hello"), (chat["object"], "<p>hi!</p>"), (message, "<p>Hello hello, testing</p>")
    ):  # fmt: skip
        row = await stage.post(document)
        assert (row.visibility, row.content_html.strip()) == ("direct", said)
        assert (await alice.get(f"/api/v1/statuses/{row.id}"))["visibility"] == "direct"
    assert len(await alice.get("/api/v1/conversations")) == 3
    assert [one["type"] for one in await alice.get("/api/v1/notifications")] == ["mention"] * 3
    await door.takes(beta, stage.read("activities-deletion-delete_private_message"))
    assert await stage.post(note["object"]) is None
    # There is nothing to fetch it from: it stays deleted.
    await stage.takes(beta, stage.read("activities-deletion-undo_delete_private_message"))
    assert await stage.post(note["object"]) is None


@replays("lemmy", delivered="activities-following-undo_follow")
async def test_somebody_of_lemmy_leaves_a_group_of_ours(
    stage: Stage, door: Door, there: Stub, alice: Person, make_group: MakeGroup
) -> None:
    group_id, alpha = await make_group(alice, "main"), there.actor("lemmy_alpha")
    uri = door.server.uris.group("main")
    stage.names = {
        "http://ds9.lemmy.ml/u/lemmy_alpha": alpha.uri,
        "http://ds9.lemmy.ml": there.origin,
        "http://enterprise.lemmy.ml/c/main": uri,
    }
    undo = stage.read("activities-following-undo_follow")
    await door.takes(alpha, undo["object"])
    alpha_id = (await stage.account(alpha.uri)).id
    assert await door.server.db.read(groups.membership_of, group_id, alpha_id) is not None
    await door.takes(alpha, undo)
    assert await door.server.db.read(groups.membership_of, group_id, alpha_id) is None
    assert not await door.server.db.read(stored_relationships.is_following, alpha_id, group_id)


@replays("lemmy", served="objects-tombstone")
async def test_a_tombstone_of_lemmy_confirms_that_a_comment_is_gone(
    stage: Stage, door: Door, there: Stub, elsewhere: Stub, alice: Person
) -> None:
    guild = await Guild.found(door, there, there.actor("mod"), alice)
    ann = elsewhere.actor("ann")
    comment = guild.comment(ann, await guild.begins(ann))
    await guild.announces(guild.does(ann, "Create", comment))
    said = ann.says("Delete", comment["id"], audience=guild.uri)
    await guild.announces(said)
    assert await stage.post(comment) is not None
    stage.names = {"https://lemmy.ml/comment/110273": comment["id"]}
    stage.serve(elsewhere, stage.read("objects-tombstone"))
    await guild.announces(ann.says("Delete", comment["id"], audience=guild.uri))
    assert await stage.post(comment) is None
