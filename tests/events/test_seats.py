"""Seats that are left behind, asked for again, refused or taken back: nobody keeps one who does not come, nobody loses one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from fedserver import farewell
from fedserver.context import Server
from fedserver.events import seats
from fedserver.moderation import domains, standing
from storage import accounts, tables
from tests.conftest import MakeMember
from tests.events.test_events import EVENTS, call, refused, states, wall
from tests.federation.stub import Door, Stub
from tests.members import Person
from tests.planned import planned

GOING = {"status": "going"}
WEEKLY = {"rule": {"frequency": "weekly", "count": 2}}


async def rows_of(server: Server, account_id: int) -> list[Any]:
    query = select(tables.rsvp).where(tables.rsvp.c.account_id == account_id)
    return await server.db.read(lambda conn: list(conn.execute(query)))


async def test_who_needs_fewer_seats_than_they_waited_for_gets_them(
    alice: Person, bob: Person, member: MakeMember
) -> None:
    carol = await member("carol")
    made = await alice.post(EVENTS, call(capacity=2, guests_max=1))
    at = f"{EVENTS}/{made['id']}"
    await bob.post(f"{at}/rsvp", GOING)
    assert states(await carol.post(f"{at}/rsvp", {**GOING, "guests": 1})) == ["waiting"]
    assert states(await carol.post(f"{at}/rsvp", GOING)) == ["in"]
    assert [one["going_count"] for one in (await alice.get(at))["occurrences"]] == [2]


async def test_who_was_refused_does_not_come_back_by_asking_again(alice: Person, bob: Person) -> None:
    made = await alice.post(EVENTS, call())
    at = f"{EVENTS}/{made['id']}"
    await bob.post(f"{at}/rsvp", GOING)
    await alice.post(f"{at}/rsvps/{bob.id}/reject")
    for status in ("going", "declined", "going", "maybe", "going"):
        await bob.raw("POST", f"{at}/rsvp", json={"status": status})
        assert states(await bob.get(at)) == ["refused"]
    assert (await refused(bob, f"{at}/rsvp", GOING))[0] == 403
    assert (await alice.get(at))["occurrences"][0]["going_count"] == 0
    await alice.post(f"{at}/rsvps/{bob.id}/approve")
    assert states(await bob.get(at)) == ["refused"]  # they had said that they would not come
    await bob.delete(f"{at}/rsvp")


async def test_an_organiser_may_think_better_of_a_refusal(alice: Person, bob: Person) -> None:
    made = await alice.post(EVENTS, call())
    at = f"{EVENTS}/{made['id']}"
    await bob.post(f"{at}/rsvp", GOING)
    await alice.post(f"{at}/rsvps/{bob.id}/reject")
    await alice.post(f"{at}/rsvps/{bob.id}/approve")
    assert states(await bob.get(at)) == ["in"]


async def test_a_deleted_account_leaves_its_seat_and_nothing_it_answered(
    server: Server, alice: Person, bob: Person, member: MakeMember
) -> None:
    carol = await member("carol")
    made = await alice.post(EVENTS, call(capacity=1, questions=["Diet?"], schedule=WEEKLY))
    at = f"{EVENTS}/{made['id']}"
    await bob.post(f"{at}/rsvp", {**GOING, "answers": {"Diet?": "none"}})
    await bob.post("/api/v1/calendar/tokens", {"label": "phone"})
    await bob.post("/api/v1/resources/drafts", {"title": "Mine"})
    assert states(await carol.post(f"{at}/rsvp", GOING)) == ["waiting", "waiting"]
    await server.db.write(farewell.leave, server.publish, bob.account_id)
    await seats.give_up_seats(server, {"account_id": bob.account_id})
    await farewell.remove_rest(server, {"account_id": bob.account_id, "pictures": []})
    assert states(await carol.get(at)) == ["in", "in"]
    assert await rows_of(server, bob.account_id) == []
    for table in (tables.calendar_token, tables.resource_draft):
        query = select(table).where(table.c.account_id == bob.account_id)
        assert await server.db.read(lambda conn, query=query: conn.execute(query).all()) == []


async def test_a_suspended_account_leaves_its_seat(
    server: Server, alice: Person, bob: Person, member: MakeMember
) -> None:
    carol = await member("carol")
    made = await alice.post(EVENTS, call(capacity=1))
    at = f"{EVENTS}/{made['id']}"
    await bob.post(f"{at}/rsvp", GOING)
    await carol.post(f"{at}/rsvp", GOING)
    row = await server.db.read(accounts.by_id, bob.account_id)
    await server.db.write(standing.suspend, server, row)
    await seats.give_up_seats(server, {"account_id": bob.account_id})
    assert states(await carol.get(at)) == ["in"]
    assert [(one.answer, one.state) for one in await rows_of(server, bob.account_id)] == [("declined", "")]


async def test_a_join_finds_the_seats_that_there_are(
    door: Door, there: Stub, alice: Person, bob: Person
) -> None:
    """A Join is about every call: at one that is full nobody holds a seat, at the others it stands."""
    dana = there.actor("dana")
    made = await alice.post(EVENTS, call(capacity=1, has_waiting_list=False, schedule=WEEKLY))
    at = f"{EVENTS}/{made['id']}"
    await bob.post(f"{at}/rsvp", {**GOING, "occurrences": [made["occurrences"][1]["key"]]})
    join = dana.says("Join", made["uri"])
    await door.takes(dana, join)
    assert [one["going_count"] for one in (await alice.get(at))["occurrences"]] == [1, 1]
    # What is taken back frees the seat, and is not done again when the Join comes once more.
    await door.takes(dana, dana.says("Undo", join))
    assert [one["going_count"] for one in (await alice.get(at))["occurrences"]] == [0, 1]
    await door.takes(dana, {**join, "id": join["id"]})
    assert [one["going_count"] for one in (await alice.get(at))["occurrences"]] == [0, 1]


async def test_nobody_takes_back_the_join_of_somebody_else(door: Door, there: Stub, alice: Person) -> None:
    dana, eve = there.actor("dana"), there.actor("eve")
    made = await alice.post(EVENTS, call())
    at = f"{EVENTS}/{made['id']}"
    join = dana.says("Join", made["uri"])
    await door.takes(dana, join)
    for forged in (eve.says("Undo", join), eve.says("Undo", join["id"]), eve.says("Leave", made["uri"])):
        await door.takes(eve, forged)
        assert [one["going_count"] for one in (await alice.get(at))["occurrences"]] == [1]


async def test_who_comes_still_does_when_the_hour_changes(alice: Person, bob: Person) -> None:
    made = await alice.post(EVENTS, call(schedule=WEEKLY))
    at = f"{EVENTS}/{made['id']}"
    await bob.post(f"{at}/rsvp", GOING)
    later = await alice.patch(at, {"schedule": {"starts": wall(7, 18)}})
    assert [one["starts"] for one in later["occurrences"]] == [wall(7, 18), wall(14, 18)]
    assert states(await bob.get(at)) == ["in", "in"]


async def test_who_comes_to_a_single_event_still_does_on_another_day(alice: Person, bob: Person) -> None:
    made = await alice.post(EVENTS, call(capacity=3))
    at = f"{EVENTS}/{made['id']}"
    await bob.post(f"{at}/rsvp", GOING)
    later = await alice.patch(at, {"schedule": {"starts": wall(9, 10)}})
    assert [(one["starts"], one["going_count"]) for one in later["occurrences"]] == [(wall(9, 10), 1)]
    assert states(await bob.get(at)) == ["in"]


async def test_a_leave_that_overtakes_its_join_holds_no_seat(door: Door, there: Stub, alice: Person) -> None:
    dana, eve = there.actor("dana"), there.actor("eve")
    made = await alice.post(EVENTS, call(capacity=1))
    at = f"{EVENTS}/{made['id']}"

    async def going() -> int:
        return int((await alice.get(at))["occurrences"][0]["going_count"])

    await door.takes(dana, dana.says("Leave", made["uri"]), dana.says("Join", made["uri"]))
    assert await going() == 0
    # What overtook one Join ends no other, nor anybody else's.
    await door.takes(dana, dana.says("Join", made["uri"]))
    assert await going() == 1
    await door.takes(dana, dana.says("Leave", made["uri"]), dana.says("Leave", made["uri"]))
    await door.takes(dana, dana.says("Join", made["uri"]))
    assert await going() == 1
    await door.takes(dana, dana.says("Leave", made["uri"]))
    await door.takes(eve, eve.says("Join", made["uri"]))
    assert await going() == 1


async def test_people_of_a_blocked_server_leave_their_seats(
    server: Server, door: Door, there: Stub, alice: Person, bob: Person, admin: Person
) -> None:
    dana = there.actor("dana")
    made = await alice.post(EVENTS, call(capacity=1))
    at = f"{EVENTS}/{made['id']}"
    await door.takes(dana, dana.says("Join", made["uri"]))
    assert states(await bob.post(f"{at}/rsvp", GOING)) == ["waiting"]
    await admin.post("/api/v1/admin/domain_blocks", {"domain": there.host, "severity": "suspend"})
    for payload in await server.db.read(planned, "domain_rule"):
        await domains.carry_out(server, payload)
    for payload in await server.db.read(planned, "give_up_seats"):
        await seats.give_up_seats(server, payload)
    assert states(await bob.get(at)) == ["in"]
