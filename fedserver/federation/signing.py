"""Sign what leaves in threads, many requests in one go.

RSA lets go of the interpreter, so the event loop serves on meanwhile; but a thread asked for each single
signature costs a third of the signature again. What is asked for while a thread signs goes to it together.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

Headers = dict[str, str]
Make = Callable[[], Headers]

THREADS: Final = 2
TOGETHER_MAX: Final = 16


class Signers:
    """`sign` from the event loop's thread; `close` when nobody will any more."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="sign")
        self._waiting: deque[tuple[Make, asyncio.Future[Headers]]] = deque()
        self._at_work = 0

    async def sign(self, make: Make) -> Headers:
        """The headers that `make` returns; what it raises is raised here."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Headers] = loop.create_future()
        if not self._waiting:
            # Whoever asks in this turn of the loop goes along.
            loop.call_soon(self._begin, loop)
        self._waiting.append((make, future))
        return await future

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._waiting and self._at_work < THREADS:
            batch = [self._waiting.popleft() for _ in range(min(TOGETHER_MAX, len(self._waiting)))]
            self._at_work += 1
            self._threads.submit(self._work, loop, batch)

    def _work(
        self, loop: asyncio.AbstractEventLoop, batch: list[tuple[Make, asyncio.Future[Headers]]]
    ) -> None:
        done: list[tuple[asyncio.Future[Headers], Headers | Exception]] = []
        for make, future in batch:
            try:
                done.append((future, make()))
            except Exception as error:
                done.append((future, error))
        loop.call_soon_threadsafe(self._ended, loop, done)

    def _ended(
        self, loop: asyncio.AbstractEventLoop, done: list[tuple[asyncio.Future[Headers], Headers | Exception]]
    ) -> None:
        self._at_work -= 1
        for future, result in done:
            if future.done():  # nobody waits for it any more
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
        self._begin(loop)
