"""A process that only delivers, for tests that kill it: settings come from the environment."""

from __future__ import annotations

import asyncio

from fedserver import config
from fedserver.assembly import build_server


async def deliver_for_ever() -> None:
    async with build_server(config.load(), jobs=True):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(deliver_for_ever())
