"""The walk that two people on two servers take together; one of the servers is made with Fedify.

Ours runs as a process and is used through its client API. Fedify checks every signature and proof of ours.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pytest

from tests.client import Api
from tests.peers.fedify_peer import FedifyPeer
from tests.running import RunningServer
from tests.waiting import eventually

pytestmark = pytest.mark.xdist_group("fedify")

PUBLIC = {"https://www.w3.org/ns/activitystreams#Public", "as:Public"}
_numbers = itertools.count(1)


def addressees(thing: dict[str, Any]) -> set[str]:
    """Whom an activity or object names in `to` and `cc`."""
    return {uri for name in ("to", "cc") for uri in as_list(thing.get(name, []))}


def as_list(value: Any) -> list[Any]:
    """The values of a property, which JSON-LD lets stand alone if there is one."""
    return value if isinstance(value, list) else [value]


@dataclass
class Pair:
    """`ann` of our server and `pete` of Fedify's, who follow each other unless a test says otherwise."""

    ann: Api
    ann_uri: str
    peer: FedifyPeer
    pete: str
    pete_uri: str
    pete_handle: str
    pete_id: str = ""

    def mention_ann(self) -> list[dict[str, str]]:
        return [{"uri": self.ann_uri, "handle": self.ann.handle}]

    def tell_pete(self, verb: str, **order: Any) -> dict[str, Any]:
        return self.peer.do(verb, as_=self.pete, **order)

    def follow_each_other(self) -> None:
        self.pete_id = self.ann.find_account(self.pete_handle)["id"]
        self.ann.post(f"/api/v1/accounts/{self.pete_id}/follow")
        self.tell_pete("follow", target=self.ann_uri)
        eventually(self.are_friends, "that both follow each other")

    def are_friends(self) -> bool:
        here = self.ann.relationship(self.pete_id)
        there = self.tell_pete("people")
        return (
            here["following"]
            and here["followed_by"]
            and self.ann_uri in there["followers"]
            and self.ann_uri in there["following"]
        )

    def ann_posts(self, text: str, **form: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """A status of ann's, and its Create as it arrived at Fedify's."""
        status = self.ann.post("/api/v1/statuses", {"status": text, **form})
        return status, self.arrived("Create", object__id=status["uri"])

    def pete_posts(self, text: str, **order: Any) -> dict[str, Any]:
        """A post of pete's, as the status that has arrived in ann's home timeline."""
        uri = self.tell_pete("post", text=text, **order)["uri"]
        return eventually(lambda: self.ann.in_home(uri), f"{uri} in the home timeline")

    def arrived(self, kind: str, **wanted: Any) -> dict[str, Any]:
        """The activity of ann's as it arrived at Fedify's, which must have found its signature good.

        And its proof (FEP-8b32), which is on what is public and on nothing else.
        """
        entry = self.peer.await_arrival(type=kind, actor=self.ann_uri, **wanted)
        assert (entry["signature"], entry["status"]) == ("verified", 202), entry
        activity: dict[str, Any] = entry["activity"]
        assert entry["proof"] == ("verified" if PUBLIC & addressees(activity) else None), entry
        return activity


@pytest.fixture
def strangers(running_server: RunningServer, fedify: FedifyPeer) -> Pair:
    number = next(_numbers)
    ann = running_server.member(f"ann{number}")
    pete = fedify.actor(f"pete{number}")
    return Pair(ann, ann.me["uri"], fedify, f"pete{number}", pete["uri"], pete["handle"])


@pytest.fixture
def pair(strangers: Pair) -> Pair:
    strangers.follow_each_other()
    return strangers


def test_an_account_is_found_by_its_handle(strangers: Pair) -> None:
    account = strangers.ann.find_account(strangers.pete_handle)
    assert account["uri"] == strangers.pete_uri
    assert account["acct"] == strangers.pete_handle.removeprefix("@")
    assert account["display_name"] == f"{strangers.pete} of Fedify"


def test_following_waits_for_the_accept(strangers: Pair) -> None:
    shy = strangers.peer.actor(strangers.pete, by_hand=True)
    account = strangers.ann.find_account(shy["handle"])
    strangers.ann.post(f"/api/v1/accounts/{account['id']}/follow")
    follow = strangers.arrived("Follow", object=shy["uri"])
    relationship = strangers.ann.relationship(account["id"])
    assert (relationship["following"], relationship["requested"]) == (False, True)
    strangers.tell_pete("answer", follower=strangers.ann_uri, id=follow["id"], how="accept")
    eventually(lambda: strangers.ann.relationship(account["id"])["following"], "that the follow is accepted")


def test_a_rejected_follow_is_no_request_any_more(strangers: Pair) -> None:
    shy = strangers.peer.actor(strangers.pete, by_hand=True)
    account = strangers.ann.find_account(shy["handle"])
    strangers.ann.post(f"/api/v1/accounts/{account['id']}/follow")
    follow = strangers.arrived("Follow", object=shy["uri"])
    strangers.tell_pete("answer", follower=strangers.ann_uri, id=follow["id"], how="reject")
    eventually(lambda: not strangers.ann.relationship(account["id"])["requested"], "that the request is gone")
    assert not strangers.ann.relationship(account["id"])["following"]


def test_a_locked_account_decides_who_follows(strangers: Pair) -> None:
    strangers.ann.patch("/api/v1/accounts/update_credentials", {"locked": True})
    strangers.tell_pete("follow", target=strangers.ann_uri)
    (asking,) = eventually(lambda: strangers.ann.get("/api/v1/follow_requests"), "a follow request")
    assert asking["uri"] == strangers.pete_uri
    assert strangers.ann_uri not in strangers.tell_pete("people")["following"]
    strangers.ann.post(f"/api/v1/follow_requests/{asking['id']}/authorize")
    strangers.arrived("Accept")
    assert strangers.ann_uri in strangers.tell_pete("people")["following"]


def test_unfollowing_reaches_the_other_server(pair: Pair) -> None:
    pair.ann.post(f"/api/v1/accounts/{pair.pete_id}/unfollow")
    pair.arrived("Undo", object__type="Follow")
    assert pair.ann_uri not in pair.tell_pete("people")["followers"]


def test_an_unfollow_of_theirs_ends_the_follow(strangers: Pair) -> None:
    follow = strangers.tell_pete("follow", target=strangers.ann_uri)
    account = strangers.ann.find_account(strangers.pete_handle)
    eventually(lambda: strangers.ann.relationship(account["id"])["followed_by"], "that pete follows")
    strangers.tell_pete("undo", kind="follow", id=follow["id"], object=strangers.ann_uri)
    eventually(
        lambda: not strangers.ann.relationship(account["id"])["followed_by"], "that pete no longer follows"
    )


def test_somebody_they_forgot_follows_no_longer_after_the_next_post(
    pair: Pair, running_server: RunningServer
) -> None:
    other = running_server.member(f"bob{next(_numbers)}")
    other.post(f"/api/v1/accounts/{other.find_account(pair.pete_handle)['id']}/follow")
    eventually(lambda: other.relationship(pair.pete_id)["following"], "that bob follows, too")
    pair.tell_pete("forget", follower=pair.ann_uri)
    uri = pair.tell_pete("post", text="For those I count", visibility="followers")["uri"]
    eventually(lambda: not pair.ann.relationship(pair.pete_id)["following"], "that ann follows no longer")
    assert other.relationship(pair.pete_id)["following"]
    assert other.in_home(uri)


def test_they_can_count_their_followers_of_ours(pair: Pair) -> None:
    status = pair.ann.post("/api/v1/statuses", {"status": "Among us", "visibility": "private"})
    sent = pair.peer.await_arrival(type="Create", object__id=status["uri"])["synchronisation"]
    said = dict(re.findall(r'(\w+)="([^"]*)"', sent))
    assert said["collectionId"] == f"{pair.ann_uri}/followers"
    assert said["digest"] == sha256(pair.pete_uri.encode()).hexdigest()
    assert pair.tell_pete("lookup", uri=said["url"])["orderedItems"] in (pair.pete_uri, [pair.pete_uri])


def test_a_public_post_arrives_and_can_be_read_there(pair: Pair) -> None:
    status, create = pair.ann_posts("Metadata **matters** #FAIR")
    assert PUBLIC & set(as_list(create["to"]))
    read = pair.tell_pete("lookup", uri=status["uri"])
    assert (read["type"], read["id"]) == ("Note", status["uri"])
    assert "matters" in read["content"]
    assert "#fair" in {tag["name"].lower() for tag in as_list(read["tag"])}


def test_a_post_of_theirs_is_shown_with_its_hashtags(pair: Pair) -> None:
    status = pair.pete_posts("<p>Hello from <strong>Fedify</strong></p>", hashtags=["OpenScience"])
    assert status["account"]["uri"] == pair.pete_uri
    assert "<strong>Fedify</strong>" in status["content"]
    assert [tag["name"].lower() for tag in status["tags"]] == ["openscience"]
    assert status["visibility"] == "public"


def test_markup_of_theirs_is_made_safe(pair: Pair) -> None:
    status = pair.pete_posts('<p onclick="x()">safe<script>alert(1)</script><img src=x onerror=y></p>')
    assert "safe" in status["content"]
    assert not any(danger in status["content"] for danger in ("onclick", "<script", "onerror", "<img"))


def test_replies_go_both_ways_in_one_thread(pair: Pair) -> None:
    status, _ = pair.ann_posts("Who teaches R next week?")
    answer = pair.pete_posts("<p>I do</p>", reply_to=status["uri"], mentioned=pair.mention_ann())
    assert answer["in_reply_to_id"] == status["id"]
    notice = eventually(lambda: pair.ann.notified("mention", pair.pete_id), "a notification of the mention")
    assert notice["status"]["id"] == answer["id"]
    thanks, create = pair.ann_posts(f"{pair.pete_handle} thanks!", in_reply_to_id=answer["id"])
    assert create["object"]["inReplyTo"] == answer["uri"]
    tags = as_list(create["object"]["tag"])
    assert pair.pete_uri in {tag["href"] for tag in tags if tag["type"] == "Mention"}
    thread = pair.ann.get(f"/api/v1/statuses/{status['id']}/context")
    assert [reply["id"] for reply in thread["descendants"]] == [answer["id"], thanks["id"]]


def test_quotes_of_theirs_get_a_stamp_that_they_can_read(pair: Pair) -> None:
    status, _ = pair.ann_posts("Quote me")
    quoting = pair.pete_posts("<p>As she says</p>", quotes=status["uri"])
    assert quoting["quote"] == {"state": "pending", "quoted_status": None}
    pair.tell_pete("ask_to_quote", uri=quoting["uri"])
    accept = pair.arrived("Accept", object__instrument=quoting["uri"])
    at = f"/api/v1/statuses/{quoting['id']}"
    assert pair.ann.get(at)["quote"]["quoted_status"]["id"] == status["id"]
    stamp = pair.tell_pete("lookup", uri=accept["result"])
    assert stamp["type"] == "QuoteAuthorization"
    assert (stamp["interactingObject"], stamp["interactionTarget"]) == (quoting["uri"], status["uri"])
    pair.ann.post(f"/api/v1/statuses/{status['id']}/quotes/{quoting['id']}/revoke")
    gone = pair.arrived("Delete", object__id=accept["result"])
    assert gone["object"]["type"] == "QuoteAuthorization"


def test_quotes_of_ours_are_asked_for_and_shown_with_their_stamp(pair: Pair) -> None:
    quoted = pair.pete_posts("<p>Open to all</p>")
    assert quoted["quote_approval"]["current_user"] == "automatic"
    status, create = pair.ann_posts("See", quoted_status_id=quoted["id"])
    assert (create["object"]["quote"], "quoteAuthorization" in create["object"]) == (quoted["uri"], False)
    request = pair.arrived("QuoteRequest", object=quoted["uri"])
    assert request["instrument"]["id"] == status["uri"]
    update = pair.arrived("Update", object__id=status["uri"])
    stamp = pair.tell_pete("lookup", uri=update["object"]["quoteAuthorization"])
    assert stamp["interactingObject"] == status["uri"]
    assert pair.ann.get(f"/api/v1/statuses/{status['id']}")["quote"]["state"] == "accepted"


def test_likes_and_boosts_of_theirs_come_and_go(pair: Pair) -> None:
    status, _ = pair.ann_posts("Like and boost me")
    path = f"/api/v1/statuses/{status['id']}"
    like = pair.tell_pete("like", uri=status["uri"])
    boost = pair.tell_pete("announce", uri=status["uri"])
    eventually(lambda: pair.ann.notified("favourite", pair.pete_id), "a notification of the like")
    eventually(lambda: pair.ann.notified("reblog", pair.pete_id), "a notification of the boost")
    counted = pair.ann.get(path)
    assert (counted["favourites_count"], counted["reblogs_count"]) == (1, 1)
    pair.tell_pete("undo", kind="like", id=like["id"], object=status["uri"])
    pair.tell_pete("undo", kind="announce", id=boost["id"], object=status["uri"])
    eventually(
        lambda: (now := pair.ann.get(path))["favourites_count"] == 0 and now["reblogs_count"] == 0,
        "that like and boost are taken back",
        lambda: pair.ann.get(path),
    )


def test_likes_and_boosts_of_ours_come_and_go(pair: Pair) -> None:
    status = pair.pete_posts("<p>A post worth sharing</p>")
    path = f"/api/v1/statuses/{status['id']}"
    pair.ann.post(f"{path}/favourite")
    like = pair.arrived("Like", object=status["uri"])
    pair.ann.post(f"{path}/reblog")
    boost = pair.arrived("Announce", object=status["uri"])
    pair.ann.post(f"{path}/unfavourite")
    pair.ann.post(f"{path}/unreblog")
    pair.arrived("Undo", object__id=like["id"])
    pair.arrived("Undo", object__id=boost["id"])


def test_a_boost_of_theirs_brings_the_post_it_is_about(pair: Pair) -> None:
    other = pair.peer.actor(f"{pair.pete}friend")
    uri = pair.peer.do("post", as_=f"{pair.pete}friend", text="<p>seldom heard</p>")["uri"]
    pair.tell_pete("announce", uri=uri)
    boost = eventually(lambda: pair.ann.in_home(uri), "the boost in the home timeline")
    assert boost["account"]["uri"] == pair.pete_uri
    assert boost["reblog"]["account"]["uri"] == other["uri"]
    assert "seldom heard" in boost["reblog"]["content"]


def test_edits_of_ours_arrive(pair: Pair) -> None:
    status, _ = pair.ann_posts("First try")
    pair.ann.put(f"/api/v1/statuses/{status['id']}", {"status": "Second try"})
    update = pair.arrived("Update", object__id=status["uri"])
    assert "Second try" in update["object"]["content"]
    assert update["object"]["updated"]


def test_edits_of_theirs_keep_what_was_there_before(pair: Pair) -> None:
    status = pair.pete_posts("<p>before</p>")
    path = f"/api/v1/statuses/{status['id']}"
    pair.tell_pete("edit", uri=status["uri"], text="<p>after</p>")
    eventually(lambda: "after" in pair.ann.get(path)["content"], "the edit")
    assert pair.ann.get(path)["edited_at"]
    assert ["before" in version["content"] for version in pair.ann.get(f"{path}/history")] == [True, False]


def test_deleting_goes_both_ways(pair: Pair) -> None:
    ours, _ = pair.ann_posts("Soon gone")
    pair.ann.delete(f"/api/v1/statuses/{ours['id']}")
    pair.arrived("Delete", object__id=ours["uri"])
    theirs = pair.pete_posts("<p>soon gone as well</p>")
    pair.tell_pete("delete", uri=theirs["uri"])
    eventually(
        lambda: pair.ann.raw("GET", f"/api/v1/statuses/{theirs['id']}").status_code == 404,
        "that the post is gone",
    )


def test_votes_of_ours_are_counted_there_and_the_result_comes_back(pair: Pair) -> None:
    status = pair.pete_posts("<p>Which day?</p>", poll={"options": ["Monday", "Friday"]})
    assert [option["title"] for option in status["poll"]["options"]] == ["Monday", "Friday"]
    pair.ann.post(f"/api/v1/polls/{status['poll']['id']}/votes", {"choices": [1]})
    pair.arrived("Create", object__inReplyTo=status["uri"])
    assert pair.peer.do("votes", uri=status["uri"]) == {"Friday": 1}
    pair.tell_pete("edit", uri=status["uri"])
    poll = eventually(
        lambda: (now := pair.ann.get(f"/api/v1/polls/{status['poll']['id']}"))["voters_count"] == 1 and now,
        "the count",
    )
    assert [option["votes_count"] for option in poll["options"]] == [0, 1]
    assert (poll["voted"], poll["own_votes"]) == (True, [1])


def test_votes_of_theirs_are_counted_here_and_sent_out(pair: Pair) -> None:
    form = {"poll": {"options": ["yes", "no"], "expires_in": 3600, "multiple": False}}
    status, create = pair.ann_posts("Shall we?", **form)
    assert create["object"]["type"] == "Question"
    assert [option["name"] for option in create["object"]["oneOf"]] == ["yes", "no"]
    pair.tell_pete("vote", uri=status["uri"], choices=["yes"])
    poll = eventually(
        lambda: (now := pair.ann.get(f"/api/v1/polls/{status['poll']['id']}"))["votes_count"] and now,
        "the vote",
    )
    assert [option["votes_count"] for option in poll["options"]] == [1, 0]
    pair.tell_pete("vote", uri=status["uri"], choices=["no"])
    update = pair.arrived("Update", object__id=status["uri"])
    assert [option["replies"]["totalItems"] for option in update["object"]["oneOf"]] == [1, 0]
    assert pair.ann.get(f"/api/v1/polls/{status['poll']['id']}")["votes_count"] == 1


def test_content_warnings_go_both_ways(pair: Pair) -> None:
    _, create = pair.ann_posts("the text", spoiler_text="spiders", sensitive=True)
    assert (create["object"]["summary"], create["object"]["sensitive"]) == ("spiders", True)
    status = pair.pete_posts("<p>hidden</p>", cw="snakes")
    assert (status["spoiler_text"], status["sensitive"]) == ("snakes", True)


def test_a_picture_of_theirs_keeps_its_description(pair: Pair) -> None:
    status = pair.pete_posts("<p>Look</p>", images=[{"alt": "A grey square"}])
    (picture,) = status["media_attachments"]
    assert (picture["type"], picture["description"]) == ("image", "A grey square")
    shown = pair.ann.http.get(picture["url"])
    assert (shown.status_code, shown.headers["content-type"].partition("/")[0]) == (200, "image")


def test_a_picture_of_ours_keeps_its_description(pair: Pair) -> None:
    picture = pair.peer.picture()
    media = pair.ann.upload(picture, description="A grey square of ours")
    _, create = pair.ann_posts("Look here", media_ids=[media["id"]])
    (sent,) = as_list(create["object"]["attachment"])
    assert sent["name"] == "A grey square of ours"
    assert pair.ann.http.get(sent["url"]).headers["content-type"].startswith("image/")


def test_direct_posts_reach_whom_they_name_and_nobody_else(pair: Pair) -> None:
    status, create = pair.ann_posts(f"{pair.pete_handle} between us", visibility="direct")
    assert addressees(create) == {pair.pete_uri}
    assert pair.tell_pete("lookup", uri=status["uri"])["content"]
    pair.peer.actor(f"{pair.pete}nosy")
    with pytest.raises(AssertionError, match="cannot be looked up"):
        pair.peer.do("lookup", as_=f"{pair.pete}nosy", uri=status["uri"])
    secret = pair.pete_posts("<p>psst</p>", visibility="direct", mentioned=pair.mention_ann())
    assert secret["visibility"] == "direct"


def test_a_followers_only_post_stays_among_followers(pair: Pair) -> None:
    status, create = pair.ann_posts("Only for you", visibility="private")
    assert not PUBLIC & addressees(create)
    assert Api(pair.ann.origin).raw("GET", f"/api/v1/statuses/{status['id']}").status_code == 404
    theirs = pair.pete_posts("<p>only for mine</p>", visibility="followers")
    assert theirs["visibility"] == "private"
    refused = pair.ann.raw("POST", f"/api/v1/statuses/{theirs['id']}/reblog")
    assert refused.status_code in (403, 404, 422)


def test_a_move_brings_the_followers_along(pair: Pair) -> None:
    target = pair.peer.actor(f"{pair.pete}new")
    pair.tell_pete("move", target=f"{pair.pete}new")
    pair.arrived("Follow", object=target["uri"])
    new = pair.ann.find_account(target["handle"])
    eventually(lambda: pair.ann.relationship(new["id"])["following"], "that ann follows the new account")


def test_a_block_of_theirs_ends_both_follows(pair: Pair) -> None:
    pair.tell_pete("block", target=pair.ann_uri)
    eventually(
        lambda: not (now := pair.ann.relationship(pair.pete_id))["following"] and not now["followed_by"],
        "that nobody follows",
        lambda: pair.ann.relationship(pair.pete_id),
    )


def test_a_block_of_ours_is_sent_and_ann_hears_nothing_meanwhile(pair: Pair) -> None:
    pair.ann.post(f"/api/v1/accounts/{pair.pete_id}/block")
    pair.arrived("Block", object=pair.pete_uri)
    unheard = pair.tell_pete("post", text="<p>unheard</p>", mentioned=pair.mention_ann())["uri"]
    profile = f"/api/v1/accounts/{pair.pete_id}/statuses"
    eventually(
        lambda: unheard in {status["uri"] for status in Api(pair.ann.origin).get(profile)},
        "that others can read it",
    )
    pair.ann.post(f"/api/v1/accounts/{pair.pete_id}/unblock")
    pair.arrived("Undo", object__type="Block")
    heard = pair.tell_pete("post", text="<p>heard</p>", mentioned=pair.mention_ann())["uri"]
    eventually(lambda: pair.ann.notified("mention", pair.pete_id), "a notification of the mention")
    mentions = pair.ann.get("/api/v1/notifications", **{"types[]": "mention"})
    assert [notification["status"]["uri"] for notification in mentions] == [heard]


def test_a_changed_profile_reaches_the_followers(pair: Pair) -> None:
    pair.ann.patch("/api/v1/accounts/update_credentials", {"display_name": "Ann of the North"})
    update = pair.arrived("Update", object__id=pair.ann_uri)
    assert update["object"]["name"] == "Ann of the North"
