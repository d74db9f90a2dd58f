"""Browsers without JavaScript for the tests of pages, and members who have signed in with one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar
from aiohttp.test_utils import TestClient
from playwright.async_api import Browser, async_playwright

from fedserver import profiles, signup
from fedserver.context import Server
from fedserver.viewer import Anonymous, Role
from tests.groups.conftest import answer, make_group, start
from tests.members import Person
from tests.pages.browsers import CHROMIUM, FLAGS
from tests.pages.visitor import PASSWORD, Visitor

__all__ = ["PASSWORD", "answer", "make_group", "start"]

MakeReader = Callable[..., Awaitable[Visitor]]
KnownAs = Callable[[str], Awaitable[Person]]


@pytest.fixture
async def browser(server: Server, app_client: TestClient[Any, Any]) -> AsyncIterator[Callable[[], Visitor]]:
    """Makes visitors, each with cookies of their own."""
    sessions: list[ClientSession] = []

    def make() -> Visitor:
        sessions.append(ClientSession(cookie_jar=CookieJar(unsafe=True), trust_env=False))
        return Visitor(sessions[-1], server.config.origin)

    yield make
    for session in sessions:
        await session.close()


@pytest.fixture
def known(server: Server, app_client: TestClient[Any, Any]) -> KnownAs:
    """Somebody who has signed in with a browser, as the tests of groups know people."""

    async def find(name: str) -> Person:
        profile = await profiles.by_handle(server, Anonymous(), name)
        return Person(app_client, name, profile.person.id)

    return find


@pytest.fixture
async def visitor(browser: Callable[[], Visitor]) -> Visitor:
    """Somebody who is not signed in."""
    return browser()


@pytest.fixture
async def signed_in(server: Server, browser: Callable[[], Visitor]) -> MakeReader:
    """Makes members and signs them in: `await signed_in("carol", role="moderator")`."""

    async def make(username: str, role: Role = "member") -> Visitor:
        await signup.make_user(
            server.db,
            server.uris,
            server.keys,
            username=username,
            email=f"{username}@mail.example",
            password=PASSWORD,
            role=role,
        )
        reader = browser()
        page = await reader.submit(
            await reader.open("/login"), "/login", {"username": username, "password": PASSWORD}
        )
        assert page.url.endswith("/home"), page.words()
        return reader

    return make


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()
