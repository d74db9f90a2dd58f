"""The library in a real browser, with JavaScript and without: one member publishes a file, another finds and cites it. Every
page of it is accessible and no wider than a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from fedserver.context import Server
from tests.pages.browsers import CHROMIUM, complaints, sign_in
from tests.pages.conftest import MakeReader

WIDTH = 320

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="skipped: chromium is not installed"),
    # What a browser shows does not depend on the database.
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


async def look(page: Page, *, scripts: bool) -> None:
    """The page does not scroll sideways and, where axe-core can run in it, is accessible with all that folds open."""
    if scripts:
        await page.evaluate(
            "document.querySelectorAll('main details:not(.menu)').forEach(one => one.open = true)"
        )
        assert not await complaints(page), page.url
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= WIDTH, f"{page.url} scrolls sideways"


@pytest.mark.long
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
async def test_a_member_publishes_a_file_and_another_finds_and_cites_it(
    server: Server, chromium: Browser, signed_in: MakeReader, tmp_path: Path, scripts: bool
) -> None:
    await signed_in("mo")
    await signed_in("nora")
    origin = server.config.origin
    notes = tmp_path / "notes.md"
    notes.write_text("# Notes\n\nFor whoever teaches it.\n")
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
        await sign_in(page, origin, name)
        return page

    mo, nora = await enter("mo", "light"), await enter("nora", "dark")

    # He describes it, is told what is missing, asks for one more author, and publishes it with a file.
    await mo.click("text=Menu")
    await mo.click("main >> text=Library")
    await look(mo, scripts=scripts)
    await mo.click("text=Add a resource")
    await look(mo, scripts=scripts)
    await mo.fill("#title", "FAIR data in 90 minutes")
    await mo.check("input[value='slides']")
    await mo.fill("#language", "en")
    await mo.select_option("#level", "beginner")
    await mo.fill("#authors-0-name", "Mo Abadi")
    await mo.fill("#authors-0-orcid", "0000-0002-1825-0098")
    await mo.click("button:text-is('Add authors')")
    assert await mo.input_value("#title") == "FAIR data in 90 minutes"
    await mo.fill("#authors-3-name", "Nora Lind")
    await mo.set_input_files("#file-0", notes)
    await mo.fill("#topics-0-label", "Data management")
    await mo.fill("#licence", "CC-BY-4.0")
    await mo.click("button:text-is('Publish')")
    assert await mo.get_attribute("#authors-0-orcid", "aria-invalid") == "true"
    assert await mo.get_attribute("#abstract", "aria-invalid") == "true"
    assert await mo.is_checked("input[name='file_ids[]']")
    await look(mo, scripts=scripts)
    await mo.fill("#authors-0-orcid", "0000-0002-1825-0097")
    await mo.fill("#abstract", "Slides and exercises for a first look at FAIR data.")
    await mo.click("button:text-is('Preview'):visible >> nth=-1")
    assert "Slides and exercises" in await mo.inner_text("section[aria-labelledby=preview]")
    await mo.click("button:text-is('Publish')")
    await mo.wait_for_selector("text=Your resource is in the library")
    lesson = mo.url.partition("?")[0]
    await look(mo, scripts=scripts)

    # He sees what catalogues lack, fills it in, and puts it on a shelf.
    await mo.click("text=How catalogues see it")
    assert "It is listed" in await mo.inner_text("main")
    await look(mo, scripts=scripts)
    if not scripts:
        await mo.click("summary >> nth=0")
    await mo.click("a[href$='edit#teaches'] >> nth=0")
    await mo.fill("#teaches", "Say what the four letters stand for")
    await mo.click("button:text-is('Save the changes')")
    await mo.wait_for_selector("text=Say what the four letters stand for")
    await mo.click("text=Put it on a new shelf")
    await look(mo, scripts=scripts)
    await mo.fill("#title", "For newcomers")
    await mo.click("button:text-is('Make the shelf')")
    await mo.wait_for_selector("text=FAIR data in 90 minutes")
    await look(mo, scripts=scripts)
    await mo.click("text=Look after it")
    await look(mo, scripts=scripts)

    # She finds it by a facet, reads how to cite it, downloads the file, and tells that she used it.
    await nora.goto(f"{origin}/resources")
    await nora.click("summary:has-text('Narrow it down')")
    await nora.click("summary:text-is('Author')")
    await nora.check("label:has-text('Nora Lind') input")
    await nora.click("button:text-is('Show what fits')")
    assert await nora.locator("a.chosen:has-text('Nora Lind')").count() == 1
    await look(nora, scripts=scripts)
    await nora.click("h3 >> text=FAIR data in 90 minutes")
    assert nora.url == lesson
    assert "Abadi, M., & Lind, N." in await nora.inner_text(".cite")
    bibtex = await nora.get_attribute("a:text-is('BibTeX')", "href")
    cited = await nora.request.get(f"{origin}{bibtex}")
    assert "Abadi, Mo and Lind, Nora" in await cited.text()
    file = await nora.request.get(str(await nora.get_attribute("a.file", "href")))
    assert await file.text() == notes.read_text()
    await nora.click("summary:has-text('I used this')")
    await nora.fill("#use-used_in", "Induction week")
    await nora.click("button:text-is('Tell')")
    await nora.wait_for_selector("text=Thank you for telling")
    await nora.click("summary:has-text('Write a review')")
    await nora.check("input[name=rating][value='5']")
    await nora.click("button:text-is('Send the review')")
    await nora.wait_for_selector("text=5.0 of 5")
    await look(nora, scripts=scripts)

    # She makes something from it.
    await nora.goto(lesson)
    await nora.click("summary:has-text('Adapt or translate')")
    await nora.select_option("#relation", "translation")
    await nora.fill("#adapt-language", "sv")
    await nora.click("button:text-is('Begin the draft')")
    await nora.wait_for_url("**/resources/drafts/*")
    await look(nora, scripts=scripts)
    await nora.fill("#title", "FAIR på 90 minuter")
    await nora.click("button:text-is('Publish')")
    await nora.wait_for_selector("text=Translated from")
    made = nora.url.partition("?")[0]
    for path in (
        "resources/drafts",
        "resources/import",
        "shelves",
        "shelves/new",
        "@mo/resources",
        "resources?q=nothing",
    ):
        await nora.goto(f"{origin}/{path}")
        await look(nora, scripts=scripts)
    for path in ("versions/new", "withdraw", "delete", "edit", "catalogues", "discussion"):
        await nora.goto(f"{made}/{path}")
        await look(nora, scripts=scripts)
    await mo.goto(lesson)
    assert "Translation:" in await mo.inner_text("main")
    await look(mo, scripts=scripts)
    await mo.goto(f"{lesson}/uses")
    assert "Induction week" in await mo.inner_text("main")
    # The browser itself says that a form came back with what was wrong.
    assert not [one for one in said if "422" not in one], said


async def test_the_library_weighs_little_and_turns_round(
    server: Server, chromium: Browser, signed_in: MakeReader
) -> None:
    await signed_in("bob")
    context = await chromium.new_context(viewport={"width": 1280, "height": 800}, color_scheme="dark")
    page = await context.new_page()
    await sign_in(page, server.config.origin)
    for path in ("/resources/new", "/resources", "/shelves"):
        await page.goto(server.config.origin + path)
        assert not await complaints(page), path
        await page.evaluate("document.documentElement.dir = 'rtl'")
        side, main = await page.evaluate(
            "['.side', 'main'].map(name => document.querySelector(name).getBoundingClientRect().x)"
        )
        assert side > main, path
        assert await page.evaluate("document.documentElement.scrollWidth") <= 1280, path
