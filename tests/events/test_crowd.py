"""Two hundred people want to come to what has room for twenty-five, all at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, select

from fedserver import notifications
from fedserver.context import Server
from fedserver.events import answers
from fedserver.events.publishing import change
from fedserver.events.reading import described_of
from fedserver.viewer import Member
from storage import events, tables
from tests.events.test_events import EVENTS, call
from tests.members import Person
from tests.people import add_member

CROWD, SEATS, LEAVING = 200, 25, 10


def crowd_of(conn: Connection) -> list[Member]:
    return [
        Member(add_member(conn, f"person{number}"), f"person{number}", "member", frozenset())
        for number in range(CROWD)
    ]


def answers_in_order(conn: Connection, event_id: int) -> list[Any]:
    query = select(tables.rsvp).join(tables.occurrence, tables.occurrence.c.id == tables.rsvp.c.occurrence_id)
    return list(
        conn.execute(query.where(tables.occurrence.c.post_id == event_id).order_by(tables.rsvp.c.queue))
    )


async def test_nobody_gets_a_seat_twice_or_passes_who_waits(
    server: Server, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: Counter[int] = Counter()
    add_to_each = notifications.notifications.add_to_each

    def counting(conn: Connection, account_ids: Sequence[int], **columns: Any) -> dict[int, int]:
        told.update(account_ids)
        return add_to_each(conn, account_ids, **columns)

    monkeypatch.setattr(notifications.notifications, "add_to_each", counting)
    event_id = int((await alice.post(EVENTS, call(capacity=SEATS)))["id"])
    crowd = await server.db.write(crowd_of)
    await asyncio.gather(*(answers.answer(server, one, event_id, "going") for one in crowd))

    rows = await server.db.read(answers_in_order, event_id)
    inside = [one.account_id for one in rows if one.state == "in"]
    waiting = [one.account_id for one in rows if one.state == "waiting"]
    assert (len(inside), len(waiting), sum(told.values())) == (SEATS, CROWD - SEATS, 0)
    # Whoever got a seat answered before all who wait.
    assert [one.state for one in rows] == ["in"] * SEATS + ["waiting"] * (CROWD - SEATS)
    (occurrence,) = await server.db.read(events.occurrences, event_id)
    assert (occurrence.going_count, occurrence.waiting_count) == (SEATS, CROWD - SEATS)

    leaving = [one for one in crowd if one.account_id in inside[:LEAVING]]
    await asyncio.gather(*(answers.withdraw(server, one, event_id) for one in leaving))
    rows = await server.db.read(answers_in_order, event_id)
    assert {one.account_id for one in rows if one.state == "in"} == {*inside[LEAVING:], *waiting[:LEAVING]}
    assert [one.account_id for one in rows if one.state == "waiting"] == waiting[LEAVING:]
    assert told == Counter(waiting[:LEAVING])


@pytest.mark.long
async def test_nobody_answers_to_a_limit_that_is_being_lowered(server: Server, alice: Person) -> None:
    event_id = int((await alice.post(EVENTS, call(capacity=CROWD)))["id"])
    crowd = await server.db.write(crowd_of)
    row = await server.db.read(events.by_id, event_id)
    assert row is not None

    async def lower() -> int:
        await change(server, alice.member, event_id, replace(described_of(row), capacity=SEATS))
        return sum(one.state == "in" for one in await server.db.read(answers_in_order, event_id))

    first = [answers.answer(server, one, event_id, "going") for one in crowd[: SEATS * 2]]
    rest = [answers.answer(server, one, event_id, "going") for one in crowd[SEATS * 2 :]]
    *_, inside_then = await asyncio.gather(*first, *rest[: len(rest) // 2], lower())
    await asyncio.gather(*rest[len(rest) // 2 :])
    inside = sum(one.state == "in" for one in await server.db.read(answers_in_order, event_id))
    assert inside == max(SEATS, inside_then)
