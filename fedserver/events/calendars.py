"""Calendars to subscribe to: of one event, of whatever anybody may find, and a member's own under a secret address."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import settings, visibility
from fedserver.content.text import clean_line
from fedserver.context import Server
from fedserver.errors import Conflict, NotFound
from fedserver.events import finding, ics, reading
from fedserver.events.finding import Wanted
from fedserver.events.reading import Shown
from fedserver.remembered import digest
from fedserver.viewer import Member
from storage import accounts, events
from storage import calendars as stored
from storage.types import DAY_MS, now_ms

EVENTS_MAX: Final = 500
BACK_MS: Final = 90 * DAY_MS
"""How long what is over stays in a calendar."""
TOKENS_MAX: Final = 20
TOKEN_BYTES: Final = 24


async def of_event(server: Server, viewer_id: int | None, post_id: int) -> bytes:
    """An event as a calendar of its own. Raises NotFound."""
    found = await reading.show(server, viewer_id, post_id)
    return ics.calendar(found.row.title, [found], url=found.row.url)


async def of_everybody(server: Server, wanted: Wanted, *, path: str) -> bytes:
    """What anybody may find of what is asked for: on this server, on partners', and wherever else this one knows of it. `path` is
    the page that shows the same. Raises Invalid."""
    finding.check(wanted)
    title = (await settings.current(server)).title

    def unit(conn: Connection) -> bytes:
        asked = finding.asked_of(conn, server, wanted)
        since = now_ms() - BACK_MS
        rows = stored.coming(conn, asked, since, visibility.listed(None), limit=EVENTS_MAX)
        known = reading.of_rows(conn, finding.once(rows), None)
        return ics.calendar(title, list(known.values()), url=f"{server.config.origin}{path}")

    return await server.db.read(unit)


async def of_token(server: Server, token: str, *, with_groups: bool = False) -> bytes:
    """A member's own calendar: what they go to, wait for or organise, perhaps also what their groups do; with the link to join
    where they are in and it is due. Raises NotFound for a token that was taken back."""

    def unit(conn: Connection) -> tuple[Any, bytes]:
        found = events.token(conn, digest(token).hex())
        row = None if found is None else accounts.by_id(conn, found.account_id)
        if row is None or row.suspended_at is not None or row.deleted_at is not None:
            raise NotFound
        rows = stored.of_member(
            conn, row.id, now_ms() - BACK_MS, visibility.predicate(row.id), limit=EVENTS_MAX, with_groups=with_groups
        )  # fmt: skip
        known = reading.of_rows(conn, rows, row.id)
        return found, ics.calendar(
            row.display_name or row.username,
            list(known.values()),
            links=_links(known.values(), row.id),
        )

    found, body = await server.db.read(unit)
    today = now_ms() // DAY_MS * DAY_MS
    if found.used_at is None or found.used_at < today:
        # The day is enough to see which address nobody needs any more, and says nothing about anybody's hours.
        await server.db.write(events.use_token, found.id, today)
    return body


def _links(found: Iterable[Shown], viewer_id: int) -> dict[int, str]:
    """By occurrence the link to join, where it is due and the viewer is in, or organises it."""
    return {
        one.id: shown.row.join_url
        for shown in found
        if shown.row.join_url and shown.row.status != "cancelled"
        for one in shown.occurrences
        if reading.is_near(one)
        and (shown.row.account_id == viewer_id or (one.id in shown.answers and shown.answers[one.id].state == "in"))
    }  # fmt: skip


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
