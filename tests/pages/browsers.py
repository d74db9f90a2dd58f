"""A real browser for the tests of pages: where it is, what axe-core says of a page, and signing in with it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import axe_playwright_python
from playwright.async_api import Page

from tests.pages.visitor import PASSWORD

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
TABS_MAX = 200
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


async def complaints(page: Page) -> list[str]:
    """What axe-core finds wrong with the page as it is."""
    await page.evaluate(AXE.read_text())
    found: list[str] = await page.evaluate(
        """tags => axe.run(document, {runOnly: tags, resultTypes: ['violations']}).then(result =>
            result.violations.map(one => one.id + ': ' + one.nodes.map(node => node.html.slice(0, 200)).join(' ')))""",
        AXE_TAGS,
    )
    return found


async def walk_by_keyboard(page: Page) -> list[str]:
    """What the keyboard comes to on a page, from its beginning to its end; each shows that it has the focus."""
    seen: list[str] = []
    for _ in range(TABS_MAX):
        await page.keyboard.press("Tab")
        text, style, thickness, area, at_end = await page.evaluate(
            """(() => { const e = document.activeElement, box = e.getBoundingClientRect(), style = getComputedStyle(e);
            const name = e.textContent.trim() || e.getAttribute('aria-label') || e.id || e.name || e.value || '';
            return [name, style.outlineStyle, parseFloat(style.outlineWidth), box.width * box.height, e === document.body]; })()"""
        )
        if at_end:
            return seen
        assert style != "none", text
        assert thickness >= 2, text
        assert area > 0, text
        seen.append(text)
    raise AssertionError(f"the keyboard does not come to the end of {page.url}: {seen[-5:]}")


async def sign_in(page: Page, origin: str, name: str = "bob") -> None:
    """Sign in as a member that `signed_in` has made."""
    await page.goto(f"{origin}/login")
    await page.fill("#username", name)
    await page.fill("#password", PASSWORD)
    await page.click("main button[type=submit]")
    await page.wait_for_url("**/home")


async def picture(page: Page, name: str) -> None:
    """Keep what the page looks like, where FEDSERVER_TEST_PICTURES names a folder."""
    folder = os.environ.get("FEDSERVER_TEST_PICTURES")
    if folder:
        await page.screenshot(path=Path(folder) / f"{name.strip('/').replace('/', '_')}.png", full_page=True)
