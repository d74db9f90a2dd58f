"""Browsers without JavaScript for the tests of pages, and members who have signed in with one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar
from aiohttp.test_utils import TestClient
from playwright.async_api import Browser, async_playwright

from fedserver import profiles, reports, signup
from fedserver.context import Server
from fedserver.groups import members, moderation
from fedserver.reports import Complaint
from fedserver.viewer import Anonymous, Role
from storage import archives
from storage.paging import Window
from tests.archives.conftest import BringIn, bring_in
from tests.archives.samples import letter, mbox
from tests.groups.conftest import MakeGroup, StartThread, answer, make_group, start
from tests.members import Person
from tests.pages.browsers import CHROMIUM, FLAGS
from tests.pages.visitor import PASSWORD, Visitor

__all__ = ["PASSWORD", "answer", "bring_in", "make_group", "start"]

TABLE = "We are **stuck**.\n\n| Step | Minutes |\n|---|---|\n| One | 15 |\n"

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


@dataclass
class Lively:
    """A group in which there is something of everything: by its owner (mo) and a member (bob), paths of all its pages."""

    mo: Visitor
    bob: Visitor
    group_id: int
    thread: str
    open_to_all: list[str]
    for_staff: list[str]


@pytest.fixture
async def lively(
    server: Server, signed_in: MakeReader, known: KnownAs, make_group: MakeGroup, start: StartThread,
    answer: StartThread, bring_in: BringIn, tmp_path: Path,
) -> Lively:  # fmt: skip
    mo, bob = await signed_in("mo"), await signed_in("bob")
    owner, member = await known("mo"), await known("bob")
    group_id = await make_group(
        owner, "python", topics=["git"], charter="# Why\n\n<b>Because</b>", rules=["One"], kind="help",
        join_mode="request", join_question="What do you teach?",
    )  # fmt: skip
    people = {}
    for name in ("nora", "dan", "eve"):
        await signup.make_user(
            server.db, server.uris, server.keys, username=name, email=f"{name}@mail.example"
        )
        people[name] = await known(name)
    await members.invite(server, owner.member, group_id, member.account_id)
    await members.join(server, member.member, group_id)
    await members.join(server, people["nora"].member, group_id, answer="Botany.")
    await members.ban(server, owner.member, group_id, people["dan"].account_id, reason="Rude")
    await members.invite(server, owner.member, group_id, people["eve"].account_id)
    thread_id = await start(member, group_id, "<script>alert(1)</script>", TABLE, topics=["git"])
    reply = await answer(owner, thread_id)
    await answer(member, reply)
    await moderation.mark_answer(server, member.member, thread_id, reply)
    await moderation.pin(server, owner.member, thread_id)
    other_id = await start(owner, group_id, "Another")
    await moderation.lock(server, owner.member, other_id, reason="All is said.")
    await reports.report(server, member.member, Complaint(owner.account_id, (reply,), comment="Hm"))
    archive = mbox(
        tmp_path / "a.mbox", letter("From: Old <old@other.example>\nMessage-ID: <1@list>\nSubject: Then")
    )
    await bring_in(group_id, archive)
    name_id = (await server.db.read(archives.unclaimed, group_id, Window(limit=1)))[0].id
    here, thread = "/groups/python", f"/groups/python/{thread_id}"
    return Lively(
        mo, bob, group_id, thread,
        open_to_all=[
            "/groups", "/groups?q=pyth&kind=help", here, f"{here}?sort=top&period=week", f"{here}/members", f"{here}/log", thread,
            f"{here}/resources", f"{here}/events",
        ],
        for_staff=[
            "/groups/new", "/drafts", f"{here}/new-thread", f"{here}/requests", f"{here}/invitations", f"{here}/bans",
            f"{here}/reports", f"{here}/settings", f"{here}/leave", f"{here}/members/{member.account_id}",
            f"{thread}/reply?to={reply}", f"{thread}/moderate", f"{thread}/posts/{reply}", f"{thread}/posts/{thread_id}",
            f"{here}/archives", f"{here}/archives/names/{name_id}",
        ],
    )  # fmt: skip


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()
