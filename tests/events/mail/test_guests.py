"""People without an account come to events: confirmed by a link, counted as everybody, seen by organisers alone."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import pytest
from sqlalchemy import func, select, update

from fedserver.context import Server
from fedserver.events import attendance, guests, inviting, reminding, replying
from storage import tables
from storage.types import now_ms
from tests.conftest import MakeMember
from tests.events.mail.invitations import events_in, method_of
from tests.events.mail.test_reminders import begins, start_of
from tests.events.test_events import EVENTS, SECRET, call
from tests.mailing import link_in, text_of
from tests.members import Person
from tests.planned import planned

GOING = {"status": "going"}
DAY = 86_400_000
Mailbox = Callable[[], list[EmailMessage]]
FORM = {"name": "Gwen Guest", "email": "Gwen@mail.example"}


async def ask(nobody: Person, event: dict[str, Any], **more: Any) -> Any:
    """Send the form of the event's page."""
    return await nobody.raw("POST", f"/events/{event['id']}/guest", data={**FORM, **more})


async def run(server: Server, kind: str) -> None:
    """Do the jobs of a kind that were planned last."""
    jobs = await server.db.read(planned, kind)
    handlers = {
        "mail_guest": guests.mail_guest,
        "event_mail": inviting.mail_one,
        "event_reminder": reminding.mail_reminder,
    }
    await handlers[kind](server, jobs[-1])


async def page_of(
    server: Server, nobody: Person, event: dict[str, Any], mailbox: Mailbox, **more: Any
) -> str:
    """The page behind the link in the mail that somebody who asked gets."""
    assert (await ask(nobody, event, **more)).status == 200
    await run(server, "mail_guest")
    return f"/guests/{link_in(mailbox()[-1], '/guests/')}"


async def counts(who: Person, event: dict[str, Any]) -> tuple[int, int]:
    one = (await who.get(f"{EVENTS}/{event['id']}"))["occurrences"][0]
    return one["going_count"], one["waiting_count"]


async def press(nobody: Person, page: str, **form: str) -> int:
    status: int = (await nobody.raw("POST", page, data=form)).status
    return status


async def test_nothing_is_held_before_the_address_is_confirmed(
    server: Server, alice: Person, bob: Person, nobody: Person, mailbox: Mailbox
) -> None:
    made = await alice.post(EVENTS, call(capacity=1))
    assert made["by_mail"] is True
    assert f"/events/{made['id']}/guest" in await (await nobody.raw("GET", f"/events/{made['id']}")).text()
    assert (await nobody.raw("GET", f"/events/{made['id']}/guest")).status == 200
    page = await page_of(server, nobody, made, mailbox)
    (mail,) = mailbox()
    assert mail["To"] == "Gwen@mail.example"
    assert SECRET not in mail.as_string() + text_of(mail)
    opened = await nobody.raw("GET", page)
    assert (opened.status, opened.headers["Referrer-Policy"]) == (200, "no-referrer")
    assert await counts(alice, made) == (0, 0)
    assert await alice.get(f"{EVENTS}/{made['id']}/rsvps") == []
    assert await press(nobody, page, what="confirm") == 303
    assert await press(nobody, page, what="confirm") == 303
    assert await counts(alice, made) == (1, 0)
    # She counts as everybody: who comes now waits.
    await bob.post(f"{EVENTS}/{made['id']}/rsvp", GOING)
    assert await counts(alice, made) == (1, 1)
    (guest, waiting) = await alice.get(f"{EVENTS}/{made['id']}/rsvps")
    assert (guest["display_name"], guest["email"], guest["account_id"]) == (
        "Gwen Guest",
        "Gwen@mail.example",
        None,
    )
    assert (waiting["account_id"], waiting["email"]) == (bob.id, None)
    await run(server, "event_mail")
    assert await press(nobody, page, status="declined") == 303
    assert await counts(alice, made) == (1, 0)


async def test_organisers_see_and_tick_guests_and_nobody_else_does(
    server: Server, alice: Person, bob: Person, nobody: Person, mailbox: Mailbox
) -> None:
    made = await alice.post(EVENTS, call(schedule=begins(2)))
    at = f"{EVENTS}/{made['id']}"
    await press(nobody, await page_of(server, nobody, made, mailbox), what="confirm")
    (guest,) = await alice.get(f"{at}/rsvps")
    begun = now_ms() - 60_000
    moved = update(tables.occurrence).values(starts_at=begun, ends_at=begun + DAY)
    await server.db.write(lambda conn: conn.execute(moved))
    key = made["occurrences"][0]["key"]
    await alice.post(f"{at}/attendance", {"occurrence": key, "attended": [guest["guest_id"]]})
    assert (await alice.get(f"{at}/rsvps"))[0]["attended"] is True
    table = await (await alice.raw("GET", f"{at}/attendance")).text()
    assert "Gwen Guest,Gwen@mail.example" in table
    # What those who came are written reaches her by mail, once, as long as she wants mails.
    over = update(tables.occurrence).values(ends_at=begun)
    await server.db.write(lambda conn: conn.execute(over))
    said = {"occurrence": key, "text": "Thank you.\n\n--\nHow was it?", "link": "https://survey.example/1"}
    assert await alice.post(f"{at}/follow_up", said) == {"written_to": 1}
    assert (await alice.raw("POST", f"{at}/follow_up", json=said)).status == 409
    (mailing,) = await server.db.read(planned, "event_follow_up_mail")
    await attendance.mail_follow_up(server, mailing)
    mail = mailbox()[-1]
    assert (mail["To"], mail["Subject"]) == ("Gwen@mail.example", "After Cohort call")
    text = text_of(mail).replace("\r\n", "\n")
    assert "> Thank you.\n\n> --\n> How was it?" in text
    assert "https://survey.example/1" in text
    way_out = mail["List-Unsubscribe"].strip(" <>").removeprefix(server.config.origin)
    assert way_out in text
    count = len(mailbox())
    assert await press(nobody, way_out, **{"List-Unsubscribe": "One-Click"}) == 200
    await attendance.mail_follow_up(server, mailing)
    assert len(mailbox()) == count
    for who, path in ((bob, f"{at}/rsvps"), (nobody, f"{at}/rsvps"), (bob, f"{at}/attendance")):
        assert (await who.raw("GET", path)).status in (401, 403)
    for path in (at, f"/events/{made['id']}", f"/events/{made['id']}.ics", f"/api/v1/statuses/{made['id']}"):
        for who in (bob, nobody):
            text = await (await who.raw("GET", path)).text()
            assert "Gwen" not in text, path


async def test_a_guest_moves_up_is_invited_reminded_and_taken_out_by_mail(
    server: Server, alice: Person, bob: Person, nobody: Person, mailbox: Mailbox
) -> None:
    made = await alice.post(EVENTS, call(capacity=1, schedule=begins(30), reminders=[1_440]))
    await bob.post(f"{EVENTS}/{made['id']}/rsvp", GOING)
    page = await page_of(server, nobody, made, mailbox)
    await press(nobody, page, what="confirm")
    assert await counts(alice, made) == (1, 1)
    await bob.delete(f"{EVENTS}/{made['id']}/rsvp")
    assert await counts(alice, made) == (1, 0)
    (row,) = await server.db.read(lambda conn: conn.execute(select(tables.event_guest)).all())
    job = {"post_id": int(made["id"]), "account_id": None, "guest_id": row.id}
    assert job in await server.db.read(planned, "event_mail")
    await inviting.mail_one(server, job)
    invited = mailbox()[-1]
    assert (invited["To"], method_of(invited)) == ("Gwen@mail.example", "REQUEST")
    assert str(events_in(invited)[0]["attendee"]) == "mailto:Gwen@mail.example"
    assert page in text_of(invited)
    start = start_of(made)
    await server.db.write(reminding.plan_due, start - DAY - 1)
    await server.db.write(reminding.plan_due, start - DAY)
    await run(server, "event_reminder")
    assert mailbox()[-1]["To"] == "Gwen@mail.example"
    assert page in text_of(mailbox()[-1])
    # Her calendar program declines; the organiser's refusal is told; an address that is silent gets nothing.
    declined = [{"uid": made["uid"], "answer": "declined", "begins": None}]
    await replying.answer_of_guest(
        server, {"guest_id": row.id, "post_id": int(made["id"]), "replies": declined}
    )
    assert await counts(alice, made) == (0, 0)
    await inviting.mail_one(server, job)
    assert method_of(mailbox()[-1]) == "CANCEL"
    await press(nobody, page, status="going")
    await inviting.mail_one(server, job)
    assert await press(nobody, f"{page}/unsubscribe", **{"List-Unsubscribe": "One-Click"}) == 200
    count = len(mailbox())
    await alice.post(f"{EVENTS}/{made['id']}/guests/{row.id}/reject")
    await run(server, "mail_guest")
    await inviting.mail_one(server, job)
    assert len(mailbox()) == count
    assert (await alice.get(f"{EVENTS}/{made['id']}/rsvps"))[-1]["state"] == "refused"


async def test_whether_an_address_is_known_is_not_told(
    server: Server, alice: Person, nobody: Person, mailbox: Mailbox
) -> None:
    made = await alice.post(EVENTS, call())
    page = await page_of(server, nobody, made, mailbox)
    first = await (await ask(nobody, made, email="other@mail.example")).text()
    await press(nobody, page, what="confirm")
    again = await (await ask(nobody, made, name="Somebody else", email="gwen@mail.example")).text()
    assert again == first
    await run(server, "mail_guest")
    assert mailbox()[-1]["Subject"] == "Your answer: Cohort call"
    (guest,) = await alice.get(f"{EVENTS}/{made['id']}/rsvps")
    assert guest["display_name"] == "Gwen Guest", "nobody changes it who cannot read the mailbox"
    before = len(await server.db.read(planned, "mail_guest"))
    for _ in range(9):
        assert (await ask(nobody, made)).status == 200
    assert len(await server.db.read(planned, "mail_guest")) - before == guests.MAILS_TO_ONE_ADDRESS_MAX - 2


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"email": "nonsense"}, "not an e-mail address"),
        ({"name": " "}, "cannot be empty"),
        ({"guests": "3"}, "cannot be brought along"),
        ({"occurrences[]": "20010101T1000"}, "must be starts of this event"),
    ],
    ids=["address", "name", "guests", "time"],
)
async def test_what_is_wrong_is_told_by_field_and_changes_nothing(
    server: Server, alice: Person, nobody: Person, form: dict[str, str], sentence: str
) -> None:
    made = await alice.post(EVENTS, call(schedule={"rule": {"frequency": "weekly", "count": 2}}))
    answer = await ask(nobody, made, **form)
    assert answer.status == 422
    assert sentence in (await answer.text()).lower()
    assert await server.db.read(planned, "mail_guest") == []


@pytest.mark.parametrize(
    "said", [{"by_mail": False}, {"visibility": "members"}, {"rsvp_mode": "approval"}], ids=str
)
async def test_only_where_it_is_offered(
    server: Server, alice: Person, nobody: Person, said: dict[str, Any]
) -> None:
    made = await alice.post(EVENTS, call(**said))
    assert made["by_mail"] is False
    assert (await ask(nobody, made)).status == 404
    assert (await nobody.raw("GET", f"/events/{made['id']}/guest")).status == 404
    assert await server.db.read(planned, "mail_guest") == []


async def test_guests_are_forgotten(
    server: Server, alice: Person, nobody: Person, mailbox: Mailbox, member: MakeMember
) -> None:
    made = await alice.post(EVENTS, call(capacity=1))
    page = await page_of(server, nobody, made, mailbox)
    late = update(tables.event_guest).values(created_at=now_ms() - guests.CONFIRMED_WITHIN_MS - 1)
    await server.db.write(lambda conn: conn.execute(late))
    assert await press(nobody, page, what="confirm") == 404
    await server.db.write(guests.forget_old)
    page = await page_of(server, nobody, made, mailbox)
    await press(nobody, page, what="confirm")
    await server.db.write(guests.forget_old)
    assert (await nobody.raw("GET", page)).status == 200
    assert await press(nobody, page, what="forget") == 200
    assert await counts(alice, made) == (0, 0)
    assert (await nobody.raw("GET", page)).status == 404
    page = await page_of(server, nobody, made, mailbox)
    await press(nobody, page, what="confirm")
    over = update(tables.event).values(ends_at=now_ms() - guests.KEPT_AFTER_MS - 1)
    await server.db.write(lambda conn: conn.execute(over))
    await server.db.write(guests.forget_old)
    for table in (tables.event_guest, tables.rsvp, tables.event_invitation):
        query = select(func.count()).select_from(table)
        assert await server.db.read(lambda conn, query=query: conn.scalar(query)) == 0
