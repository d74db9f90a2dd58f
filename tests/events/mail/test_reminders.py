"""Reminders: of who is in and nobody else, once each, also when something is moved, or a server was off."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from sqlalchemy import update

from fedserver.context import Server
from fedserver.events import reminding
from storage import tables
from storage.types import now_ms
from tests.client import ApiError
from tests.conftest import MakeMember
from tests.events.test_events import EVENTS, SECRET, call
from tests.mailing import text_of
from tests.members import Person
from tests.planned import planned

GOING = {"status": "going"}
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
Mailbox = Callable[[], list[EmailMessage]]
PREFERENCES = "/api/v1/calendar/preferences"


def begins(hours: float) -> dict[str, Any]:
    """A schedule in UTC so many hours from now, on a whole minute."""
    at = datetime.now(UTC) + timedelta(hours=hours)
    return {"starts": at.strftime("%Y-%m-%dT%H:%M"), "zone": "UTC", "minutes": 60}


async def look(server: Server, at: int) -> list[dict[str, Any]]:
    """Look for reminders as a server does at that instant; which mails were planned so far."""
    await server.db.write(reminding.plan_due, at)
    return await server.db.read(planned, "event_reminder")


async def told(who: Person) -> list[str]:
    """The events of which somebody was reminded here."""
    found = await who.get("/api/v1/notifications")
    return [one["status"]["id"] for one in found if one["type"] == "event_reminder"]


def start_of(event: dict[str, Any]) -> int:
    return int(datetime.fromisoformat(event["occurrences"][0]["starts_at"]).timestamp() * 1000)


async def test_humhub_226_only_who_is_registered_is_reminded(
    server: Server, alice: Person, bob: Person, member: MakeMember
) -> None:
    """Not who organises, may come, waits, asks, has declined, was refused, or has never answered."""
    carol, dora, erin, fay = [await member(one) for one in ("carol", "dora", "erin", "fay")]
    made = await alice.post(EVENTS, call(schedule=begins(48), capacity=1))
    at = f"{EVENTS}/{made['id']}"
    await bob.post(f"{at}/rsvp", GOING)
    await carol.post(f"{at}/rsvp", GOING)
    await dora.post(f"{at}/rsvp", {"status": "maybe"})
    await erin.post(f"{at}/rsvp", {"status": "declined"})
    start = start_of(made)
    assert await look(server, start - DAY - MINUTE) == []
    planned_now = await look(server, start - DAY)
    assert [one["account_id"] for one in planned_now] == [bob.account_id]
    assert await told(bob) == [made["id"]]
    for who in (alice, carol, dora, erin, fay):
        assert await told(who) == []


async def test_each_reminder_comes_once_whoever_looks(
    server: Server, alice: Person, bob: Person, mailbox: Mailbox
) -> None:
    made = await alice.post(EVENTS, call(schedule=begins(48), reminders=[1_440, 60]))
    await bob.post(f"{EVENTS}/{made['id']}/rsvp", GOING)
    start = start_of(made)
    await look(server, start - 30 * HOUR)
    for at in (start - DAY, start - DAY, start - DAY + MINUTE, start - 2 * HOUR):
        assert [one["minutes"] for one in await look(server, at)] == [1_440]
    # The clock of another process may be behind.
    assert len(await look(server, start - DAY)) == 1
    assert [one["minutes"] for one in await look(server, start - 50 * MINUTE)] == [1_440, 60]
    assert len(await look(server, start + MINUTE)) == 2
    assert await told(bob) == [made["id"], made["id"]]


async def test_a_server_that_was_off_reminds_once_of_what_has_not_begun(
    server: Server, alice: Person, bob: Person
) -> None:
    soon = await alice.post(EVENTS, call(schedule=begins(40)))
    over = await alice.post(EVENTS, call(schedule=begins(39)))
    for event in (soon, over):
        await bob.post(f"{EVENTS}/{event['id']}/rsvp", GOING)
    await look(server, start_of(over) - 2 * DAY)
    found = await look(server, start_of(over) + 10 * MINUTE)
    assert [(one["minutes"], one["occurrence_id"]) for one in found] == [(60, found[0]["occurrence_id"])], (
        "the last that was due, of the one that has not begun"
    )
    assert await told(bob) == [soon["id"]]


async def test_what_is_moved_is_reminded_of_anew_and_what_is_called_off_not_at_all(
    server: Server, alice: Person, bob: Person, mailbox: Mailbox
) -> None:
    made = await alice.post(EVENTS, call(schedule=begins(30), reminders=[1_440]))
    at = f"{EVENTS}/{made['id']}"
    await bob.post(f"{at}/rsvp", GOING)
    start = start_of(made)
    await look(server, start - 25 * HOUR)
    (first,) = await look(server, start - DAY)
    # Moved before the mail was written: it would say what is wrong.
    key = made["occurrences"][0]["key"]
    later = begins(54)["starts"]
    moved = await alice.patch(f"{at}/occurrences/{key}", {"starts": later})
    await reminding.mail_reminder(server, first)
    assert mailbox() == []
    found = await look(server, start_of(moved) - DAY)
    assert [one["starts_at"] for one in found] == [start, start_of(moved)]
    await alice.patch(f"{at}/occurrences/{key}", {"cancelled": True})
    await reminding.mail_reminder(server, found[1])
    assert mailbox() == []
    await alice.patch(f"{at}/occurrences/{key}", {"cancelled": False, "starts": begins(78)["starts"]})
    await alice.patch(f"{at}/occurrences/{key}", {"cancelled": True})
    assert len(await look(server, start_of(moved) + DAY)) == 2


async def test_what_comes_too_near_to_be_reminded_of_in_time_is_reminded_of_at_once(
    server: Server, alice: Person, bob: Person
) -> None:
    weekly = {"rule": {"frequency": "weekly", "count": 2}}
    made = await alice.post(
        EVENTS, call(schedule={**begins(60), **weekly}, reminders=[2_880, 1_440, 60], text="Soon")
    )
    at, key = f"{EVENTS}/{made['id']}", made["occurrences"][0]["key"]
    await bob.post(f"{at}/rsvp", GOING)
    await look(server, now_ms())
    sooner = await alice.patch(f"{at}/occurrences/{key}", {"starts": begins(20)["starts"]})
    (one,) = await server.db.read(planned, "event_reminder")
    assert (one["minutes"], one["starts_at"]) == (1_440, start_of(sooner)), "the last that was due"
    assert await told(bob) == [made["id"]]
    # What was told of in time is not told again, nor what is put off.
    await alice.patch(f"{at}/occurrences/{key}", {"starts": begins(15)["starts"]})
    await alice.patch(f"{at}/occurrences/{key}", {"starts": begins(30)["starts"]})
    assert await look(server, now_ms()) == [one]
    # So it is where the event itself is changed.
    other = await alice.post(EVENTS, call(schedule=begins(60), reminders=[1_440]))
    await bob.post(f"{EVENTS}/{other['id']}/rsvp", GOING)
    await alice.patch(f"{EVENTS}/{other['id']}", {"schedule": begins(5)})
    assert [found["minutes"] for found in await look(server, now_ms())] == [1_440, 1_440]


async def test_the_link_is_in_a_reminder_when_it_is_due_and_for_who_is_in(
    server: Server, alice: Person, bob: Person, mailbox: Mailbox
) -> None:
    made = await alice.post(EVENTS, call(schedule=begins(1.5), reminders=[1_440, 60]))
    await bob.post(f"{EVENTS}/{made['id']}/rsvp", GOING)

    def payload(minutes: int) -> dict[str, Any]:
        return {
            "occurrence_id": occurrence_id, "account_id": bob.account_id, "guest_id": None, "minutes": minutes,
            "starts_at": start_of(made),
        }  # fmt: skip

    query = tables.occurrence.select().where(tables.occurrence.c.post_id == int(made["id"]))
    occurrence_id = (await server.db.read(lambda conn: conn.execute(query).one())).id
    await reminding.mail_reminder(server, payload(1_440))
    (early,) = mailbox()
    assert SECRET not in early.as_string() + text_of(early)
    assert "from an hour before" in text_of(early)
    start = now_ms() + 55 * MINUTE
    sooner = update(tables.occurrence).where(tables.occurrence.c.id == occurrence_id)
    await server.db.write(lambda conn: conn.execute(sooner.values(starts_at=start, ends_at=start + HOUR)))
    await reminding.mail_reminder(server, {**payload(60), "starts_at": start})
    due = mailbox()[-1]
    assert SECRET in text_of(due)
    assert due["Subject"] == "Cohort call begins in 1 hour"
    await bob.delete(f"{EVENTS}/{made['id']}/rsvp")
    await reminding.mail_reminder(server, {**payload(60), "starts_at": start})
    assert len(mailbox()) == 2


async def test_members_choose_when_and_how(
    server: Server, alice: Person, bob: Person, mailbox: Mailbox
) -> None:
    made = await alice.post(EVENTS, call(schedule=begins(72), reminders=[1_440]))
    other = await alice.post(EVENTS, call(schedule=begins(72), reminders=[1_440]))
    for event in (made, other):
        await bob.post(f"{EVENTS}/{event['id']}/rsvp", GOING)
    assert (await bob.get(PREFERENCES))["reminders"] is None
    assert await bob.get(f"{EVENTS}/{made['id']}/reminders") == {"reminders": [1_440], "chosen": False}
    chosen = await bob.patch(PREFERENCES, {"reminders": [120, 2_880], "reminds_by_mail": False})
    assert (chosen["reminders"], chosen["reminds_by_mail"], chosen["reminds_here"]) == (
        [2_880, 120],
        False,
        True,
    )
    await bob.put(f"{EVENTS}/{other['id']}/reminders", {"reminders": []})
    start = start_of(made)
    await look(server, start - 60 * HOUR)
    assert await look(server, start - DAY) == []
    assert await told(bob) == [made["id"]], "two days before, and of the other never"
    await bob.patch(PREFERENCES, {"reminds_here": False, "reminds_by_mail": True})
    await bob.delete(f"{EVENTS}/{other['id']}/reminders")
    assert len(await look(server, start - HOUR)) == 2
    assert await told(bob) == [made["id"]]
    with pytest.raises(ApiError) as refused:
        await bob.patch(PREFERENCES, {"reminders": [7]})
    assert refused.value.status == 422
    assert (await bob.get(PREFERENCES))["reminders"] == [2_880, 120]


async def test_looking_costs_the_same_for_many(server: Server, alice: Person, member: MakeMember) -> None:
    people = [await member(f"person{number}") for number in range(6)]
    few = await alice.post(EVENTS, call(schedule=begins(100)))
    many = await alice.post(EVENTS, call(schedule=begins(200)))
    await people[0].post(f"{EVENTS}/{few['id']}/rsvp", GOING)
    for one in people:
        await one.post(f"{EVENTS}/{many['id']}/rsvp", GOING)
    counts = []
    for event in (few, many):
        await server.db.write(reminding.plan_due, start_of(event) - DAY - 1)
        before = server.db.statements
        await server.db.write(reminding.plan_due, start_of(event) - DAY)
        counts.append(server.db.statements - before)
    assert len(await server.db.read(planned, "event_reminder")) == 7
    # On PostgreSQL the stream of each member is told by a NOTIFY.
    notified = len(people) - 1 if server.db.dialect == "postgresql" else 0
    assert counts[1] <= counts[0] + notified + 1
