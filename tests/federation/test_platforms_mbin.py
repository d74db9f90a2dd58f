"""What Mbin really sent, replayed as conversations: in a magazine of its own, in a group of ours, and between people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from fedserver import relationships
from fedserver.federation import fetch
from storage import group_threads, groups, reports
from storage import posts as stored_posts
from storage import relationships as stored_relationships
from tests.federation.guild import Guild
from tests.federation.replay import Stage, replays
from tests.federation.stub import Door, Stub, StubActor
from tests.groups.conftest import MakeGroup, StartThread, answer, make_group, start
from tests.members import Person

__all__ = ["answer", "make_group", "start"]


@dataclass
class Magazine:
    """A magazine of Mbin, to which alice belongs, with its people; `stage` reads what they say."""

    stage: Stage
    guild: Guild
    there: Stub
    owner: StubActor
    user: StubActor
    user2: StubActor

    def fresh(self) -> str:
        """An id of an activity, which is nobody's concern here."""
        return self.guild.actor.uri_of("activities")

    def place(self, what: str) -> str:
        """The address of a new post or comment."""
        return self.guild.actor.uri_of(what)

    async def says(self, name: str, *ids: str, **also: str) -> Any:
        """Somebody does this in the magazine, which hands it on; the object. Its origin shows it to whoever asks."""
        said = self.stage.read(name, self.fresh(), *ids, **also)
        if isinstance(said["object"], dict) and said["object"]["type"] in ("Page", "Note"):
            self.stage.serve(self.there, said["object"])
        await self.guild.announces(said)
        return said["object"]

    async def announces(self, name: str, *ids: str, **also: str) -> Any:
        """The magazine hands on what somebody did in it, as it says so itself; the activity inside."""
        announce = self.stage.read(name, self.fresh(), self.fresh(), *ids, **also)
        inner = announce["object"]
        if inner["type"] in ("Create", "Update"):
            self.stage.serve(self.there, inner["object"])
        elif inner["type"] == "Undo":
            self.stage.serve(self.there, inner)
        await self.guild.door.takes(self.guild.actor, announce)
        return inner

    def loses(self, uri: str) -> None:
        """The origin says that this is gone."""
        self.there.documents[uri.removeprefix(self.there.origin)] = 410


@pytest.fixture
async def magazine(stage: Stage, door: Door, there: Stub, alice: Person) -> Magazine:
    owner, user, user2 = there.actor("owner"), there.actor("user"), there.actor("user2")
    guild = await Guild.found(door, there, owner, alice, featured=f"{there.origin}/m/test/pinned")
    stage.names = {
        "https://kbin.test/m/test/pinned": f"{there.origin}/m/test/pinned", "https://kbin.test/m/test": guild.uri,
        "https://kbin.test/u/owner": owner.uri, "https://kbin.test/u/user2": user2.uri,
        "https://kbin.test/u/user": user.uri, "https://kbin.test": there.origin,
    }  # fmt: skip
    return Magazine(stage, guild, there, owner, user, user2)


@replays(
    "mbin",
    delivered="AnnounceTest-testAnnounceCreatePost CreateTest-testCreateEntry CreateTest-testCreateEntryWithUrlAndImage"
    " CreateTest-testCreateEntryComment AnnounceTest-testAnnounceUpdateEntryComment UpdateTest-testUpdateEntry"
    " UpdateTest-testUpdatePost AnnounceTest-testAnnounceDeleteEntry DeleteTest-testDeleteEntryComment",
)
async def test_posts_in_a_magazine_are_written_edited_and_deleted(magazine: Magazine, alice: Person) -> None:
    guild, post_uri, comment_uri = magazine.guild, magazine.place("posts"), magazine.place("comments")
    await magazine.announces("AnnounceTest-testAnnounceCreatePost", post_uri, post_uri)
    thread = await guild.thread({"id": post_uri})
    assert (thread.group_id, thread.title) == (guild.group_id, "test")

    # An entry has no text of its own: what stands for it is a summary, or the page that it leads to.
    entry = await magazine.says("CreateTest-testCreateEntry", magazine.place("entries"))
    row = await guild.post(entry)
    assert (row.title, row.summary, row.kind) == ("test", "test #test", "page")
    link = await magazine.says("CreateTest-testCreateEntryWithUrlAndImage", magazine.place("entries"))
    shown = await alice.get(f"/api/v1/statuses/{(await guild.post(link)).id}")
    assert 'href="https://joinmbin.org"' in shown["content"]
    (picture,) = shown["media_attachments"]
    assert (picture["description"], picture["meta"]["original"]["width"]) == ("kibby", 96)

    comment = await magazine.says("CreateTest-testCreateEntryComment", comment_uri, post_uri, comment_uri)
    assert (await guild.thread({"id": post_uri})).replies_count == 1
    assert (await guild.post(comment)).content_html.strip() == "<p>test</p>"

    # Their edits are told from what was there before by what they say.
    before = {"<p>test</p>": "<p>before</p>", "test #test": "before"}
    other = magazine.place("comments")
    await magazine.says("CreateTest-testCreateEntryComment", other, post_uri, other, **before)
    await magazine.announces("AnnounceTest-testAnnounceUpdateEntryComment", other, post_uri, other)
    await magazine.says("UpdateTest-testUpdatePost", post_uri, post_uri, **before)
    assert "before" in (await guild.post({"id": post_uri})).content_html
    await magazine.says("UpdateTest-testUpdatePost", post_uri, post_uri)
    await magazine.says("UpdateTest-testUpdateEntry", entry["id"], **before)
    assert (await guild.post(entry)).summary == "before"
    await magazine.says("UpdateTest-testUpdateEntry", entry["id"])
    assert (await guild.post(entry)).summary == "test #test"
    for uri in (other, post_uri):
        row = await guild.post({"id": uri})
        assert "<p>test</p>" in row.content_html
        revisions = await guild.door.server.db.read(stored_posts.revisions, row.id)
        assert "before" in revisions[-1].content_html

    magazine.loses(entry["id"])
    await magazine.announces("AnnounceTest-testAnnounceDeleteEntry", entry["id"])
    magazine.loses(comment_uri)
    await magazine.says("DeleteTest-testDeleteEntryComment", comment_uri)
    assert [await guild.post(one) for one in (entry, comment)] == [None, None]
    assert (await guild.thread({"id": post_uri})).replies_count == 1
    assert await guild.log() == []  # their authors did it


@replays(
    "mbin",
    delivered="AnnounceTest-testAnnounceCreatePost CreateTest-testCreateEntryComment LikeTest-testLikeEntryComment"
    " AnnounceTest-testAnnounceUndoLikeEntryComment UndoTest-testUndoLikeEntryComment"
    " AnnounceTest-testUserBoostEntryComment",
)
async def test_votes_and_boosts_in_a_magazine_come_and_go(magazine: Magazine, alice: Person) -> None:
    guild, stage = magazine.guild, magazine.stage
    post_uri, comment_uri = magazine.place("posts"), magazine.place("comments")
    await magazine.announces("AnnounceTest-testAnnounceCreatePost", post_uri, post_uri)
    comment = await magazine.says("CreateTest-testCreateEntryComment", comment_uri, post_uri, comment_uri)
    for undo, announced in (
        ("AnnounceTest-testAnnounceUndoLikeEntryComment", True),
        ("UndoTest-testUndoLikeEntryComment", False),
    ):
        like = stage.read("LikeTest-testLikeEntryComment", magazine.fresh(), comment_uri)
        stage.serve(magazine.there, like)
        await guild.announces(like)
        assert (await guild.post(comment)).likes_count == 1
        if announced:
            await magazine.announces(undo, like["id"], comment_uri)
        else:
            await stage.takes(magazine.user2, stage.read(undo, magazine.fresh(), like["id"], comment_uri))
        assert (await guild.post(comment)).likes_count == 0
    user_id = await fetch.account(guild.door.server, magazine.user.uri)
    assert user_id is not None
    await relationships.follow(guild.door.server, alice.member, user_id)
    follow = {"type": "Follow", "actor": guild.door.server.uris.actor("alice"), "object": magazine.user.uri}
    boost = stage.read("AnnounceTest-testUserBoostEntryComment", magazine.fresh(), comment_uri)
    assert await stage.takes(magazine.user, magazine.user.says("Accept", follow), boost) == ["", ""]
    row = await stage.post(boost)
    assert (row.account_id, row.boost_of_id) == (user_id, (await guild.post(comment)).id)
    assert (await guild.post(comment)).boosts_count == 1


@replays(
    "mbin",
    delivered="AnnounceTest-testAnnounceCreatePost CreateTest-testCreateEntryComment"
    " AnnounceTest-testAnnounceAddPinnedPost AddHandlerTest-testRemovePinnedPost AddHandlerTest-testAddPinnedPost"
    " LockTest-testLockEntryByAuthor AnnounceTest-testAnnounceDeleteEntryCommentByModerator"
    " DeleteTest-testDeleteEntryCommentByModerator AddHandlerTest-testAddModerator"
    " AnnounceTest-testAnnounceRemoveModerator AnnounceTest-testAnnounceBlockUser UpdateTest-testUpdateMagazine",
)
async def test_owners_moderate_their_magazine(magazine: Magazine) -> None:
    guild, server = magazine.guild, magazine.guild.door.server
    post_uri = magazine.place("posts")
    comments = [magazine.place("comments"), magazine.place("comments")]
    await magazine.announces("AnnounceTest-testAnnounceCreatePost", post_uri, post_uri)
    post_id = (await guild.post({"id": post_uri})).id
    for uri in comments:
        await magazine.says("CreateTest-testCreateEntryComment", uri, post_uri, uri)

    async def pins() -> list[int]:
        return await server.db.read(group_threads.pinned_ids, guild.group_id)

    await magazine.announces("AnnounceTest-testAnnounceAddPinnedPost", post_uri)
    assert await pins() == [post_id]
    await magazine.says("AddHandlerTest-testRemovePinnedPost", post_uri)
    assert await pins() == []
    await magazine.says("AddHandlerTest-testAddPinnedPost", post_uri)
    assert await pins() == [post_id]
    await magazine.says("LockTest-testLockEntryByAuthor", post_uri)
    assert (await guild.thread({"id": post_uri})).locked_at is not None
    await magazine.announces("AnnounceTest-testAnnounceDeleteEntryCommentByModerator", comments[0])
    await magazine.says("DeleteTest-testDeleteEntryCommentByModerator", comments[1])
    assert [await guild.post({"id": uri}) for uri in comments] == [None, None]
    await magazine.says("AddHandlerTest-testAddModerator", magazine.user2.uri)
    assert await guild.role_of(magazine.user2.uri) == "moderator"
    await magazine.announces("AnnounceTest-testAnnounceRemoveModerator", magazine.user2.uri)
    assert await guild.role_of(magazine.user2.uri) is None
    # What it says of itself now is asked of its server, whoever says that it has changed.
    magazine.there.documents[f"/users/{guild.actor.name}"]["name"] = "Renamed"
    await magazine.says("UpdateTest-testUpdateMagazine", guild.uri)
    assert (await guild.row()).display_name == "Renamed"
    me = server.uris.actor("alice")
    await magazine.announces("AnnounceTest-testAnnounceBlockUser", me)
    assert await guild.role_of(me) is None
    assert await guild.log() == [
        ("pin", ""), ("unpin", ""), ("pin", ""), ("lock", ""), ("remove", ""), ("remove", ""), ("ban", "some test"),
    ]  # fmt: skip


@replays(
    "mbin",
    delivered="AnnounceTest-testAnnounceCreatePost AnnounceTest-testAnnounceUpdateUser UpdateTest-testUpdateUser"
    " AnnounceTest-testAnnounceDeleteUser DeleteTest-testDeleteUser",
)
async def test_people_of_a_magazine_change_and_leave(magazine: Magazine) -> None:
    stage, there, user = magazine.stage, magazine.there, magazine.user
    post_uri = magazine.place("posts")
    await magazine.announces("AnnounceTest-testAnnounceCreatePost", post_uri, post_uri)
    # Their server is asked, for whoever says that they have changed: keys come from nowhere else.
    there.documents["/users/user"]["name"] = "Once"
    update = stage.read(
        "AnnounceTest-testAnnounceUpdateUser", magazine.fresh(), said := magazine.fresh(), user.uri
    )
    there.documents[said.removeprefix(there.origin)] = update["object"]
    await stage.door.takes(magazine.guild.actor, update)
    assert (await stage.account(user.uri)).display_name == "Once"
    there.documents["/users/user"]["name"] = "Test User"
    await stage.takes(user, stage.read("UpdateTest-testUpdateUser", magazine.fresh(), user.uri))
    assert (await stage.account(user.uri)).display_name == "Test User"
    # Somebody else's word does not end anybody; that their server knows them no more does.
    deletion = stage.read("AnnounceTest-testAnnounceDeleteUser", magazine.fresh(), magazine.fresh(), user.uri)
    await stage.door.takes(magazine.guild.actor, deletion)
    assert (await stage.account(user.uri)).deleted_at is None
    magazine.loses(user.uri)
    await magazine.announces("AnnounceTest-testAnnounceDeleteUser", user.uri)
    assert (await stage.account(user.uri)).deleted_at is not None
    leaver = there.actor("leaver")
    assert await fetch.account(stage.door.server, leaver.uri) is not None
    stage.names["https://kbin.test/u/user"] = leaver.uri
    await stage.takes(leaver, stage.read("DeleteTest-testDeleteUser", magazine.fresh(), leaver.uri))
    assert (await stage.account(leaver.uri)).deleted_at is not None


# In a group of ours


@replays(
    "mbin",
    delivered="FollowTest-testFollowMagazine UndoTest-testUndoFollowMagazine FlagTest-testFlagEntryComment"
    " activities-flag LockTest-testLockEntryByAuthor",
)
async def test_people_of_mbin_join_a_group_of_ours_report_and_leave(
    stage: Stage, door: Door, there: Stub, elsewhere: Stub, alice: Person,
    make_group: MakeGroup, start: StartThread, answer: StartThread,
) -> None:  # fmt: skip
    group_id, uri = await make_group(alice, "main"), door.server.uris.group("main")
    user, user2, reporter = there.actor("user"), there.actor("user2"), there.actor("reportinguser")
    gorlich = elsewhere.actor("bentigorlich")
    thread = await start(alice, group_id, "A thread")
    post_uri = door.server.uris.post(thread)
    comment_uri = door.server.uris.post(await answer(alice, thread))
    stage.names = {
        "https://kbin.test/m/test": uri, "https://kbin.test/u/user2": user2.uri, "https://kbin.test/u/user": user.uri,
        "https://kbin.test/u/reportingUser": reporter.uri, "https://mbin-test1/u/BentiGorlich": gorlich.uri,
        "https://mbin-test1": elsewhere.origin, "https://lemmy-test/post/4": post_uri,
        "https://lemmy-test/u/BentiGorlich": door.server.uris.actor("alice"), "https://lemmy-test/c/test_mag": uri,
    }  # fmt: skip
    follow = stage.read("FollowTest-testFollowMagazine", user2.uri_of("activities"), uri)
    await stage.takes(user2, follow)
    user2_id = (await stage.account(user2.uri)).id
    role = await door.server.db.read(groups.membership_of, group_id, user2_id)
    assert role is not None
    flags = [
        (reporter, stage.read("FlagTest-testFlagEntryComment", reporter.uri_of("reports"), comment_uri), ""),
        (gorlich, stage.read("activities-flag"), "dikjhgasdpas dsa\u00fc"),
    ]
    for who, flag, comment in flags:
        assert await stage.takes(who, flag) == [""]
        report = await door.server.db.read(reports.by_uri, flag["id"])
        assert (report.target_id, report.group_id, report.comment) == (alice.account_id, group_id, comment)
    # To lock a thread is for those who moderate the group; whoever began one elsewhere has no right over this.
    lock = stage.read("LockTest-testLockEntryByAuthor", user.uri_of("activities"), post_uri)
    assert await stage.takes(user, lock) == ["Only moderators of Main may do this."]
    undo = stage.read("UndoTest-testUndoFollowMagazine", user2.uri_of("activities"), follow["id"], uri)
    await stage.takes(user2, undo)
    assert await door.server.db.read(groups.membership_of, group_id, user2_id) is None


# Between people


@replays(
    "mbin",
    delivered="FollowTest-testAcceptFollowMagazine FollowTest-testRejectFollowMagazine FollowTest-testAcceptFollowUser"
    " FollowTest-testRejectFollowUser UndoTest-testUndoFollowUser activities-accept",
)
async def test_follows_are_answered_by_magazines_and_people_of_mbin(
    stage: Stage, door: Door, there: Stub, elsewhere: Stub, alice: Person
) -> None:
    me, server = door.server.uris.actor("alice"), door.server
    magazine, user, some = (
        there.actor("test", "Group"),
        there.actor("user"),
        elsewhere.actor("somemag", "Group"),
    )
    fan = there.actor("user2")
    stage.names = {
        "https://kbin.test/m/test": magazine.uri, "https://kbin.test/u/user2": me, "https://kbin.test/u/user": user.uri,
        "https://some-mbin.instance/m/someMag": some.uri, "https://some-other.instance/u/someUser": me,
        "https://some-mbin.instance": elsewhere.origin, "https://some-other.instance": server.config.origin,
    }  # fmt: skip
    answers: list[tuple[StubActor, list[Any]]] = []
    for actor, name in ((magazine, "Magazine"), (user, "User")):
        ids = [(actor.uri_of("activities"), actor.uri_of("follows"), actor.uri) for _ in range(2)]
        answers.append(
            (actor, [
                stage.read(f"FollowTest-testAcceptFollow{name}", *ids[0]),
                stage.read(f"FollowTest-testRejectFollow{name}", *ids[1]),
            ])
        )  # fmt: skip
    answers.append((some, [stage.read("activities-accept")]))
    for actor, said in answers:
        account_id = await fetch.account(server, actor.uri)
        assert account_id is not None
        await relationships.follow(server, alice.member, account_id)
        stands = [False]
        for activity in said:
            await stage.takes(actor, activity)
            stands.append(
                await server.db.read(stored_relationships.is_following, alice.account_id, account_id)
            )
        # Found by who asked whom: what Mbin calls the follow is not what it was called here.
        assert stands == [False, True, False][: len(stands)], actor.name
    stage.names = {"https://kbin.test/u/user2": fan.uri, "https://kbin.test/u/user": me}
    undo = stage.read("UndoTest-testUndoFollowUser", fan.uri_of("activities"), fan.uri_of("follows"), me)
    await stage.takes(fan, undo["object"])
    fan_id = (await stage.account(fan.uri)).id
    assert await server.db.read(stored_relationships.is_following, fan_id, alice.account_id)
    await stage.takes(fan, undo)
    assert not await server.db.read(stored_relationships.is_following, fan_id, alice.account_id)
