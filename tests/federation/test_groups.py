"""Groups between two servers of ours: threads, answers, votes, moderation, as people of both see them."""

from __future__ import annotations

import pytest

from tests.federation.forum import Forum, answers, in_thread
from tests.federation.walk import Friends, arrives, enrol

pytestmark = pytest.mark.xdist_group("two-servers")


@pytest.fixture
def forum(strangers: Friends) -> Forum:
    """A group of one server that somebody of the other has joined."""
    return Forum.make(strangers).joined_by(strangers.there)


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
