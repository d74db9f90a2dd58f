"""Pages of events: announced, answered, moved and called off through forms; and once in a real browser."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from fedserver.context import Server
from tests.events.test_events import SECRET, wall
from tests.pages.browsers import CHROMIUM, complaints, sign_in
from tests.pages.conftest import MakeReader
from tests.pages.visitor import Visitor, path_of

# What a page shows does not depend on the database; the statements behind it are tested in tests/events.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

FORM = {
    "title": "Office hours", "kind": "office-hours", "abstract": "Ask <anything>.", "day": wall()[:10], "time": "15:00",
    "minutes": "60", "zone": "Europe/Stockholm", "repeat": "weekly", "count": "3", "online": "1", "join_url": SECRET,
    "capacity": "1", "has_waiting_list": "1", "questions": "What do you teach?",
}  # fmt: skip


async def test_a_series_is_announced_answered_moved_and_called_off(
    signed_in: MakeReader, visitor: Visitor
) -> None:
    mo, nora, tess = await signed_in("mo"), await signed_in("nora"), await signed_in("tess")
    page = await mo.submit(await mo.open("/events/new"), "/events/new", {**FORM, "zone": "Mars", "count": ""})
    assert page.status == 422
    for field in ("zone", "repeat"):
        assert page.tree.find(f".//*[@id='{field}']").get("aria-invalid") == "true", field
    page = await mo.submit(page, "/events/new", FORM)
    path = path_of(page).partition("?")[0]
    assert (page.problems, len(page.all("h3"))) == ([], 3)

    page = await nora.submit(await nora.open(path), f"{path}/rsvp", {"status": "going", "answer0": "Git"})
    assert page.words().count("You are in.") >= 1
    page = await tess.submit(await tess.open(path), f"{path}/rsvp", {"status": "going"})
    assert "You wait for a seat." in page.words()
    page = await nora.submit(await nora.open(path), f"{path}/rsvp", {"status": "declined"})
    assert "You do not come." in page.words()
    assert "You are in." in (await tess.open(path)).words()
    page = await mo.open(f"{path}/people")
    assert (page.problems, "Git" in page.words()) == ([], True)
    assert (await nora.open(f"{path}/people")).status == 403

    first = page.all("section")[0].get("aria-labelledby").removeprefix("p")
    moved = {"what": "move", "day": wall(8)[:10], "time": "17:00", "note": "Room <taken>"}
    page = await mo.submit(await mo.open(path), f"{path}/times/{first}", moved)
    assert "Room <taken>" in page.words()
    page = await mo.submit(page, f"{path}/times/{first}", {"what": "cancel"})
    assert "Cancelled" in page.words()
    page = await mo.submit(await mo.open(f"{path}/edit"), f"{path}/edit", {"status": "cancelled"})
    assert "Cancelled" in page.words()
    for who in (visitor, nora):
        for shown in (path, "/events", f"{path}.ics"):
            assert SECRET not in (await who.open(shown)).text, shown
    assert "Office hours" in (await visitor.open("/events")).words()
    page = await mo.submit(await mo.open(f"{path}/delete"), f"{path}/delete")
    assert (await visitor.open(path)).status == 410 or (await visitor.open(path)).status == 404


@pytest.mark.skipif(CHROMIUM is None, reason="skipped: chromium is not installed")
async def test_every_page_of_events_is_accessible_and_no_wider_than_a_phone(
    server: Server, chromium: Browser, signed_in: MakeReader
) -> None:
    mo = await signed_in("mo")
    path = path_of(await mo.submit(await mo.open("/events/new"), "/events/new", FORM)).partition("?")[0]
    context = await chromium.new_context(viewport={"width": 320, "height": 800}, color_scheme="dark")
    page = await context.new_page()
    await sign_in(page, server.config.origin, "mo")
    for shown in ("/events", path, "/events/new", f"{path}/edit", f"{path}/people", f"{path}/delete"):
        await page.goto(f"{server.config.origin}{shown}")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320, shown
        assert not await complaints(page), shown
    await context.close()
