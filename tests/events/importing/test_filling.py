"""Events that were read come in once, follow their source, and are let be when somebody changed them here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from fedserver.context import Server
from fedserver.events.importing import filling, ics
from fedserver.events.importing.filling import Report, Target
from storage import users
from tests.events.importing.samples import calendar
from tests.events.test_events import EVENTS, wall
from tests.members import Person

SOON = datetime.now(UTC).replace(hour=15, minute=0) + timedelta(days=7)
CALL = f"UID:a@x\nSUMMARY:Call\nDTSTART;TZID=Europe/Stockholm:{SOON:%Y%m%dT%H%M00}\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=4"


async def bring(
    server: Server, who: Person, *components: str, dry_run: bool = False, **target: Any
) -> Report:
    read = ics.read(calendar(*components), "test.ics")
    return await filling.fill(server, Target(account_id=who.account_id, **target), read, dry_run=dry_run)


def states(report: Report) -> list[str]:
    return [one.state for one in report.outcomes]


async def test_a_calendar_comes_in_once_and_quietly(server: Server, alice: Person, bob: Person) -> None:
    await bob.post(f"/api/v1/accounts/{alice.account_id}/follow", {})
    asked = await bring(server, alice, CALL, dry_run=True)
    assert (states(asked), asked.outcomes[0].id) == (["added"], None)
    assert await bob.get("/api/v1/calendar") == []
    done = await bring(server, alice, CALL)
    event = await bob.get(f"{EVENTS}/{done.outcomes[0].id}")
    assert (event["title"], len(event["occurrences"]), event["rsvp_mode"]) == ("Call", 4, "none")
    assert "Europe/Stockholm" in done.outcomes[0].when
    assert await bob.get("/api/v1/timelines/home") == []
    again = await bring(server, alice, CALL)
    assert states(again) == ["unchanged"]
    assert (await bob.get(f"{EVENTS}/{done.outcomes[0].id}")) == event
    # Two members each have their own.
    assert states(await bring(server, bob, CALL)) == ["added"]


async def test_what_the_source_changes_is_changed_and_what_it_cancels_is_cancelled(
    server: Server, alice: Person, bob: Person
) -> None:
    done = await bring(server, alice, CALL + "\nSEQUENCE:1", answers=True)
    at = f"{EVENTS}/{done.outcomes[0].id}"
    await bob.post(f"{at}/rsvp", {"status": "going"})
    moved = CALL + "\nSEQUENCE:2\nLOCATION:Room 3"
    second = SOON + timedelta(days=7)
    override = (
        f"UID:a@x\nRECURRENCE-ID;TZID=Europe/Stockholm:{second:%Y%m%dT%H%M00}\nSUMMARY:Call\nLOCATION:Room 3"
    )
    cancelled = override + f"\nDTSTART;TZID=Europe/Stockholm:{second:%Y%m%dT%H%M00}\nSTATUS:CANCELLED"
    assert states(await bring(server, alice, moved, cancelled)) == ["changed"]
    event = await bob.get(at)
    assert [one["status"] for one in event["occurrences"]] == [
        "scheduled",
        "cancelled",
        "scheduled",
        "scheduled",
    ]
    assert event["place"]["name"] == "Room 3"
    assert event["occurrences"][0]["rsvp"]["state"] == "in"
    # Who goes hears of it; what is older than what came does nothing.
    assert [one["type"] for one in await bob.get("/api/v1/notifications")] == ["update"]
    assert states(await bring(server, alice, CALL + "\nSEQUENCE:1")) == ["older"]
    assert states(await bring(server, alice, moved)) == ["changed"]
    assert {one["status"] for one in (await bob.get(at))["occurrences"]} == {"scheduled"}
    assert states(
        await bring(server, alice, moved.replace("SEQUENCE:2", "SEQUENCE:3\nSTATUS:CANCELLED"))
    ) == ["cancelled"]
    assert (await bob.get(at))["state"] == "cancelled"
    assert states(
        await bring(server, alice, "UID:z\nSUMMARY:Off\nSTATUS:CANCELLED\nDTSTART:20270101T100000Z")
    ) == ["refused"]


async def test_names_that_change_with_each_publishing_are_seen_through(server: Server, alice: Person) -> None:
    twins = [CALL, CALL.replace("a@x", "b@x").replace("SUMMARY:Call", "SUMMARY:Other")]
    assert states(await bring(server, alice, *twins)) == ["added", "added"]
    other = [one.replace("@x", "@y") for one in twins]
    assert states(await bring(server, alice, *other)) == ["unchanged", "unchanged"]
    assert states(await bring(server, alice, *[one + "\nLOCATION:Hall" for one in other])) == [
        "changed",
        "changed",
    ]
    # Two of one name and hour in one calendar are two.
    two = [CALL.replace("a@x", "c@x"), CALL.replace("a@x", "d@x")]
    assert states(await bring(server, alice, *two)) == ["changed", "added"]
    assert states(await bring(server, alice, *two)) == ["unchanged", "unchanged"]


async def test_what_was_changed_or_removed_here_is_let_be(server: Server, alice: Person) -> None:
    done = await bring(server, alice, CALL)
    at = f"{EVENTS}/{done.outcomes[0].id}"
    await alice.patch(at, {"title": "My own title"})
    assert states(await bring(server, alice, CALL + "\nLOCATION:Hall")) == ["changed_here"]
    assert (await alice.get(at))["title"] == "My own title"
    await alice.delete(at)
    # Who reads it again by hand wants it.
    assert states(await bring(server, alice, CALL)) == ["added"]


async def test_events_of_this_server_do_not_come_back_as_copies(
    server: Server, alice: Person, bob: Person
) -> None:
    made = await alice.post(EVENTS, {"title": "Ours", "schedule": {"starts": wall(), "zone": "UTC"}})
    body = await (await bob.raw("GET", f"/events/{made['id']}.ics")).read()
    report = await filling.fill(server, Target(account_id=bob.account_id), ics.read(body))
    assert [(one.state, one.id) for one in report.outcomes] == [("there", made["id"])]


async def test_what_no_event_here_can_be_is_refused_with_a_reason(server: Server, alice: Person) -> None:
    overlapping = "UID:o\nSUMMARY:Long\nDTSTART:20270101T100000Z\nDURATION:P2D\nRRULE:FREQ=DAILY;COUNT=3"
    report = await bring(server, alice, overlapping, CALL, CALL.replace("UID:a@x\n", ""))
    assert states(report) == ["refused", "added", "added"]
    assert "overlap" in report.outcomes[0].why


async def test_into_a_group_whose_members_can_answer(server: Server, alice: Person, bob: Person) -> None:
    await server.db.write(users.change, alice.account_id, may_create_groups=True)
    group = await alice.post("/api/v1/groups", {"name": "readers", "title": "Readers", "access": "members"})
    report = await bring(server, alice, CALL, group_id=int(group["id"]))
    assert states(report) == ["added"]
    assert (await bob.raw("GET", f"{EVENTS}/{report.outcomes[0].id}")).status == 404
    answer = await alice.post(
        "/api/v1/statuses", {"status": "See you", "in_reply_to_id": report.outcomes[0].id}
    )
    assert answer["in_reply_to_id"] == report.outcomes[0].id
    refused = await bring(server, bob, CALL, group_id=int(group["id"]))
    assert states(refused) == ["refused"]
