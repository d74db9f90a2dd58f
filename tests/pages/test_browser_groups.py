"""Groups in a real browser, with JavaScript and without: one visit, each page of it accessible and no wider than a phone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, make_mocked_request
from playwright.async_api import Browser, Page

from fedserver.context import Server
from fedserver.groups import drafts
from tests.groups.conftest import MakeGroup
from tests.pages.browsers import CHROMIUM, complaints, sign_in, walk_by_keyboard
from tests.pages.conftest import KnownAs, Lively, MakeReader
from tests.pages.test_walk import a_picture

WIDTH = 320
TABLE = "| Step | Minutes |\n|---|---|\n| One | 15 |\n"

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="skipped: chromium is not installed"),
    # What a browser shows does not depend on the database.
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


async def look(page: Page, *, scripts: bool) -> None:
    """The page does not scroll sideways and, where axe-core can run in it, is accessible."""
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= WIDTH, f"{page.url} scrolls sideways"
    if scripts:
        assert not await complaints(page), page.url


@pytest.mark.long
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
async def test_a_member_asks_is_answered_and_a_moderator_moves_and_locks(
    server: Server,
    chromium: Browser,
    signed_in: MakeReader,
    known: KnownAs,
    make_group: MakeGroup,
    tmp_path: Path,
    scripts: bool,
) -> None:
    await signed_in("mo")
    await signed_in("nora")
    owner = await known("mo")
    await make_group(
        owner, "asking", kind="help", title="Asking", topics=["git"], rules=["Be kind."], charter="For *you*."
    )
    await make_group(owner, "talk", title="Talk")
    picture = tmp_path / "teal.png"
    picture.write_bytes(a_picture())
    said: list[str] = []

    async def enter(name: str, scheme: str) -> Page:
        context = await chromium.new_context(
            viewport={"width": WIDTH, "height": 800},
            java_script_enabled=scripts,
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        page = await context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        await sign_in(page, server.config.origin, name)
        return page

    nora, mo = await enter("nora", "light"), await enter("mo", "dark")

    # She finds the group, joins, and asks, with a picture and a table.
    await nora.click(".tabbar a[href='/groups']")
    await look(nora, scripts=scripts)
    await nora.click("text=Asking")
    await look(nora, scripts=scripts)
    await nora.click("main button:text-is('Join')")
    await nora.click("text=Ask a question")
    await nora.fill("#title", "Why does it take fifteen minutes?")
    await nora.check("input[value='git']")
    await nora.fill("#text", f"We are stuck.\n\n{TABLE}")
    await nora.click("summary:has-text('Pictures')")
    await nora.set_input_files("#picture-0", picture)
    await nora.fill("#alt-0", "A teal square")
    await nora.click("button:text-is('Preview')")
    assert await nora.locator("section table").count() == 1
    await look(nora, scripts=scripts)
    await nora.click("button:text-is('Post the question')")
    await nora.wait_for_url("**/groups/asking/*")
    await look(nora, scripts=scripts)
    assert await nora.locator("article table").count() == 1
    assert await nora.get_attribute("article .media img", "alt") == "A teal square"
    question = nora.url

    # The moderator finds what is new, and answers.
    await mo.goto(f"{server.config.origin}/groups")
    assert "1 new" in await mo.inner_text("main")
    await mo.click("text=Asking")
    await mo.click("text=Why does it take fifteen minutes?")
    await mo.fill("#text", "Read it *aloud* first.")
    await mo.click("button:text-is('Send the reply')")
    await mo.wait_for_selector("article:has-text('Read it')")
    await look(mo, scripts=scripts)

    # She sees what is new, marks the answer, and it stands below her question.
    await nora.goto(question)
    assert "First new reply" in await nora.inner_text("main")
    await nora.click("button:has-text('The answer')")
    await nora.wait_for_selector("text=Marked as the answer")
    await look(nora, scripts=scripts)

    # The moderator moves it and locks it there.
    await mo.click("summary:has-text('Moderate')")
    await look(mo, scripts=scripts)
    await mo.click("text=Rename, move, merge")
    await look(mo, scripts=scripts)
    await mo.select_option("#group_id", label="Talk")
    await mo.click("button:text-is('Move')")
    await mo.wait_for_url("**/groups/talk/*")
    await mo.click("summary:has-text('Moderate')")
    await mo.fill("#reason", "All is said.")
    await mo.click("button:text-is('Lock')")
    await mo.wait_for_selector(".states:has-text('Locked')")
    await nora.goto(question)
    assert "/groups/talk/" in nora.url
    assert "locked" in await nora.inner_text("main")
    await look(nora, scripts=scripts)
    assert not said, said


# What is no page to be seen: feeds, and archives to take along.
NOT_SEEN = {
    "/groups/{name}/feed.atom",
    "/groups/{name}/events.ics",
    "/groups/{name}/{id}/feed.atom",
    "/groups/{name}/archives/export/{format}",
}


@pytest.mark.long
async def test_every_page_of_groups_is_accessible_and_fits(
    server: Server, app_client: TestClient[Any, Any], chromium: Browser, lively: Lively, signed_in: MakeReader
) -> None:
    context = await chromium.new_context(viewport={"width": WIDTH, "height": 800})
    page = await context.new_page()
    router = app_client.app.router
    seen: set[str] = set()

    async def check(path: str) -> None:
        found = await router.resolve(make_mocked_request("GET", path))
        assert found.route.resource is not None
        seen.add(found.route.resource.canonical)
        answer = await page.goto(server.config.origin + path)
        assert answer is not None
        assert answer.status == 200, path
        await look(page, scripts=True)

    for path in lively.open_to_all:
        await check(path)
    await signed_in("zoe")
    await sign_in(page, server.config.origin, "zoe")
    await check("/groups/python/join")
    await context.clear_cookies()
    await sign_in(page, server.config.origin, "mo")
    for path in lively.open_to_all + lively.for_staff:
        await check(path)
    pages = {
        route.resource.canonical for route in router.routes()
        if route.method == "GET" and route.resource is not None and route.handler.__module__.startswith("web.pages.")
        and route.resource.canonical.startswith(("/groups", "/drafts"))
    }  # fmt: skip
    assert seen == pages - NOT_SEEN


async def test_the_keyboard_reaches_everything_in_a_thread(
    server: Server, chromium: Browser, lively: Lively
) -> None:
    page = await chromium.new_page(viewport={"width": 1280, "height": 800})
    await sign_in(page, server.config.origin)
    await page.goto(server.config.origin + lively.thread)
    seen = await walk_by_keyboard(page)
    assert seen[0] == "Skip to the content"
    for name in ("text", "Send the reply", "Preview"):
        assert name in seen, (name, seen)
    # The skip link leads past what every page has.
    await page.goto(server.config.origin + lively.thread)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.closest('main') !== null")


async def test_what_is_written_is_kept_by_itself(
    server: Server, chromium: Browser, signed_in: MakeReader, known: KnownAs, make_group: MakeGroup
) -> None:
    await signed_in("bob")
    bob = await known("bob")
    group_id = await make_group(bob)
    page = await chromium.new_page()
    await sign_in(page, server.config.origin)
    await page.goto(f"{server.config.origin}/groups/python/new-thread")
    await page.fill("#title", "Half")
    await page.fill("#text", "a thought")
    for _ in range(300):
        kept = await drafts.kept(server, bob.member, f"group:{group_id}")
        if kept is not None:
            break
        await asyncio.sleep(0.05)
    assert kept is not None
    assert (kept.title, kept.text) == ("Half", "a thought")
