"""What waits, told by mail: one mail for all that is new, at the rhythm each chooses, and never who reported."""

from __future__ import annotations

from typing import Any

import pytest

from fedserver import reports, signup
from fedserver.context import Server
from fedserver.errors import Invalid
from fedserver.moderation import appeals, duty, rulings
from fedserver.moderation.rulings import Ruling
from fedserver.reports import Complaint
from storage import duty_mail, strikes, users
from storage.types import now_ms
from tests.conftest import MakeMember
from tests.joining.conftest import Come, MakeReader
from tests.mailing import Mailbox, link_in, mails, text_of
from tests.members import Person


async def text(server: Server, person: Person) -> str:
    """What would be written to them now; "" for nothing. As if it had been sent, then."""
    found = await server.db.read(duty.written, server.config, person.account_id)
    if found is None:
        return ""
    await server.db.write(duty_mail.change, person.account_id, told_until_at=found[1])
    return f"{found[0]['Subject']}\n{text_of(found[0])}"


async def test_one_mail_tells_each_what_is_new_and_theirs_and_never_who_reported(
    server: Server, member: MakeMember, moderator: Person, alice: Person, bob: Person, come: Come
) -> None:
    greeter, other = await member("greta", role="greeter"), await member("mia", role="moderator")
    assert [await text(server, one) for one in (greeter, moderator, alice)] == ["", "", ""]
    await reports.report(
        server, alice.member, Complaint(bob.account_id, (), category="spam", comment="By alice")
    )
    await reports.report(server, bob.member, Complaint(moderator.account_id, (), category="spam"))
    await rulings.decide(
        server, moderator.member, [bob.account_id], Ruling(measures=["silence"], text="Stop")
    )
    strike = (await server.db.read(strikes.of_account, bob.account_id))[0]
    await appeals.appeal(server, bob.member, strike.id, "No")
    await reports.report(server, alice.member, Complaint(bob.account_id, (), category="other"))
    signed_up = await come("nora")
    await server.db.write(users.change, signed_up.account_id, confirmed_at=now_ms())
    to_greeter, to_moderator, to_other = [await text(server, one) for one in (greeter, moderator, other)]
    assert to_greeter.startswith("What waits at fedserver: 1 request to join\n")
    assert "@nora" in to_greeter
    assert "reported" not in to_greeter
    # Nothing about themselves, and no appeal against what they decided.
    assert to_moderator.startswith("What waits at fedserver: 1 request to join, 1 account reported\n")
    assert to_other.startswith(
        "What waits at fedserver: 1 request to join, 2 accounts reported, 1 appeal to decide\n"
    )
    assert not any("alice" in one or "@bob" in one for one in (to_greeter, to_moderator, to_other))
    assert [await text(server, one) for one in (greeter, moderator, other)] == ["", "", ""]
    await duty.choose(server, other.member, rhythm="never", hour=8)
    await server.db.write(duty_mail.change, other.account_id, told_until_at=None)
    assert await text(server, other) == ""


@pytest.mark.jobs
async def test_who_hears_at_once_gets_a_mail_and_others_when_it_is_due(
    server: Server, moderator: Person, admin: Person, come: Come, mailbox: Mailbox
) -> None:
    await server.db.write(users.change, moderator.account_id, time_zone="Asia/Tokyo")
    await duty.choose(server, moderator.member, rhythm="daily", hour=7)
    row = await server.db.read(duty_mail.get, moderator.account_id)
    assert row is not None
    assert row.due_at is not None
    assert row.due_at // 3_600_000 % 24 == 22, "seven in the morning in Tokyo"
    await come("nora")
    await signup.confirm(server, link_in((await mails(mailbox, 1))[0], "/confirm/"))
    first = (await mails(mailbox, 2))[-1]
    assert (first["To"], "@nora" in text_of(first)) == ("ada@members.example", True)
    await server.db.write(duty.plan_due, row.due_at)
    second = await mails(mailbox, 3)
    assert {one["To"] for one in second} == {"nora@mail.example", "ada@members.example", "mo@members.example"}
    again = await server.db.read(duty_mail.get, moderator.account_id)
    assert again is not None
    assert again.due_at == row.due_at + 86_400_000
    for wrong in ({"rhythm": "often", "hour": 1}, {"rhythm": "daily", "hour": 24}):
        with pytest.raises(Invalid):
            await duty.choose(server, moderator.member, **wrong)  # type: ignore[arg-type]


async def test_the_rhythm_is_chosen_among_the_mails_by_those_who_have_something_to_hear_of(
    server: Server, signed_in: MakeReader
) -> None:
    mo, carol = await signed_in("mo", role="greeter"), await signed_in("carol", role="curator")
    here = "/settings/email"
    page = await mo.open(here)
    page = await mo.submit(page, f"{here}/duty", {"duty_rhythm": "daily", "duty_hour": "17"})
    chosen: Any = [
        [option.get("value") for option in select.iter() if option.get("selected") is not None]
        for select in page.all("select")
        if select.get("name", "").startswith("duty")
    ]
    assert chosen == [["daily"], ["17"]]
    assert "What waits for me" not in (await carol.open(here)).words()
