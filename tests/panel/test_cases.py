"""Cases and what is decided about them, on pages without JavaScript: what was announced is what happens."""

from __future__ import annotations

from typing import Any

import pytest

from fedserver import farewell
from fedserver.context import Server
from storage import accounts, audit, cases, posts, reports, strikes
from storage.paging import Window
from tests.mailing import Mailbox, mails, text_of
from tests.members import Person
from tests.pages.visitor import Page, path_of
from tests.panel.conftest import Complain, KnownAs, MakeReader

ON_ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def actions_of(server: Server) -> list[str]:
    """What the log says was done, the latest first."""
    return [one.action for one in await server.db.read(audit.page, Window(limit=50))]


@pytest.mark.jobs
async def test_several_measures_are_announced_and_then_taken(
    server: Server, signed_in: MakeReader, known: KnownAs, complain: Complain, mailbox: Mailbox
) -> None:
    mo = await signed_in("mo", role="moderator")
    for name in ("alice", "bob"):
        await signed_in(name)
    alice, bob = await known("alice"), await known("bob")
    report_id, post_id = await complain(
        bob, alice, "Cheap <b>watches</b>", comment="Spam & <script>x</script>"
    )
    page = await mo.open("/mod/reports")
    assert "@alice" in page.words()
    assert path_of(await mo.open(f"/mod/reports/{report_id}")) == f"/mod/accounts/{alice.id}"
    here = f"/mod/accounts/{alice.id}"
    page = await mo.submit(await mo.open(here), f"{here}/claim")
    assert "You have this case in hand." in page.words()
    assert "Spam & <script>x</script>" in page.words()
    assert "<script>x" not in page.text
    page = await mo.submit(page, f"{here}/notes", {"text": "Third time", "about": f"report:{report_id}"})
    assert "Third time" in page.words()

    page = await mo.submit(
        page, "/mod/decide/confirm",
        {"text": "No adverts here.", "answer": "Thank you.", "measures[]": ["delete_posts", "silence"], "days": "7"},
    )  # fmt: skip
    words = page.words()
    assert "Nothing has happened yet." in words
    assert "1 post is deleted for good" in words
    assert "It ends by itself on" in words
    assert "1 member who reported hears by mail" in words
    assert "Hello @alice," in words
    assert "No adverts here." in words
    assert await server.db.read(posts.by_id, post_id) is not None
    assert await actions_of(server) == ["create_note", "assign_to_self"]

    page = await mo.submit(page, "/mod/decide")
    assert "It is done." in page.words()
    post = await server.db.read(posts.by_id, post_id)
    assert post is None or post.deleted_at is not None
    row: Any = await server.db.read(accounts.by_id, alice.account_id)
    assert row.limited_at is not None
    assert (await actions_of(server))[:2] == ["silence", "delete_posts"]
    report: Any = await server.db.read(reports.by_id, report_id)
    assert (report.outcome, report.answer) == ("acted", "Thank you.")

    sent = {str(one["To"]): one for one in await mails(mailbox, 2)}
    told = text_of(sent["alice@mail.example"])
    assert "have limited your account" in told
    assert "have deleted posts of yours" in told
    assert "No adverts here." in told
    assert "mo" not in told.replace("moderators", "").split()
    outcome = text_of(sent["bob@mail.example"])
    assert "Thank you." in outcome
    assert "limited" not in outcome
    # The post is kept as it was for those who decide.
    assert "Cheap <b>watches</b>" in (await mo.open(here)).words()

    page = await mo.submit(
        await mo.open(here),
        f"/mod/strikes/{(await server.db.read(strikes.of_account, alice.account_id))[0].id}/undo",
    )
    assert "That decision is taken back." in page.words()
    row = await server.db.read(accounts.by_id, alice.account_id)
    assert row.limited_at is None


@pytest.mark.jobs
async def test_a_wave_of_spam_is_handled_in_one_go(
    server: Server, signed_in: MakeReader, known: KnownAs, complain: Complain
) -> None:
    mo = await signed_in("mo", role="moderator")
    await signed_in("bob")
    bob = await known("bob")
    names = [f"spam{number}" for number in range(5)]
    for name in (*names, "ada"):
        await signed_in(name, role="admin" if name == "ada" else "member")
    spammers = [await known(name) for name in (*names, "ada")]
    for one in spammers:
        await complain(bob, one)
        await complain(bob, one, "And this")
    page = await mo.open("/mod/reports")
    page = await mo.submit(
        page, "/mod/decide/confirm",
        {"account_ids[]": [one.id for one in spammers], "measures[]": ["suspend", "delete_posts"], "text": "Spam."},
    )  # fmt: skip
    assert "Only admins decide" in page.words() or "not allowed" in page.words()
    later, _ = await complain(bob, spammers[0], "Reported after the page was read")
    page = await mo.submit(page, "/mod/decide")
    assert path_of(page) == "/mod/reports?done=all-decided"
    for one in spammers[:5]:
        row: Any = await server.db.read(accounts.by_id, one.account_id)
        assert row.suspended_at is not None
    row = await server.db.read(accounts.by_id, spammers[5].account_id)
    assert row.suspended_at is None
    waiting = await server.db.read(reports.page, Window(limit=50))
    assert {one.target_id for one in waiting} == {spammers[5].account_id, spammers[0].account_id}
    assert later in {one.id for one in waiting}


async def test_settling_without_acting_says_so_to_whoever_reported(
    server: Server, signed_in: MakeReader, known: KnownAs, complain: Complain
) -> None:
    mo, bob_reads = await signed_in("mo", role="moderator"), await signed_in("bob")
    await signed_in("alice")
    alice, bob = await known("alice"), await known("bob")
    await complain(bob, alice)
    page = await mo.submit(
        await mo.open(f"/mod/accounts/{alice.id}"), "/mod/decide/confirm", {"answer": "We looked."}
    )
    assert "1 report is settled." in page.words()
    await mo.submit(page, "/mod/decide")
    assert await actions_of(server) == ["dismiss"]
    assert await server.db.read(strikes.of_account, alice.account_id) == []
    words = (await bob_reads.open("/settings/reports")).words()
    assert "@alice" in words
    assert "We looked." in words
    # What has been settled is not settled again by a page that was open all the while, and its words are not lost.
    page = await mo.submit(page, "/mod/decide")
    assert page.status == 409
    assert "has been settled in the meantime" in page.words()
    await complain(bob, alice)
    listed = await mo.open("/mod/reports")
    row = await server.db.read(reports.page, Window(limit=1))
    await server.db.write(lambda conn: reports.change(conn, row[0].id, resolved_at=1))
    page = await mo.submit(listed, "/mod/decide/confirm", {"account_ids[]": [alice.id], "text": "Again?"})
    assert (page.status, "What you have ticked has been settled" in page.words()) == (409, True)


async def test_the_list_says_as_what_each_is_reported_and_a_decision_leads_to_the_next_case(
    server: Server, signed_in: MakeReader, known: KnownAs, complain: Complain
) -> None:
    mo = await signed_in("mo", role="moderator")
    names = ("bob", "alice", "carl", "dora", "emil")
    for name in names:
        await signed_in(name)
    bob, *others = [await known(name) for name in names]
    for one in others:
        await complain(bob, one)
    alice, carl, dora, emil = others
    await complain(bob, carl)
    report_id, _ = await complain(bob, carl)
    await server.db.write(lambda conn: reports.change(conn, report_id, category="violation"))
    about_dora = await server.db.read(cases.last_id, dora.account_id)
    await server.db.write(lambda conn: reports.change(conn, about_dora or 0, category="other"))
    # From the top: carl, emil, dora, alice.
    page = await mo.open("/mod/reports?category=spam&up=")
    (row,) = [one for one in page.all("li", class_="case") if "@carl" in "".join(one.itertext())]
    assert "Spam 2 Against the rules 1" in " ".join("".join(row.itertext()).split())

    async def decide_about(person: Person, page: Page) -> Page:
        (link,) = [one for one in page.all("a") if f"/mod/accounts/{person.id}?" in (one.get("href") or "")]
        page = await mo.submit(await mo.open(link.get("href")), f"/mod/accounts/{person.id}/claim")
        page = await mo.submit(page, "/mod/decide/confirm", {"answer": "Thanks."})
        page = await mo.submit(page, "/mod/decide")
        assert "done=decided" in page.url
        return page

    page = await decide_about(emil, page)
    assert "The next case: @alice" in page.words(), "dora's is not of the kind that was asked for"
    page = await decide_about(alice, page)
    assert "The next case: @carl" in page.words(), "after the last comes the first"
    page = await decide_about(carl, page)
    assert "The next case" not in page.words()
    assert page.all("a", href="/mod/reports?category=spam") != []


@ON_ONE_DATABASE
async def test_private_posts_are_opened_on_purpose_and_logged(
    server: Server, signed_in: MakeReader, known: KnownAs, complain: Complain
) -> None:
    mo = await signed_in("mo", role="moderator")
    await signed_in("alice")
    await signed_in("bob")
    alice, bob = await known("alice"), await known("bob")
    await complain(bob, alice, "@bob Between us two", visibility="direct")
    here = f"/mod/accounts/{alice.id}"
    assert "Between us two" not in (await mo.open(here)).text
    assert await actions_of(server) == []
    for _ in range(2):
        assert "Between us two" in (await mo.open(f"{here}?private=1")).words()
    assert await actions_of(server) == ["open_private"]


@ON_ONE_DATABASE
async def test_a_case_is_handed_over_and_keeps_what_comes_later(
    server: Server, signed_in: MakeReader, known: KnownAs, complain: Complain
) -> None:
    mo = await signed_in("mo", role="moderator")
    mia = await signed_in("mia", role="moderator")
    await signed_in("alice")
    await signed_in("bob")
    alice, bob, colleague = await known("alice"), await known("bob"), await known("mia")
    await complain(bob, alice)
    here = f"/mod/accounts/{alice.id}"
    await mo.submit(await mo.open(here), f"{here}/claim")
    await mo.submit(await mo.open(here), f"{here}/hand-over", {"to": colleague.id})
    await complain(bob, alice, "Again")
    assert "2 reports" in (await mia.open("/mod")).words()
    assert "@alice" in (await mia.open("/mod/reports?hand=mine")).words()
    assert "@alice" not in (await mo.open("/mod/reports?hand=mine")).words()


@ON_ONE_DATABASE
async def test_about_oneself_and_ones_betters_nobody_decides(
    server: Server, signed_in: MakeReader, known: KnownAs, complain: Complain
) -> None:
    mo = await signed_in("mo", role="moderator")
    await signed_in("ada", role="admin")
    await signed_in("bob")
    ada, bob, myself = await known("ada"), await known("bob"), await known("mo")
    for one in (ada, myself):
        await complain(bob, one, comment="By bob")
        page = await mo.open(f"/mod/accounts/{one.id}")
        assert not [form for form in page.all("form") if form.get("action") == "/mod/decide/confirm"]
        token = page.all("input", name="csrf_token")[0].get("value")
        form = {"csrf_token": token, "account_ids[]": one.id, "measures[]": "suspend"}
        async with mo.session.post(
            f"{mo.origin}/mod/decide", data=form, headers={"Origin": mo.origin}
        ) as answer:
            assert answer.status == 403
        row: Any = await server.db.read(accounts.by_id, one.account_id)
        assert row.suspended_at is None
    # Who reported them is not told to those who moderate either.
    assert "By bob" not in (await mo.open(f"/mod/accounts/{myself.id}")).words()
    listed = (await mo.open("/mod/reports")).words()
    assert ("@ada" in listed, "@mo" in listed) == (True, False)
    assert "1 account is reported" in (await mo.open("/mod")).words()


async def test_what_was_reported_about_somebody_who_has_left_can_be_settled(
    server: Server, signed_in: MakeReader, known: KnownAs, complain: Complain
) -> None:
    mo, bob_reads = await signed_in("mo", role="moderator"), await signed_in("bob")
    for name in ("alice", "carol"):
        await signed_in(name)
    alice, bob, carol = await known("alice"), await known("bob"), await known("carol")
    for one in (alice, carol):
        await complain(bob, one)
    await server.db.write(farewell.leave, server.publish, alice.account_id)
    page = await mo.submit(
        await mo.open("/mod/reports"), "/mod/decide/confirm",
        {"account_ids[]": [alice.id, carol.id], "measures[]": ["suspend"]},
    )  # fmt: skip
    assert "This account is deleted." in page.words()
    here = f"/mod/accounts/{alice.id}"
    page = await mo.open(here)
    assert not page.problems
    assert not page.all("input", name="measures[]")
    page = await mo.submit(page, "/mod/decide/confirm", {"answer": "They have left."})
    page = await mo.submit(page, "/mod/decide")
    assert (page.status, "It is done." in page.words()) == (200, True)
    assert "They have left." in (await bob_reads.open("/settings/reports")).words()
    assert "1 account is reported" in (await mo.open("/mod")).words()


@ON_ONE_DATABASE
async def test_what_is_wrong_with_a_form_is_said_and_changes_nothing(
    server: Server, signed_in: MakeReader, known: KnownAs, complain: Complain
) -> None:
    mo = await signed_in("mo", role="moderator")
    await signed_in("alice")
    await signed_in("bob")
    alice, bob = await known("alice"), await known("bob")
    await complain(bob, alice)
    page = await mo.open(f"/mod/accounts/{alice.id}")
    page = await mo.submit(
        page, "/mod/decide/confirm", {"measures[]": ["delete_posts"], "post_ids[]": [], "text": "Words"}
    )
    assert page.status == 422
    assert "Must name a post that is still there." in page.words()
    assert "Words" in page.words()
    page = await mo.submit(await mo.open("/mod/reports"), "/mod/decide/confirm")
    assert page.status == 422
    assert "Tick a case first." in page.words()
    assert await actions_of(server) == []


@ON_ONE_DATABASE
async def test_words_of_a_preset_are_filled_in(
    server: Server, signed_in: MakeReader, known: KnownAs, complain: Complain
) -> None:
    ada = await signed_in("ada", role="admin")
    await signed_in("alice")
    await signed_in("bob")
    alice, bob = await known("alice"), await known("bob")
    await complain(bob, alice)
    page = await ada.submit(await ada.open("/mod/presets"), "/mod/presets", {"title": "", "text": "x"})
    assert page.status == 422
    await ada.submit(
        page, "/mod/presets", {"title": "Adverts", "text": "Dear {handle}, see {rules}.", "language": "en"}
    )
    preset_id = (await server.db.read(strikes.presets))[0].id
    page = await ada.submit(
        await ada.open(f"/mod/accounts/{alice.id}"), "/mod/decide/confirm",
        {"measures[]": ["warn"], "preset_id": str(preset_id)},
    )  # fmt: skip
    assert f"Dear @alice, see {server.config.origin}/about/rules." in page.words()
