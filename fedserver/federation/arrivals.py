"""Makes what arrives durable, many at once: those who come while one transaction commits share the next."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from fedserver.jobs.plan import plan
from storage import inbox, instances
from storage.database import Database
from storage.inbox import Arrival

BATCH_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Synchronisation:
    """What a sender says of its followers here (FEP-8fcf)."""

    account_id: int
    url: str
    digest: str


@dataclass(frozen=True, slots=True)
class _Waiting:
    arrival: Arrival
    host: str  # "" when this host was heard from a moment ago
    synchronisation: Synchronisation | None
    kept: asyncio.Future[None]


class Arrivals:
    """One for the process."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None

    async def keep(
        self,
        db: Database,
        arrival: Arrival,
        *,
        heard_from: str = "",
        synchronisation: Synchronisation | None = None,
    ) -> None:
        """Return when the arrival is durable; an error of the database is raised."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(arrival, heard_from, synchronisation, kept))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write(db), name="inbox-arrivals")
        await kept

    async def _write(self, db: Database) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
                try:
                    await db.write(_keep, batch)
                except Exception as error:  # each of those who wait is told, and answers for itself
                    for one in batch:
                        if not one.kept.done():
                            one.kept.set_exception(error)
                else:
                    for one in batch:
                        if not one.kept.done():
                            one.kept.set_result(None)
        finally:
            self._writing = None


def _keep(conn: Connection, batch: list[_Waiting]) -> None:
    # In one order everywhere, so that two processes with the same activities cannot lock each other out.
    inbox.add(conn, sorted(one.arrival for one in batch))
    for host in sorted({one.host for one in batch if one.host}):
        instances.heard_from(conn, host)
    for one in batch:
        said = one.synchronisation
        if said is not None:
            payload = {"account_id": said.account_id, "url": said.url, "digest": said.digest}
            plan(conn, "synchronise_followers", payload, key=str(said.account_id))
