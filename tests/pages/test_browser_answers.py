"""The page on which somebody without an account changes their answer, in a real browser: accessible, no wider than a phone, without
JavaScript too."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from fedserver.context import Server
from fedserver.events import notes
from tests.events.test_events import EVENTS, call, states
from tests.members import Person
from tests.pages.browsers import CHROMIUM
from tests.pages.test_browser_resources import WIDTH, look

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="skipped: chromium is not installed"),
    # What a browser shows does not depend on the database.
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


@pytest.mark.long
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
async def test_an_answer_is_changed_under_its_address(
    server: Server, chromium: Browser, alice: Person, bob: Person, scripts: bool
) -> None:
    made = await alice.post(EVENTS, call(capacity=1, schedule={"rule": {"frequency": "weekly", "count": 3}}))
    at = f"{EVENTS}/{made['id']}"
    await bob.post(f"{at}/rsvp", {"status": "going"})
    address = await server.db.write(notes.address_of, server, int(made["id"]), bob.account_id)
    for scheme in ("light", "dark"):
        context = await chromium.new_context(
            viewport={"width": WIDTH, "height": 800},
            java_script_enabled=scripts,
            color_scheme=scheme,
        )
        page = await context.new_page()
        await page.goto(address)
        await look(page, scripts=scripts)
    await page.click("button:text-is('I come to none')")
    await page.wait_for_load_state()
    assert states(await bob.get(at)) == ["", "", ""], await page.inner_text("main")
    await page.click("button:text-is('Tell me nothing more of any event here')")
    await look(page, scripts=scripts)
    await page.click("button:text-is('Tell me again')")
    await page.click("button:text-is('Make this address useless')")
    await look(page, scripts=scripts)
    answer = await page.goto(address)
    assert answer is not None
    assert answer.status == 404
