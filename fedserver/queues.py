"""How the work stands that is done behind the requests: deliveries, jobs, what has arrived; and what hinders it."""

from __future__ import annotations

import asyncio
import shutil
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from fedserver.config import Config
from fedserver.context import Server
from storage import deliveries, inbox, inbox_queue, instances, jobs, migrate

KINDS: Final = ("delivery", "job", "inbox")
DATABASE_SECONDS_MAX: Final = 5
FREE_BYTES_MIN: Final = 50_000_000


class GivenUp(NamedTuple):
    """Something that was given up: its kind (of `KINDS`), what it was, and why."""

    kind: str
    id: int
    what: str
    error: str


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


def given_up(conn: Connection) -> list[GivenUp]:
    """What was given up, the newest of each kind first: deliveries, jobs, what has arrived. A unit."""
    return [
        *(
            GivenUp("delivery", row.id, f"{row.uri} to {row.inbox_uri}", row.last_error)
            for row in deliveries.failed_listed(conn)
        ),
        *(GivenUp("job", one.id, one.kind, one.error) for one in jobs.failed_listed(conn)),
        *(GivenUp("inbox", row.id, row.activity_id, row.note) for row in inbox.failed_listed(conn)),
    ]


def retry(conn: Connection, kind: str, row_id: int) -> bool:
    """Try something that was given up once more; whether there was such a thing. A unit."""
    if kind == "delivery":
        return bool(deliveries.retry(conn, ids=[row_id]))
    return jobs.retry(conn, row_id) if kind == "job" else inbox.retry_failed(conn, row_id)


def drop(conn: Connection, kind: str, row_id: int) -> bool:
    """Forget something that was given up; whether there was such a thing. A unit."""
    if kind == "delivery":
        return bool(deliveries.drop(conn, ids=[row_id]))
    return jobs.drop(conn, row_id) if kind == "job" else inbox.drop_failed(conn, row_id)


def retry_host(conn: Connection, host: str) -> None:
    """Try everything that is meant for a server now, what was given up as well. A unit."""
    deliveries.retry(conn, host=host)
    instances.try_now(conn, host)


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
    if await asyncio.to_thread(free_bytes, server.config) < FREE_BYTES_MIN:
        found.append("the disk of the data directory is full")
    return found


def _is_current(conn: Connection) -> bool:
    return migrate.revision_of(conn) == _newest_revision()


@cache
def _newest_revision() -> str | None:
    return migrate.head()


def free_bytes(config: Config) -> int:
    """How much room is left where the data are. Blocks."""
    return shutil.disk_usage(config.data_dir).free
