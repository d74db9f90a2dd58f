"""Events between our server and one that is made with Fedify: they are joined and left, fill up, change and are called off."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import Api
from tests.events.test_events import EVENTS, SECRET, call, wall
from tests.federation.test_fedify import Pair, pair, strangers
from tests.waiting import eventually

__all__ = ["pair", "strangers"]

pytestmark = pytest.mark.xdist_group("fedify")


def mine(who: Api, path: str) -> list[str]:
    """What became of the viewer's answer at each time of an event."""
    return [one["rsvp"]["state"] if one["rsvp"] else "" for one in who.get(path)["occurrences"]]


def test_people_there_join_an_event_of_ours_wait_and_hear_of_what_changes(pair: Pair) -> None:
    other = f"{pair.pete}friend"
    other_uri = pair.peer.actor(other)["uri"]
    made = pair.ann.post(EVENTS, call(capacity=1, place={"name": "Library", "locality": "Lund"}))
    create = pair.arrived("Create", object__id=made["uri"])
    assert SECRET not in str(create)
    read = pair.tell_pete("lookup", uri=made["uri"])
    assert (read["type"], read["location"]["name"], read["startTime"][:10]) == (
        "Event",
        "Library",
        wall()[:10],
    )
    join = pair.tell_pete("join", uri=made["uri"])
    accept = pair.arrived("Accept", object__id=join["id"])
    assert (accept["object"]["type"], accept["object"]["object"]) == ("Join", made["uri"])
    waits = pair.peer.do("join", as_=other, uri=made["uri"])
    tentative = pair.arrived("TentativeAccept", object__id=waits["id"])
    assert tentative["object"]["actor"] == other_uri
    at = f"{EVENTS}/{made['id']}"
    seen = {one["acct"].partition("@")[0]: one["state"] for one in pair.ann.get(f"{at}/rsvps")}
    assert seen == {pair.pete: "in", other: "waiting"}
    pair.tell_pete("leave", uri=made["uri"])
    pair.arrived("Accept", object__id=waits["id"])
    assert [one["going_count"] for one in pair.ann.get(at)["occurrences"]] == [1]
    pair.ann.patch(at, {"schedule": {"starts": wall(9, 18)}})
    update = pair.arrived("Update", object__id=made["uri"])
    assert update["object"]["startTime"].startswith(wall(9, 18))
    pair.ann.patch(at, {"status": "cancelled"})
    gone = pair.peer.await_arrival(type="Update", object__eventStatus="EventCancelled")["activity"]["object"]
    assert (gone["id"], gone["status"]) == (made["uri"], "CANCELLED")
    assert SECRET not in str(update) + str(gone)


def test_who_is_on_a_server_without_events_votes_to_come_and_asks_to_hear_no_more(pair: Pair) -> None:
    made = pair.ann.post(EVENTS, call())
    at, asked = f"{EVENTS}/{made['id']}", f"{made['uri']}/question"
    question = pair.arrived("Create", object__id=asked)["object"]
    assert (question["type"], question["inReplyTo"]) == ("Question", made["uri"])
    pair.tell_pete("vote", uri=asked, choices=["Going"])
    note = pair.arrived("Create", object__type="Note", object__to=[pair.pete_uri])["object"]
    assert "You are going" in note["content"]
    assert SECRET not in note["content"]
    (seen,) = pair.ann.get(f"{at}/rsvps")
    assert (seen["account_id"], seen["status"], seen["state"]) == (pair.pete_id, "going", "in")

    pair.tell_pete(
        "post", text="Stop.", visibility="direct", mentioned=pair.mention_ann(), reply_to=note["id"]
    )
    # What came after it has been dealt with after it.
    pair.pete_posts("Later")
    pair.tell_pete("vote", uri=asked, choices=["Maybe"])
    eventually(lambda: pair.ann.get(f"{at}/rsvps")[0]["status"] == "maybe", "that pete may come")
    other = pair.ann.post(EVENTS, call(title="Another"))
    pair.arrived("Create", object__id=other["uri"])
    pair.ann.patch(f"{EVENTS}/{other['id']}", {"status": "cancelled"})
    pair.ann_posts("The last")
    heard = [one["activity"]["object"] for one in pair.peer.arrived(type="Create", actor=pair.ann_uri)]
    asked_or_told = [one["id"] for one in heard if one["type"] == "Question" or one["to"] == [pair.pete_uri]]
    assert asked_or_told == [asked, note["id"]]


def test_a_join_of_an_event_to_which_nobody_signs_up_here_is_ignored(pair: Pair) -> None:
    made = pair.ann.post(EVENTS, call(rsvp_mode="none"))
    join = pair.tell_pete("join", uri=made["uri"])
    ignored = pair.arrived("Ignore", object__id=join["id"])
    assert ignored["object"]["object"] == made["uri"]
    assert pair.ann.get(f"{EVENTS}/{made['id']}/rsvps") == []


def test_an_organiser_decides_about_people_there(pair: Pair) -> None:
    made = pair.ann.post(EVENTS, call(rsvp_mode="approval"))
    at = f"{EVENTS}/{made['id']}"
    join = pair.tell_pete("join", uri=made["uri"])
    eventually(
        lambda: [one["state"] for one in pair.ann.get(f"{at}/rsvps")] == ["asked"], "that pete has asked"
    )
    pair.ann.post(f"{at}/rsvps/{pair.pete_id}/approve")
    pair.arrived("Accept", object__id=join["id"])
    pair.ann.post(f"{at}/rsvps/{pair.pete_id}/reject")
    pair.arrived("Reject", object__id=join["id"])


@pytest.mark.parametrize(
    ("how", "becomes"), [("accept", "in"), ("tentative", "waiting"), ("reject", "refused")]
)
def test_a_member_joins_an_event_there_and_sees_how_the_answer_stands(
    pair: Pair, how: str, becomes: str
) -> None:
    event: dict[str, Any] = {
        "name": "Picnic",
        "start": "2099-07-01T10:00:00Z",
        "end": "2099-07-01T12:00:00Z",
        "place": "Park",
    }
    uri = pair.tell_pete("event", **event)["uri"]
    found = eventually(lambda: pair.ann.in_home(uri), f"{uri} in the home timeline")
    at = f"{EVENTS}/{found['id']}"
    shown = pair.ann.get(at)
    assert (shown["title"], shown["place"]["name"], shown["starts_at"]) == (
        "Picnic",
        "Park",
        "2099-07-01T10:00:00.000Z",
    )
    pair.ann.post(f"{at}/rsvp", {"status": "going"})
    join = pair.arrived("Join", object=uri)
    assert mine(pair.ann, at) == ["sent"]
    order = {"joiner": pair.ann_uri, "id": join["id"], "uri": uri}
    pair.tell_pete("answer_join", how=how, **order)
    eventually(lambda: mine(pair.ann, at) == [becomes], f"that the answer is {becomes}")
    pair.tell_pete("change_event", uri=uri, start="2099-07-02T10:00:00Z", end="2099-07-02T12:00:00Z")
    eventually(lambda: pair.ann.get(at)["starts_at"].startswith("2099-07-02"), "that it has moved")
    assert mine(pair.ann, at) == [becomes]
    if becomes != "refused":
        pair.ann.delete(f"{at}/rsvp")
        pair.arrived("Leave", object=uri)
        assert mine(pair.ann, at) == [""]
