"""A process that only delivers, for tests that kill it: settings come from the environment."""

from __future__ import annotations

import asyncio

from fedserver import config
from fedserver.assembly import build_server


async def deliver_for_ever() -> None:
    async with build_server(config.load(), jobs=True):
        await asyncio.Event().wait()


def main() -> None:
    asyncio.run(deliver_for_ever())
