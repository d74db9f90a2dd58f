"""Events as catalogues, feed readers and site maps see them: what anybody may find."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from fedserver import settings, visibility
from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.events import finding, reading, saying, schema_org
from fedserver.events.finding import Wanted
from fedserver.events.reading import Shown, described_of
from storage import calendars


async def document(server: Server, post_id: int) -> dict[str, Any]:
    """An event of this server as JSON-LD. Raises NotFound."""
    found = await reading.show(server, None, post_id)
    if not found.row.local:
        raise NotFound("Record not found")
    return schema_org.document(server.config, (await settings.current(server)).title, found)


async def newest(server: Server, wanted: Wanted, *, limit: int) -> list[Shown]:
    """What was announced last of what fits, each once. Raises Invalid."""
    finding.check(wanted)

    def unit(conn: Connection) -> list[Shown]:
        asked = finding.asked_of(conn, server, wanted)
        rows = finding.once(calendars.newest(conn, asked, visibility.listed(None), limit=limit))
        known = reading.of_rows(conn, rows, None)
        return [known[row.id] for row in rows]

    return await server.db.read(unit)


def summary(found: Shown) -> str:
    """When, where and what, as plain text."""
    spans = [(one.key, one.starts_at, one.ends_at) for one in found.occurrences if one.status != "cancelled"]
    return saying.summary(described_of(found.row), spans)
