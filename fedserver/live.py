"""Who wants to hear of a change at once: streams, workers that sleep, caches.

Channels are short names such as ``home:42``, ``delivery`` or ``token``; payloads are ids. What was changed is
read from the database by whoever hears, with the eyes of the viewer it is for.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from functools import partial

Hearer = Callable[[str], None]
QUEUE_MAX = 500  # a stream that falls further behind loses the oldest; its client pages on reconnect


class Bus:
    """Publish and subscribe within this process; `Database.listen` brings what other processes signal."""

    def __init__(self) -> None:
        self._hearers: defaultdict[str, list[Hearer]] = defaultdict(list)

    def tell(self, channel: str, payload: str) -> None:
        """Call everyone who subscribed to `channel`, with `payload`."""
        for hearer in list(self._hearers.get(channel, ())):
            hearer(payload)

    def subscribe(self, channel: str, hearer: Hearer) -> Callable[[], None]:
        """Call `hearer` for each payload on `channel`; the returned function ends that."""
        self._hearers[channel].append(hearer)

        def end() -> None:
            with suppress(ValueError):
                self._hearers[channel].remove(hearer)
            if not self._hearers[channel]:
                del self._hearers[channel]

        return end

    def queue(self, *channels: str) -> tuple[asyncio.Queue[tuple[str, str]], Callable[[], None]]:
        """A bounded queue of (channel, payload), and the function that ends the subscription."""
        waiting: asyncio.Queue[tuple[str, str]] = asyncio.Queue(QUEUE_MAX)

        def put(channel: str, payload: str) -> None:
            if waiting.full():
                waiting.get_nowait()
            waiting.put_nowait((channel, payload))

        ends = [self.subscribe(channel, partial(put, channel)) for channel in channels]

        def end() -> None:
            for stop in ends:
                stop()

        return waiting, end
