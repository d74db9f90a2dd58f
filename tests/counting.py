"""How many statements something costs, whatever else the server does meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fedserver.context import Server


async def fewest_statements(server: Server, act: Callable[[], Awaitable[object]], *, times: int = 4) -> int:
    """The fewest statements that ran during one of several `act()`: jobs and what is refreshed now and then also count, but not each time."""
    counts: list[int] = []
    for _ in range(times):
        before = server.db.statements
        await act()
        counts.append(server.db.statements - before)
    return min(counts)
