"""Tell every process what a unit of work changed, once it has committed and never before.

``signal(conn, channel, payload)`` inside a unit. On PostgreSQL it is ``pg_notify`` in the unit's own
transaction, so all processes hear it; on SQLite, where there is one process, the database hands it on after
the commit. `Database.listen` receives both alike. Payloads are short: ids, never content.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

PENDING: Final = "signals"
CHANNEL: Final = "fedserver"
FROM_OUTSIDE: Final = ("setting", "instance", "shown", "delivery", "job", "inbox", "resource", "vocabulary")
"""What may have changed unheard, told without payload: a command has written to the SQLite file of a running server,
or the connection to PostgreSQL that listens was lost for a while."""
AT_ONCE: Final = frozenset({"shown", "resource", "vocabulary"})
"""What the process that changed it hears without the way over PostgreSQL, before the unit's caller goes on, and then again:
whoever has just changed something must see it changed."""
PAYLOAD_BYTES_MAX: Final = 7_900  # PostgreSQL refuses 8000


def signal(conn: Connection, channel: str, payload: str = "") -> None:
    """Announce that something on `channel` changed; delivered after the commit, dropped with a rollback."""
    pending: dict[tuple[str, str], None] = conn.info.setdefault(PENDING, {})
    pending[channel, payload] = None


def take(conn: Connection) -> list[tuple[str, str]]:
    """The signals of this unit, each once, and forget them."""
    pending: dict[tuple[str, str], None] = conn.info.pop(PENDING, {})
    return list(pending)
