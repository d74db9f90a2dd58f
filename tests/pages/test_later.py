"""Pages: what is published later, and what a post quotes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fedserver import posts, profiles
from fedserver.context import Server
from fedserver.posts import Draft
from fedserver.viewer import PAGE_SCOPES, Anonymous, Member
from tests.pages.conftest import MakeReader
from tests.pages.visitor import Visitor

# What a page shows does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def field(**delta: float) -> str:
    """A day and time as a browser's field sends it."""
    return f"{datetime.now(UTC) + timedelta(**delta):%Y-%m-%dT%H:%M}"


async def member_of(server: Server, name: str) -> Member:
    profile = await profiles.by_handle(server, Anonymous(), name)
    return Member(profile.person.id, name, "member", PAGE_SCOPES)


async def test_a_post_is_scheduled_moved_and_deleted(signed_in: MakeReader) -> None:
    alice = await signed_in("alice")
    assert "Nothing is scheduled" in (await alice.open("/scheduled")).words()
    compose = await alice.open("/compose")
    soon = await alice.submit(compose, "/compose", {"text": "Too soon", "scheduled_at": field(minutes=1)})
    assert (soon.status, "five minutes" in soon.words(), "Too soon" in soon.text) == (422, True, True)
    page = await alice.submit(soon, "/compose", {"text": "In spring", "scheduled_at": field(days=2)})
    assert (page.problems, "Your post is scheduled." in page.words(), "In spring" in page.words()) == (
        [],
        True,
        True,
    )
    (form,) = [one for one in page.all("form") if (one.get("action") or "").endswith("/move")]
    moved = await alice.submit(page, form.get("action"), {"scheduled_at": field(days=30)})
    assert "Your changes are saved." in moved.words()
    wrong = await alice.submit(moved, form.get("action"), {"scheduled_at": field(days=-1)})
    assert (wrong.status, wrong.problems) == (422, [])
    gone = await alice.submit(moved, form.get("action").replace("/move", "/delete"))
    assert "Nothing is scheduled" in gone.words()


async def test_a_page_shows_what_is_quoted_instead_of_its_address(
    server: Server, signed_in: MakeReader, visitor: Visitor
) -> None:
    for name in ("alice", "bob"):
        await signed_in(name)
    alice, bob = await member_of(server, "alice"), await member_of(server, "bob")
    first = await posts.create(server, alice, Draft("The original words"))
    second = await posts.create(server, bob, Draft("Look at this", quoted_id=first))
    page = await visitor.open(f"/@bob/{second}")
    assert page.problems == []
    (quoted,) = page.all("blockquote", class_="quoted")
    assert "The original words" in " ".join(quoted.itertext())
    assert "RE:" not in page.words()
    await posts.delete_post(server, alice, first)
    assert "The quoted post cannot be shown" in (await visitor.open(f"/@bob/{second}")).words()
