"""Send requests and measure what they cost the server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp

from bench.machine import Processes

CONCURRENCY = 16


@dataclass(frozen=True)
class Cost:
    """What one operation cost: CPU milliseconds, how many went through in a second, and the slow end of the waits."""

    cpu_ms: float
    per_second: float
    p95_ms: float


Send = Callable[[int], Awaitable[None]]


async def measure(send: Send, count: int, processes: Processes, *, concurrency: int = CONCURRENCY) -> Cost:
    """Call ``send(number)`` `count` times, `concurrency` at once."""
    numbers = iter(range(count))
    waits: list[float] = []

    async def one_after_another() -> None:
        for number in numbers:
            started = time.perf_counter()
            await send(number)
            waits.append(time.perf_counter() - started)

    cpu, began = processes.cpu_s(), time.perf_counter()
    await asyncio.gather(*(one_after_another() for _ in range(concurrency)))
    elapsed, spent = time.perf_counter() - began, processes.cpu_s() - cpu
    waits.sort()
    return Cost(spent / count * 1000, count / elapsed, waits[int(len(waits) * 0.95)] * 1000)


async def expect(response: aiohttp.ClientResponse, *statuses: int) -> bytes:
    """The body, if the status is one of these; a benchmark of errors would flatter."""
    body = await response.read()
    if response.status not in statuses:
        raise RuntimeError(f"{response.method} {response.url}: {response.status} {body[:300]!r}")
    return body
