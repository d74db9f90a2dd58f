"""Signals by way of Valkey (or Redis), for servers of several processes that have one anyway.

PostgreSQL's own NOTIFY goes out with the transaction; here a signal follows the commit, so a process that is killed in
between takes it along. Nothing depends on each: queues are looked at now and then, caches are believed for seconds.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

log = logging.getLogger("fedserver.database")

PATIENCE_SECONDS: Final = 5.0
# So that a lost connection is noticed though nothing is said.
HEALTH_CHECK_SECONDS: Final = 30


class Valkey:
    """A connection to the Valkey at `url`; processes with the same `name` hear each other."""

    def __init__(self, url: str, name: str) -> None:
        import redis  # the client, which only these servers need

        self._url = _spelled(url)
        self._channel = f"fedserver:{name}"
        self._client = redis.Redis.from_url(
            self._url, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS
        )

    def publish(self, heard: Sequence[tuple[str, str]]) -> None:
        """Tell every process, this one too; from any thread. What cannot be told is logged, for the rows are written."""
        import redis

        try:
            with self._client.pipeline(transaction=False) as pipeline:
                for channel, payload in heard:
                    pipeline.publish(self._channel, f"{channel} {payload}")
                pipeline.execute()
        except redis.RedisError as error:
            log.warning("Other processes could not be told of a change (%s).", error)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[AsyncIterator[tuple[str, str]]]:
        """What is told from here on, as (channel, payload). Raises ConnectionError when the connection is lost."""
        import redis
        import redis.asyncio

        client: Any = redis.asyncio.Redis.from_url(
            self._url, socket_connect_timeout=PATIENCE_SECONDS, health_check_interval=HEALTH_CHECK_SECONDS
        )
        try:
            async with client.pubsub(ignore_subscribe_messages=True) as ear:
                await ear.subscribe(self._channel)
                yield _told(ear)
        except (redis.RedisError, OSError) as error:
            raise ConnectionError(str(error)) from error
        finally:
            await client.aclose()

    def close(self) -> None:
        """Let go of its connections."""
        self._client.close()


async def _told(ear: Any) -> AsyncIterator[tuple[str, str]]:
    while True:
        message = await ear.get_message(ignore_subscribe_messages=True, timeout=HEALTH_CHECK_SECONDS)
        if message is not None:
            channel, _, payload = message["data"].decode().partition(" ")
            yield channel, payload


def _spelled(url: str) -> str:
    """The address as the client spells it."""
    return url.replace("valkey://", "redis://", 1).replace("valkeys://", "rediss://", 1)
