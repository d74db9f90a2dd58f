"""Files that are being fetched in this process: each once, however many wait for it, and not too many at a time.

Those of one host take no more places than it gets connections, so a host that hangs keeps nobody else's waiting.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from fedserver.errors import RateLimited
from fedserver.federation.http import CONNECTIONS_PER_HOST_MAX

AT_ONCE: Final = 8
WAITING_MAX: Final = 400
WAITING_FOR_HOST_MAX: Final = 100
TRY_AGAIN_SECONDS: Final = 10


class Downloads:
    """Close it before the parts of the server that downloads use."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._of_host: Counter[str] = Counter()
        self._host_slots: dict[str, asyncio.Semaphore] = {}
        self.added_bytes = 0
        """Kept since somebody last looked whether it is too much."""

    async def once(self, key: str, host: str, fetch: Callable[[], Awaitable[None]]) -> None:
        """Have `fetch` called, which asks this host, unless it is being called for this key, and wait until it is done.

        It goes on when whoever waits has gone. Raises RateLimited when too many wait.
        """
        task = self._tasks.get(key)
        if task is None:
            if len(self._tasks) >= WAITING_MAX or self._of_host[host] >= WAITING_FOR_HOST_MAX:
                raise RateLimited(TRY_AGAIN_SECONDS)
            task = asyncio.create_task(self._run(host, fetch), name=f"download-{key[:12]}")
            self._tasks[key] = task
            self._of_host[host] += 1
            task.add_done_callback(partial(self._ended, key, host))
        await asyncio.shield(task)

    async def close(self) -> None:
        """Cut off what is under way; it is fetched again when somebody looks."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, host: str, fetch: Callable[[], Awaitable[None]]) -> None:
        of_host = self._host_slots.setdefault(host, asyncio.Semaphore(CONNECTIONS_PER_HOST_MAX))
        async with of_host, self._slots:
            await fetch()

    def _ended(self, key: str, host: str, _: asyncio.Task[None]) -> None:
        del self._tasks[key]
        self._of_host[host] -= 1
        if not self._of_host[host]:
            del self._of_host[host]
            self._host_slots.pop(host, None)
