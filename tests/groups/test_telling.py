"""Who has asked for everything in a group hears of each new post: all of them at once, and only who wants to and may."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import Connection

from fedserver.context import Server
from fedserver.groups import members, reading, telling
from storage import posts
from storage.database import STATEMENTS
from tests.conftest import MakeMember
from tests.groups.conftest import MakeGroup, StartThread
from tests.members import Person

Refuse = Callable[[Person, Person, str], Awaitable[object]]


async def told(person: Person) -> list[str]:
    found = await person.get("/api/v1/notifications", types=["status"])
    return [one["status"]["id"] for one in found]


async def subscribed(server: Server, group_id: int, *people: Person) -> None:
    for one in people:
        await members.join(server, one.member, group_id)
        await reading.subscribe(server, one.member, "group", group_id, "all")


async def test_many_subscribers_are_told_in_as_many_statements_as_one(
    server: Server, alice: Person, bob: Person, member: MakeMember, make_group: MakeGroup, start: StartThread
) -> None:
    group_id = await make_group(alice)

    async def statements(post_id: int) -> int:
        def unit(conn: Connection) -> int:
            before = int(conn.info.get(STATEMENTS, 0))
            telling.tell_unit(conn, post_id)
            return int(conn.info.get(STATEMENTS, 0)) - before

        return await server.db.write(unit)

    await subscribed(server, group_id, bob)
    one = await statements(first := await start(alice, group_id, "First"))
    others = [await member(f"reader{number}") for number in range(6)]
    await subscribed(server, group_id, *others)
    for filtering in (bob, *others[:3]):
        body = {"title": "x", "context": ["notifications"], "filter_action": "hide"}
        await filtering.post("/api/v2/filters", {**body, "keywords_attributes": [{"keyword": "secret"}]})
    seven = await statements(second := await start(alice, group_id, "Second"))
    # What filters say is read for all who have some, in as many statements as for one of them.
    assert one <= seven <= one + 6
    await subscribed(server, group_id, *[await member(f"late{number}") for number in range(6)])
    third = await start(alice, group_id, "Third")
    assert await statements(third) == seven
    assert await told(bob) == [str(third), str(second), str(first)]
    assert await told(others[0]) == [str(third), str(second)]
    # Told once, however often the job runs.
    await server.db.write(telling.tell_unit, third)
    assert await told(others[0]) == [str(third), str(second)]


REFUSALS: dict[str, Refuse] = {
    "blocks its author": lambda bob, author, _: bob.post(f"/api/v1/accounts/{author.id}/block"),
    "is blocked by its author": lambda bob, author, _: author.post(f"/api/v1/accounts/{bob.id}/block"),
    "mutes its author": lambda bob, author, _: bob.post(f"/api/v1/accounts/{author.id}/mute"),
    "mutes the discussion": lambda bob, _, thread: bob.post(f"/api/v1/statuses/{thread}/mute"),
    "filters its words": lambda bob, *_: bob.post(
        "/api/v2/filters",
        {
            "title": "x",
            "context": ["notifications"],
            "filter_action": "hide",
            "keywords_attributes": [{"keyword": "spoiler"}],
        },
    ),
}


@pytest.mark.parametrize("why", REFUSALS)
async def test_who_wants_to_hear_nothing_of_it_is_not_told(
    why: str, server: Server, alice: Person, bob: Person, member: MakeMember, make_group: MakeGroup, start: StartThread,
    answer: StartThread,
) -> None:  # fmt: skip
    group_id, carol = await make_group(alice), await member("carol")
    await subscribed(server, group_id, bob, carol)
    thread = await start(alice, group_id, "Films")
    await REFUSALS[why](bob, carol, str(thread))
    reply = await answer(carol, thread, "A spoiler!")
    await server.db.write(telling.tell_unit, reply)
    assert (await told(bob), await told(alice), await told(carol)) == ([], [], [])
    await subscribed(server, group_id, dave := await member("dave"))
    await server.db.write(telling.tell_unit, reply)
    assert await told(dave) == [str(reply)]


async def test_who_may_not_read_there_any_more_is_not_told(
    server: Server, alice: Person, bob: Person, make_group: MakeGroup, start: StartThread, answer: StartThread
) -> None:
    group_id = await make_group(alice, access="members", join_mode="open")
    await members.join(server, bob.member, group_id)
    thread = await start(alice, group_id, "Minutes")
    await reading.subscribe(server, bob.member, "thread", thread, "all")
    await members.expel(server, alice.member, group_id, bob.account_id)
    reply = await answer(alice, thread)
    await server.db.write(telling.tell_unit, reply)
    row = await server.db.read(posts.by_id, reply)
    assert row is not None
    assert row.group_id == group_id
    assert await told(bob) == []
