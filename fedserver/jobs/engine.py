"""Which engine does the planned work: the one that fits the database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from fedserver.context import Server
from fedserver.jobs.handlers import Kind, kinds


class Engine(Protocol):
    """Does planned work beside the requests."""

    async def start(self) -> None:
        """Begin, also with what an earlier process left behind."""

    async def stop(self) -> None:
        """Begin nothing more, give what is under way a few seconds, and put the rest back."""


def open_engine(server: Server, known: Mapping[str, Kind] | None = None) -> Engine:
    """PgQueuer on PostgreSQL, workers in this process on SQLite. `known` are the kinds it does; all by default."""
    known = kinds() if known is None else known
    if server.db.dialect == "postgresql":
        from fedserver.jobs.postgres import PostgresEngine

        return PostgresEngine(server, known)
    from fedserver.jobs.embedded import EmbeddedEngine

    return EmbeddedEngine(server, known)
