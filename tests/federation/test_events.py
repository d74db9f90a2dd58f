"""Events between two servers of ours: they arrive, are joined and left, change, fill up and are called off."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import Api
from tests.events.test_events import EVENTS, SECRET, call, wall
from tests.federation.walk import Friends, arrives
from tests.waiting import eventually

pytestmark = pytest.mark.xdist_group("two-servers")


def there(who: Api, uri: str) -> dict[str, Any]:
    """The same event as it is known to somebody of the other server."""
    found: dict[str, Any] = who.get(f"{EVENTS}/{who.find_status(uri)['id']}")
    return found


def state(event: dict[str, Any]) -> str:
    mine = event["occurrences"][0]["rsvp"]
    return mine["state"] if mine else ""


def test_an_event_is_joined_from_elsewhere_and_fills_up(friends: Friends) -> None:
    here, away = friends.here, friends.there
    made = here.post(
        EVENTS, call(capacity=1, place={"name": "Library", "locality": "Uppsala", "country": "Sweden"})
    )
    at = f"{EVENTS}/{made['id']}"
    arrives(away, made["uri"])
    found = there(away, made["uri"])
    same = ("title", "zone", "starts_at", "ends_at", "capacity", "rsvp_mode", "online")
    assert {name: found[name] for name in same} == {name: made[name] for name in same}
    assert found["place"]["locality"] == "Uppsala"
    far = f"{EVENTS}/{found['id']}"
    assert state(away.post(f"{far}/rsvp", {"status": "going"})) in ("sent", "in")
    eventually(lambda: state(there(away, made["uri"])) == "in", "that the seat is given")
    (seen,) = here.get(f"{at}/rsvps")
    assert (seen["acct"], seen["state"]) == (away.handle[1:], "in")
    assert state(here.post(f"{at}/rsvp", {"status": "going"})) == "waiting"
    away.delete(f"{far}/rsvp")
    eventually(lambda: state(here.get(at)) == "in", "that who waited moves up")
    away.post(f"{far}/rsvp", {"status": "going"})
    eventually(lambda: state(there(away, made["uri"])) == "waiting", "that there is a waiting list")
    here.patch(at, {"capacity": 2})
    eventually(lambda: state(there(away, made["uri"])) == "in", "that who waited elsewhere is told")
    here.patch(at, {"schedule": {"starts": wall(9, 18)}, "status": "cancelled"})
    eventually(lambda: there(away, made["uri"])["state"] == "cancelled", "that it is called off")
    assert "Cancelled" in away.find_status(made["uri"])["content"]
    assert SECRET not in str(there(away, made["uri"]))
    assert away.raw("GET", f"{far}/join").status_code == 403


def test_a_series_travels_with_its_calls(friends: Friends) -> None:
    weekly = {"rule": {"frequency": "weekly", "count": 4}}
    made = friends.here.post(EVENTS, call(schedule=weekly))
    arrives(friends.there, made["uri"])
    times = [one["starts_at"] for one in made["occurrences"]]
    assert [one["starts_at"] for one in there(friends.there, made["uri"])["occurrences"]] == times
    key = made["occurrences"][1]["key"]
    friends.here.patch(f"{EVENTS}/{made['id']}/occurrences/{key}", {"cancelled": True})
    eventually(
        lambda: (
            [one["starts_at"] for one in there(friends.there, made["uri"])["occurrences"]]
            == [times[0], *times[2:]]
        ),
        "that the cancelled call is gone",
    )
