"""Groups between two servers of ours: threads, answers, votes, moderation, as people of both see them."""

from __future__ import annotations

from functools import partial

import pytest

from fedserver.context import Server
from fedserver.groups import catalogue, moderation, voting
from fedserver.groups.catalogue import GroupFields
from storage import posts
from tests.client import Api
from tests.federation.forum import Forum, answers, in_thread, member_of, within
from tests.federation.walk import Friends, arrives, becomes, enrol
from tests.waiting import eventually

pytestmark = pytest.mark.xdist_group("two-servers")


@pytest.fixture
def forum(strangers: Friends) -> Forum:
    """A group of one server that somebody of the other has joined."""
    return Forum.make(strangers, allows_downvotes=True).joined_by(strangers.there)


def test_a_thread_reaches_members_elsewhere_and_their_answers_come_back(forum: Forum) -> None:
    here, there = forum.friends.here, forum.friends.there
    (third,) = enrol(forum.friends.there_server, "tom")
    forum.joined_by(third)
    root = forum.start("Which editor?", "For beginners.")
    shown = arrives(there, root)
    assert (shown["account"]["acct"], shown["reblog"]["uri"]) == (forum.handle[1:], root)
    answer = answers(there, root, "The one you know.")
    in_thread(here, root, answer)
    deeper = answers(here, answer, "And if I know none?")
    in_thread(third, root, deeper)
    deepest = answers(third, deeper, "Then mine.")
    in_thread(there, root, deepest)
    for running in (forum.friends.here_server, forum.friends.there_server):
        row = forum.becomes(running, root, lambda one: one.replies_count == 3, "that all answers count")
        assert (row.group_uri, row.title) == (forum.uri, "Which editor?")
    # Answers come with their thread: nobody has them boosted into the home timeline.
    assert [one for one in (answer, deeper, deepest) if third.in_home(one) and one != deepest] == []


def test_a_member_elsewhere_begins_a_thread(forum: Forum) -> None:
    here, there = forum.friends.here, forum.friends.there
    root = forum.start("From afar", by=there, there=True)
    shown = arrives(here, root)
    assert shown["account"]["acct"] == forum.name
    in_thread(there, root, answers(here, root, "Welcome."))
    named = there.post("/api/v1/statuses", {"status": f"{forum.handle} may I ask\nsomething?"})
    arrives(here, named["uri"])
    assert forum.thread(forum.friends.here_server, named["uri"]).title == "may I ask"


def test_votes_and_edits_are_the_same_on_both_servers(forum: Forum) -> None:
    friends = forum.friends
    root = forum.start("Vote!")
    arrives(friends.there, root)
    path = f"/api/v1/statuses/{friends.there.find_status(root)['id']}"
    friends.there.post(f"{path}/favourite")
    own = f"/api/v1/statuses/{friends.here.find_status(root)['id']}"
    becomes(friends.here, own, favourites_count=1)
    within(friends.there_server, partial(votes_against, friends.there, root))
    becomes(friends.here, own, favourites_count=0)
    eventually(lambda: forum.dislikes(friends.here_server, root) == 1, "that the vote against it counts")
    friends.here.put(own, {"status": "Better", "media_ids": []})
    eventually(lambda: "Better" in friends.there.get(path)["content"], "that the edit arrives")


async def votes_against(who: Api, uri: str, server: Server) -> None:
    member = await member_of(server, who)
    row = await server.db.read(posts.by_uri, uri)
    assert row is not None
    await voting.downvote(server, member, row.id)


def test_moderation_reaches_the_other_server(forum: Forum) -> None:
    friends = forum.friends
    root = forum.start("Heated")
    arrives(friends.there, root)
    answer = answers(friends.there, root, "Rubbish!")
    in_thread(friends.here, root, answer)
    forum.moderates(moderation.lock, root)
    forum.moderates(moderation.pin, root)
    forum.becomes(friends.there_server, root, lambda row: row.locked_at, "that it is locked there")
    eventually(lambda: forum.pins(friends.there_server) == [root], "that it is pinned there")
    status = friends.there.find_status(root)
    refused = friends.there.raw(
        "POST", "/api/v1/statuses", json={"status": "But", "in_reply_to_id": status["id"]}
    )
    assert (refused.status_code, "locked" in refused.text) == (403, True)
    forum.moderates(moderation.unlock, root)
    forum.moderates(moderation.unpin, root)
    forum.becomes(friends.there_server, root, lambda row: not row.locked_at, "that it takes answers again")
    forum.moderates(moderation.remove, answer, reason="Rude")
    # It leaves the group, and stays its author's.
    forum.becomes(
        friends.there_server, root, lambda row: row.replies_count == 0, "that the answer is gone there"
    )
    assert friends.there.find_status(answer)["uri"] == answer


def test_a_moderator_on_the_other_server_moderates(forum: Forum) -> None:
    friends = forum.friends
    root = forum.start("Heated")
    arrives(friends.there, root)
    forum.appoints(friends.there, "moderator")
    eventually(lambda: forum.role_of(friends.there_server, friends.there) == "moderator", "the role there")
    forum.moderates(moderation.lock, root, by=friends.there, there=True)
    forum.becomes(friends.here_server, root, lambda row: row.locked_at, "that it is locked here")
    forum.appoints(friends.there, "member")
    eventually(lambda: forum.role_of(friends.there_server, friends.there) == "member", "the role there")


def test_what_the_group_says_of_itself_changes_on_both_servers(forum: Forum) -> None:
    group_id = forum.friends.there.find_account(forum.handle)["id"]
    forum.acts(
        lambda server, owner, group: catalogue.change(
            server, owner, group.account_id, GroupFields(title="Anew")
        )
    )
    becomes(forum.friends.there, f"/api/v1/accounts/{group_id}", display_name="Anew")


def test_who_is_banned_is_told_and_belongs_to_it_no_more(forum: Forum) -> None:
    friends = forum.friends
    (other,) = enrol(friends.there_server, "ulla")
    forum.joined_by(other)
    forum.bans(friends.there, "Rude")
    eventually(
        lambda: forum.role_of(friends.there_server, friends.there) is None, "the end of the membership"
    )
    named = friends.there.raw("POST", "/api/v1/statuses", json={"status": f"{forum.handle} hello?"})
    assert named.status_code == 200  # it is a post like any other, which is not in the group
    told = eventually(lambda: friends.there.notified("mention"), "that they are told why")
    assert "You are banned from" in told["status"]["content"]
    assert told["status"]["visibility"] == "direct"
    assert forum.thread(friends.here_server, named.json()["uri"]) is None


def test_what_is_for_members_reaches_the_servers_of_members_alone(strangers: Friends) -> None:
    forum = Forum.make(strangers, access="members", join_mode="open").joined_by(strangers.there)
    (outside,) = enrol(strangers.there_server, "vera")
    root = forum.start("Among us")
    shown = arrives(strangers.there, root)
    assert shown["reblog"]["visibility"] == "private"
    in_thread(strangers.here, root, answers(strangers.there, root, "Indeed."))
    path = f"/api/v1/statuses/{shown['reblog']['id']}"
    assert outside.raw("GET", path).status_code == 404
    assert strangers.there.raw("POST", f"{path}/reblog").status_code in (403, 404, 422)
    assert outside.in_home(root) is None
