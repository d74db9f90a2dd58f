"""Two servers of ours with members on both, one on SQLite and one on PostgreSQL, both asking for signed fetches."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import pytest

from tests.client import Api
from tests.running import RunningServer
from tests.waiting import eventually

pytestmark = pytest.mark.xdist_group("two-servers")

_numbers = itertools.count(1)


@dataclass
class Friends:
    """`here` and `there` are members of two servers who follow each other; each knows the other's account."""

    here: Api
    there: Api
    there_id: str  # as the server of `here` knows it
    here_id: str

    def arrives_there(self, status: dict[str, Any]) -> dict[str, Any]:
        """The status of `here` as it has reached the home timeline of `there`."""
        return eventually(lambda: self.there.in_home(status["uri"]), f"{status['uri']} at the other server")


@pytest.fixture(params=["from-sqlite", "from-postgresql"])
def friends(
    request: pytest.FixtureRequest, running_server: RunningServer, second_server: RunningServer
) -> Friends:
    servers = [running_server, second_server]
    if request.param == "from-postgresql":
        servers.reverse()
    number = next(_numbers)
    here, there = servers[0].member(f"hanna{number}"), servers[1].member(f"theo{number}")
    there_id = here.find_account(there.handle)["id"]
    here_id = there.find_account(here.handle)["id"]
    here.post(f"/api/v1/accounts/{there_id}/follow")
    there.post(f"/api/v1/accounts/{here_id}/follow")
    for one, other_id in ((here, there_id), (there, here_id)):
        eventually(
            lambda one=one, other_id=other_id: (
                (now := one.relationship(other_id))["following"] and now["followed_by"]
            ),
            "that both follow each other",
        )
    return Friends(here, there, there_id, here_id)


def test_a_post_arrives_as_it_was_written(friends: Friends) -> None:
    form = {"status": "Teaching **R** with #Carpentries", "spoiler_text": "long", "language": "en"}
    sent = friends.here.post("/api/v1/statuses", form)
    came = friends.arrives_there(sent)
    for same in ("content", "spoiler_text", "sensitive", "language", "visibility", "created_at"):
        assert came[same] == sent[same], same
    assert [tag["name"] for tag in came["tags"]] == [tag["name"] for tag in sent["tags"]]
    assert came["account"]["acct"] == friends.here.handle.removeprefix("@")


def test_a_conversation_is_one_thread_on_both_servers(friends: Friends) -> None:
    question = friends.here.post("/api/v1/statuses", {"status": "Which venue?"})
    seen = friends.arrives_there(question)
    answer = friends.there.post(
        "/api/v1/statuses", {"status": f"{friends.here.handle} the library", "in_reply_to_id": seen["id"]}
    )
    notice = eventually(lambda: friends.here.notified("mention", friends.there_id), "the mention")
    assert notice["status"]["uri"] == answer["uri"]
    thread = friends.here.get(f"/api/v1/statuses/{question['id']}/context")
    assert [status["uri"] for status in thread["descendants"]] == [answer["uri"]]


def test_likes_and_boosts_are_counted_where_the_post_is_from(friends: Friends) -> None:
    post = friends.here.post("/api/v1/statuses", {"status": "Count me"})
    seen = friends.arrives_there(post)
    friends.there.post(f"/api/v1/statuses/{seen['id']}/favourite")
    friends.there.post(f"/api/v1/statuses/{seen['id']}/reblog")
    path = f"/api/v1/statuses/{post['id']}"
    eventually(
        lambda: (now := friends.here.get(path))["favourites_count"] == 1 and now["reblogs_count"] == 1,
        "that like and boost are counted",
    )
    friends.there.post(f"/api/v1/statuses/{seen['id']}/unfavourite")
    friends.there.post(f"/api/v1/statuses/{seen['id']}/unreblog")
    eventually(
        lambda: (now := friends.here.get(path))["favourites_count"] == 0 and now["reblogs_count"] == 0,
        "that like and boost are taken back",
    )


def test_an_edit_and_a_deletion_follow_the_post(friends: Friends) -> None:
    post = friends.here.post("/api/v1/statuses", {"status": "Room 1"})
    seen = friends.arrives_there(post)
    path = f"/api/v1/statuses/{seen['id']}"
    friends.here.put(f"/api/v1/statuses/{post['id']}", {"status": "Room 2"})
    eventually(lambda: "Room 2" in friends.there.get(path)["content"], "the edit")
    friends.here.delete(f"/api/v1/statuses/{post['id']}")
    eventually(lambda: friends.there.raw("GET", path).status_code == 404, "the deletion")


def test_a_vote_is_counted_and_the_result_comes_back(friends: Friends) -> None:
    poll = {"options": ["tea", "coffee"], "expires_in": 3600}
    seen = friends.arrives_there(friends.here.post("/api/v1/statuses", {"status": "Break?", "poll": poll}))
    friends.there.post(f"/api/v1/polls/{seen['poll']['id']}/votes", {"choices": [0]})
    counted = eventually(
        lambda: (
            (now := friends.here.in_home(seen["uri"])) and now["poll"]["votes_count"] == 1 and now["poll"]
        ),
        "that the vote is counted",
    )
    assert [option["votes_count"] for option in counted["options"]] == [1, 0]


@pytest.mark.parametrize("visibility", ["private", "direct"])
def test_what_is_not_public_reaches_whom_it_is_for_and_nobody_else(friends: Friends, visibility: str) -> None:
    post = friends.here.post(
        "/api/v1/statuses", {"status": f"{friends.there.handle} not for all", "visibility": visibility}
    )
    notice = eventually(lambda: friends.there.notified("mention", friends.here_id), "the mention")
    assert (notice["status"]["uri"], notice["status"]["visibility"]) == (post["uri"], visibility)
    for somebody in (Api(friends.here.origin), Api(friends.there.origin)):
        path = post["uri"].removeprefix(friends.here.origin)
        assert somebody.raw("GET", path, headers={"accept": "application/activity+json"}).status_code in (
            401,
            404,
        )
    public = Api(friends.there.origin).raw("GET", f"/api/v1/statuses/{notice['status']['id']}")
    assert public.status_code == 404


def test_a_block_is_kept_by_the_server_that_hears_of_it(friends: Friends) -> None:
    post = friends.here.post("/api/v1/statuses", {"status": "Soon out of reach"})
    seen = friends.arrives_there(post)
    friends.here.post(f"/api/v1/accounts/{friends.there_id}/block")
    eventually(
        lambda: not friends.there.relationship(friends.here_id)["following"], "that the follow has ended"
    )
    friends.there.raw("POST", f"/api/v1/statuses/{seen['id']}/favourite")
    assert friends.here.get(f"/api/v1/statuses/{post['id']}")["favourites_count"] == 0
