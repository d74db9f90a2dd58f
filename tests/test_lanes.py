"""Reading lanes: order, errors, callers who leave, and nobody behind a long unit."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from sqlalchemy import text

from storage.database import Database


async def test_every_reader_gets_its_own_answer_or_error(db: Database) -> None:
    def unit(conn: Any, number: int) -> int:
        if number % 7 == 3:
            raise ValueError(number)
        return int(conn.execute(text("SELECT CAST(:number AS INTEGER)"), {"number": number}).scalar_one())

    found = await asyncio.gather(*(db.read(unit, number) for number in range(300)), return_exceptions=True)
    for number, answer in enumerate(found):
        if number % 7 == 3:
            assert isinstance(answer, ValueError)
            assert answer.args == (number,)
        else:
            assert answer == number


async def test_nobody_waits_for_a_long_unit(db: Database) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def long(_: Any) -> str:
        begun.set()
        assert may_end.wait(30)
        return "done"

    slow = asyncio.ensure_future(db.read(long))
    await asyncio.to_thread(begun.wait)
    await asyncio.sleep(0.05)
    for number in range(20):
        assert await db.read(lambda _, number=number: number) == number
    assert not slow.done()
    may_end.set()
    assert await slow == "done"


async def test_an_answer_does_not_wait_for_the_long_unit_behind_it(db: Database) -> None:
    may_end = threading.Event()
    quick = asyncio.ensure_future(db.read(lambda _: "quick"))
    slow = asyncio.ensure_future(db.read(lambda _: may_end.wait(30)))
    assert await quick == "quick"
    assert not slow.done()
    may_end.set()
    assert await slow


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_event_loop_is_not_woken_for_each_of_many_units(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, woken = asyncio.get_running_loop(), 0
    wake = loop.call_soon_threadsafe

    def counting(*args: Any, **kwargs: Any) -> Any:
        nonlocal woken
        woken += 1
        return wake(*args, **kwargs)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counting)
    assert await asyncio.gather(*(db.read(lambda _: 1) for _ in range(200))) == [1] * 200
    assert woken < 20


async def test_a_caller_who_leaves_takes_nobody_along(db: Database) -> None:
    may_end = threading.Event()
    leaving = asyncio.ensure_future(db.read(lambda _: may_end.wait(30)))
    await asyncio.sleep(0)
    staying = asyncio.ensure_future(db.read(lambda _: "here"))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    may_end.set()
    assert await staying == "here"
    assert await db.read(lambda _: "still") == "still"


async def test_a_failed_unit_leaves_nothing_begun(db: Database) -> None:
    def failing(conn: Any) -> None:
        conn.execute(text("SELECT 1"))
        raise LookupError

    for run in (db.read, db.write):
        with pytest.raises(LookupError):
            await run(failing)
        assert await run(lambda conn: conn.execute(text("SELECT 2")).scalar_one()) == 2
