"""Pages of opportunities: posted, found, changed, closed and deleted through forms; and once in a real browser."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from fedserver.context import Server
from storage.types import now_ms
from tests.opportunities.made import set_clock, wall
from tests.pages.browsers import CHROMIUM, complaints, sign_in
from tests.pages.conftest import MakeReader
from tests.pages.visitor import Visitor, path_of

# What a page shows does not depend on the database; the statements behind it are tested in tests/opportunities.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

TRAP = "<img src=x onerror=trap()>"
FORM = {
    "title": f"Trainer {TRAP}", "kind": "job", "organisation_name": f"Institute {TRAP}", "abstract": f"Teach {TRAP}.",
    "text": f"You *teach* {TRAP}", "deadline_day": wall(5, ""), "deadline_time": "17:00", "zone": "Europe/Stockholm",
    "remote": "yes", "locality": f"Uppsala {TRAP}", "country": "Sweden", "least": "40,000", "most": "48000.50",
    "currency": "SEK", "period": "month", "pay_note": TRAP, "eligibility": TRAP, "topics": f"teaching, {TRAP}", "contact": TRAP,
    "apply_url": "https://institute.example/apply?a=1&b=<x>", "language": "en",
}  # fmt: skip


async def test_a_job_is_posted_found_changed_and_closed(signed_in: MakeReader, visitor: Visitor) -> None:
    mo, nora = await signed_in("mo"), await signed_in("nora")
    page = await mo.open("/opportunities/new")
    page = await mo.submit(
        page,
        "/opportunities/new",
        {**FORM, "zone": "Mars", "most": "lots", "currency": "ABC", "deadline_day": ""},
    )
    assert page.status == 422
    for field in ("zone", "most", "currency"):
        assert page.tree.find(f".//*[@id='{field}']").get("aria-invalid") == "true", field
    assert page.tree.find(".//*[@id='title']").get("value") == FORM["title"]
    page = await mo.submit(page, "/opportunities/new", FORM)
    path = path_of(page).partition("?")[0]
    assert (page.problems, page.status) == ([], 200)
    for shown in (
        "SEK 40,000–48,000.50 a month",
        "Europe/Stockholm",
        "Remote",
        "Apply at institute.example",
        TRAP,
    ):
        assert shown in page.words(), shown
    assert not page.all("img", src="x")

    page = await visitor.open("/opportunities")
    assert FORM["title"] in page.words()
    assert not page.all("img", src="x")
    assert FORM["title"] in (await visitor.open("/opportunities?place=remote&kind=job&closing=soon")).words()
    page = await visitor.open("/opportunities?kind=grant")
    assert "Nothing fits" in page.words()
    assert (await visitor.open("/opportunities?kind=sinecure")).status == 422
    assert (await nora.open(f"{path}/edit")).status == 403

    page = await mo.submit(
        await mo.open(f"{path}/edit"),
        f"{path}/edit",
        {"title": "Head of training", "anywhere": "1", "deadline_time": ""},
    )
    assert (page.problems, "anywhere on earth" in page.words()) == ([], True)
    page = await mo.submit(page, f"{path}/close", {"reason": "filled"})
    assert "It is filled" in page.words()
    assert "Head of training" not in (await visitor.open("/opportunities")).words()
    assert "This is closed." in (await visitor.open(path)).words()
    page = await mo.submit(await mo.open(path), f"{path}/close")
    assert "Head of training" in (await visitor.open("/opportunities")).words()
    await mo.submit(await mo.open(f"{path}/delete"), f"{path}/delete")
    assert (await visitor.open(path)).status in (404, 410)


async def test_applications_are_sent_reviewed_without_names_decided_and_told(
    signed_in: MakeReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    mo, nora, rita = await signed_in("mo"), await signed_in("nora"), await signed_in("rita")
    form = {
        **FORM,
        "apply_url": "",
        "apply": "here",
        "q0-label": "Why you?",
        "q0-kind": "long",
        "criteria": "Idea",
    }
    page = await mo.submit(await mo.open("/opportunities/new"), "/opportunities/new", form)
    path = path_of(page).partition("?")[0]
    page = await mo.submit(await mo.open(f"{path}/applications"), f"{path}/reviewers", {"account": "@rita"})
    page = await nora.open(f"{path}/apply")
    (answer,) = page.all("textarea")
    page = await nora.submit(page, f"{path}/apply", {answer.get("name"): f"Because {TRAP}", "what": "submit"})
    assert (page.problems, page.status) == ([], 200)
    assert "Nothing to read yet" in (await rita.open(f"{path}/applications")).words()

    set_clock(monkeypatch, now_ms() + 6 * 86_400_000)
    page = await rita.open(f"{path}/applications")
    (one,) = [str(link.get("href")) for link in page.all("a") if "/applications/" in str(link.get("href"))]
    page = await rita.open(one)
    assert f"Because {TRAP}" in page.words()
    assert "nora" not in page.words()
    page = await rita.submit(page, f"{one}/review", {"s0": "5", "comment": TRAP})
    assert (page.problems, "Reviewed" in page.words()) == ([], True)
    page = await mo.open(f"{path}/applications")
    assert "nora" in page.words()
    page = await mo.submit(page, f"{one}/decision", {"decision": "accepted"})
    page = await mo.submit(
        await mo.open(f"{path}/decisions"),
        f"{path}/decisions",
        {"mail-accepted": "Come, {name}.", "what": "write"},
    )
    assert "Come, nora." in page.words()
    sending = next(
        form for form in page.all("form") if "digest" in {field.get("name") for field in form.iter()}
    )
    page.tree = sending
    page = await mo.submit(page, f"{path}/decisions", {"what": "send"})
    assert (page.problems, page.status) == ([], 200)
    assert "Accepted" in (await nora.open(f"{path}/apply")).words()
    for reader, shown in ((mo, one), (rita, one), (nora, "/opportunities/applications")):
        page = await reader.open(shown)
        assert (page.problems, page.status) == ([], 200), shown


async def test_a_form_grows_questions_and_keeps_what_was_typed(signed_in: MakeReader) -> None:
    mo = await signed_in("mo")
    page = await mo.open("/opportunities/new")
    typed = {"title": "Call", "q0-label": "Why?", "q0-kind": "long", "more": "questions"}
    page = await mo.submit(page, "/opportunities/new", typed)
    assert page.status == 200
    assert page.tree.find(".//*[@id='q0-label']").get("value") == "Why?"
    assert page.tree.find(".//*[@id='q5-label']") is not None


@pytest.mark.skipif(CHROMIUM is None, reason="skipped: chromium is not installed")
async def test_every_page_of_the_board_is_accessible_and_no_wider_than_a_phone(
    server: Server, chromium: Browser, signed_in: MakeReader
) -> None:
    mo = await signed_in("mo")
    page = await mo.submit(await mo.open("/opportunities/new"), "/opportunities/new", FORM)
    path = path_of(page).partition("?")[0]
    context = await chromium.new_context(viewport={"width": 320, "height": 800}, color_scheme="dark")
    tab = await context.new_page()
    await sign_in(tab, server.config.origin, "mo")
    for shown in (
        "/opportunities",
        "/opportunities?kind=job",
        path,
        "/opportunities/new",
        f"{path}/edit",
        f"{path}/delete",
    ):
        await tab.goto(f"{server.config.origin}{shown}")
        await tab.evaluate(
            "document.querySelectorAll('main details:not(.menu)').forEach(one => one.open = true)"
        )
        assert await tab.evaluate("document.documentElement.scrollWidth") <= 320, shown
        assert not await complaints(tab), shown
    await context.close()
