"""Passkeys in a real browser, with an authenticator that the browser makes up; and what the pages of signing in look like."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pyotp
import pytest
from playwright.async_api import Browser, Page
from sqlalchemy import Connection, select, update

from fedserver import sessions
from fedserver.context import Server
from fedserver.errors import Invalid
from storage import tables
from tests.pages.browsers import CHROMIUM, complaints, sign_in
from tests.pages.conftest import MakeReader
from tests.pages.visitor import PASSWORD
from tests.panel.test_browser_panel import picture
from tests.running import free_port

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="skipped: chromium is not installed")


@pytest.fixture
def server_settings() -> dict[str, str]:
    """Browsers know no passkeys of addresses that are numbers."""
    port = free_port()
    return {"domain": f"localhost:{port}", "url": f"http://localhost:{port}", "listen": f"127.0.0.1:{port}"}


async def with_authenticator(page: Page) -> Any:
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session


async def test_aut_10_a_passkey_signs_in_alone_or_as_the_second_step(
    server: Server, chromium: Browser, signed_in: MakeReader
) -> None:
    """AUT-10."""
    await signed_in("alice")
    origin = server.config.origin
    context = await chromium.new_context(viewport={"width": 360, "height": 800})
    page = await context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    await with_authenticator(page)
    await sign_in(page, origin, "alice")

    async def check(name: str) -> None:
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360, f"{name} scrolls sideways: {wide}"
        assert not await complaints(page), name
        await picture(page, f"second-{name}-light")

    await page.goto(f"{origin}/settings/security")
    await check("security-before")
    await page.fill("#passkey_name", "My telephone")
    await page.click("text=Add a passkey")
    await page.wait_for_url("**done=passkey-added*")
    assert "My telephone" in await page.inner_text("#second")
    await check("security")

    await page.click("text=Sign out here")
    await page.wait_for_url("**/login?done=signed-out")
    await check("login")
    answers: list[str] = []
    page.on(
        "request",
        lambda sent: answers.append(sent.post_data or "") if sent.url.endswith("/login/passkey") else None,
    )
    await page.click("text=Sign in with a passkey")
    await page.wait_for_url("**/home")

    # What signed in once does so no more, whoever has seen it.
    (sent,) = answers
    (replayed,) = parse_qs(sent)["passkey"]
    with pytest.raises(Invalid):
        await sessions.log_in_by_passkey(server, replayed)

    # As the second step, after the password.
    await context.clear_cookies()
    await page.goto(f"{origin}/login")
    await page.fill("#username", "alice")
    await page.fill("#password", PASSWORD)
    await page.click("main button.primary")
    await page.wait_for_url("**/login/2fa")
    await check("step")
    await page.click("text=Use a passkey")
    await page.wait_for_url("**/home")

    # To prove it again.
    def old(conn: Connection) -> None:
        conn.execute(update(tables.login_session).values(proved_at=0))

    await server.db.write(old)
    server.remembered.sessions.clear()
    await page.goto(f"{origin}/settings/security")
    await page.click("#second .person button")
    await page.wait_for_selector("text=Is it you?")
    await check("again")
    await page.click("text=Use a passkey")
    await page.wait_for_url("**done=second-factor-gone")
    assert await server.db.read(lambda conn: conn.scalars(select(tables.passkey.c.id)).all()) == []
    assert said == []


@pytest.mark.long
async def test_setting_up_an_app_is_accessible_and_fits(
    server: Server, chromium: Browser, signed_in: MakeReader, tmp_path: Path
) -> None:
    await signed_in("ada", role="admin")
    origin = server.config.origin
    context = await chromium.new_context(viewport={"width": 1280, "height": 800}, color_scheme="dark")
    page = await context.new_page()
    await sign_in(page, origin, "ada")

    async def check(name: str) -> None:
        for width in (1280, 360):
            await page.set_viewport_size({"width": width, "height": 800})
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{name} scrolls sideways: {wide}"
            await picture(page, f"second-{name}-{width}")
        assert not await complaints(page), name

    await page.goto(f"{origin}/settings/security")
    await page.fill("#totp_password", PASSWORD)
    await page.click("text=Set up an app")
    await page.wait_for_url("**/settings/security/totp")
    await check("totp")
    secret = (await page.inner_text("main code")).replace(" ", "")
    await page.fill("#code", pyotp.TOTP(secret).now())
    await page.click("text=Turn it on")
    await page.wait_for_selector(".codes")
    await check("codes")
    async with page.expect_download() as saving:
        await page.click("text=Save as a file")
    file = tmp_path / "codes.txt"
    await (await saving.value).save_as(file)
    assert file.read_text().split()[2:] == await page.locator(".codes code").all_inner_texts()
    await page.goto(f"{origin}/settings/security")
    await check("security-dark")
    await page.goto(f"{origin}/admin/access")
    await check("access")
