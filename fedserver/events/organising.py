"""What organisers do about those who answer: see them, let them in, refuse them."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection

from fedserver.context import Server
from fedserver.errors import Forbidden, Invalid, NotFound
from fedserver.events import reading, seats, telling
from fedserver.events.records import News
from fedserver.viewer import Member
from storage import event_mail, events
from storage.event_mail import Person
from storage.events import EventRow, OccurrenceRow, RsvpRow
from storage.types import new_id

__all__ = ["Person"]

_OPEN_TO: Final = {
    "approve": ("asked", "refused"),
    "reject": ("asked", "in", "waiting"),
    "promote": ("waiting",),
}
"""The states of answers that each decision is about."""


async def decide(
    server: Server, member: Member, post_id: int, who: Person, decision: str, *, key: str = ""
) -> None:
    """What an organiser does about an answer: approve or reject who asks, promote who waits, whatever the limit says.

    Raises Invalid, NotFound, Forbidden.
    """
    if decision not in _OPEN_TO:
        raise Invalid({"decision": "must be approve, reject or promote"})
    await server.db.write(_decide, server, member.account_id, post_id, who, decision, key)


def _decide(
    conn: Connection, server: Server, by_id: int, post_id: int, who: Person, decision: str, key: str
) -> None:
    organised(conn, post_id, by_id)
    wanted = [one.id for one in events.occurrences(conn, post_id) if key in ("", one.key)]
    locked = events.locked(conn, wanted)
    row = organised(conn, post_id, by_id)  # with the limit as it is now
    answers = event_mail.answers_of(conn, who, wanted)
    news: dict[News, list[RsvpRow]] = {}
    for one in locked:
        known = answers.get(one.id)
        if known is None or known.answer != "going" or known.state not in _OPEN_TO[decision]:
            continue
        state = _state(row, one, known, decision)
        queue = {"queue": new_id()} if state == "waiting" else {}
        events.change_answer(conn, known.id, state=state, **queue)
        news.setdefault(state, []).append(known)
    changed = [one.occurrence_id for told in news.values() for one in told]
    events.count_anew(conn, *changed)
    for what, told in news.items():
        telling.tell(conn, server, row, what, told)
    for occurrence_id in changed if decision == "reject" else ():
        seats.promote(conn, server, occurrence_id)


def _state(row: EventRow, occurrence: OccurrenceRow, known: RsvpRow, decision: str) -> News:
    if decision == "reject":
        return "refused"
    limit = seats.capacity(row, occurrence)
    full = limit is not None and occurrence.going_count + known.guests + 1 > limit
    return "waiting" if decision == "approve" and full else "in"


def organised(conn: Connection, post_id: int, account_id: int) -> EventRow:
    """An event that this account organises. Raises NotFound, Forbidden."""
    row = reading.visible(conn, post_id, account_id)
    if row.account_id != account_id:
        raise Forbidden("This event is somebody else's.")
    return row


async def attendees(
    server: Server, member: Member, post_id: int, *, key: str, limit: int, after: int = 0
) -> list[Any]:
    """So many of the answers to an occurrence, behind a place in its `queue`, for who organises it. Raises NotFound, Forbidden."""

    def unit(conn: Connection) -> list[Any]:
        organised(conn, post_id, member.account_id)
        one = events.occurrence_by_key(conn, post_id, key)
        if one is None:
            raise NotFound("This event does not take place then.")
        return events.attendees(conn, [one.id], limit=limit, after=after).get(one.id, [])

    return await server.db.read(unit)
