"""Send requests and measure what they cost the server."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import aiohttp

from bench.machine import Processes

CONCURRENCY = 16
ROUNDS = 9


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


async def compare(
    one: tuple[Send, Processes], other: tuple[Send, Processes], count: int
) -> list[tuple[Cost, Cost]]:
    """Measure two things by turns, in `ROUNDS` of `count` requests altogether: what goes on beside them on the
    machine and the clock of its processor change within seconds, and so meet both alike."""
    rounds = []
    for _ in range(ROUNDS):
        costs = [await measure(send, count // ROUNDS, processes) for send, processes in (one, other)]
        rounds.append((costs[0], costs[1]))
    return rounds


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(
        statistics.median(cost.cpu_ms for cost in costs),
        statistics.median(cost.per_second for cost in costs),
        statistics.median(cost.p95_ms for cost in costs),
    )


async def expect(response: aiohttp.ClientResponse, *statuses: int) -> bytes:
    """The body, if the status is one of these; a benchmark of errors would flatter."""
    body = await response.read()
    if response.status not in statuses:
        raise RuntimeError(f"{response.method} {response.url}: {response.status} {body[:300]!r}")
    return body
