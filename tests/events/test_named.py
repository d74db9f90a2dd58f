"""What went wrong with events elsewhere, each under the name of the report that told of it, does not happen here."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import icalendar
import pytest

from activitypub.names import PUBLIC
from tests.conftest import MakeMember
from tests.events.test_events import EVENTS, SECRET, call, refused, states, wall
from tests.federation.stub import Door, Stub
from tests.members import Person
from tests.test_publish import sent

GOING = {"status": "going"}
WEEKLY = {"rule": {"frequency": "weekly", "count": 3}}


async def test_humhub_198_the_limit_holds_at_every_call_of_a_series(
    alice: Person, member: MakeMember
) -> None:
    """HumHub calendar#198: the number of participants was ignored where an event recurs."""
    made = await alice.post(EVENTS, call(capacity=2, schedule=WEEKLY))
    at = f"{EVENTS}/{made['id']}"
    people = [await member(f"person{number}") for number in range(4)]
    await asyncio.gather(*(one.post(f"{at}/rsvp", GOING) for one in people))
    found = (await alice.get(at))["occurrences"]
    assert [(one["capacity"], one["going_count"], one["waiting_count"]) for one in found] == [(2, 2, 2)] * 3
    # Other seats for one call are that call's alone.
    await alice.patch(f"{at}/occurrences/{found[1]['key']}", {"capacity": 3})
    found = (await alice.get(at))["occurrences"]
    assert [(one["going_count"], one["waiting_count"]) for one in found] == [(2, 2), (3, 1), (2, 2)]


async def test_discourse_40813_an_answer_to_one_call_fills_no_other(alice: Person, bob: Person) -> None:
    """discourse#40813: one answer was copied to all calls of a series."""
    made = await alice.post(EVENTS, call(capacity=1, schedule=WEEKLY))
    at, (first, second, third) = f"{EVENTS}/{made['id']}", [one["key"] for one in made["occurrences"]]
    assert states(await bob.post(f"{at}/rsvp", {**GOING, "occurrences": [second]})) == ["", "in", ""]
    assert [one["going_count"] for one in (await alice.get(at))["occurrences"]] == [0, 1, 0]
    # What was answered to one stays when another is cancelled, moved, or the whole is described anew.
    await alice.patch(f"{at}/occurrences/{first}", {"cancelled": True})
    await alice.patch(f"{at}/occurrences/{third}", {"starts": wall(25, 9)})
    await alice.patch(
        at, {"title": "Another title", "schedule": {"rule": {"frequency": "weekly", "count": 4}}}
    )
    assert states(await bob.get(at)) == ["", "in", "", ""]
    assert states(await bob.delete(f"{at}/rsvp")) == ["", "", "", ""]


async def test_indico_3036_there_is_a_waiting_list_that_moves_up_by_itself(
    alice: Person, bob: Person, member: MakeMember
) -> None:
    """indico#3036: whoever came too late had to be let in by hand."""
    carol, dave, erin = [await member(name) for name in ("carol", "dave", "erin")]
    made = await alice.post(EVENTS, call(capacity=1))
    at = f"{EVENTS}/{made['id']}"
    for who in (bob, carol, dave, erin):
        await who.post(f"{at}/rsvp", GOING)
    assert [states(await who.get(at)) for who in (bob, carol, dave, erin)] == [
        ["in"],
        ["waiting"],
        ["waiting"],
        ["waiting"],
    ]
    await dave.delete(f"{at}/rsvp")  # no longer waits
    await bob.delete(f"{at}/rsvp")
    assert [states(await who.get(at)) for who in (carol, erin)] == [["in"], ["waiting"]]
    await bob.post(f"{at}/rsvp", GOING)  # behind those who wait
    await alice.patch(at, {"capacity": 2})
    assert [states(await who.get(at)) for who in (carol, erin, bob)] == [["in"], ["in"], ["waiting"]]
    for who in (carol, erin):
        told = [one for one in await who.get("/api/v1/notifications") if one["type"] == "update"]
        assert [one["status"]["id"] for one in told] == [made["id"]]


async def test_pretalx_924_every_time_says_its_zone(alice: Person, nobody: Person) -> None:
    """pretalx#924: times were shown without the zone in which they are meant."""
    schedule = {"starts": "2099-07-01T18:00", "zone": "America/New_York", "minutes": 90}
    made = await alice.post(EVENTS, call(schedule=schedule))
    assert (made["zone"], made["starts_at"]) == ("America/New_York", "2099-07-01T22:00:00.000Z")
    assert made["occurrences"][0]["starts"] == "2099-07-01T18:00"
    status = await nobody.get(f"/api/v1/statuses/{made['status_id']}")
    assert "18:00–19:30 (America/New_York)" in status["content"]
    assert "18:00–19:30 (America/New_York)" in status["card"]["description"]
    calendar = icalendar.Calendar.from_ical(
        await (await nobody.raw("GET", f"/events/{made['id']}.ics")).text()
    )
    (event,) = calendar.walk("VEVENT")
    assert event["DTSTART"].params["TZID"] == "America/New_York"
    assert event["DTSTART"].dt.utcoffset() == timedelta(hours=-4)
    html = await (await nobody.raw("GET", f"/events/{made['id']}")).text()
    assert "18:00–19:30 (America/New_York)" in html


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schedule": {"starts": "2099-07-02T10:00"}}, "Changed: Thu 2 Jul 2099, 10:00–11:30 (Europe/Stockholm)"),
        ({"status": "cancelled"}, "Cancelled · Wed 1 Jul 2099"),
        ({"online": False, "tool": "", "place": {"name": "Library"}}, "Library"),
    ],
    ids=["moved", "cancelled", "elsewhere"],
)  # fmt: skip
async def test_mastodon_31114_what_changes_reaches_followers_as_a_note(
    door: Door, there: Stub, alice: Person, change: dict[str, Any], words: str
) -> None:
    """mastodon#31114: servers that take no Update of an Event never learned that it had moved."""
    ann = there.actor("ann")
    await door.takes(ann, ann.says("Follow", door.server.uris.actor("alice")))
    made = await alice.post(EVENTS, call(schedule={"starts": "2099-07-01T18:00"}))
    before = len(await sent(door.server))
    await alice.patch(f"{EVENTS}/{made['id']}", change)
    told = [one for one in (await sent(door.server))[before:] if one.activity["object"]["type"] != "Question"]
    assert [(one.activity["type"], one.activity["object"]["type"]) for one in told] == [
        ("Update", "Event"), ("Create", "Note"),
    ]  # fmt: skip
    note = told[1].activity["object"]
    assert note["inReplyTo"] == made["uri"]
    assert (PUBLIC in note["to"], ann.stub.host in str(told[1].inboxes)) == (True, True)
    assert words in note["content"]
    assert made["url"] in note["content"]
    assert SECRET not in json.dumps(note)
    # What concerns nobody's coming is told by the Update alone.
    before = len(await sent(door.server))
    await alice.patch(f"{EVENTS}/{made['id']}", {"text": "Bring cake."})
    assert [one.activity["object"]["type"] for one in (await sent(door.server))[before:]] == ["Event"]


async def test_mastodon_31114_so_does_what_changes_about_one_call(
    door: Door, there: Stub, alice: Person
) -> None:
    ann = there.actor("ann")
    await door.takes(ann, ann.says("Follow", door.server.uris.actor("alice")))
    made = await alice.post(EVENTS, call(schedule={"starts": "2099-07-01T18:00", **WEEKLY}))
    at, keys = f"{EVENTS}/{made['id']}", [one["key"] for one in made["occurrences"]]
    await alice.patch(f"{at}/occurrences/{keys[0]}", {"starts": "2099-07-02T10:00", "note": "Room taken"})
    await alice.patch(f"{at}/occurrences/{keys[1]}", {"cancelled": True})
    await alice.patch(f"{at}/occurrences/{keys[1]}", {"cancelled": False})
    await alice.patch(f"{at}/occurrences/{keys[2]}", {"capacity": 9})
    notes = [
        one.activity["object"]["content"]
        for one in await sent(door.server)
        if (one.activity["type"], one.activity["object"]["type"]) == ("Create", "Note")
    ]
    for note, words in zip(notes, (
        "Moved: Thu 2 Jul 2099, 10:00–11:30 (Europe/Stockholm), instead of Wed 1 Jul 2099, 18:00–19:30 (Europe/Stockholm)",
        "Cancelled: Wed 8 Jul 2099", "Takes place after all: Wed 8 Jul 2099",
    ), strict=True):  # fmt: skip
        assert words in note
    assert "Room taken" in notes[0]


async def test_what_changes_for_members_is_told_to_no_other_server(
    door: Door, there: Stub, alice: Person, bob: Person
) -> None:
    ann = there.actor("ann")
    await door.takes(ann, ann.says("Follow", door.server.uris.actor("alice")))
    made = await alice.post(EVENTS, call(visibility="members"))
    before = len(await sent(door.server))
    await alice.patch(f"{EVENTS}/{made['id']}", {"status": "cancelled"})
    assert (await sent(door.server))[before:] == []
    (answer,) = (await bob.get(f"/api/v1/statuses/{made['id']}/context"))["descendants"]
    assert "Cancelled" in answer["content"]


async def test_piefed_and_mobilizon_the_link_to_join_is_in_nothing_that_leaves(
    door: Door, there: Stub, alice: Person, bob: Person
) -> None:
    """PieFed has it in `onlineLink`, Mobilizon in an attachment, both for everybody to read."""
    ann = there.actor("ann")
    await door.takes(ann, ann.says("Follow", door.server.uris.actor("alice")))
    soon = (datetime.now(UTC) + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M")
    made = await alice.post(EVENTS, call(schedule={"starts": soon, "zone": "UTC", **WEEKLY}))
    at = f"{EVENTS}/{made['id']}"
    await bob.post(f"{at}/rsvp", GOING)
    await door.takes(ann, ann.says("Join", made["uri"]))
    await alice.patch(at, {"schedule": {"minutes": 60}})
    await alice.patch(f"{at}/occurrences/{made['occurrences'][1]['key']}", {"cancelled": True})
    for one in await sent(door.server):
        if one.activity.get("object", {}) and PUBLIC in json.dumps(one.activity):
            assert "secret-room" not in json.dumps(one.activity)
    _, document = await door.get(f"/events/{made['id']}", ann)
    assert "secret-room" not in json.dumps(document)
    assert (document["onlineLink"], document["attachment"], document["location"]) == (
        None, [], {"type": "VirtualLocation", "name": "Zoom"},
    )  # fmt: skip
    for path in ("/outbox?page=1", "/collections/featured", ""):
        assert "secret-room" not in json.dumps((await door.get(f"/users/alice{path}", ann))[1])


@pytest.mark.parametrize(
    "form",
    [
        {"text": f"Join at {SECRET} please"},
        {"website": SECRET},
        {"abstract": SECRET},
        {"tool": SECRET},
        {"agenda": [{"title": f"At {SECRET}"}]},
        {"rsvp_mode": "external", "external_url": SECRET},
    ],
    ids=lambda form: sorted(form)[0],
)
async def test_the_link_to_join_is_not_written_where_everybody_reads_it(
    alice: Person, form: dict[str, Any]
) -> None:
    code, text = await refused(alice, EVENTS, call(**form))
    assert (code, "link to join" in text) == (422, True)
    made = await alice.post(EVENTS, call())
    if "rsvp_mode" not in form:
        assert (await refused(alice, f"{EVENTS}/{made['id']}", form, "PATCH"))[0] == 422
