"""Jobs that were planned and have not run, for tests whose `server` runs none: read, or done."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, select, text

from fedserver.context import Server
from fedserver.jobs import handlers
from storage import jobs, tables


def planned(conn: Connection, kind: str) -> list[dict[str, Any]]:
    """The payloads of the jobs of this kind that wait, the oldest first."""
    if conn.dialect.name == "postgresql":
        query = text(f"SELECT payload FROM {jobs._queue_table()} WHERE entrypoint = :kind ORDER BY id")
        return [json.loads(bytes(one)) for one in conn.scalars(query, {"kind": kind})]
    waiting = select(tables.job.c.payload).where(tables.job.c.kind == kind).order_by(tables.job.c.id)
    return [json.loads(one) for one in conn.scalars(waiting)]


async def do_planned(server: Server, *kinds: str) -> list[dict[str, Any]]:
    """Do the jobs of these kinds that wait, whenever they are due; their payloads. They go on waiting."""
    done = []
    for kind in kinds:
        for payload in await server.db.read(planned, kind):
            await handlers.kinds()[kind].handler(server, payload)
            done.append(payload)
    return done
