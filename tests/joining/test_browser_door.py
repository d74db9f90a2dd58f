"""The pages of the door in a real browser: accessible, and fitting on small screens and large."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from playwright.async_api import Browser

from fedserver import admission, greeting, posts, settings
from fedserver.context import Server
from fedserver.posts import Draft
from fedserver.trust import Held
from storage import users
from storage.types import now_ms
from tests.groups.conftest import MakeGroup
from tests.joining.conftest import Come, Invite, KnownAs, MakeReader
from tests.joining.test_door import ASKED
from tests.pages.browsers import CHROMIUM, complaints, sign_in
from tests.panel.test_browser_panel import picture

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="skipped: chromium is not installed"),
    # What a browser shows does not depend on the database.
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]
FOR_STAFF = (
    "/admin/registration", "/admin/invites", "/settings/invites", "/mod/joins", "/mod/joins/refused", "/mod/welcome?of=all", "/mod/held", "/settings/email",
    "/held", "/home", "/mod",
)  # fmt: skip


@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 360), pytest.param("dark", 1280, marks=pytest.mark.long)]
)
async def test_the_door_is_accessible_and_fits(
    server: Server, chromium: Browser, signed_in: MakeReader, known: KnownAs, make_group: MakeGroup, come: Come,
    invite: Invite, scheme: Any, width: int,
) -> None:  # fmt: skip
    await signed_in("ada", role="owner")
    ada = await known("ada")
    ada.role = "owner"
    group_id = await make_group(ada, "newcomers")
    await settings.change(
        server, ada.member, {"join_questions": ASKED, "registrations_message": "Hello. " * 20}
    )
    link = await invite(ada, note="The workshop in May", uses_max=20, role="greeter", group_ids=[group_id])
    await invite(ada, uses_max=1)
    refused = await come("nora", email="nora@mail.example", answers={"1": "Pills", "3": "Here"})
    await server.db.write(users.change, refused.account_id, confirmed_at=now_ms())
    await admission.reject(server, ada.member, refused.account_id, reason="Sells pills. " * 20)
    signed_up = await come("nora", answers={"1": "Botany", "2": "I teach.\n\n" * 5, "3": "Here"})
    await server.db.write(users.change, signed_up.account_id, confirmed_at=now_ms())
    other = await come("somebody_with_a_long_name", answers={"1": "Pills", "3": "Here"})
    await server.db.write(users.change, other.account_id, confirmed_at=now_ms())
    await server.db.write(users.change, ada.account_id, role="member", trust="new")
    with pytest.raises(Held):
        await posts.create(
            server, ada.member, Draft("Two links: https://one.example and https://two.example")
        )
    await server.db.write(users.change, ada.account_id, role="owner", trust="member")
    for name in ("dan", "eve"):
        came = await come(name, answers={"1": "Botany", "3": "Here"})
        four_days_ago = now_ms() - 4 * 86_400_000
        await server.db.write(users.change, came.account_id, confirmed_at=1)
        await admission.approve(server, ada.member, came.account_id)
        await server.db.write(users.change, came.account_id, approved_at=four_days_ago)
    await greeting.tick(server, ada.member, came.account_id, ["Said hello"])
    await settings.change(server, ada.member, {"spam_marks": 2})
    await server.db.write(users.change, ada.account_id, trust="trusted")
    new = replace(ada.member, account_id=came.account_id, role="member")
    await server.db.write(users.change, new.account_id, trust="new")
    spam_id = await posts.create(server, new, Draft("Cheap pills"))
    context = await chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = await context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))

    async def check(path: str, name: str, status: int = 200) -> None:
        answer = await page.goto(server.config.origin + path)
        assert answer is not None
        assert answer.status == status, path
        await check_shown(path, name)

    async def check_shown(path: str, name: str) -> None:
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{path} scrolls sideways: {wide}"
        assert not await complaints(page), path
        await picture(page, f"{name}-{scheme}")

    await check("/join", "join")
    await check(f"/join/{link.row.code}", "join-code")
    assert not said
    await check("/join/abcdefgh", "join-ended", 403)
    await sign_in(page, server.config.origin, "ada")
    await check(f"/@eve/{spam_id}/report", "report-spam")
    for path in FOR_STAFF:
        await check(path, path.partition("?")[0])
    await page.goto(f"{server.config.origin}/mod/joins?all=1")
    await page.get_by_label("Refuse them").check()
    await page.get_by_text("Words to those who are refused").click()
    await page.get_by_label("What to tell each of them").fill("No adverts, please.")
    await page.get_by_role("button", name="Show what will happen").click()
    await page.get_by_role("heading", name="What will happen").wait_for()
    await check_shown("/mod/joins/confirm", "mod-joins-confirm")
