"""Pages in a real browser: accessibility by axe-core, no scrolling sideways, visible focus, nothing the CSP forbids."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from playwright.async_api import Browser

from fedserver import posts, profiles, sessions
from fedserver.context import Server
from fedserver.posts import Draft, PollDraft
from fedserver.viewer import PAGE_SCOPES, Anonymous, Member
from tests.pages.browsers import CHROMIUM, complaints, sign_in, walk_by_keyboard
from tests.pages.conftest import MakeReader

FOR_ANYBODY = ("/", "/about", "/join", "/login", "/@alice", "/search?q=alice")
FOR_MEMBERS = (
    "/home", "/compose", "/notifications", "/notifications/requests", "/settings/profile", "/settings/email", "/settings/security",
    "/settings/move", "/settings/filters/new", "/@bob", "/@bob/block", "/menu",
)  # fmt: skip

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="skipped: chromium is not installed"),
    # What a browser shows does not depend on the database.
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


@pytest.fixture
async def post(server: Server, app_client: TestClient[Any, Any], signed_in: MakeReader) -> str:
    """The page of a post with all that a post can have; by alice, and there is bob."""
    await signed_in("bob")
    await signed_in("alice")
    profile = await profiles.by_handle(server, Anonymous(), "alice")
    alice = Member(profile.person.id, "alice", "member", PAGE_SCOPES)
    post_id = await posts.create(
        server, alice, Draft("A word " * 40 + "x" * 200, summary="Long", poll=PollDraft(["one", "two"], 3600))
    )
    await posts.create(server, alice, Draft("An answer", in_reply_to_id=post_id))
    text = "# One\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    await posts.create(server, alice, Draft(text, title="An article", media_type="text/markdown"))
    return f"/@alice/{post_id}"


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_pages_are_accessible_and_fit(
    server: Server, chromium: Browser, post: str, scheme: Any
) -> None:
    width = {"light": 320, "dark": 1280}[scheme]
    context = await chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = await context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))

    async def check(path: str) -> None:
        answer = await page.goto(server.config.origin + path)
        assert answer is not None
        assert answer.status == 200, path
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, (
            f"{path} scrolls sideways"
        )
        assert not await complaints(page), path
        assert not said, f"{path}: {said}"

    for path in (*(FOR_ANYBODY if scheme == "light" else FOR_ANYBODY[:1]), post):
        await check(path)
    await sign_in(page, server.config.origin)
    # In the other colours what differs is contrast, so pages that together have every component are enough.
    for path in (*(FOR_MEMBERS if scheme == "light" else FOR_MEMBERS[:4]), post, f"{post}/report"):
        await check(path)


WIDE = r"""
Long: $a_1 + a_2 + a_3 + a_4 + a_5 + a_6 + a_7 + a_8 + a_9 + a_{10} + a_{11} + a_{12} + a_{13} + a_{14} + a_{15}$[^1]

$$\sum_{k=0}^{n} \binom{n}{k} x^k y^{n-k} = (x+y)^n \qquad \int_{-\infty}^{\infty} e^{-x^2}\,\mathrm{d}x = \sqrt{\pi}$$

- $b_1 + b_2 + b_3 + b_4 + b_5 + b_6 + b_7 + b_8 + b_9 + b_{10} + b_{11} + b_{12} + b_{13} + b_{14} + b_{15}$

| Column one | Column two | Column three | Column four | Column five | Column six | Column seven |
|---|---|---|---|---|---|---|
| $x$ | 2 | 3 | 4 | 5 | 6 | 7 |

```
a line of code that is a good deal longer than what fits into a narrow window, and then goes on for as long again
```

[^1]: A note.
"""


@pytest.mark.long
@pytest.mark.parametrize("width", [320, 1280])
async def test_what_is_wide_scrolls_in_its_own_box(
    server: Server, signed_in: MakeReader, chromium: Browser, width: int
) -> None:
    await signed_in("alice")
    profile = await profiles.by_handle(server, Anonymous(), "alice")
    alice = Member(profile.person.id, "alice", "member", PAGE_SCOPES)
    post_id = await posts.create(server, alice, Draft(WIDE, media_type="text/markdown"))
    page = await chromium.new_page(viewport={"width": width, "height": 800})
    await page.goto(f"{server.config.origin}/@alice/{post_id}")
    assert await page.evaluate("document.documentElement.scrollWidth") == width
    scrolling = "[...document.querySelectorAll('.prose > *')].filter(e => e.scrollWidth > e.clientWidth).map(e => e.tagName)"
    assert {"TABLE", "PRE"} <= set(await page.evaluate(scrolling))
    if width == 320:
        assert await page.evaluate(scrolling) == ["P", "P", "UL", "TABLE", "PRE"]
    assert not await complaints(page)
    assert await page.evaluate("getComputedStyle(document.querySelector('math')).display") == "math"
    assert await page.evaluate("document.querySelector('annotation').getBoundingClientRect().width") == 0
    await page.click("text=[1]")
    assert await page.evaluate("document.querySelector('li:target').innerText") == "A note. ↩"
    await page.click("text=↩")
    assert await page.evaluate("document.querySelector('a:target').innerText") == "[1]"


async def test_pages_turn_round_for_languages_from_right_to_left(
    server: Server, chromium: Browser, post: str
) -> None:
    page = await chromium.new_page(viewport={"width": 1280, "height": 800})
    await page.goto(server.config.origin + post)
    await page.evaluate("document.documentElement.dir = 'rtl'")
    side, main = await page.evaluate(
        "['.side', 'main'].map(name => document.querySelector(name).getBoundingClientRect().x)"
    )
    assert side > main
    assert await page.evaluate("document.documentElement.scrollWidth") <= 1280


async def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    server: Server, chromium: Browser, post: str
) -> None:
    page = await chromium.new_page(viewport={"width": 1280, "height": 800})
    await page.goto(server.config.origin + post)
    seen = await walk_by_keyboard(page)
    assert seen[0] == "Skip to the content"
    assert any("Reply from your own server" in text for text in seen)


async def test_what_is_being_written_survives_a_closed_page(
    server: Server, chromium: Browser, post: str
) -> None:
    context = await chromium.new_context()
    page = await context.new_page()
    await sign_in(page, server.config.origin)
    await page.goto(f"{server.config.origin}/compose")
    await page.fill("#text", "half a thought")
    for _ in range(200):
        if await page.evaluate("localStorage.length"):
            break
        await asyncio.sleep(0.05)
    await page.close()
    page = await context.new_page()
    await page.goto(f"{server.config.origin}/compose")
    assert await page.input_value("#text") == "half a thought"
    await page.click("main button[type=submit]")
    await page.wait_for_url("**/@bob/*")
    await page.goto(f"{server.config.origin}/compose")
    assert await page.input_value("#text") == ""


async def test_a_link_from_a_mail_signs_in(
    server: Server, app_client: TestClient[Any, Any], chromium: Browser, signed_in: MakeReader
) -> None:
    """Browsers say where a form comes from; a page that hides it would have its own form refused."""
    await signed_in("bob")
    bob = await profiles.by_handle(server, Anonymous(), "bob")
    origin = str(app_client.make_url("/")).rstrip("/")
    link = await server.db.write(sessions.login_link, origin, bob.person.id)
    page = await chromium.new_page()
    await page.goto(link)
    await page.locator("main form button").click()
    await page.goto(f"{origin}/home")
    assert page.url == f"{origin}/home"
