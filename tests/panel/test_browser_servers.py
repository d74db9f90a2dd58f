"""Pages about other servers in a real browser, narrow and wide, light and dark."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from playwright.async_api import Browser
from sqlalchemy import Connection

from fedserver.context import Server
from fedserver.moderation import domains, reports
from fedserver.moderation.domains import Rule
from storage import domain_lists
from storage.types import now_ms
from tests.pages.browsers import CHROMIUM, complaints, picture, sign_in
from tests.panel.conftest import KnownAs, MakeReader
from tests.panel.test_server_files import HERE, LOUD, fill

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="skipped: chromium is not installed"),
    # What a browser shows does not depend on the database.
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    pytest.mark.long,
]


def list_in_need(conn: Connection) -> None:
    """The list wants a decision, and could not be read."""
    (one,) = domain_lists.listed(conn)
    problem = "It was answered with status 404."
    domain_lists.change(
        conn, one.id, state="active", changes=12, problem=problem, failures=4, trouble_at=now_ms()
    )


@pytest.mark.parametrize(("scheme", "width"), [("light", 360), ("dark", 1280)])
async def test_pages_about_servers_are_accessible_and_fit(
    server: Server, chromium: Browser, signed_in: MakeReader, known: KnownAs, scheme: Any, width: int
) -> None:
    await signed_in("ada", role="admin")
    await server.db.write(fill)
    ada = replace((await known("ada")).member, role="admin")
    await reports.add_note(
        server, ada, "instance", "loud.example", "Their admin answers mails within a day. " * 3
    )
    timed = Rule("reject", public_comment="A wave of adverts", until_at=domains.ends_after(7 * 86_400))
    await server.db.write(domains.decide, ada, "slow.example", timed)
    await server.db.write(list_in_need)
    context = await chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = await context.new_page()
    await sign_in(page, server.config.origin, "ada")
    for path in (
        HERE,
        LOUD,
        f"{HERE}/server?host=slow.example",
        "/mod/log",
        "/admin",
        "/mod",
        "/mod/reports?domain=loud.example",
    ):
        answer = await page.goto(server.config.origin + path)
        assert answer is not None
        assert answer.status == 200, path
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{path} scrolls sideways: {wide}"
        assert not await complaints(page), path
        await picture(page, f"{path.replace('?', '-')}-{scheme}")
