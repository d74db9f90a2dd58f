"""A wave of requests to join is decided about in one go, and what was announced is what happens."""

from __future__ import annotations

from functools import partial

import pytest
from sqlalchemy import select

from fedserver import admission, greeting, mail_wordings
from fedserver.admission import Ruling
from fedserver.context import Server
from fedserver.errors import Forbidden, Invalid
from storage import audit, users
from storage.paging import Window
from storage.tables import join_refusal
from tests.joining.conftest import Come, KnownAs, MakeReader
from tests.joining.test_refusals import waits
from tests.mailing import Mailbox, mails, text_of
from tests.members import Person
from tests.pages.visitor import path_of


async def logged(server: Server) -> set[tuple[str, str, str]]:
    """Who was let in or refused by whom, as the log has it."""
    entries = await server.db.read(audit.page, Window(limit=50))
    return {
        (one.action, one.subject_name, one.actor_name)
        for one in entries
        if one.action in ("approve", "reject")
    }


@pytest.mark.jobs
async def test_a_wave_is_refused_as_announced_and_what_colleagues_have_is_left_alone(
    server: Server, signed_in: MakeReader, moderator: Person, come: Come, mailbox: Mailbox
) -> None:
    greta = await signed_in("greta", role="greeter")
    bots = [await waits(server, come, f"bot{number}", f"bot{number}@mail.example") for number in range(3)]
    taken, let_in, refused, nora = [
        await waits(server, come, name, f"{name}@mail.example") for name in ("tom", "ina", "rob", "nora")
    ]
    listed = await greta.open("/mod/joins?all=1")
    assert listed.problems == []
    await greeting.assign(server, moderator.member, taken, moderator.account_id)
    await admission.approve(server, moderator.member, let_in)
    await admission.reject(server, moderator.member, refused)
    page = await greta.submit(
        listed, "/mod/joins/confirm",
        {"verdict": "reject", "comment": "No <b>adverts</b>.", "account_ids[]": [*map(str, [*bots, taken, let_in, refused])]},
    )  # fmt: skip
    assert page.problems == []
    words = page.words()
    assert "@mo has taken this request." in words
    assert "@mo has let them in already." in words
    assert "@mo has refused them already." in words
    assert (words.count("what they entered is deleted."), words.count("No <b>adverts</b>.") >= 3) == (3, True)
    assert "request to join as @bot2" in words
    assert "Refuse 3 people" in words
    assert "@nora" not in words
    assert {name for _, name, _ in await logged(server)} == {"ina", "rob"}, "nothing has happened yet"

    await admission.approve(server, moderator.member, bots[0])
    page = await greta.submit(page, "/mod/joins/confirm", {"reason": "A wave", "comment": "Not now."})
    page = await greta.submit(page, "/mod/joins/decide")
    assert path_of(page) == "/mod/joins?done=all-decided", "who had been let in was not asked about again"
    assert await logged(server) == {
        ("approve", "ina", "mo"), ("reject", "rob", "mo"), ("approve", "bot0", "mo"),
        ("reject", "bot1", "greta"), ("reject", "bot2", "greta"),
    }  # fmt: skip
    left = {one.account_id for one in await admission.waiting(server, moderator.member)}
    assert left == {taken, nora}
    # Seven were asked to confirm the address; two let in, and three refused.
    sent = {str(one["To"]): text_of(one) for one in await mails(mailbox, 12) if "deleted" in text_of(one)}
    assert "Not now." in sent["bot2@mail.example"]
    assert "Not now." not in sent["rob@mail.example"]
    reasons = select(join_refusal.c.reason)
    assert sorted(await server.db.read(lambda conn: list(conn.scalars(reasons)))) == ["", "A wave", "A wave"]


async def test_what_was_decided_after_the_page_was_shown_is_named(
    server: Server, signed_in: MakeReader, moderator: Person, come: Come
) -> None:
    greta = await signed_in("greta", role="greeter")
    nora, dan, eve = [
        await waits(server, come, name, f"{name}@mail.example") for name in ("nora", "dan", "eve")
    ]
    page = await greta.submit(
        await greta.open("/mod/joins?all=1"), "/mod/joins/confirm", {"verdict": "approve"}
    )
    assert "Let 3 people in" in page.words()
    assert page.words().count("has approved your account") == 3
    await admission.reject(server, moderator.member, dan)
    await greeting.assign(server, moderator.member, eve, moderator.account_id)
    page = await greta.submit(page, "/mod/joins/decide")
    words = " ".join(page.words().split())
    assert page.problems == []
    assert "It is done for 1 request." in words
    assert "@dan : @mo has refused them already." in words.replace("@dan:", "@dan :")
    assert "@mo has taken this request." in words
    rows = await server.db.read(lambda conn: [users.by_id(conn, one) for one in (nora, eve)])
    assert [row is not None and row.approved_at is not None for row in rows] == [True, False]


async def test_the_mail_is_shown_in_the_words_of_the_community(
    server: Server, admin: Person, come: Come
) -> None:
    nora = await waits(server, come, "nora", "nora@mail.example")
    await mail_wordings.put(server, admin.member, "rejected", "en", "Not yet", "Sorry, {name}.\n\n{message}")
    (plan,) = await admission.preview(server, admin.member, [nora], Ruling("reject", "Later"))
    assert plan.mail[0] == "Not yet"
    assert plan.mail[1].startswith("Sorry, nora.\n\nLater\n")


async def test_who_may_not_decide_about_one_decides_about_none_and_a_page_is_the_most(
    server: Server, signed_in: MakeReader, known: KnownAs, alice: Person, moderator: Person, come: Come,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    ids = [await waits(server, come, name, f"{name}@mail.example") for name in ("nora", "dan", "eve")]
    for act in (admission.preview, admission.decide):
        with pytest.raises(Forbidden):
            await act(server, alice.member, ids, Ruling("approve"))
        with pytest.raises(Invalid):
            await act(server, moderator.member, [*range(1, 52)], Ruling("approve"))
    unconfirmed = (await come("pat")).account_id
    (plan,) = await admission.decide(server, moderator.member, [unconfirmed], Ruling("approve"))
    assert "not confirmed" in plan.problem

    monkeypatch.setattr(admission, "AT_ONCE_MAX", 2)
    mo = await signed_in("mia", role="moderator")
    page = await mo.open("/mod/joins")
    assert ("@eve" in page.words(), "Those who came later" in page.words()) == (False, True)
    for values, wrong in (({"verdict": "approve"}, "Tick a request first."), ({}, "Choose whether")):
        again = await mo.submit(page, "/mod/joins/confirm", {"comment": "Kept", **values})
        assert (again.status, wrong in again.words(), "Kept" in again.words()) == (422, True, True)
    assert "@eve" in (await mo.open(f"/mod/joins?after={ids[1]}")).words()
    assert "Nobody else is waiting" in (await mo.open(f"/mod/joins?after={ids[2]}")).words()
    assert await server.db.read(partial(users.waiting, after_id=ids[1])) != []
