"""How the activities stand that have arrived and wait to be acted on."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from storage.tables import inbox_item
from storage.types import now_ms


def queue_status(conn: Connection) -> dict[str, int]:
    """How many are ``waiting``, ``running`` (always 0: a batch is one transaction) and ``failed``, and
    ``oldest_seconds``: for how long the oldest has been due."""
    state = inbox_item.c.state
    row = conn.execute(
        select(
            func.count().filter(state == "waiting"),
            func.count().filter(state == "failed"),
            func.min(inbox_item.c.next_at).filter(state == "waiting"),
        ).where(state.in_(["waiting", "failed"]))
    ).one()
    oldest = 0 if row[2] is None else max(0, now_ms() - row[2]) // 1000
    return {"waiting": row[0], "running": 0, "failed": row[1], "oldest_seconds": oldest}
