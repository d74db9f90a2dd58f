"""What members see beside their timelines: announcements on the home page, and mentions that are held back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from fedserver import announcements, notification_policy, posts, profiles
from fedserver.context import Server
from fedserver.posts import Draft
from fedserver.viewer import PAGE_SCOPES, Anonymous, Member
from tests.pages.conftest import MakeReader


async def known(server: Server, name: str) -> Member:
    profile = await profiles.by_handle(server, Anonymous(), name)
    return Member(profile.person.id, name, "member", PAGE_SCOPES)


def action_in(box: Any) -> str:
    """Where the first form within leads."""
    return str(next(box.iter("form")).get("action"))


async def test_an_announcement_is_dismissed_by_each(server: Server, signed_in: MakeReader) -> None:
    def publish(conn: Connection) -> None:
        announcements.add(conn, server, announcements.Draft("Come to the **meeting**"))
        [row] = announcements.listed(conn)
        announcements._publish(conn, row.id, row.scheduled_at)

    await server.db.write(publish)
    nora, omar = await signed_in("nora"), await signed_in("omar")
    page = await nora.open("/home")
    [box] = page.all("article", class_="announcement")
    assert "Come to the" in page.words()
    page = await nora.submit(page, action_in(box))
    assert page.all("article", class_="announcement") == []
    assert (await omar.open("/home")).all("article", class_="announcement")


async def test_what_is_held_back_is_shown_apart_until_it_is_let_through(
    server: Server, signed_in: MakeReader
) -> None:
    nora, _ = await signed_in("nora"), await signed_in("omar")
    page = await nora.submit(
        await nora.open("/notifications/requests"), "/notifications/policy", {"for_not_following": "filter"}
    )
    policy = await notification_policy.current(server, await known(server, "nora"))
    assert policy.choices.for_not_following == "filter"
    await posts.create(server, await known(server, "omar"), Draft("@nora have a look"))
    assert "have a look" not in (await nora.open("/notifications")).words()
    page = await nora.open("/notifications/requests")
    assert "have a look" in page.words()
    [held] = page.all("article", class_="told")
    page = await nora.submit(page, action_in(held))
    assert page.all("article", class_="told") == []
    assert "have a look" in (await nora.open("/notifications")).words()
