"""The engine of one process: rows of the table `job`, worked off by tasks beside the requests.

It sleeps until a `job` signal or the earliest instant at which a job wants to run. What is begun is claimed for
a limited time, so work that a killed process had begun is begun again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from fedserver.context import Server
from fedserver.jobs.handlers import Kind
from storage import jobs
from storage.jobs import Job
from storage.types import now_ms

log = logging.getLogger("fedserver.jobs")

AT_ONCE: Final = 8
LEASE_MARGIN_MS: Final = 30_000  # beyond the longest time limit: for the note that it is done
LOOK_AGAIN_SECONDS: Final = 60.0
AGAIN_SECONDS: Final = 1.0
STOP_SECONDS: Final = 10.0


class EmbeddedEngine:
    """See the module; `start` and `stop` it with the server."""

    def __init__(self, server: Server, kinds: Mapping[str, Kind]) -> None:
        self._server = server
        self._db = server.db
        self._kinds = kinds
        self._names = sorted(kinds)
        longest = max((kind.timeout_seconds for kind in kinds.values()), default=0.0)
        self._lease_ms = int(longest * 1000) + LEASE_MARGIN_MS
        self._time_scale = server.config.testing.time_scale
        self._wake = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._done_ids: list[int] = []  # noted with the next look at the queue
        self._dispatcher: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] | None = None

    async def start(self) -> None:
        """Begin; what was under way when the last process ended is due at once."""
        self._unsubscribe = self._server.bus.subscribe("job", lambda _: self._wake.set())
        await self._db.write(jobs.recover)
        self._dispatcher = asyncio.create_task(self._dispatch(), name="jobs")

    async def stop(self) -> None:
        """Begin nothing more; after a few seconds what is under way is cut off, and runs at the next start."""
        if self._unsubscribe is not None:
            self._unsubscribe()
        if self._dispatcher is not None:
            self._dispatcher.cancel()
            await asyncio.gather(self._dispatcher, return_exceptions=True)
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=STOP_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._done_ids:
            await self._db.write(jobs.finish, self._done_ids)

    async def _dispatch(self) -> None:
        while True:
            try:
                self._wake.clear()
                wait = await self._begin()
            except Exception:
                # The database may be away for a while; what is planned stays planned.
                log.exception("Jobs could not be read; trying again.")
                wait = AGAIN_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()

    async def _begin(self) -> float:
        """Start what is due and fits; seconds until there may be more."""
        free = AT_ONCE - len(self._running)
        if free <= 0:
            return LOOK_AGAIN_SECONDS  # A job that ends wakes us.
        now = now_ms()
        done_ids, self._done_ids = self._done_ids, []
        try:
            claimed, next_at = await self._db.write(
                jobs.turn, self._names, done_ids, limit=free, now=now, until=now + self._lease_ms
            )
        except BaseException:
            self._done_ids += done_ids
            raise
        for job in claimed:
            task = asyncio.create_task(self._run(job), name=f"job-{job.kind}")
            self._running.add(task)
            task.add_done_callback(self._done)
        if len(claimed) == free:
            return LOOK_AGAIN_SECONDS
        return (
            LOOK_AGAIN_SECONDS
            if next_at is None
            else min(LOOK_AGAIN_SECONDS, max(0.001, (next_at - now_ms()) / 1000))
        )

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()

    async def _run(self, job: Job) -> None:
        kind = self._kinds[job.kind]
        try:
            async with asyncio.timeout(kind.timeout_seconds):
                await kind.handler(self._server, job.payload)
        except Exception as error:
            # One job's fault is its own: it is tried again, and in the end shown to an admin.
            wait_ms = kind.retry_ms(job.attempts, self._time_scale)
            text = f"{type(error).__name__}: {error}"
            log.log(
                logging.WARNING if wait_ms is not None else logging.ERROR,
                "Job %s (%d) failed, attempt %d: %s",
                job.kind,
                job.id,
                job.attempts,
                text,
                exc_info=error,
            )
            retry_at = None if wait_ms is None else now_ms() + wait_ms
            await self._db.write(jobs.fail, job, text, retry_at=retry_at)
            self._server.metrics.jobs.labels(job.kind, "retried" if wait_ms is not None else "failed").inc()
        else:
            self._server.metrics.jobs.labels(job.kind, "done").inc()
            self._done_ids.append(job.id)
