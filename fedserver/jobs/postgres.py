"""The engine of many processes: PgQueuer, on the tables that `storage.jobs` writes in the units' transactions.

PgQueuer hears of new work by NOTIFY, hands each job to one worker, notices by heartbeats when a worker has died,
and keeps what was given up. What a kind's limits are is ours.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Final

import psycopg
from pgqueuer.adapters.drivers.psycopg import PsycopgDriver
from pgqueuer.core.qm import QueueManager
from pgqueuer.errors import RetryRequested
from pgqueuer.models import Job
from pgqueuer.queries import Queries

from fedserver.context import Server
from fedserver.jobs.handlers import Kind
from storage import jobs

log = logging.getLogger("fedserver.jobs")

AT_ONCE: Final = 20
BATCH: Final = 10
AGAIN_SECONDS: Final = 1.0
STOP_SECONDS: Final = 10.0
LOOK_AGAIN: Final = timedelta(
    seconds=10
)  # PgQueuer does not wake its workers for a job put off by its handler.
DEAD_AFTER: Final = timedelta(seconds=30)


class _Driver(PsycopgDriver):
    """PgQueuer's driver with a connection for listening alone: on a shared one, whoever asks waits for a second."""

    def __init__(self, asking: psycopg.AsyncConnection, listening: psycopg.AsyncConnection) -> None:
        super().__init__(listening)
        self._asking = PsycopgDriver(asking)

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        return await self._asking.fetch(query, *args)

    async def execute(self, query: str, *args: object) -> str:
        return await self._asking.execute(query, *args)


class PostgresEngine:
    """See the module; `start` and `stop` it with the server."""

    def __init__(self, server: Server, kinds: Mapping[str, Kind]) -> None:
        self._server = server
        self._kinds = kinds
        self._time_scale = server.config.testing.time_scale
        self._dsn = server.db.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._manager: QueueManager | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin; what a dead worker had begun is begun again once its heartbeat is missed."""
        if self._kinds:
            self._task = asyncio.create_task(self._work(), name="jobs")

    async def stop(self) -> None:
        """Begin nothing more; after a few seconds what is under way is cut off, and runs elsewhere or later."""
        if self._task is None:
            return
        if self._manager is not None:
            self._manager.shutdown.set()
        done, _ = await asyncio.wait([self._task], timeout=STOP_SECONDS)
        if not done:
            self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            try:
                async with await self._connect() as asking, await self._connect() as listening:
                    self._manager = self._build(Queries(_Driver(asking, listening)))
                    await self._manager.run(
                        dequeue_timeout=LOOK_AGAIN,
                        batch_size=BATCH,
                        max_concurrent_tasks=AT_ONCE,
                        heartbeat_timeout=DEAD_AFTER,
                    )
                    return  # `stop` asked for it.
            except Exception:
                # The database may be away for a while; what is planned stays planned.
                log.exception("The jobs' connection was lost; opening another.")
            await asyncio.sleep(AGAIN_SECONDS)

    async def _connect(self) -> psycopg.AsyncConnection:
        return await psycopg.AsyncConnection.connect(self._dsn, autocommit=True)

    def _build(self, queries: Queries) -> QueueManager:
        manager = QueueManager(queries)
        for kind in self._kinds.values():
            manager.entrypoint(kind.name, on_failure="hold")(self._entrypoint(kind))
        return manager

    def _entrypoint(self, kind: Kind) -> Callable[[Job], Awaitable[None]]:
        async def run(job: Job) -> None:
            # From here on the same may be planned again: this run may have read too early to see it.
            await self._server.db.write(jobs.release_key, int(job.id))
            attempts = job.attempts + 1
            try:
                async with asyncio.timeout(kind.timeout_seconds):
                    await kind.handler(self._server, json.loads(job.payload or b"{}"))
            except Exception as error:
                wait_ms = kind.retry_ms(attempts, self._time_scale)
                result = "failed" if wait_ms is None else "retried"
                self._server.metrics.jobs.labels(kind.name, result).inc()
                if wait_ms is None:
                    raise
                log.warning("Job %s (%d) failed, attempt %d.", kind.name, job.id, attempts, exc_info=error)
                raise RetryRequested(
                    timedelta(milliseconds=wait_ms), f"{type(error).__name__}: {error}"
                ) from error
            self._server.metrics.jobs.labels(kind.name, "done").inc()

        return run
