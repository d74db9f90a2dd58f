"""What organisers do about those who answer: see them, let them in, refuse them."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection

from fedserver.context import Server
from fedserver.errors import Forbidden, Invalid, NotFound
from fedserver.events import reading, seats, telling
from fedserver.events.records import News
from fedserver.moderation.permissions import Permission, allows
from fedserver.viewer import Member, Viewer
from storage import event_mail, events
from storage.event_mail import Person
from storage.events import EventRow, OccurrenceRow, RsvpRow
from storage.types import new_id

__all__ = ["Person"]

OF_SERVER: Final = ("public", "unlisted", "members")
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
    await server.db.write(_decide, server, member, post_id, who, decision, key)


def _decide(
    conn: Connection, server: Server, by: Member, post_id: int, who: Person, decision: str, key: str
) -> None:
    _looked_after(conn, post_id, by)
    wanted = [one.id for one in events.occurrences(conn, post_id) if key in ("", one.key)]
    locked = events.locked(conn, wanted)
    row = _looked_after(conn, post_id, by)  # with the limit as it is now
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


def looks_after(row: EventRow, viewer: Viewer) -> bool:
    """Whether somebody sees the answers to an event and decides about them: who announced it, and who looks after events of
    the server, as far as it was announced here, in no group, and not for some alone."""
    if viewer.account_id is None:
        return False
    if row.account_id == viewer.account_id:
        return True
    of_server = row.local and row.group_id is None and row.visibility in OF_SERVER
    return bool(of_server) and isinstance(viewer, Member) and allows(viewer.role, Permission.MANAGE_EVENTS)


def _looked_after(conn: Connection, post_id: int, member: Member) -> EventRow:
    row = reading.visible(conn, post_id, member.account_id)
    if not looks_after(row, member):
        raise Forbidden("This event is somebody else's.")
    return row


async def attendees(
    server: Server, member: Member, post_id: int, *, key: str, limit: int, after: int = 0
) -> list[Any]:
    """So many of the answers to an occurrence, behind a place in its `queue`, for who looks after it. Raises NotFound, Forbidden."""

    def unit(conn: Connection) -> list[Any]:
        _looked_after(conn, post_id, member)
        one = events.occurrence_by_key(conn, post_id, key)
        if one is None:
            raise NotFound("This event does not take place then.")
        return events.attendees(conn, [one.id], limit=limit, after=after).get(one.id, [])

    return await server.db.read(unit)
