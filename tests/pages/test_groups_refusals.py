"""Pages of groups tell nobody what they may not know, and do for nobody what they may not do."""

from __future__ import annotations

import re

import pytest

from fedserver.context import Server
from fedserver.groups import members
from tests.groups.conftest import MakeGroup, StartThread
from tests.pages.conftest import KnownAs, MakeReader
from tests.pages.visitor import Visitor, path_of

# What a page shows does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.mark.parametrize("signed", [False, True])
async def test_a_private_group_is_nothing_to_others(
    server: Server,
    signed_in: MakeReader,
    visitor: Visitor,
    known: KnownAs,
    make_group: MakeGroup,
    start: StartThread,
    signed: bool,
) -> None:
    await signed_in("alice")
    bob = await signed_in("bob")
    stranger = bob if signed else visitor
    alice = await known("alice")
    group_id = await make_group(alice, "core", access="private", title="Core secrets")
    thread_id = await start(alice, group_id, "Our budget")
    paths = [
        "", "/members", "/log", "/feed.atom", "/join", "/leave", "/new-thread", "/requests", "/settings", f"/{thread_id}",
        f"/{thread_id}/feed.atom", f"/{thread_id}/moderate", f"/{thread_id}/reply", f"/members/{alice.account_id}",
        f"/{thread_id}/posts/{thread_id}",
    ]  # fmt: skip
    for path in paths:
        there, nowhere = (
            await stranger.open(f"/groups/core{path}"),
            await stranger.open(f"/groups/nothing{path}"),
        )
        assert there.status == nowhere.status, path
        if there.status != 200:  # else it was sent to sign in
            assert there.status == 404, path
            assert re.sub("[0-9a-f]{16}", "", there.text.replace("core", "nothing")) == re.sub(
                "[0-9a-f]{16}", "", nowhere.text
            )
    for path in (
        "/groups",
        "/groups?q=core",
        "/local",
        f"/@alice/{thread_id}",
        "/@alice",
    ):
        page = await stranger.open(path)
        assert "secrets" not in page.text, path
        assert "budget" not in page.text, path


async def test_forms_of_a_private_group_do_nothing_for_others(
    server: Server, signed_in: MakeReader, known: KnownAs, make_group: MakeGroup, start: StartThread
) -> None:
    await signed_in("alice")
    bob = await signed_in("bob")
    alice = await known("alice")
    group_id = await make_group(alice, "core", access="private")
    thread_id = await start(alice, group_id, "Our budget")
    (token,) = {one.get("value") for one in (await bob.open("/compose")).all("input", name="csrf_token")}
    headers = {"Origin": bob.origin, "Sec-Fetch-Site": "same-origin"}
    for path in (
        "join", "leave", "read", "subscription", "new-thread", "settings", "archive", "invitations", "bans",
        f"{thread_id}/reply", f"{thread_id}/lock", f"{thread_id}/answer", f"{thread_id}/posts/{thread_id}/remove",
        f"members/{alice.account_id}/expel",
    ):  # fmt: skip
        data = {"csrf_token": token, "text": "Ha", "title": "Ha", "handle": "bob"}
        async with bob.session.post(
            f"{bob.origin}/groups/core/{path}", data=data, headers=headers
        ) as answered:
            assert answered.status == 404, path


async def test_what_members_say_is_for_members(
    server: Server,
    signed_in: MakeReader,
    visitor: Visitor,
    known: KnownAs,
    make_group: MakeGroup,
    start: StartThread,
) -> None:
    await signed_in("alice")
    bob = await signed_in("bob")
    alice = await known("alice")
    group_id = await make_group(alice, "club", access="members", title="The club")
    thread_id = await start(alice, group_id, "Our budget")
    assert "The club" in (await visitor.open("/groups")).words()
    page = await bob.open("/groups/club")
    assert "Only members read and write" in page.words()
    assert "budget" not in page.text
    assert (await bob.open(f"/groups/club/{thread_id}")).status == 403
    assert path_of(await visitor.open(f"/groups/club/{thread_id}")).startswith("/login")
    assert (await bob.open("/groups/club/members")).status == 403
    assert (await visitor.open("/groups/club/feed.atom")).status == 404


async def test_only_moderators_moderate(
    server: Server,
    signed_in: MakeReader,
    known: KnownAs,
    make_group: MakeGroup,
    start: StartThread,
    answer: StartThread,
) -> None:
    await signed_in("mo")
    bob = await signed_in("bob")
    owner, member = await known("mo"), await known("bob")
    group_id = await make_group(owner)
    await members.join(server, member.member, group_id)
    thread_id = await start(owner, group_id, "Hello")
    reply = await answer(member, thread_id)
    page = await bob.open(f"/groups/python/{thread_id}")
    assert "Moderate" not in page.words()
    for path in (
        f"{thread_id}/moderate",
        f"{thread_id}/posts/{reply}",
        "requests",
        "invitations",
        "bans",
        "reports",
        "settings",
        f"members/{owner.account_id}",
    ):
        assert (await bob.open(f"/groups/python/{path}")).status == 403, path
