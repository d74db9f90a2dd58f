"""What NodeBB, Discourse and PieFed really sent, replayed as conversations: it ends in the rows that it should."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, select

from fedserver import relationships
from fedserver.federation import backfill, fetch
from storage import groups, tables
from tests.federation.guild import Guild
from tests.federation.replay import Stage, replays
from tests.federation.stub import Door, Stub
from tests.members import Person

# NodeBB and Discourse

NODEBB = "https://community.nodebb.org"


@replays(
    "discourse",
    delivered="case_1-received_2 case_1-received_6 case_1-received_8 case_1-received_9",
    served="case_1-group_actor case_1-context_1 case_1-actor_2 case_1-actor_4 case_1-actor_5 account",
)
async def test_a_conversation_with_nodebb(
    stage: Stage, door: Door, there: Stub, elsewhere: Stub, third: Stub, alice: Person
) -> None:
    club, author = there.actor("activitypub", "Group"), there.actor("uid14929")
    blaze, fitik = elsewhere.actor("blaze"), elsewhere.actor("fitik")
    tramort, sabre = third.actor("tramort"), third.actor("sabrew4k3")
    stage.names = {
        f"{NODEBB}/category/30": club.uri, f"{NODEBB}/uid/14929": author.uri, NODEBB: there.origin,
        "https://feddit.org/u/Blaze": blaze.uri, "https://feddit.org": elsewhere.origin,
        "https://fedia.io/u/Fitik": fitik.uri, "https://fedia.io": elsewhere.origin,
        "https://programming.dev/u/Tramort": tramort.uri, "https://programming.dev": third.origin,
        "https://lazysoci.al/u/sabreW4K3": sabre.uri, "https://lazysoci.al": third.origin,
    }  # fmt: skip
    stage.cast(club, "case_1-group_actor")
    for actor, name in ((tramort, "case_1-actor_2"), (blaze, "case_1-actor_4"), (sabre, "case_1-actor_5")):
        stage.cast(actor, name)
    guild = await Guild.found(door, there, author, alice, existing=club)
    assert ((await guild.row()).display_name, club.key.key_id) == ("ActivityPub", f"{club.uri}#key")
    announce = stage.read("case_1-received_2")
    post = announce["object"]["object"]
    stage.serve(there, post)
    likes = [stage.read(f"case_1-received_{number}") for number in (6, 8, 9)]
    stage.serve(elsewhere, likes[0]["object"], likes[1]["object"])
    stage.serve(third, likes[2]["object"])
    await door.takes(club, announce, *likes)
    assert (await guild.thread(post)).title == "Is ActivityPub too complicated?"
    row = await guild.post(post)
    assert row.likes_count == 3
    assert (await stage.account(blaze.uri)).display_name == "Blaze (he/him)"
    # The rest of the thread is looked for where it says; what is there in a shape of its own is none.
    context = stage.read("case_1-context_1")
    stage.serve(there, context)
    assert await backfill.thread(door.server, row.id) == 0
    # People are found by handle, written as their server writes it, and their handles lead back to them.
    found = await alice.get("/api/v2/search", q=f"@sabreW4K3@{third.host}", resolve="true")
    assert [one["acct"] for one in found["accounts"]] == [f"sabreW4K3@{third.host}"]
    gargron = elsewhere.actor("gargron")
    stage.names = {
        "https://mastodon.social/users/Gargron": gargron.uri, "acct:Gargron@mastodon.social": f"acct:gargron@{elsewhere.host}",
        "https://mastodon.social": elsewhere.origin,
    }  # fmt: skip
    stage.serve(elsewhere, stage.read("account"), at="webfinger:gargron")
    found = await alice.get("/api/v2/search", q=f"Gargron@{elsewhere.host}", resolve="true")
    assert [one["url"] for one in found["accounts"]] == [gargron.uri]


@replays(
    "discourse",
    delivered="case_2-received_1 case_2-received_6",
    served="case_2-actor_2 case_2-actor_3",
)
async def test_a_like_that_its_origin_does_not_show_counts_when_it_comes_from_there(
    stage: Stage, door: Door, there: Stub, elsewhere: Stub, third: Stub, alice: Person
) -> None:
    author = there.actor("uid2")
    guild = await Guild.found(door, there, author, alice)
    julian, stefan = elsewhere.actor("julian"), third.actor("stefan")
    stage.names = {
        f"{NODEBB}/category/30": guild.uri, f"{NODEBB}/uid/2": author.uri, NODEBB: there.origin,
        "https://fietkau.social/users/julian": julian.uri, "https://fietkau.social": elsewhere.origin,
        "https://stefanbohacek.online/users/stefan": stefan.uri, "https://stefanbohacek.online": third.origin,
    }  # fmt: skip
    stage.cast(julian, "case_2-actor_2")
    stage.cast(stefan, "case_2-actor_3")
    announce, like = stage.read("case_2-received_1"), stage.read("case_2-received_6")
    post = announce["object"]["object"]
    stage.serve(there, post)
    await door.takes(guild.actor, announce)
    assert (await guild.thread(post)).title == "Long-formers Activate!"
    # Mastodon gives likes an address with a fragment, under which nothing is: NodeBB's word for it is not enough.
    assert await stage.takes(guild.actor, like) == ["the origin does not confirm it"]
    assert (await guild.post(post)).likes_count == 0
    await door.takes(stefan, like["object"])
    assert (await guild.post(post)).likes_count == 1
    assert (await stage.account(stefan.uri)).display_name == "Stefan Bohacek"
    found = await stage.pasted(alice, {"id": julian.uri})
    assert [one["display_name"] for one in found["accounts"]] == ["Julian Fietkau"]


@replays("discourse", delivered="objects-page", served="objects-group objects-person")
async def test_a_topic_of_discourse_is_a_thread(stage: Stage, door: Door, there: Stub, alice: Person) -> None:
    club, angus = there.actor("threadiverse-wg", "Group"), there.actor("angus")
    at = "https://socialhub.activitypub.rocks"
    stage.names = {
        f"{at}/ap/actor/797217cf18c0e819dfafc52425590146": club.uri,
        f"{at}/ap/actor/495843076e9e469fbd35ccf467ae9fb1": angus.uri,
        at: there.origin,
    }
    stage.cast(club, "objects-group")
    stage.cast(angus, "objects-person")
    guild = await Guild.found(door, there, angus, alice, existing=club)
    page = stage.read("objects-page")
    stage.serve(there, page)
    await guild.announces(angus.says("Create", page))
    row, thread = await guild.post(page), await guild.thread(page)
    assert (thread.title, thread.group_id) == ("Our next meeting", guild.group_id)
    assert (row.visibility, row.url) == ("public", f"{there.origin}/t/our-next-meeting/4079/1")
    assert (await stage.account(angus.uri)).display_name == "Angus McLeod"


@replays("nodebb", delivered="objects-page", served="objects-person")
async def test_an_article_of_nodebb_is_a_thread(stage: Stage, door: Door, there: Stub, alice: Person) -> None:
    julian = there.actor("julian")
    guild = await Guild.found(door, there, julian, alice)
    at = "https://bb.devnull.land"
    stage.names = {f"{at}/category/2": guild.uri, f"{at}/uid/1": julian.uri, at: there.origin}
    stage.cast(julian, "objects-person")
    page = stage.read("objects-page")
    stage.serve(there, page)
    await guild.announces(julian.says("Create", page))
    row, thread = await guild.post(page), await guild.thread(page)
    assert (thread.title, row.kind) == ("Welcome to your NodeBB!", "article")
    assert "<h3>Welcome to your brand new NodeBB forum!</h3>" in row.content_html
    assert ((await stage.account(julian.uri)).display_name, julian.key.key_id) == (
        "julian",
        f"{julian.uri}#key",
    )


# PieFed


@replays("piefed", delivered="body_1")
async def test_a_vote_that_piefed_received_counts_when_its_origin_confirms_it(
    stage: Stage, door: Door, there: Stub, elsewhere: Stub, alice: Person
) -> None:
    guild = await Guild.found(door, there, there.actor("mod"), alice)
    ranger, ann = elsewhere.actor("ranger"), elsewhere.actor("ann")
    page = await guild.begins(ann)
    stage.names = {
        "https://lemmy.ml/c/memes": guild.uri, "https://lemmy.ml": there.origin,
        "https://lemmy.blahaj.zone/u/RenegadeRangerX": ranger.uri, "https://lemmy.blahaj.zone": elsewhere.origin,
        "https://kbin.social/m/memes@lemmy.ml/t/371636/-/comment/1843783": page["id"],
    }  # fmt: skip
    announce = stage.read("body_1")
    await door.takes(guild.actor, announce)
    assert (await guild.post(page)).likes_count == 0
    stage.serve(elsewhere, announce["object"])
    await door.takes(guild.actor, announce | {"id": guild.actor.uri_of("activities")})
    assert (await guild.post(page)).likes_count == 1


@replays(
    "piefed",
    delivered="feeds-feed_follow feeds-feed_add feeds-feed_remove feeds-feed_delete",
    served="feeds-feed_json feeds-feed_following feeds-feed_moderators",
)
async def test_a_feed_of_piefed_is_followed_and_is_no_group(
    stage: Stage, door: Door, there: Stub, alice: Person
) -> None:
    feed, user, me = there.actor("feedname", "Feed"), there.actor("username"), door.server.uris.actor("alice")
    club = there.actor("communityname", "Group")
    at = "https://example.com"
    stage.names = {
        f"{at}/f/feedname": feed.uri, f"{at}/u/username": user.uri, f"{at}/c/communityname": club.uri, at: there.origin,
    }  # fmt: skip
    stage.cast(feed, "feeds-feed_json")
    following, moderators = stage.read("feeds-feed_following"), stage.read("feeds-feed_moderators")
    stage.serve(there, following, moderators)
    feed_id = await fetch.account(door.server, feed.uri)
    assert feed_id is not None
    assert (await alice.get(f"/api/v1/accounts/{feed_id}"))["display_name"] == "Programming"
    assert await door.server.db.read(groups.by_id, feed_id) is None

    # What follows goes both ways in one file: the follow is ours, and it is what we would send.
    follow, accept, reject, undo = stage.read("feeds-feed_follow", **{user.uri: me})
    undo["id"] = feed.uri_of("activities")  # there it has that of another
    await relationships.follow(door.server, alice.member, feed_id)

    async def stands() -> tuple[bool, bool]:
        (one,) = await alice.get("/api/v1/accounts/relationships", **{"id[]": str(feed_id)})
        return one["following"], one["requested"]

    assert await stands() == (False, True)
    sent = await door.server.db.read(_sent, "Follow")
    assert [{name: one[name] for name in ("type", "actor", "object")} for one in sent] == [
        {name: follow[name] for name in ("type", "actor", "object")}
    ]
    await door.takes(feed, accept)
    assert await stands() == (True, False)
    before = await stage.rows()
    added, removed = stage.read("feeds-feed_add"), stage.read("feeds-feed_remove")
    removed["id"] = feed.uri_of("activities")
    assert await stage.takes(feed, added, removed) == ["only a group hands on what others do"] * 2
    # To be somebody's neighbour gives nobody a right over a feed, and a feed none over whom it is followed by.
    deletion = stage.read("feeds-feed_delete")
    await door.takes(user, deletion)
    assert await stage.takes(feed, undo) == ["it takes back what somebody else did"]
    assert (await stage.account(feed.uri)).deleted_at is None
    for collection in (following, moderators):
        found = await stage.pasted(alice, collection)
        assert (found["statuses"], found["accounts"]) == ([], [])
    assert {**await stage.rows(), "account": 0} == {**before, "account": 0}
    await door.takes(feed, reject)
    assert await stands() == (False, False)


def _sent(conn: Connection, kind: str) -> list[dict[str, Any]]:
    """What this server has to send of a kind."""
    documents = [json.loads(bytes(body)) for body in conn.scalars(select(tables.message.c.body))]
    return [one for one in documents if one["type"] == kind]
