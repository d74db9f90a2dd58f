"""A thousand sockets: how soon one of them hears, what the others cost a post, and the memory each takes."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import aiohttp
from sqlalchemy import Connection, select

from bench.load import Cost, expect
from bench.machine import Processes
from bench.report import Row
from bench.workloads import Bench, posting
from fedserver import oauth
from storage.tables import account

SOCKETS = 1_000
LISTENERS = 500
OPENING = 50  # at once
TOLD = 60
ROUNDS = 3  # with the sockets, each between two without


def tokens_of_fans(conn: Connection) -> list[str]:
    """A token for each of the members who follow `popular` and nobody else."""
    fans = select(account.c.id).where(account.c.username.like("fan%")).order_by(account.c.id).limit(LISTENERS)
    return [oauth.issue(conn, account_id, "read").access_token for account_id in conn.scalars(fans)]


async def streams(bench: Bench, tokens: Sequence[str], own: Processes) -> AsyncIterator[Row]:
    """`tokens` are those of the members who listen; `own` is the server without its database."""
    rounds: list[tuple[float, tuple[Cost, float]]] = []
    alone, _ = await posting(bench, "lonely")
    for number in range(ROUNDS):
        before = own.memory_mib()
        async with AsyncExitStack() as stack:
            await _open_all(bench, stack, tokens)
            if not number:
                memory_kib = (own.memory_mib() - before) * 1024 / SOCKETS
                yield Row(bench.database, "memory of an idle socket", memory_kib, 60, unit="KiB")
            with_sockets, _ = await posting(bench, "lonely")
            if not number:
                yield await _notified(bench, stack)
        again, _ = await posting(bench, "lonely")
        rounds.append((with_sockets[0].cpu_ms / ((alone[0].cpu_ms + again[0].cpu_ms) / 2), with_sockets))
        alone = again
    ratios = [ratio for ratio, _ in rounds]
    middle, (cost, statements) = rounds[ratios.index(statistics.median_low(ratios))]
    yield Row(
        bench.database,
        f"POST status, {SOCKETS:,} idle sockets",
        middle,
        1.15,
        unit="x without",
        rounds=(min(ratios), max(ratios)),
        cpu_ms=cost.cpu_ms,
        statements=statements,
    )


async def _open_all(bench: Bench, stack: AsyncExitStack, tokens: Sequence[str]) -> None:
    http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
    for first in range(0, SOCKETS, OPENING):
        numbers = range(first, first + OPENING)
        opening = (_open(bench, http, tokens[number % len(tokens)]) for number in numbers)
        for socket in await asyncio.gather(*opening):
            stack.push_async_callback(socket.close)


async def _notified(bench: Bench, stack: AsyncExitStack) -> Row:
    """How soon one of them hears, while the others are open."""
    http = await stack.enter_async_context(aiohttp.ClientSession())
    listener = await _open(bench, http, bench.tokens["reader"])
    stack.push_async_callback(listener.close)
    ratio = statistics.median([await _told(bench, listener, number) for number in range(TOLD)])
    name = f"a notification at its socket, {SOCKETS:,} open"
    return Row(bench.database, name, ratio, 3, unit="x its POST")


async def _open(bench: Bench, http: aiohttp.ClientSession, token: str) -> aiohttp.ClientWebSocketResponse:
    headers = {"Authorization": f"Bearer {token}"}
    return await http.ws_connect(f"{bench.server.base}/api/v1/streaming?stream=user", headers=headers)


async def _told(bench: Bench, listener: aiohttp.ClientWebSocketResponse, number: int) -> float:
    """How many times as long as the POST it takes until the notification of it is there."""
    began = time.perf_counter()

    async def heard() -> float:
        while (await listener.receive_json(timeout=30))["event"] != "notification":
            pass
        return time.perf_counter() - began

    hearing = asyncio.create_task(heard())
    response = await bench.http.post(
        f"{bench.server.base}/api/v1/statuses",
        json={"status": f"@reader are you there? {number}"},
        headers=bench.bearer("lonely"),
    )
    await expect(response, 200)
    posted_s = time.perf_counter() - began
    return await hearing / posted_s
