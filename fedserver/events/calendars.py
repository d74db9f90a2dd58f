"""Calendars to subscribe to: of one event, of the server, of a group, and a member's own under a secret address."""

from __future__ import annotations

import secrets
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import settings, visibility
from fedserver.content.text import clean_line
from fedserver.context import Server
from fedserver.errors import Conflict, NotFound
from fedserver.events import ics, reading
from fedserver.remembered import digest
from fedserver.viewer import Member
from storage import accounts, events
from storage.types import now_ms

EVENTS_MAX: Final = 500
BACK_MS: Final = 90 * 86_400_000
"""How long what is over stays in a calendar."""
TOKENS_MAX: Final = 20
TOKEN_BYTES: Final = 24


async def of_event(server: Server, viewer_id: int | None, post_id: int) -> bytes:
    """An event as a calendar of its own. Raises NotFound."""
    found = await reading.show(server, viewer_id, post_id)
    return ics.calendar(found.row.title, [found], url=found.row.url)


async def of_server(server: Server, viewer_id: int | None) -> bytes:
    """What members of this server have announced to everybody, as far as the viewer may see it."""
    title = (await settings.current(server)).title

    def unit(conn: Connection) -> bytes:
        rows = events.coming(
            conn, now_ms() - BACK_MS, visibility.listed(viewer_id), limit=EVENTS_MAX, local=True
        )
        return _calendar(conn, title, rows, viewer_id, url=f"{server.config.origin}/events")

    return await server.db.read(unit)


async def of_token(server: Server, token: str) -> bytes:
    """A member's own calendar: what they go to, wait for or organise. Raises NotFound for a token that was taken back."""

    def unit(conn: Connection) -> bytes:
        found = events.token(conn, digest(token).hex())
        row = None if found is None else accounts.by_id(conn, found.account_id)
        if row is None or row.suspended_at is not None or row.deleted_at is not None:
            raise NotFound
        rows = events.of_member(
            conn, row.id, now_ms() - BACK_MS, visibility.predicate(row.id), limit=EVENTS_MAX
        )
        return _calendar(conn, f"{row.display_name or row.username}", rows, row.id)

    return await server.db.read(unit)


def _calendar(conn: Connection, name: str, rows: list[Any], viewer_id: int | None, *, url: str = "") -> bytes:
    found = reading.of_rows(conn, rows, viewer_id)
    return ics.calendar(name, [found[row.id] for row in rows], url=url)


# -- secret addresses


async def add_token(server: Server, member: Member, label: str) -> tuple[Any, str]:
    """A new secret address of the member's calendar: its row, and the secret, which nobody learns again. Raises Conflict."""
    secret = secrets.token_urlsafe(TOKEN_BYTES)

    def unit(conn: Connection) -> Any:
        if len(events.tokens(conn, member.account_id)) >= TOKENS_MAX:
            raise Conflict(f"You have {TOKENS_MAX} of these: take one back first.")
        events.add_token(conn, member.account_id, digest(secret).hex(), clean_line(label)[:100])
        return events.tokens(conn, member.account_id)[0]

    return await server.db.write(unit), secret


async def tokens(server: Server, member: Member) -> list[Any]:
    """The member's secret addresses, newest first."""
    return await server.db.read(events.tokens, member.account_id)


async def remove_token(server: Server, member: Member, token_id: int) -> None:
    """Take a secret address back: it shows nothing from now on. Raises NotFound."""
    if not await server.db.write(events.remove_token, member.account_id, token_id):
        raise NotFound("Record not found")
