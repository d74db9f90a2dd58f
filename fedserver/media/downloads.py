"""Files that are being fetched in this process: each once, however many wait for it, and not too many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from fedserver.errors import RateLimited

AT_ONCE: Final = 8
WAITING_MAX: Final = 200
TRY_AGAIN_SECONDS: Final = 10


class Downloads:
    """Close it before the parts of the server that downloads use."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self.added_bytes = 0
        """Kept since somebody last looked whether it is too much."""

    async def once(self, key: str, fetch: Callable[[], Awaitable[None]]) -> None:
        """Have `fetch` called, unless it is being called for this key, and wait until it is done.

        It goes on when whoever waits has gone. Raises RateLimited when too many wait.
        """
        task = self._tasks.get(key)
        if task is None:
            if len(self._tasks) >= WAITING_MAX:
                raise RateLimited(TRY_AGAIN_SECONDS)
            task = asyncio.create_task(self._run(fetch), name=f"download-{key[:12]}")
            self._tasks[key] = task
            task.add_done_callback(lambda _: self._tasks.pop(key, None))
        await asyncio.shield(task)

    async def close(self) -> None:
        """Cut off what is under way; it is fetched again when somebody looks."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, fetch: Callable[[], Awaitable[None]]) -> None:
        async with self._slots:
            await fetch()
