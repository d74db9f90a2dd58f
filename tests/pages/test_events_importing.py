"""Pages on which a calendar is brought in or subscribed to."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser

from fedserver.context import Server
from tests.events.importing.samples import calendar
from tests.events.importing.test_subscribing import CALL
from tests.pages.browsers import CHROMIUM, complaints, sign_in
from tests.pages.conftest import MakeReader
from tests.pages.visitor import Visitor

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
IMPORT, CALENDARS = "/events/import", "/events/calendars"


async def test_a_calendar_is_looked_at_and_then_brought_in(signed_in: MakeReader, visitor: Visitor) -> None:
    alice = await signed_in("alice")
    assert "/login" in (await visitor.open(IMPORT)).url
    page = await alice.submit(await alice.open(IMPORT), IMPORT, {"what": "look"})
    assert (page.status, "Is missing" in page.words()) == (422, True)
    text = calendar(CALL.replace("Call", "<b>Call</b> & more"), "UID:n\nSUMMARY:Never")
    sent = {"file": ("team.ics", text.encode(), "text/calendar"), "what": "look"}
    page = await alice.submit(await alice.open(IMPORT), IMPORT, sent)
    assert (page.problems, "1 new, 1 left out" in page.words(), "Call & more" in page.words()) == (
        [],
        True,
        True,
    )
    assert "It does not say when it begins" in page.words()
    assert "Call & more" not in (await alice.open("/events")).words()
    page = await alice.submit(page, IMPORT, {"what": "save"})
    assert (page.problems, "What was done" in page.words()) == ([], True)
    assert "Call & more" in (await alice.open("/events")).words()
    page = await alice.submit(await alice.open(IMPORT), IMPORT, {**sent, "what": "save"})
    assert "1 unchanged" in page.words()


async def test_calendars_are_subscribed_to_and_ended(signed_in: MakeReader) -> None:
    root, tess = await signed_in("root", role="admin"), await signed_in("tess")
    assert "Those who moderate a group" in (await tess.open(CALENDARS)).words()
    page = await root.submit(await root.open(CALENDARS), CALENDARS, {"url": "ftp://x"})
    assert (page.status, page.problems) == (422, [])
    page = await root.submit(page, CALENDARS, {"url": "https://calendars.example/team.ics", "title": "Team"})
    assert ("Team" in page.words(), "not been read" in page.words(), page.problems) == (True, True, [])
    action = next(
        one.get("action") for one in page.all("form") if "/events/calendars/" in one.get("action", "")
    )
    for what, said in (("pause", "paused"), ("resume", "active")):
        page = await root.submit(page, action, {"what": what})
        assert said in page.words()
    page = await root.submit(page, action, {"what": "end"})
    assert "Team" not in page.words()


@pytest.mark.skipif(CHROMIUM is None, reason="skipped: chromium is not installed")
async def test_pages_of_importing_are_accessible_and_no_wider_than_a_phone(
    server: Server, chromium: Browser, signed_in: MakeReader, tmp_path: Path
) -> None:
    root = await signed_in("root", role="admin")
    form = {"url": "https://calendars.example/" + "team" * 40 + ".ics", "title": "Team"}
    await root.submit(await root.open(CALENDARS), CALENDARS, form)
    file = tmp_path / "team.ics"
    long = CALL + "\nLOCATION:Hall\nRRULE:FREQ=WEEKLY;UNTIL=20990101T000000\nDESCRIPTION:<p>x</p>"
    file.write_text(calendar(long, "UID:n\nSUMMARY:" + "Never" * 30, head="X-WR-CALNAME:Team\n"))
    context = await chromium.new_context(viewport={"width": 320, "height": 800}, color_scheme="dark")
    page = await context.new_page()
    await sign_in(page, server.config.origin, "root")
    for shown in (CALENDARS, IMPORT):
        await page.goto(f"{server.config.origin}{shown}")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320, shown
        assert not await complaints(page), shown
    await page.set_input_files("#file", file)
    await page.click("button[value=look]")
    await page.wait_for_selector("text=What would be done")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    assert not await complaints(page)
    await page.click("button:text-is('Bring them in')")
    await page.wait_for_selector("text=What was done")
    await page.click("h3 a")
    await page.wait_for_selector("h1:text-is('Call')")
    await context.close()
