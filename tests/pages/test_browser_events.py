"""A series in a real browser, with JavaScript and without: it is planned across the day on which clocks change, answered from another
zone, subscribed to, and called off once. Every page is accessible and no wider than a phone."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events
from playwright.async_api import Browser, Page

from fedserver.context import Server
from fedserver.events import inviting
from storage import accounts
from tests.events.mail.invitations import events_in, method_of
from tests.mailing import Mailbox
from tests.pages.browsers import CHROMIUM, sign_in
from tests.pages.conftest import MakeReader
from tests.pages.test_browser_resources import WIDTH, look

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="skipped: chromium is not installed"),
    # What a browser shows does not depend on the database.
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]

THERE, HERE = ZoneInfo("Europe/Stockholm"), ZoneInfo("America/New_York")
WEEKS = 8


def first_day() -> date:
    """A day from which clocks in Stockholm change within eight weeks."""
    day = datetime.combine(datetime.now(THERE).date() + timedelta(days=40), time(12), THERE)
    while day.utcoffset() == (day + timedelta(days=1)).utcoffset():
        day += timedelta(days=1)
    return day.date() - timedelta(days=25)


def words(moment: datetime) -> str:
    """As pages say when something begins."""
    return f"{moment:%a} {moment.day} {moment:%b %Y}, {moment:%H:%M}"


async def times(page: Page, path: str) -> tuple[list[datetime], list[datetime]]:
    """What a calendar program reads at an address: when it takes place, and what is cancelled."""
    calendar = icalendar.Calendar.from_ical(await (await page.request.get(path)).body())
    found = recurring_ical_events.of(calendar, keep_recurrence_attributes=True).between(
        first_day(), first_day() + timedelta(weeks=WEEKS + 1)
    )
    starts: dict[bool, list[datetime]] = {True: [], False: []}
    for one in found:
        starts[one.get("status") == "CANCELLED"].append(one.start.astimezone(THERE))
    return sorted(starts[False]), starts[True]


@pytest.mark.long
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
async def test_a_series_is_planned_answered_subscribed_to_and_called_off_once(
    server: Server, chromium: Browser, signed_in: MakeReader, mailbox: Mailbox, scripts: bool
) -> None:
    await signed_in("mo")
    await signed_in("nora")
    origin, said = server.config.origin, []

    async def enter(name: str, scheme: Any) -> Page:
        context = await chromium.new_context(
            viewport={"width": WIDTH, "height": 800}, java_script_enabled=scripts, color_scheme=scheme
        )
        page = await context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        await sign_in(page, origin, name)
        return page

    mo, nora = await enter("mo", "light"), await enter("nora", "dark")
    begins = [datetime.combine(first_day() + timedelta(weeks=week), time(15), THERE) for week in range(WEEKS)]
    assert len({one.utcoffset() for one in begins}) == 2

    # He plans it, looks at what else is at that time, and announces it with Enter in a field.
    await mo.goto(f"{origin}/events")
    await mo.click("text=New event")
    await mo.fill("#title", "Lesson clinic")
    await mo.fill("#day", begins[0].date().isoformat())
    await mo.fill("#time", "15:00")
    await mo.fill("#zone", "Europe/Stockholm")
    await mo.select_option("#repeat", "weekly")
    await mo.fill("#count", str(WEEKS))
    await mo.fill("#join_url", "https://meet.example/secret-room")
    await mo.click("button:text-is('What else is at that time?')")
    assert "Nothing else is at that time" in await mo.inner_text("main")
    await look(mo, scripts=scripts)
    await mo.press("#title", "Enter")
    await mo.wait_for_url("**/events/*?done=announced")
    event = mo.url.partition("?")[0]
    await look(mo, scripts=scripts)

    # She reads the times in her own zone, and comes to all of it.
    await nora.goto(f"{origin}/settings/email")
    await nora.fill("#time_zone", "America/New_York")
    await nora.click("button:text-is('Save') >> nth=0")
    await nora.goto(event)
    shown = await nora.inner_text("#times + * >> xpath=..")
    for moment in begins:
        assert words(moment) in shown
        assert f"for you {words(moment.astimezone(HERE))}" in shown
    assert len({moment.astimezone(HERE).hour for moment in begins}) == 2
    await look(nora, scripts=scripts)
    await nora.click("button:text-is('I come to all that are to come')")
    await nora.wait_for_load_state()
    assert (await nora.inner_text("main")).count("You are in.") == WEEKS
    await look(nora, scripts=scripts)
    assert "secret-room" not in await nora.content()
    for path in ("/events", "/events?view=list", f"/events/calendar/{begins[0]:%Y-%m}"):
        await nora.goto(origin + path)
        assert f"{begins[0].astimezone(HERE):%H:%M}" in await nora.inner_text("main"), path
        await look(nora, scripts=scripts)

    # She makes an address of her own for her calendar program.
    await nora.goto(f"{origin}/events/mine")
    await nora.fill("#label", "Telephone")
    await nora.click("button:text-is('Make an address')")
    await look(nora, scripts=scripts)
    address = await nora.input_value("#address")
    assert await times(nora, address) == await times(nora, f"{event}.ics") == (begins, [])

    # He calls one off: she hears of it, and so does her calendar.
    async def tell() -> None:
        post_id, account = int(event.rpartition("/")[2]), await server.db.read(accounts.local, "nora")
        assert account is not None
        await inviting.mail_one(server, {"post_id": post_id, "account_id": account.id, "guest_id": None})

    await tell()
    off = begins[4]
    entry = mo.locator(f"li[id='{off:%Y%m%dT%H%M}']")
    await mo.goto(event)
    await entry.locator("summary").click()
    await entry.locator("input[name=note]").fill("Half of us are away.")
    await entry.locator("button:text-is('Cancel this time')").click()
    await mo.wait_for_load_state()
    left = [one for one in begins if one != off]
    assert await times(nora, address) == await times(nora, f"{event}.ics") == (left, [off])
    await tell()
    invited, told = mailbox()
    assert (method_of(invited), method_of(told)) == ("REQUEST", "CANCEL")
    assert [one["RECURRENCE-ID"].dt for one in events_in(told)] == [off]
    await nora.goto(f"{origin}/notifications")
    assert "Lesson clinic" in await nora.inner_text("main")
    await nora.goto(event)
    assert "Half of us are away." in await nora.inner_text("main")
    await look(nora, scripts=scripts)
    for path in ("/people", "/edit"):
        await mo.goto(event + path)
        await look(mo, scripts=scripts)
    await nora.goto(f"{event}/reminders")
    await look(nora, scripts=scripts)
    assert not said, said
