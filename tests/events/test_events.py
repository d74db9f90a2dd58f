"""Events through the client API: announced, changed, moved and cancelled; who goes; what they are in apps."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import MakeMember
from tests.described import described
from tests.groups.conftest import MakeGroup
from tests.members import Person

EVENTS = "/api/v1/events"
SECRET = "https://meet.example/secret-room"
Announce = Callable[..., Awaitable[dict[str, Any]]]


def wall(days: int = 7, hour: int = 15) -> str:
    """Wall time that many days from now."""
    return (datetime.now(UTC) + timedelta(days=days)).strftime(f"%Y-%m-%dT{hour:02d}:00")


def call(**more: Any) -> dict[str, Any]:
    """What an organiser sends of a weekly call."""
    schedule = {"starts": wall(), "zone": "Europe/Stockholm", "minutes": 90, **more.pop("schedule", {})}
    return {
        "title": "Cohort call", "abstract": "We meet each other.", "text": "Bring *questions*.", "online": True,
        "tool": "Zoom", "join_url": SECRET, "keywords": ["training"], "schedule": schedule, **more,
    }  # fmt: skip


async def refused(who: Person, path: str, form: Any, method: str = "POST") -> tuple[int, str]:
    answer = await who.raw(method, path, json=form)
    return answer.status, (await answer.json())["error"]


def states(event: dict[str, Any]) -> list[str]:
    return [one["rsvp"]["state"] if one["rsvp"] else "" for one in event["occurrences"]]


async def test_a_series_is_announced_and_is_a_status_in_apps(alice: Person, bob: Person) -> None:
    weekly = {"rule": {"frequency": "weekly", "count": 8}}
    made = await alice.post(EVENTS, call(schedule=weekly, kind="call"))
    described(EVENTS, "post").validate(made)
    assert len(made["occurrences"]) == 8
    assert (made["zone"], made["has_join_link"], made["sequence"]) == ("Europe/Stockholm", True, 0)
    status = await bob.get(f"/api/v1/statuses/{made['status_id']}")
    described("/api/v1/statuses/{id}").validate(status)
    assert status["item"] == {"kind": "event", "id": made["id"], "url": made["url"]}
    for shown in ("Cohort call", "Europe/Stockholm", "and 7 more until", "Online (Zoom)", "We meet"):
        assert shown in status["content"], shown
    assert status["card"]["url"] == made["url"] == status["url"]
    entries = await bob.get("/api/v1/calendar")
    described("/api/v1/calendar").validate(entries)
    assert [one["event"]["id"] for one in entries] == [made["id"]] * 8
    page = await bob.raw("GET", f"{EVENTS}?limit=3")
    assert 'rel="next"' in page.headers["Link"]


async def test_what_is_wrong_is_told_by_field(alice: Person) -> None:
    wrong = call(
        title="", website="ftp://x", rsvp_mode="external", capacity=0,
        schedule={"zone": "Mars/Olympus", "starts": "tomorrow", "minutes": 0, "rule": {"weekdays": ["XX"]}},
    )  # fmt: skip
    code, text = await refused(alice, EVENTS, wrong)
    assert code == 422
    for field in ("title", "website", "external_url", "capacity", "schedule.zone", "schedule.starts",
                  "schedule.minutes", "schedule.rule"):  # fmt: skip
        assert field in text, field
    code, text = await refused(alice, EVENTS, call(schedule={"rule": {"frequency": "daily", "count": 201}}))
    assert (code, "schedule.rule" in text) == (422, True)
    overlapping = call(schedule={"minutes": 60 * 48, "rule": {"frequency": "daily", "count": 3}})
    assert "overlap" in (await refused(alice, EVENTS, overlapping))[1]


async def test_the_last_seat_goes_to_whoever_answers_first(
    alice: Person, bob: Person, member: MakeMember
) -> None:
    carol = await member("carol")
    made = await alice.post(EVENTS, call(capacity=1))
    at = f"{EVENTS}/{made['id']}"
    assert states(await bob.post(f"{at}/rsvp", {"status": "going"})) == ["in"]
    waits = await carol.post(f"{at}/rsvp", {"status": "going"})
    assert (states(waits), waits["occurrences"][0]["waiting_count"]) == (["waiting"], 1)
    assert states(await bob.delete(f"{at}/rsvp")) == [""]
    assert states(await carol.get(at)) == ["in"]
    told = [one for one in await carol.get("/api/v1/notifications") if one["type"] == "update"]
    assert [one["status"]["id"] for one in told] == [made["id"]]
    seen = await alice.get(f"{at}/rsvps")
    described(f"{EVENTS}/{{id}}/rsvps").validate(seen)
    assert [(one["acct"], one["status"], one["state"]) for one in seen] == [
        ("bob", "declined", ""), ("carol", "going", "in"),
    ]  # fmt: skip
    assert (await bob.raw("GET", f"{at}/rsvps")).status == 403


async def test_many_answer_at_once_and_no_seat_is_given_twice(alice: Person, member: MakeMember) -> None:
    made = await alice.post(EVENTS, call(capacity=5))
    at = f"{EVENTS}/{made['id']}"
    people = [await member(f"person{number}") for number in range(20)]
    await asyncio.gather(*(one.post(f"{at}/rsvp", {"status": "going"}) for one in people))
    seen = await alice.get(f"{at}/rsvps")
    assert [one["state"] for one in seen].count("in") == 5
    first = [
        one for one in people if any(row["acct"] == one.username and row["state"] == "in" for row in seen)
    ]
    waiting = [row["acct"] for row in seen if row["state"] == "waiting"]
    await asyncio.gather(*(one.delete(f"{at}/rsvp") for one in first[:3]))
    seen = await alice.get(f"{at}/rsvps")
    assert {row["acct"] for row in seen if row["state"] == "in"} == {one.username for one in first[3:]} | set(
        waiting[:3]
    )
    assert (await alice.get(at))["occurrences"][0]["going_count"] == 5


async def test_an_answer_to_one_call_is_none_to_the_others(alice: Person, bob: Person) -> None:
    """discourse#40813: one answer filled every call of a series; HumHub#198: the limit did not hold in one."""
    made = await alice.post(EVENTS, call(capacity=1, schedule={"rule": {"frequency": "weekly", "count": 3}}))
    at = f"{EVENTS}/{made['id']}"
    second = made["occurrences"][1]["key"]
    found = await bob.post(f"{at}/rsvp", {"status": "going", "occurrences": [second]})
    assert states(found) == ["", "in", ""]
    assert states(await alice.post(f"{at}/rsvp", {"status": "going"})) == ["in", "waiting", "in"]
    assert (await refused(bob, f"{at}/rsvp", {"occurrences": ["20200101T1000"]}))[0] == 422


async def test_the_link_to_join_is_for_those_who_go_and_near_the_time(
    alice: Person, bob: Person, nobody: Person, member: MakeMember
) -> None:
    """The leaks of PieFed and Mobilizon, which have it in their public documents."""
    soon = (datetime.now(UTC) + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M")
    made = await alice.post(EVENTS, call(schedule={"starts": soon, "zone": "UTC"}))
    later = await alice.post(EVENTS, call(title="Later"))
    carol = await member("carol")
    for event in (made, later):
        await bob.post(f"{EVENTS}/{event['id']}/rsvp", {"status": "going"})
    assert await bob.get(f"{EVENTS}/{made['id']}/join") == {"url": SECRET}
    assert await alice.get(f"{EVENTS}/{later['id']}/join") == {"url": SECRET}
    assert (await bob.raw("GET", f"{EVENTS}/{later['id']}/join")).status == 403
    assert (await carol.raw("GET", f"{EVENTS}/{made['id']}/join")).status == 403
    assert (await nobody.raw("GET", f"{EVENTS}/{made['id']}/join")).status == 401
    paths = (
        f"{EVENTS}/{made['id']}", "/api/v1/calendar", f"/api/v1/statuses/{made['id']}", "/api/v1/timelines/home",
        "/api/v2/search?q=secret-room", f"/api/v1/statuses/{made['id']}/history", f"/api/v1/statuses/{made['id']}/source",
    )  # fmt: skip
    for who in (alice, bob, nobody):
        for path in paths:
            assert "secret-room" not in (await (await who.raw("GET", path)).text()).replace(
                'q="secret-room"', ""
            ), path


async def test_what_changes_is_told_to_those_who_go(alice: Person, bob: Person) -> None:
    """mastodon#31114: nobody learned that an event had moved."""
    made = await alice.post(EVENTS, call(schedule={"rule": {"frequency": "weekly", "count": 3}}))
    at = f"{EVENTS}/{made['id']}"
    await bob.post(f"{at}/rsvp", {"status": "going"})
    keys = [one["key"] for one in made["occurrences"]]
    moved = await alice.patch(f"{at}/occurrences/{keys[1]}", {"starts": wall(15, 17), "note": "Room taken"})
    assert [one["status"] for one in moved["occurrences"]] == ["scheduled", "moved", "scheduled"]
    assert (moved["occurrences"][1]["key"], moved["occurrences"][1]["starts"]) == (keys[1], wall(15, 17))
    called_off = await alice.patch(f"{at}/occurrences/{keys[2]}", {"cancelled": True})
    assert (called_off["occurrences"][2]["status"], called_off["sequence"]) == ("cancelled", 2)
    assert (await refused(bob, f"{at}/occurrences/{keys[0]}", {"cancelled": True}, "PATCH"))[0] == 403
    assert [one["type"] for one in await bob.get("/api/v1/notifications")] == ["update"]
    # What was moved or cancelled by hand stays so when the series is described anew.
    later = await alice.patch(at, {"title": "Weekly call", "schedule": {"minutes": 60}})
    assert [one["status"] for one in later["occurrences"]] == ["scheduled", "moved", "cancelled"]
    assert states(await bob.get(at)) == ["in", "in", "in"]


async def test_who_comes_is_approved(alice: Person, bob: Person) -> None:
    made = await alice.post(
        EVENTS, call(rsvp_mode="approval", questions=["What do you teach?"], guests_max=1)
    )
    at = f"{EVENTS}/{made['id']}"
    assert (await refused(bob, f"{at}/rsvp", {"answers": {"Age?": "7"}}))[0] == 422
    assert (await refused(bob, f"{at}/rsvp", {"guests": 2}))[0] == 422
    answer = {"status": "going", "guests": 1, "answers": {"What do you teach?": "Git"}}
    assert states(await bob.post(f"{at}/rsvp", answer)) == ["asked"]
    (seen,) = await alice.get(f"{at}/rsvps")
    assert (seen["state"], seen["guests"], seen["answers"]) == ("asked", 1, {"What do you teach?": "Git"})
    found = await alice.post(f"{at}/rsvps/{bob.id}/approve")
    assert found["occurrences"][0]["going_count"] == 2
    assert states(await bob.get(at)) == ["in"]
    await alice.post(f"{at}/rsvps/{bob.id}/reject")
    assert states(await bob.get(at)) == ["refused"]


async def test_who_looks_after_events_decides_about_answers_and_nothing_else(
    alice: Person, bob: Person, member: MakeMember, make_group: MakeGroup
) -> None:
    otto, cora = await member("otto", role="organiser"), await member("cora", role="curator")
    at = f"{EVENTS}/{(await alice.post(EVENTS, call(rsvp_mode='approval')))['id']}"
    await bob.post(f"{at}/rsvp", {"status": "going"})
    for person in (bob, cora):
        assert (await person.raw("GET", f"{at}/rsvps")).status == 403
        assert (await refused(person, f"{at}/rsvps/{bob.id}/approve", {}))[0] == 403
    assert [one["state"] for one in await otto.get(f"{at}/rsvps")] == ["asked"]
    await otto.post(f"{at}/rsvps/{bob.id}/approve")
    assert states(await bob.get(at)) == ["in"]
    for method in ("PATCH", "DELETE"):
        assert (await otto.raw(method, at, json={"title": "Mine"})).status in (403, 404)
    group_id = await make_group(alice, "python")
    within = (
        f"{EVENTS}/{(await alice.post(EVENTS, call(rsvp_mode='approval', group_id=str(group_id))))['id']}"
    )
    assert (await otto.raw("GET", f"{within}/rsvps")).status == 403  # groups look after theirs


@pytest.mark.parametrize("visibility", ["members"])
async def test_what_is_for_members_is_hidden_from_others(
    alice: Person, bob: Person, nobody: Person, visibility: str
) -> None:
    made = await alice.post(EVENTS, call(visibility=visibility))
    assert (await bob.get(f"{EVENTS}/{made['id']}"))["id"] == made["id"]
    assert (await nobody.raw("GET", f"{EVENTS}/{made['id']}")).status == 404
    assert await nobody.get("/api/v1/calendar") == []
