"""Who greets newcomers, and what is asked of who wants to join."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from fedserver import admission, greeting, posts, settings, tags
from fedserver.context import Server
from fedserver.errors import Conflict, Forbidden, Invalid, NotFound
from fedserver.moderation import duty
from fedserver.posts import Draft
from storage import greeting as stored
from storage import users
from storage.types import now_ms
from tests.joining.conftest import Come, KnownAs, MakeReader
from tests.joining.test_duty import text
from tests.joining.test_refusals import waits
from tests.mailing import Mailbox, link_in, mails, text_of
from tests.members import Person
from tests.pages.visitor import Visitor, path_of


async def test_a_request_is_taken_and_given_and_newcomers_are_kept_for_a_while(
    server: Server, signed_in: MakeReader, known: KnownAs, alice: Person, moderator: Person, come: Come
) -> None:
    greta = await signed_in("greta", role="greeter")
    her = await known("greta")
    her.role = "greeter"
    nora, dan = [await waits(server, come, name, f"{name}@mail.example") for name in ("nora", "dan")]
    for one in (her, moderator):
        await text(server, one)
    page = await greta.open("/mod/joins")
    page = await greta.submit(page, f"/mod/joins/{nora}/greeter", {"greeter": str(her.account_id)})
    assert (page.problems, "Greeted by @greta." in page.words()) == ([], True)
    assert await text(server, her) == "", "who has taken somebody knows it"
    page = await greta.submit(page, f"/mod/joins/{dan}/greeter", {"greeter": str(moderator.account_id)})
    assert "1 newcomer given to you to greet" in await text(server, moderator)
    for member, account_id, greeter_id, wrong in (
        (alice.member, nora, alice.account_id, Forbidden),
        (moderator.member, nora, alice.account_id, Invalid),
        (moderator.member, alice.account_id + 1, moderator.account_id, NotFound),
    ):
        with pytest.raises(wrong):
            await greeting.assign(server, member, account_id, greeter_id)

    page = await greta.open("/mod/joins")
    await greta.submit(page, f"/mod/joins/{nora}/approve")
    await admission.approve(server, moderator.member, dan)
    page = await greta.open("/mod/welcome")
    assert ("@nora" in page.words(), "@dan" in page.words()) == (True, False)
    assert "They have not posted yet." in page.words()
    page = await greta.open("/mod/welcome?of=all")
    page = await greta.submit(page, f"/mod/joins/{dan}/greeter")
    assert path_of(page) == "/mod/welcome?done=greeter-set&of=all"
    assert "Greeted by @mo." not in page.words()
    long_ago = now_ms() - 31 * 86_400_000
    await server.db.write(users.change, nora, approved_at=long_ago)
    await server.db.write(greeting.forget_old)
    assert list(await server.db.read(stored.of_accounts, [nora, dan])) == [dan]
    assert "@nora" not in (await greta.open("/mod/welcome?of=all")).words()
    with pytest.raises(NotFound):
        await greeting.assign(server, moderator.member, nora, moderator.account_id)


async def test_greeters_tick_what_they_did_and_hear_of_who_was_left_alone(
    server: Server, signed_in: MakeReader, known: KnownAs, alice: Person, admin: Person, come: Come
) -> None:
    greta = await signed_in("greta", role="greeter")
    her = await known("greta")
    her.role = "greeter"
    await settings.change(server, admin.member, {"welcome_steps": ["Said hello", "<b>Shown</b> a group"]})
    nora, dan, eve = [
        await waits(server, come, name, f"{name}@mail.example") for name in ("nora", "dan", "eve")
    ]
    four_days_ago = now_ms() - 4 * 86_400_000
    for account_id in (nora, dan, eve):
        await admission.approve(server, her.member, account_id)
        await server.db.write(users.change, account_id, approved_at=four_days_ago)
    await greeting.assign(server, admin.member, eve, admin.account_id)
    assert "2 newcomers are left alone" in (await greta.open("/mod")).words()
    assert "2 newcomers left alone: @dan, @nora" in await text(server, her)
    assert "newcomers" not in await text(server, her), "each is told once"
    assert "3 newcomers left alone" in await text(server, admin)

    page = await greta.open("/mod/welcome?of=alone")
    assert ("@dan" in page.words(), "@eve" in page.words()) == (True, False), "somebody greets her"
    page = await greta.open("/mod/welcome?of=all")
    assert (page.problems, page.words().count("Nobody has greeted them, and")) == ([], 3)
    assert "@greta" not in page.words()
    page = await greta.submit(page, f"/mod/welcome/{nora}/steps", choose={"steps[]": "<b>Shown</b> a group"})
    assert path_of(page) == "/mod/welcome?done=step-ticked&of=all"
    ticked = await server.db.read(stored.steps_of, [nora])
    assert [(one.step, one.by) for one in ticked[nora]] == [("<b>Shown</b> a group", "greta")]
    assert "@greta" in page.words()
    await posts.create(server, replace(her.member, account_id=dan), Draft("Hello"))
    assert "left alone" not in (await greta.open("/mod")).words()
    page = await greta.submit(page, f"/mod/welcome/{nora}/steps/undo")
    assert await server.db.read(stored.steps_of, [nora]) == {}
    with pytest.raises(Invalid):
        await greeting.tick(server, her.member, nora, ["Sang"])
    with pytest.raises(Forbidden):
        await greeting.tick(server, alice.member, nora, ["Said hello"])

    here = "/admin/registration"
    ada = await signed_in("ana", role="admin")
    page = await ada.submit(
        await ada.open(here), here, {"welcome_steps": "Sang\r\n\r\nSang\r\nDanced", "nudge_days": "0"}
    )
    assert path_of(page) == f"{here}?done=saved"
    assert (await settings.current(server)).welcome_steps == ("Sang", "Danced")
    assert "left alone" not in (await greta.open("/mod")).words()


@pytest.mark.jobs
async def test_who_hears_at_once_is_told_when_somebody_was_left_alone(
    server: Server, known: KnownAs, signed_in: MakeReader, come: Come, mailbox: Mailbox
) -> None:
    await signed_in("greta", role="greeter")
    nora = await waits(server, come, "nora", "nora@mail.example")
    await server.db.write(users.change, nora, approved_at=now_ms() - 3 * 86_400_000 - 60_000, confirmed_at=1)
    await server.db.write(partial(duty.plan_nudges, server.config))
    told = await mails(mailbox, 2)
    assert any("1 newcomer left alone" in one["Subject"] for one in told)


async def test_first_steps_are_ticked_by_what_a_new_member_did(
    server: Server, signed_in: MakeReader, known: KnownAs
) -> None:
    nora = await signed_in("nora")
    her = await known("nora")
    page = await nora.open("/home")
    assert (page.problems, "First steps" in page.words(), page.words().count("(done)")) == ([], True, 0)
    await nora.submit(await nora.open("/settings/profile"), "/settings/profile", {"note": "I teach botany"})
    await tags.follow(server, her.member, "botany")
    await posts.create(server, her.member, Draft("Hello all"))
    page = await nora.open("/home")
    assert page.words().count("(done)") == 3
    page = await nora.submit(page, "/home/steps/hide")
    assert "First steps" not in (await nora.open("/home")).words()
    await server.db.write(users.change, her.account_id, steps_hidden_at=None, approved_at=1)
    assert "First steps" not in (await nora.open("/home")).words()


@pytest.mark.jobs
async def test_who_asks_to_join_is_asked_back_and_answers_once_without_an_account(
    server: Server, signed_in: MakeReader, known: KnownAs, alice: Person, come: Come, mailbox: Mailbox,
    browser: Callable[[], Visitor],
) -> None:  # fmt: skip
    greta = await signed_in("greta", role="greeter")
    her = await known("greta")
    her.role = "greeter"
    await duty.choose(server, her.member, rhythm="daily", hour=8)
    nora = await waits(server, come, "nora", "nora@mail.example")
    await mails(mailbox, 1)
    await text(server, her)
    page = await greta.open("/mod/joins")
    page = await greta.submit(
        page, f"/mod/joins/{nora}/ask", {"question": "Where do you teach?\n\nAnd what?"}
    )
    assert "not answered yet" in page.words()
    mail = next(one for one in await mails(mailbox, 2) if "question" in one["Subject"])
    assert (mail["To"], "> Where do you teach?" in text_of(mail)) == ("nora@mail.example", True)
    link = "/answer/" + link_in(mail, "/answer/")
    guest = browser()
    page = await guest.open(link)
    assert (page.status, page.problems) == (200, [])
    assert "Where do you teach?" in page.words()
    page = await guest.submit(page, path_of(page), {"answer": "  "})
    assert page.status == 422
    page = await guest.submit(page, path_of(page), {"answer": "In Aarhus, <b>botany</b>."})
    assert path_of(page) == "/answered"
    assert (await guest.open(link)).status == 404, "a link answers once"
    assert "1 answer to what was asked back" in await text(server, her)
    assert "In Aarhus, <b>botany</b>." in (await greta.open("/mod/joins")).words()

    with pytest.raises(Forbidden):
        await greeting.ask(server, alice.member, nora, "Why?")
    with pytest.raises(Invalid):
        await greeting.ask(server, her.member, nora, " ")
    for _ in range(greeting.QUESTIONS_MAX - 1):
        await greeting.ask(server, her.member, nora, "Really?")
    with pytest.raises(Conflict):
        await greeting.ask(server, her.member, nora, "Really?")
    late = next(one for one in await mails(mailbox, 6) if "Really?" in text_of(one))
    await admission.approve(server, her.member, nora)
    assert await server.db.read(stored.inquiries_of, [nora]) == {}
    assert (await guest.open("/answer/" + link_in(late, "/answer/"))).status == 404
