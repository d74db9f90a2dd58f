"""How the work stands that is done behind the requests: deliveries, jobs, what has arrived; and what hinders it."""

from __future__ import annotations

import asyncio
import shutil
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection

from fedserver.config import Config
from fedserver.context import Server
from storage import deliveries, inbox_queue, jobs, migrate

DATABASE_SECONDS_MAX: Final = 5
FREE_BYTES_MIN: Final = 50_000_000


def status_of(conn: Connection) -> dict[str, Any]:
    """Counts and ages in seconds: of all queues together, and each of ``deliveries``, ``jobs`` and ``inbox``.

    ``hosts`` are the other servers with most waiting for them. A unit.
    """
    out = deliveries.queue_status(conn)
    hosts = out.pop("hosts")
    queues: dict[str, dict[str, int]] = {
        "deliveries": out,
        "jobs": jobs.queue_status(conn),
        "inbox": inbox_queue.queue_status(conn),
    }
    return {
        **{
            state: sum(queue[state] for queue in queues.values())
            for state in ("waiting", "running", "failed")
        },
        "oldest_seconds": max(queue["oldest_seconds"] for queue in queues.values()),
        **queues,
        "hosts": hosts,
    }


async def status(server: Server) -> dict[str, Any]:
    """`status_of` the server's database."""
    return await server.db.read(status_of)


async def measure(server: Server) -> None:
    """Set the gauges of the queues to how they stand now."""
    now = await status(server)
    for name in ("deliveries", "jobs", "inbox"):
        for state in ("waiting", "running", "failed"):
            server.metrics.queue_depth.labels(name, state).set(now[name][state])
        server.metrics.queue_oldest_seconds.labels(name).set(now[name]["oldest_seconds"])


async def problems(server: Server) -> list[str]:
    """Why this server should get no requests now, as sentence parts; none when all is well."""
    found: list[str] = []
    try:
        async with asyncio.timeout(DATABASE_SECONDS_MAX):
            if not await server.db.read(_is_current):
                found.append("the database needs migrating: run fedserver migrate")
    except TimeoutError:
        found.append(f"the database did not answer within {DATABASE_SECONDS_MAX} seconds")
    except Exception as error:
        # Whatever stands between us and the database, its name is all that a watcher needs.
        found.append(f"the database does not answer ({type(error).__name__})")
    if await asyncio.to_thread(_free_bytes, server.config) < FREE_BYTES_MIN:
        found.append("the disk of the data directory is full")
    return found


def _is_current(conn: Connection) -> bool:
    return migrate.revision_of(conn) == _newest_revision()


@cache
def _newest_revision() -> str | None:
    return migrate.head()


def _free_bytes(config: Config) -> int:
    return shutil.disk_usage(config.data_dir).free
