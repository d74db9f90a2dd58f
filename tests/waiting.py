"""Wait for what should happen, and no longer; say what was seen instead if it does not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

T = TypeVar("T")

SECONDS_MAX = 30.0
STEP_SECONDS = 0.05


def eventually(
    seen: Callable[[], T | None],
    what: str,
    instead: Callable[[], Any] | None = None,
    *,
    seconds: float = SECONDS_MAX,
) -> T:
    """The first true result of `seen`. AssertionError that names `what`, and shows `instead()`, after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        result = seen()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(
                f"{what} did not happen in {seconds:g} s" + (f": {instead()}" if instead else "")
            )
        time.sleep(STEP_SECONDS)


async def until(seen: Callable[[], Awaitable[Any] | Any], what: str, *, seconds: float = SECONDS_MAX) -> Any:
    """The same for tests that share the event loop with the server; `seen` may be a coroutine function."""
    end = time.monotonic() + seconds
    while True:
        result = seen()
        if isinstance(result, Awaitable):
            result = await result
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen in {seconds:g} s")
        await asyncio.sleep(STEP_SECONDS)
