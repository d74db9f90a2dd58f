"""How many statements something costs, whatever else the server does meanwhile; and how many rows each unit writes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, text

from fedserver.context import Server


async def fewest_statements(server: Server, act: Callable[[], Awaitable[object]], *, times: int = 4) -> int:
    """The fewest statements that ran during one of several `act()`: jobs and what is refreshed now and then also count, but not each time."""
    counts: list[int] = []
    for _ in range(times):
        before = server.db.statements
        await act()
        counts.append(server.db.statements - before)
    return min(counts)


@contextmanager
def rows_written(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many rows each unit has inserted, changed and deleted meanwhile, those included that went with others."""
    written: list[int] = []
    kind = type(server.db)
    write = kind.write

    async def counted(self: Any, unit: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        def observed(conn: Connection) -> Any:
            before = _rows(conn)
            result = unit(conn, *args, **kwargs)
            written.append(_rows(conn) - before)
            return result

        return await write(self, observed)

    with monkeypatch.context() as patch:
        patch.setattr(kind, "write", counted)
        yield written


def _rows(conn: Connection) -> int:
    if conn.dialect.name == "sqlite":
        return int(conn.scalar(text("SELECT total_changes()")) or 0)
    asked = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_xact_all_tables WHERE schemaname = 'public'"
    return int(conn.scalar(text(asked)) or 0)
