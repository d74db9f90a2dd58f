"""Planned work: kept with its cause, done once per key, tried again, given up in sight of an admin."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from fedserver.context import Server
from fedserver.jobs.engine import open_engine
from fedserver.jobs.handlers import Handler, Kind
from fedserver.jobs.plan import plan
from storage import instances, jobs

Running = Callable[..., Any]


@pytest.fixture
def server_settings() -> dict[str, str]:
    return {"testing__time_scale": "100000"}


@asynccontextmanager
async def engine(
    server: Server, handler: Handler, *, seconds: float = 30, tries: int = 5
) -> AsyncIterator[None]:
    opened = open_engine(server, {"count": Kind("count", handler, seconds, tries)})
    await opened.start()
    try:
        yield
    finally:
        await opened.stop()


async def settled(server: Server, **wanted: int) -> None:
    """Wait until the queue says so."""
    async with asyncio.timeout(20):
        while True:
            status = await server.db.read(jobs.queue_status)
            if all(status[name] == number for name, number in wanted.items()):
                return
            await asyncio.sleep(0.02)


def recorder(seen: list[Any]) -> Callable[[Server, dict[str, Any]], Awaitable[None]]:
    async def handle(server: Server, payload: dict[str, Any]) -> None:
        seen.append(payload["n"])

    return handle


async def test_work_is_done_whether_planned_before_the_start_or_after(server: Server) -> None:
    seen: list[int] = []
    await server.db.write(plan, "count", {"n": 1})
    async with engine(server, recorder(seen)):
        await server.db.write(plan, "count", {"n": 2})
        await settled(server, waiting=0, running=0)
    assert sorted(seen) == [1, 2]


async def test_work_goes_with_the_unit_that_planned_it(server: Server) -> None:
    def unit(conn: Any) -> None:
        plan(conn, "count", {"n": 1})
        raise RuntimeError("after all not")

    with pytest.raises(RuntimeError):
        await server.db.write(unit)
    assert (await server.db.read(jobs.queue_status))["waiting"] == 0


async def test_the_same_key_waits_once(server: Server) -> None:
    seen: list[int] = []
    for number in (1, 2):
        await server.db.write(plan, "count", {"n": number}, key="same")
    await server.db.write(plan, "count", {"n": 3}, key="other")
    async with engine(server, recorder(seen)):
        await settled(server, waiting=0, running=0)
    assert sorted(seen) == [1, 3]


async def test_what_is_planned_while_the_same_runs_runs_afterwards(server: Server) -> None:
    seen: list[int] = []
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def handle(server: Server, payload: dict[str, Any]) -> None:
        seen.append(payload["n"])
        begun.set()
        await go_on.wait()

    async with engine(server, handle):
        await server.db.write(plan, "count", {"n": 1}, key="same")
        await begun.wait()
        await server.db.write(plan, "count", {"n": 2}, key="same")
        go_on.set()
        await settled(server, waiting=0, running=0)
    assert seen == [1, 2]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_job_that_was_there_already_sees_what_was_written_before_it_was_planned_again(
    server: Server,
) -> None:
    """On SQLite nothing else writes meanwhile."""
    seen: list[bool] = []
    planned, go_on, begun = threading.Event(), threading.Event(), asyncio.Event()

    async def handle(server: Server, payload: dict[str, Any]) -> None:
        seen.append(await server.db.read(instances.by_host, "written.example") is not None)
        begun.set()

    def slow_unit(conn: Any) -> None:
        instances.see(conn, ["written.example"])
        plan(conn, "count", {"n": 2}, key="same")
        planned.set()
        go_on.wait(10)

    await server.db.write(plan, "count", {"n": 1}, key="same")
    unit = asyncio.create_task(server.db.write(slow_unit))
    await asyncio.to_thread(planned.wait, 10)
    async with engine(server, handle):
        await server.db.write(plan, "count", {"n": 3}, key="another")
        async with asyncio.timeout(10):
            await begun.wait()
        go_on.set()
        await unit
        await settled(server, waiting=0, running=0)
    assert seen == [False, True]


async def test_a_failing_job_is_tried_again_then_listed_and_an_admin_may_retry_it(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Waits are short here, and PgQueuer looks for what a handler put off at this interval.
    monkeypatch.setattr("fedserver.jobs.postgres.LOOK_AGAIN", timedelta(milliseconds=100))
    seen: list[int] = []
    well = False

    async def handle(server: Server, payload: dict[str, Any]) -> None:
        seen.append(payload["n"])
        if not well:
            raise ValueError("no such thing")

    async with engine(server, handle, tries=3):
        await server.db.write(plan, "count", {"n": 7}, key="k")
        await settled(server, failed=1)
        assert seen == [7, 7, 7]
        [failed] = await server.db.read(jobs.failed_listed)
        assert (failed.kind, failed.payload, failed.attempts) == ("count", {"n": 7}, 3)
        assert "no such thing" in failed.error
        well = True
        assert await server.db.write(jobs.retry, failed.id)
        await settled(server, failed=0, waiting=0, running=0)
    assert seen == [7, 7, 7, 7]


async def test_a_failed_job_does_not_stand_in_the_way_of_the_next_and_can_be_dropped(server: Server) -> None:
    async def handle(server: Server, payload: dict[str, Any]) -> None:
        if payload["n"] == 1:
            raise ValueError

    async with engine(server, handle, tries=1):
        await server.db.write(plan, "count", {"n": 1}, key="k")
        await settled(server, failed=1)
        await server.db.write(plan, "count", {"n": 2}, key="k")
        await settled(server, failed=1, waiting=0, running=0)
    [failed] = await server.db.read(jobs.failed_listed)
    assert await server.db.write(jobs.drop, failed.id)
    assert await server.db.read(jobs.failed_listed) == []


async def test_a_job_that_hangs_is_cut_off_and_others_go_on(server: Server) -> None:
    seen: list[int] = []

    async def handle(server: Server, payload: dict[str, Any]) -> None:
        if payload["n"] == 1:
            await asyncio.sleep(60)
        seen.append(payload["n"])

    async with engine(server, handle, seconds=0.3, tries=1):
        for number in (1, 2, 3):
            await server.db.write(plan, "count", {"n": number})
        await settled(server, failed=1, waiting=0, running=0)
    assert sorted(seen) == [2, 3]


async def test_nothing_runs_before_its_time(server: Server) -> None:
    from storage.types import now_ms

    seen: list[int] = []
    async with engine(server, recorder(seen)):
        await server.db.write(plan, "count", {"n": 1}, not_before_ms=now_ms() + 3_600_000)
        await server.db.write(plan, "count", {"n": 2}, not_before_ms=now_ms() + 200)
        await settled(server, waiting=1, running=0)
    assert seen == [2]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_was_running_when_the_process_died_runs_again(server: Server) -> None:
    from storage.types import now_ms

    seen: list[int] = []
    await server.db.write(plan, "count", {"n": 1}, key="k")
    now = now_ms()
    # Claimed for an hour by a process that is no more.
    assert await server.db.write(jobs.claim, ["count"], limit=5, now=now, until=now + 3_600_000)
    assert await server.db.write(jobs.claim, ["count"], limit=5, now=now, until=now + 3_600_000) == []
    async with engine(server, recorder(seen)):
        await settled(server, waiting=0, running=0)
    assert seen == [1]
