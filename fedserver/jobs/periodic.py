"""What has to be done from time to time, whether or not anything happened: forgetting what nobody needs."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from fedserver.context import Server

log = logging.getLogger("fedserver.periodic")

FIRST_AFTER_SECONDS: Final = 60.0
BETWEEN_PARTS_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Chore:
    """A unit that runs every so many seconds. Several processes may run it, each at its own time."""

    name: str
    seconds: float
    unit: Callable[[Connection], object]
    in_parts: bool = False  # the unit does a part, and says whether there is more: then it is run again soon


class Chores:
    """Runs each chore at its interval, beginning a minute after the start; a failed one is tried the next time."""

    def __init__(self, server: Server, chores: Sequence[Chore]) -> None:
        self._server = server
        self._chores = chores
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        self._tasks = [asyncio.create_task(self._repeat(chore), name=chore.name) for chore in self._chores]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _repeat(self, chore: Chore) -> None:
        scale = self._server.config.testing.time_scale
        await asyncio.sleep(FIRST_AFTER_SECONDS / scale)
        while True:
            try:
                await self._do(chore)
            except Exception:
                log.exception("The chore %s failed.", chore.name)
            # Spread, so that processes started together do not keep meeting.
            await asyncio.sleep(chore.seconds / scale * random.uniform(0.9, 1.1))  # noqa: S311

    async def _do(self, chore: Chore) -> None:
        more = await self._server.db.write(chore.unit)
        while more and chore.in_parts:
            await asyncio.sleep(BETWEEN_PARTS_SECONDS)
            more = await self._server.db.write(chore.unit)
