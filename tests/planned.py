"""Jobs that were planned and have not run, for tests whose `server` runs none."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, select, text

from storage import jobs, tables


def planned(conn: Connection, kind: str) -> list[dict[str, Any]]:
    """The payloads of the jobs of this kind that wait, the oldest first."""
    if conn.dialect.name == "postgresql":
        query = text(f"SELECT payload FROM {jobs._queue_table()} WHERE entrypoint = :kind ORDER BY id")
        return [json.loads(bytes(one)) for one in conn.scalars(query, {"kind": kind})]
    waiting = select(tables.job.c.payload).where(tables.job.c.kind == kind).order_by(tables.job.c.id)
    return [json.loads(one) for one in conn.scalars(waiting)]
