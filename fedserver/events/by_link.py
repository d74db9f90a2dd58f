"""What people without an account here do under the secret address that they were sent: see and change what they answered to an
event, take the calendar file, join, hear no more, and make the address useless.

Opening it changes nothing, because scanners open addresses, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.events import answers, ics, pages, reading
from fedserver.events.pages import EventView
from fedserver.remembered import digest
from storage import accounts, event_keys
from storage.accounts import AccountRow


@dataclass(frozen=True, slots=True)
class Opened:
    """The event as the person sees it, with what they answered; whether they want to hear nothing more."""

    view: EventView
    handle: str
    silent: bool


class AddressEnded(NotFound):
    """It was made useless, or never was one."""

    default = "This address does not work any more."


async def look_at(server: Server, secret: str) -> Opened:
    """What the address opens. Raises NotFound."""

    def unit(conn: Connection) -> Opened:
        post_id, person = _opened(conn, secret)
        view = pages.view_of(server.config, reading.shown(conn, post_id, person.id), person.id)
        handle = f"@{person.username}@{person.domain}"
        return Opened(view, handle, person.id in event_keys.silent(conn, [person.id]))

    return await server.db.read(unit)


async def answer(server: Server, secret: str, status: str, *, keys: Sequence[str] | None) -> None:
    """Answer anew, to some occurrences or (None) all that are to come. Raises NotFound, Invalid, Forbidden, Conflict."""

    def unit(conn: Connection) -> None:
        post_id, person = _opened(conn, secret)
        answers.answer_unit(conn, server, person.id, post_id, status, keys=keys)

    await server.db.write(unit)


async def hear(server: Server, secret: str, *, wanted: bool) -> None:
    """Have nothing more told of any event here, or (`wanted`) again. Raises NotFound."""

    def unit(conn: Connection) -> None:
        _, person = _opened(conn, secret)
        (event_keys.end_silence if wanted else event_keys.silence)(conn, person.id)

    await server.db.write(unit)


async def revoke(server: Server, secret: str) -> None:
    """Make useless all addresses that this person has for the event; the answer stays. Raises NotFound."""

    def unit(conn: Connection) -> None:
        post_id, person = _opened(conn, secret)
        event_keys.remove(conn, post_id, person.id)

    await server.db.write(unit)


async def calendar(server: Server, secret: str) -> bytes:
    """The event as iCalendar. Raises NotFound."""

    def unit(conn: Connection) -> bytes:
        post_id, person = _opened(conn, secret)
        found = reading.shown(conn, post_id, person.id)
        return ics.calendar(found.row.title, [found], url=found.row.url)

    return await server.db.read(unit)


async def join_link(server: Server, secret: str) -> str:
    """Where to join, for who is in, near the time. Raises NotFound, Forbidden."""

    def unit(conn: Connection) -> str:
        post_id, person = _opened(conn, secret)
        return answers.join_link_unit(conn, post_id, person.id)

    return await server.db.read(unit)


def _opened(conn: Connection, secret: str) -> tuple[int, AccountRow]:
    found = event_keys.by_digest(conn, digest(secret).hex())
    person = None if found is None else accounts.by_id(conn, found.account_id)
    if found is None or person is None or person.suspended_at is not None or person.deleted_at is not None:
        raise AddressEnded
    return found.post_id, person
