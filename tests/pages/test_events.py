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


async def test_the_calendar_is_read_in_any_zone_as_days_a_list_or_a_month(
    signed_in: MakeReader, visitor: Visitor
) -> None:
    mo = await signed_in("mo")
    weekly = {**FORM, "day": "2031-03-24", "title": "Läsning", "keywords": "Git"}
    path = path_of(await mo.submit(await mo.open("/events/new"), "/events/new", weekly)).partition("?")[0]
    day = {**FORM, "day": "2031-03-31", "days": "2", "title": "Two whole days", "repeat": "", "count": ""}
    await mo.submit(await mo.open("/events/new"), "/events/new", day)
    # Clocks change on 30 March: the call stays at its hour in Stockholm, and comes an hour sooner in Kathmandu.
    page = await visitor.open("/events/calendar/2031-03?zone=Asia/Kathmandu")
    assert (page.status, page.problems) == (200, [])
    shown = [" ".join("".join(one.itertext()).split()) for one in page.all("a", href=path)]
    assert shown == ["19:45 Läsning", "18:45 Läsning"]
    assert "Two whole days" in page.words()
    page = await visitor.open("/events/calendar/2031-04?zone=America/New_York")
    assert [len(page.all("a", href=one)) for one in (path, path_of(await mo.open(path)))] == [2, 2]
    assert page.all("a", href="/events/calendar/2031-05?zone=America%2FNew_York")
    page = await visitor.open("/events?topic=git&zone=UTC&view=list")
    assert page.all("table") or "Nothing fits" in page.words()
    assert page.all("a", href="/calendar.ics?topic=git")
    chip = page.all("a", href="/events?zone=UTC")
    assert len(chip) == 1
    for wrong in ("/events?kind=party", "/events?after=x"):
        page = await visitor.open(wrong)
        assert (page.status, page.problems) == (422, []), wrong
    assert "There is no such time zone." in (await visitor.open("/events?zone=Mars")).words()
    assert (await visitor.open("/events/calendar/2031-13")).status == 404
    assert path_of(await visitor.open("/calendar")).startswith("/events/calendar")


async def test_what_else_is_at_that_time_is_told_before_anything_is_kept(signed_in: MakeReader) -> None:
    mo, nora = await signed_in("mo"), await signed_in("nora")
    await mo.submit(await mo.open("/events/new"), "/events/new", {**FORM, "title": "Call of Mo"})
    planned = {**FORM, "title": "Call of Nora", "time": "15:30"}
    page = await nora.submit(await nora.open("/events/new"), "/events/new", {**planned, "what": "look"})
    assert (page.status, page.problems) == (200, [])
    assert page.words().count("Call of Mo") == 3
    assert page.all("input", id="title")[0].get("value") == "Call of Nora"
    page = await nora.submit(page, "/events/new", {**planned, "time": "16:00", "what": "look"})
    assert "Nothing else is at that time" in page.words()
    page = await nora.submit(page, "/events/new", {**planned, "zone": "Mars", "what": "look"})
    assert (page.status, page.all("input", id="zone")[0].get("aria-invalid")) == (422, "true")
    assert "Call of Nora" not in (await nora.open("/events")).words()


async def test_a_member_makes_an_address_of_their_own_calendar_and_takes_it_back(
    signed_in: MakeReader, visitor: Visitor
) -> None:
    mo = await signed_in("mo")
    page = await mo.submit(await mo.open("/events/mine"), "/events/mine", {"label": "My <telephone>"})
    assert (page.problems, "My <telephone>" in page.words()) == ([], True)
    address = page.all("input", id="address")[0].get("value")
    path = "/" + address.split("/", 3)[3]
    assert (await visitor.open(path)).status == 200
    page = await mo.open("/events/mine")
    assert address not in page.text
    page = await mo.submit(page, "/events/mine/remove")
    assert "My <telephone>" not in page.words()
    assert (await visitor.open(path)).status == 404


@pytest.mark.skipif(CHROMIUM is None, reason="skipped: chromium is not installed")
async def test_every_page_of_events_is_accessible_and_no_wider_than_a_phone(
    server: Server, chromium: Browser, signed_in: MakeReader
) -> None:
    mo = await signed_in("mo")
    path = path_of(await mo.submit(await mo.open("/events/new"), "/events/new", FORM)).partition("?")[0]
    context = await chromium.new_context(viewport={"width": 320, "height": 800}, color_scheme="dark")
    page = await context.new_page()
    await sign_in(page, server.config.origin, "mo")
    month = f"/events/calendar/{FORM['day'][:7]}"
    for shown in ("/events", "/events?view=list&kind=office-hours", month, "/events/mine", path, "/events/new", f"{path}/edit",
                  f"{path}/people", f"{path}/delete"):  # fmt: skip
        await page.goto(f"{server.config.origin}{shown}")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320, shown
        assert not await complaints(page), shown
    await context.close()
