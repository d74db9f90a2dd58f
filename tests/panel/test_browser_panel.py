"""The panel in a real browser without JavaScript: a wave of ten reports in one go, an appeal upheld by a colleague."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from playwright.async_api import Browser
from sqlalchemy import Connection

from fedserver import announcements, house_rules, policies
from fedserver.context import Server
from fedserver.moderation import appeals, rulings
from fedserver.moderation.rulings import Ruling
from storage import accounts, day_figures, reports, strikes
from storage.paging import Window
from storage.types import now_ms
from tests.pages.browsers import CHROMIUM, complaints, picture, sign_in
from tests.panel.conftest import Complain, KnownAs, MakeReader

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(CHROMIUM is None, reason="skipped: chromium is not installed"),
    # What a browser shows does not depend on the database.
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]
PAGES = (
    "/mod",
    "/mod/reports",
    "/mod/accounts",
    "/mod/appeals",
    "/mod/tags",
    "/mod/tags/rejected",
    "/mod/log",
    "/mod/log/check",
    "/mod/presets",
    "/about/moderation",
    "/admin/roles",
    "/admin",
    "/admin/metrics",
    "/admin/addresses",
    "/admin/addresses/single",
    "/admin/addresses/networks",
    "/admin/site",
    "/admin/site/looks",
    "/admin/site/visitors",
    "/admin/site/limits",
    "/admin/rules",
    "/admin/terms",
    "/admin/announcements",
    "/admin/emoji",
    "/terms",
    "/admin/mail",
    "/admin/mails",
    "/admin/mails/rejected",
    "/admin/partners",
)


async def test_a_wave_of_ten_reports_and_an_appeal(
    server: Server, chromium: Browser, signed_in: MakeReader, known: KnownAs, complain: Complain
) -> None:
    for name, role in (("mo", "moderator"), ("mia", "moderator"), ("bob", "member")):
        await signed_in(name, role=role)
    bob = await known("bob")
    names = [f"spam{number}" for number in range(10)]
    for name in names:
        await signed_in(name)
        await complain(bob, await known(name), "Cheap watches", comment="Spam")
    victim = await known("spam3")
    context = await chromium.new_context(java_script_enabled=False)
    page = await context.new_page()
    await sign_in(page, server.config.origin, "mo")
    await page.goto(f"{server.config.origin}/mod")
    assert "10 accounts are reported" in await page.inner_text("main")
    await page.click("text=Read the reports")
    boxes = page.locator("input[name='account_ids[]']")
    assert await boxes.count() == 10
    for box in await boxes.all():
        await box.check()
    await page.check("#m-delete_posts")
    await page.check("#m-suspend")
    await page.fill("#text", "No adverts.")
    await page.click("text=Show what will happen")
    assert await page.locator("section.card").count() == 10
    await page.click("text=Do this for all 10")
    await page.wait_for_url("**/mod/reports?done=all-decided")
    assert "Nothing here" in await page.inner_text("main")
    assert await server.db.read(reports.page, Window(limit=20)) == []

    # One of them was no spammer.
    strike = (await server.db.read(strikes.of_account, victim.account_id))[0]
    await appeals.appeal(server, victim.member, strike.id, "I sell nothing.")
    await page.goto(f"{server.config.origin}/mod/appeals")
    await page.click("text=@spam3")
    assert await page.locator("text=Uphold the appeal").count() == 0
    other = await (await chromium.new_context(java_script_enabled=False)).new_page()
    await sign_in(other, server.config.origin, "mia")
    await other.goto(f"{server.config.origin}/mod/appeals")
    await other.click("text=@spam3")
    await other.click("text=Uphold the appeal")
    await other.wait_for_url("**?done=upheld")
    row: Any = await server.db.read(accounts.by_id, victim.account_id)
    assert row.suspended_at is None
    await other.goto(f"{server.config.origin}/mod/log")
    told = await other.inner_text("main .entries")
    assert "upheld an appeal" in told
    assert told.count("suspended") >= 10


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_panel_is_accessible_and_fits(
    server: Server, chromium: Browser, signed_in: MakeReader, known: KnownAs, complain: Complain, scheme: Any
) -> None:
    await signed_in("ada", role="admin")
    for name in ("alice", "bob", "mia"):
        await signed_in(name, role="moderator" if name == "mia" else "member")
    alice, bob = await known("alice"), await known("bob")
    await complain(
        bob, alice, "Buy my watches, they are cheap. " * 4, comment="This is the third time this week."
    )
    await complain(bob, alice, "Between us @bob", visibility="direct")
    mia = await known("mia")
    await rulings.decide(
        server, replace(mia.member, role="moderator"), [alice.account_id],
        Ruling(measures=["silence"], text="Please stop.", expires_in_s=86_400 * 30),
    )  # fmt: skip
    strike = (await server.db.read(strikes.of_account, alice.account_id))[0]
    await appeals.appeal(server, alice.member, strike.id, "I only said what others say.")
    appeal = (await server.db.read(strikes.by_id, strike.id)).appeal_id  # type: ignore[union-attr]
    width = {"light": 320, "dark": 1280}[scheme]
    context = await chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = await context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    await sign_in(page, server.config.origin, "ada")
    ada = await known("ada")
    await house_rules.add(server, replace(ada.member, role="admin"), "Be kind", "We all began some day.")
    await house_rules.translate(server, replace(ada.member, role="admin"), "1", "fr", "Soyez gentils")
    boss = replace(ada.member, role="admin")
    await server.db.write(some_figures)
    await policies.write(server, boss, "terms", "# Terms\n\nShare what you can.")
    await policies.publish(server, boss, "terms", "")
    await policies.write(server, boss, "privacy", "We keep little.")
    await announcements.write(server, boss, announcements.Draft("We meet on **Monday**."))
    here = f"/mod/accounts/{alice.id}"

    async def check(name: str) -> None:
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{name} scrolls sideways: {wide}"
        cut = "(e => e ? e.scrollHeight - e.clientHeight : 0)(document.querySelector('.panel .side'))"
        assert await page.evaluate(cut) <= 0, f"parts of the panel are out of sight on {name}"
        assert not await complaints(page), name
        assert not said, f"{name}: {said}"
        await picture(page, f"{name}-{scheme}")

    for path in (*PAGES, here, f"/mod/appeals/{appeal}"):
        answer = await page.goto(server.config.origin + path)
        assert answer is not None
        assert answer.status == 200, path
        await check(path)
    await page.goto(f"{server.config.origin}/admin/terms")
    await page.locator("a[href$='/not-agreed']").first.click()
    await check("/admin/terms/not-agreed")
    await page.goto(server.config.origin + here)
    await page.check("#m-delete_posts")
    await page.check("#m-suspend")
    await page.click("text=Show what will happen")
    await check("/confirm")


def some_figures(conn: Connection) -> None:
    """Numbers of three months, for pictures to have something in them."""
    today = now_ms() // 86_400_000
    for day in range(today - 200, today + 1):
        found = {
            "active": day % 7 + 3,
            "joined": day % 2,
            "posts": day % 11,
            "replies": day % 5,
            "reports": day % 3,
        }
        day_figures.put(conn, day, day, {name: {day: value} for name, value in found.items()})
