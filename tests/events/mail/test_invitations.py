"""What those who come to events get for their calendar programs, and what they answer from there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import icalendar
import pytest
import recurring_ical_events
from aiohttp.test_utils import TestClient

from fedserver.context import Server
from fedserver.events import inviting
from tests.conftest import MakeMember
from tests.events.mail.invitations import calendar_in, events_in, method_of
from tests.events.test_events import EVENTS, call, states, wall
from tests.mail_in.post_office import PostOffice
from tests.mailing import text_of
from tests.members import Person
from tests.planned import planned
from tests.waiting import until

GOING = {"status": "going"}
WEEKLY = {"rule": {"frequency": "weekly", "count": 4}}
Mailbox = Callable[[], list[EmailMessage]]


async def run(server: Server, event: dict[str, Any], who: Person) -> None:
    """What the planned jobs do about one person."""
    await inviting.mail_one(
        server, {"post_id": int(event["id"]), "account_id": who.account_id, "guest_id": None}
    )


def starts(mail: EmailMessage) -> list[str]:
    """When a calendar program that had been told nothing before would show it, in the event's wall time."""
    now = datetime.now(UTC)
    found = recurring_ical_events.of(calendar_in(mail)).between(now, now + timedelta(days=90))
    return sorted(one.start.strftime("%Y-%m-%dT%H:%M") for one in found)


async def test_who_is_in_gets_an_invitation_and_hears_of_what_changes(
    server: Server, alice: Person, bob: Person, mailbox: Mailbox
) -> None:
    made = await alice.post(EVENTS, call(place={"name": "Hörsaal; 3, Süd"}))
    at = f"{EVENTS}/{made['id']}"
    await run(server, made, bob)
    assert mailbox() == []
    await bob.post(f"{at}/rsvp", GOING)
    assert await server.db.read(planned, "event_mail")
    await run(server, made, bob)
    await run(server, made, bob)
    (first,) = mailbox()
    assert (first["To"], method_of(first)) == ("bob@members.example", "REQUEST")
    (event,) = events_in(first)
    assert (str(event["uid"]), int(event["sequence"])) == (made["uid"], 0)
    assert str(event["organizer"]) == f"mailto:{server.config.mail_sender}"
    assert "alice@members.example" not in first.as_string() + text_of(first)
    assert (str(event["attendee"]), event["attendee"].params["PARTSTAT"]) == (
        "mailto:bob@members.example",
        "ACCEPTED",
    )
    assert event["attendee"].params["RSVP"] == "FALSE", "nobody reads what would be answered"
    assert event["dtstart"].params["TZID"] == "Europe/Stockholm"
    assert calendar_in(first).walk("VTIMEZONE")
    assert "Hörsaal; 3, Süd" in str(event["location"])
    # A new title is worth no mail; another hour is, with a SEQUENCE that is higher; so is another place.
    await alice.patch(at, {"title": "Other words"})
    await run(server, made, bob)
    assert len(mailbox()) == 1
    await alice.patch(at, {"schedule": {"starts": wall(8, 17)}})
    await run(server, made, bob)
    second = mailbox()[-1]
    (event,) = events_in(second)
    assert (method_of(second), str(event["uid"]), int(event["sequence"])) == ("REQUEST", made["uid"], 1)
    assert event["dtstart"].dt.strftime("%Y-%m-%dT%H:%M") == wall(8, 17)
    assert "Changed" in second["Subject"]
    await alice.patch(at, {"place": {"name": "Elsewhere"}})
    await run(server, made, bob)
    assert "Elsewhere" in str(events_in(mailbox()[-1])[0]["location"])
    # Who does not come any more has it taken out of their calendar, and who comes again gets it anew.
    await bob.post(f"{at}/rsvp", {"status": "declined"})
    await run(server, made, bob)
    third = mailbox()[-1]
    (event,) = events_in(third)
    assert (method_of(third), str(event["status"]), int(event["sequence"])) == ("CANCEL", "CANCELLED", 2)
    assert "You do not come" in third["Subject"]
    await bob.post(f"{at}/rsvp", GOING)
    await run(server, made, bob)
    assert method_of(mailbox()[-1]) == "REQUEST"
    await alice.patch(at, {"status": "cancelled"})
    await run(server, made, bob)
    last = mailbox()[-1]
    assert (method_of(last), int(events_in(last)[0]["sequence"])) == ("CANCEL", 3)
    assert last["Subject"].startswith("Cancelled")
    stamps = [events_in(one)[0]["dtstamp"].dt for one in mailbox()]
    assert stamps == sorted(stamps)
    assert len({one["Message-ID"] for one in mailbox()}) == len(mailbox()) == 6


async def test_of_a_series_each_hears_of_their_own_times(
    server: Server, alice: Person, bob: Person, member: MakeMember, mailbox: Mailbox
) -> None:
    carol = await member("carol")
    made = await alice.post(EVENTS, call(schedule=WEEKLY))
    at, keys = f"{EVENTS}/{made['id']}", [one["key"] for one in made["occurrences"]]
    await bob.post(f"{at}/rsvp", GOING)
    await carol.post(f"{at}/rsvp", {**GOING, "occurrences": [keys[1]]})
    await run(server, made, bob)
    await run(server, made, carol)
    whole, one = mailbox()
    assert starts(whole) == [one["starts"] for one in made["occurrences"]]
    assert "rrule" in events_in(whole)[0]
    (only,) = events_in(one)
    assert only["recurrence-id"].dt.strftime("%Y%m%dT%H%M") == keys[1]
    # One that is moved, and one that is called off, are told to those alone who come then.
    await alice.patch(f"{at}/occurrences/{keys[1]}", {"starts": wall(15, 9), "note": "Room taken"})
    for who in (bob, carol):
        await run(server, made, who)
    for mail in mailbox()[2:]:
        (moved,) = events_in(mail)
        assert (method_of(mail), int(moved["sequence"])) == ("REQUEST", 1)
        assert moved["recurrence-id"].dt.strftime("%Y%m%dT%H%M") == keys[1]
        assert moved["dtstart"].dt.strftime("%Y-%m-%dT%H:%M") == wall(15, 9)
        assert "Room taken" in text_of(mail)
    await alice.patch(f"{at}/occurrences/{keys[2]}", {"cancelled": True})
    for who in (bob, carol):
        await run(server, made, who)
    (cancelled,) = mailbox()[4:]
    (event,) = events_in(cancelled)
    assert (cancelled["To"], method_of(cancelled)) == ("bob@members.example", "CANCEL")
    assert event["recurrence-id"].dt.strftime("%Y%m%dT%H%M") == keys[2]
    # Brought back it is new; all moved to another hour are told anew from the ground up, to each their own.
    await alice.patch(f"{at}/occurrences/{keys[2]}", {"cancelled": False})
    await run(server, made, bob)
    assert events_in(mailbox()[-1])[0]["recurrence-id"].dt.strftime("%Y%m%dT%H%M") == keys[2]
    before = len(mailbox())
    later = await alice.patch(at, {"schedule": {"starts": wall(7, 19)}})
    await run(server, made, bob)
    (anew,) = mailbox()[before:]
    assert starts(anew) == sorted(one["starts"] for one in later["occurrences"])
    assert str(events_in(anew)[0]["uid"]) == made["uid"]


async def test_a_deleted_event_is_taken_out_of_calendars(
    server: Server, alice: Person, bob: Person, mailbox: Mailbox
) -> None:
    made = await alice.post(EVENTS, call(schedule=WEEKLY))
    await bob.post(f"{EVENTS}/{made['id']}/rsvp", GOING)
    await run(server, made, bob)
    await alice.delete(f"{EVENTS}/{made['id']}")
    (payload,) = await server.db.read(planned, "event_mail_gone")
    assert "secret-room" not in str(payload)
    await inviting.mail_gone(server, payload)
    event = events_in(mailbox()[-1])[0]
    assert (method_of(mailbox()[-1]), str(event["uid"]), int(event["sequence"])) == ("CANCEL", made["uid"], 1)
    assert "recurrence-id" not in event


async def test_who_waits_or_wants_none_gets_none(
    server: Server, alice: Person, bob: Person, member: MakeMember, mailbox: Mailbox, nobody: Person
) -> None:
    carol = await member("carol")
    made = await alice.post(EVENTS, call(capacity=1))
    at = f"{EVENTS}/{made['id']}"
    await bob.post(f"{at}/rsvp", GOING)
    await carol.post(f"{at}/rsvp", GOING)
    for who in (bob, carol):
        await run(server, made, who)
    (mail,) = mailbox()
    assert mail["To"] == "bob@members.example"
    await bob.delete(f"{at}/rsvp")
    await run(server, made, carol)
    assert (mailbox()[-1]["To"], method_of(mailbox()[-1])) == ("carol@members.example", "REQUEST")
    # One click ends these mails (RFC 8058).
    link = mailbox()[-1]["List-Unsubscribe"].strip("<>")
    answer = await nobody.raw(
        "POST", link[len(server.config.origin) :], data={"List-Unsubscribe": "One-Click"}
    )
    assert answer.status == 200
    count = len(mailbox())
    await alice.patch(at, {"schedule": {"starts": wall(9, 17)}})
    await run(server, made, carol)
    assert len(mailbox()) == count


def reply(mail: EmailMessage, partstat: str, *, begins: Any = None, **headers: str) -> EmailMessage:
    """What a calendar program answers to an invitation."""
    asked = events_in(mail)[0]
    calendar = icalendar.Calendar()
    for name, value in {"prodid": "-//Other//EN", "version": "2.0", "method": "REPLY"}.items():
        calendar.add(name, value)
    event = icalendar.Event()
    event["uid"], event["organizer"], event["sequence"] = asked["uid"], asked["organizer"], asked["sequence"]
    event.add("dtstamp", datetime.now(UTC))
    attendee = icalendar.vCalAddress("mailto:somebody@else.example")
    attendee.params["PARTSTAT"] = partstat
    event["attendee"] = attendee
    if begins is not None:
        event.add("recurrence-id", begins)
    calendar.add_component(event)
    answer = EmailMessage()
    wanted = {
        "From": "Somebody <somebody@else.example>", "To": str(asked["organizer"]).removeprefix("mailto:"),
        "Subject": f"{partstat}: Cohort call", "Message-ID": f"<{partstat}-{id(answer)}@else.example>",
        "Auto-Submitted": "auto-generated", **headers,
    }  # fmt: skip
    for name, value in wanted.items():
        answer[name] = value
    answer.set_content(f"Somebody has answered: {partstat}")
    answer.add_alternative(
        calendar.to_ical().decode(), subtype="calendar", charset="utf-8", params={"method": "REPLY"}
    )
    return answer


@pytest.mark.jobs
class TestThroughAMailServer:
    @pytest.fixture
    def server_settings(self, office: PostOffice) -> dict[str, str]:
        return office.settings

    async def test_a_calendar_program_answers_and_only_to_the_address_that_is_theirs(
        self, server: Server, alice: Person, bob: Person, office: PostOffice, app_client: TestClient[Any, Any]
    ) -> None:
        made = await alice.post(EVENTS, call(schedule=WEEKLY, questions=["Diet?"], guests_max=2))
        at = f"{EVENTS}/{made['id']}"
        await bob.post(f"{at}/rsvp", {**GOING, "guests": 1, "answers": {"Diet?": "none"}})
        (mail,) = await office.mails(1)
        event = events_in(mail)[0]
        address = str(event["organizer"]).removeprefix("mailto:")
        assert address.startswith("reply+")
        assert event["organizer"].params["SENT-BY"] == "mailto:noreply@trainers.example"
        assert event["attendee"].params["RSVP"] == "TRUE"
        second = events_in(mail)[0]["dtstart"].dt + timedelta(days=7)
        office.send(reply(mail, "DECLINED", begins=second), address)

        async def answered(*wanted: str) -> bool:
            return states(await bob.get(at)) == list(wanted)

        await until(lambda: answered("in", "", "in", "in"), "that one time is declined")
        cancel = (await office.mails(2))[1]
        assert (method_of(cancel), events_in(cancel)[0]["recurrence-id"].dt) == ("CANCEL", second)
        office.send(reply(mail, "TENTATIVE"), address)
        await until(lambda: answered("", "", "", ""), "that all are perhaps")
        office.send(reply(mail, "ACCEPTED"), address)
        await until(lambda: answered("in", "in", "in", "in"), "that all are accepted")
        kept = (await alice.get(f"{at}/rsvps", occurrence=made["occurrences"][0]["key"]))[0]
        assert kept["answers"] == {"Diet?": "none"}
        # Whoever has only guessed an address answers for nobody.
        forged = f"{address[:6]}{'b' if address[6] == 'a' else 'a'}{address[7:]}"
        office.send(reply(mail, "DECLINED", To=forged), forged)
        office.send(reply(mail, "DECLINED", To="reply@mail.trainers.example"), "reply@mail.trainers.example")
        await until(
            lambda: len([one for one, _ in office.left() if "Seen" in one]) == 2, "that both were looked at"
        )
        assert await answered("in", "in", "in", "in")
