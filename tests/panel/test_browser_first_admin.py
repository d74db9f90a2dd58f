"""The first days of a server in a real browser, with JavaScript and without: its first admin signs in by the link of `init`, sets it up,
lets somebody in and looks after it; a colleague upholds an appeal, and the log tells it all."""

from __future__ import annotations

from typing import Any

import pyotp
import pytest
from playwright.async_api import Browser, Page
from sqlalchemy import Connection

from fedserver import sessions, signup
from fedserver.context import Server
from fedserver.moderation import appeals
from storage import instances, strikes
from tests.mailing import Mailbox, link_in, mails
from tests.pages.browsers import CHROMIUM, complaints, picture, sign_in
from tests.pages.visitor import PASSWORD
from tests.panel.conftest import Complain, KnownAs, MakeReader
from tests.people import add_follow, add_stranger

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(CHROMIUM is None, reason="skipped: chromium is not installed"),
    pytest.mark.jobs,
    # What a browser shows does not depend on the database.
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]

LIST = "#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate\nloud.example,silence,false,false,Noise,false\n"
STORY = [
    "changed", "approved", "deleted posts", "suspended", "loud.example", "upheld an appeal",
]  # fmt: skip


class Eyes:
    """Looks at pages in both widths and colour schemes, and has axe-core look where it can run."""

    def __init__(self, scripts: bool) -> None:
        self.scripts = scripts
        self.said: list[str] = []

    async def look(self, page: Page, name: str) -> None:
        schemes: list[Any] = ["light", "dark"]
        for width, scheme in ((width, scheme) for width in (1280, 360) for scheme in schemes):
            await page.set_viewport_size({"width": width, "height": 800})
            await page.emulate_media(color_scheme=scheme)
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{name} scrolls sideways at {width}: {wide}"
            if self.scripts:
                assert not await complaints(page), f"{name} {scheme} {width}"
                await picture(page, f"{name}-{width}-{scheme}")
        assert not self.said, name


async def set_up_an_app(page: Page, eyes: Eyes, name: str) -> None:
    """Turn on codes of an app, from the page of security on."""
    await page.fill("#totp_password", PASSWORD)
    await page.click("text=Set up an app")
    await eyes.look(page, f"{name}-app")
    secret = (await page.inner_text("main code")).replace(" ", "")
    await page.fill("#code", pyotp.TOTP(secret).now())
    await page.click("text=Turn it on")
    assert await page.locator("main code").count() == 10
    await eyes.look(page, f"{name}-codes")
    await page.click("text=I have kept them")


@pytest.mark.parametrize(
    "scripts",
    [
        pytest.param(True, id="with scripts"),
        pytest.param(False, id="without scripts"),
    ],
)
async def test_the_first_days_of_an_admin(
    server: Server, chromium: Browser, signed_in: MakeReader, known: KnownAs, complain: Complain, mailbox: Mailbox,
    scripts: bool,
) -> None:  # fmt: skip
    origin, eyes = server.config.origin, Eyes(scripts)

    async def window() -> Page:
        page = await (await chromium.new_context(java_script_enabled=scripts)).new_page()
        page.on("pageerror", lambda error: eyes.said.append(str(error)))
        return page

    # She signs in by the link that `init` prints, chooses a password and turns on a second factor.
    maren_id = await signup.make_user(
        server.db, server.uris, server.keys, username="maren", email="maren@mail.example", role="owner"
    )
    page = await window()
    await page.goto(await server.db.write(sessions.login_link, origin, maren_id))
    await page.click("main form button")
    await page.goto(f"{origin}/settings/security")
    await page.fill("#password", PASSWORD)
    await page.click("text=Set the password")
    await page.goto(f"{origin}/settings/security")
    await set_up_an_app(page, eyes, "maren")

    # Whoever looks after something has to have one, too. She writes down a rule and asks two questions.
    await page.goto(f"{origin}/admin/access")
    await page.check("input[value=staff]")
    await page.click("button:text-is('Save')")
    await eyes.look(page, "access")
    await page.goto(f"{origin}/admin/rules")
    await page.fill("#new-text", "Be kind")
    await page.click("main >> text=Keep it")
    await eyes.look(page, "rules")
    await page.goto(f"{origin}/admin/registration")
    await page.check("input[name=registrations][value=approval]")
    await page.fill("#q0-text", "What do you teach?")
    await page.fill("#q1-text", "How did you hear of us?")
    await page.click("main >> button:text-is('Save')")
    await eyes.look(page, "registration")

    # Somebody asks to join and is let in.
    before = len(mailbox())
    guest = await window()
    await guest.goto(f"{origin}/join")
    for field, value in (("username", "zoe"), ("email", "zoe@mail.example"), ("password", PASSWORD)):
        await guest.fill(f"#{field}", value)
    for label, value in (("What do you teach?", "Botany"), ("How did you hear of us?", "From Ada")):
        await guest.get_by_label(label).fill(value)
    await eyes.look(guest, "join")
    await guest.check("#agreement")
    await guest.click("text=Ask to join")
    link = link_in((await mails(mailbox, before + 1))[-1], "/confirm/")
    await guest.goto(f"{origin}/confirm/{link}")
    await guest.click("main form button")
    await page.goto(f"{origin}/mod/joins")
    assert "Botany" in await page.inner_text("main")
    await eyes.look(page, "joins")
    await page.click("text=Let @zoe in")
    await sign_in(guest, origin, "zoe")

    # A wave of spam: ten reported accounts, one decision.
    for name, role in (("mia", "moderator"), ("bob", "member")):
        await signed_in(name, role=role)
    bob = await known("bob")
    for number in range(10):
        await signed_in(f"spam{number}")
        await complain(bob, await known(f"spam{number}"), "Cheap watches", comment="Spam")
    victim = await known("spam3")
    await page.goto(f"{origin}/mod")
    await eyes.look(page, "what-waits")
    await page.click("text=Read the reports")
    for box in await page.locator("input[name='account_ids[]']").all():
        await box.check()
    await page.check("#m-delete_posts")
    await page.check("#m-suspend")
    await page.fill("#text", "No adverts.")
    await eyes.look(page, "reports")
    await page.click("text=Show what will happen")
    await eyes.look(page, "confirm")
    await page.click("text=Do this for all 10")
    await page.wait_for_url("**/mod/reports?done=all-decided")

    # A list of servers comes in, is looked at before it holds, and tells whom a member would lose.
    def follow_somebody_there(conn: Connection) -> None:
        add_follow(conn, bob.account_id, add_stranger(conn, "lou", "loud.example"))

    await server.db.write(follow_somebody_there)
    await page.goto(f"{origin}/admin/federation/lists")
    await page.fill("#text", LIST)
    await page.click("text=Show what it would change")
    assert "members would lose" in await page.inner_text("main")
    await eyes.look(page, "list")
    if await page.locator("#spare").count():
        await page.uncheck("#spare")
    await page.click("text=Make these rules")
    assert (await server.db.read(instances.rules, "loud.example")).policy == "limit"

    # One of the ten appeals. Who decided does not decide about that; a colleague does, once she has a second factor.
    strike = (await server.db.read(strikes.of_account, victim.account_id))[0]
    await appeals.appeal(server, victim.member, strike.id, "I sell nothing.")
    await page.goto(f"{origin}/mod/appeals")
    await page.click("text=@spam3")
    assert await page.locator("text=Uphold the appeal").count() == 0
    mia = await window()
    await sign_in(mia, origin, "mia")
    await mia.goto(f"{origin}/mod/appeals")
    assert "/settings/security" in mia.url
    await set_up_an_app(mia, eyes, "mia")
    await mia.goto(f"{origin}/mod/appeals")
    await mia.click("text=@spam3")
    await eyes.look(mia, "appeal")
    await mia.click("text=Uphold the appeal")
    await mia.wait_for_url("**?done=upheld")

    # The log tells it all, and has not been changed.
    await page.goto(f"{origin}/mod/log")
    await eyes.look(page, "log")
    told = await page.inner_text("main ol.entries")
    while await page.locator("a[rel=next]").count():
        await page.click("a[rel=next]")
        told += await page.inner_text("main ol.entries")
    assert [word for word in STORY if word not in told] == []
    await page.goto(f"{origin}/mod/log/check")
    assert "has been changed" not in await page.inner_text("main")
