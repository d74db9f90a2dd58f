"""Calendars of deadlines to subscribe to: of one opportunity, of any query of the board, and a member's own under the secret
address of their calendar."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from fedserver import settings, visibility
from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.opportunities import reading
from fedserver.opportunities.faces import ics
from fedserver.opportunities.reading import Wanted
from fedserver.remembered import digest
from storage import accounts, events, opportunities
from storage.types import now_ms

DEADLINES_MAX: Final = 500


async def of_opportunity(server: Server, viewer_id: int | None, post_id: int) -> bytes:
    """Its deadline as a calendar of its own; an empty one once it is closed. Raises NotFound."""
    found = await reading.show(server, viewer_id, post_id)
    return ics.calendar(found.row.title, [found], url=found.row.url)


async def of_board(server: Server, viewer_id: int | None, wanted: Wanted, *, url: str) -> bytes:
    """The deadlines of what a query finds. Raises Invalid."""
    title = (await settings.current(server)).title
    page = await reading.board(server, viewer_id, wanted, limit=DEADLINES_MAX)
    return ics.calendar(f"{title}: deadlines", page.lines, url=url)


async def of_token(server: Server, token: str) -> bytes:
    """A member's own: the deadlines of what they have bookmarked or begun to apply to. Raises NotFound for a token that was taken
    back."""

    def unit(conn: Connection) -> bytes:
        found = events.token(conn, digest(token).hex())
        row = None if found is None else accounts.by_id(conn, found.account_id)
        if row is None or row.suspended_at is not None or row.deleted_at is not None:
            raise NotFound
        shown = visibility.predicate(row.id)
        rows = opportunities.of_member(conn, row.id, shown, now=now_ms(), limit=DEADLINES_MAX)
        return ics.calendar(f"{row.display_name or row.username}: deadlines", reading.of_rows(conn, rows))

    return await server.db.read(unit)
