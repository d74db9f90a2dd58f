"""A member takes their archive along, and another brings it in, in a real browser, with JavaScript and without."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser

from fedserver import relationships
from fedserver.context import Server
from tests.pages.browsers import CHROMIUM, picture, sign_in
from tests.pages.conftest import KnownAs, MakeReader
from tests.pages.test_browser_resources import WIDTH, look

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="skipped: chromium is not installed"),
    # What a browser shows does not depend on the database.
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


@pytest.mark.long
@pytest.mark.jobs
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
async def test_what_one_takes_along_another_brings_in(
    server: Server, chromium: Browser, signed_in: MakeReader, known: KnownAs, tmp_path: Path, scripts: bool
) -> None:
    origin = server.config.origin
    for name in ("alice", "bob", "carol"):
        await signed_in(name)
    alice, carol = await known("alice"), await known("carol")
    await relationships.follow(server, alice.member, carol.account_id)
    context = await chromium.new_context(
        viewport={"width": WIDTH, "height": 800}, java_script_enabled=scripts
    )
    page = await context.new_page()
    await sign_in(page, origin, "alice")
    await page.goto(f"{origin}/settings/export")
    await page.click("main button")
    link = page.locator("a[download]")
    while not await link.count():
        await page.goto(f"{origin}/settings/export")
    async with page.expect_download() as download:
        await link.click()
    archive = tmp_path / "alice.zip"
    await (await download.value).save_as(archive)

    await context.clear_cookies()
    await sign_in(page, origin, "bob")
    await page.goto(f"{origin}/settings/import")
    await look(page, scripts=scripts)
    await picture(page, "import")
    await page.set_input_files("#file", archive)
    await page.click("text=Show what would change")
    assert "1 is new here." in await page.inner_text("main")
    await look(page, scripts=scripts)
    await picture(page, "import-asked")
    await page.click("text=Bring it in")
    while "1 has come." not in await page.inner_text("main"):
        await page.goto(page.url)
    await look(page, scripts=scripts)
    await page.goto(f"{origin}/@bob/following")
    assert "carol" in await page.inner_text("main")
