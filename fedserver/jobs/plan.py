"""Write down work inside the unit that causes it; an engine runs it after the commit.

Either both are durable or neither is. A handler may run twice, and must leave the same result behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from storage import jobs


def plan(
    conn: Connection,
    kind: str,
    payload: Mapping[str, Any],
    *,
    key: str | None = None,
    not_before_ms: int | None = None,
) -> None:
    """Have the handler registered for `kind` called with `payload` (JSON), at `not_before_ms` at the earliest.

    While a job of this kind and `key` waits, planning it again keeps the one that is there.
    """
    jobs.add(conn, kind, payload, key=key, not_before_ms=not_before_ms)


def plan_many(conn: Connection, kind: str, wanted: Sequence[tuple[Mapping[str, Any], str | None]]) -> None:
    """`plan` for each (payload, key), now, in one statement."""
    jobs.add_many(conn, kind, wanted)
