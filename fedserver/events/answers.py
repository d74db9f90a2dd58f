"""Who goes: answers to occurrences, seats and the waiting list, in one unit each, so that no seat is given twice.

An occurrence is locked while an answer to it is decided. Whoever waits moves up in the order of asking, and is told once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from fedserver import notifications, visibility
from fedserver.content.text import clean_text
from fedserver.context import Server
from fedserver.errors import Conflict, Forbidden, Invalid, NotFound
from fedserver.events import reading
from fedserver.events.records import ANSWERS, decode_details
from fedserver.jobs.handlers import handles
from fedserver.viewer import Member
from storage import accounts, events, relationships
from storage import posts as stored_posts
from storage.events import EventRow, OccurrenceRow, RsvpRow
from storage.types import new_id, now_ms

ANSWER_CHARS_MAX: Final = 1_000
JOIN_OPENS_MS: Final = 60 * 60_000
"""How long before it begins those who are in are shown the link to join."""


async def answer(
    server: Server,
    member: Member,
    post_id: int,
    status: str,
    *,
    keys: Sequence[str] | None = None,
    guests: int = 0,
    questions: Mapping[str, str] | None = None,
) -> list[RsvpRow]:
    """Answer to some occurrences of an event, or (None) to all that are to come; the answers as they stand then.

    Raises Invalid, NotFound, Forbidden; Conflict when there is no seat and no waiting list, or it is too late.
    """

    def unit(conn: Connection) -> list[RsvpRow]:
        row, found = _asked(conn, post_id, keys, member.account_id)
        said = _checked(row, status, guests, questions or {})
        if not row.local:
            return _answer_elsewhere(conn, server, row, found, member.account_id, status, said)
        return [_answer(conn, server, row, one, member.account_id, status, said) for one in found]

    return await server.db.write(unit)


async def withdraw(
    server: Server, member: Member, post_id: int, *, keys: Sequence[str] | None = None
) -> None:
    """Say that one does not go, where one had answered at all. Raises NotFound."""

    def unit(conn: Connection) -> None:
        row, found = _asked(conn, post_id, keys, member.account_id, past=True)
        mine = events.answers_of(conn, member.account_id, [one.id for one in found])
        given = [one for one in found if one.id in mine and mine[one.id].answer != "declined"]
        if not row.local and given:
            _answer_elsewhere(conn, server, row, given, member.account_id, "declined", {"guests": 0})
            return
        for one in given:
            _answer(conn, server, row, one, member.account_id, "declined", {"guests": 0})

    await server.db.write(unit)


def receive_join(conn: Connection, server: Server, event_id: int, account_id: int, uri: str) -> list[RsvpRow]:
    """Somebody of another server wants to come, to all that is to come of it; their answers. None when that is not for them to
    ask."""
    try:
        row, found = _asked(conn, event_id, None, account_id)
    except (Forbidden, Conflict, NotFound):
        return []
    said = _checked(row, "going", 0, {}) | {"uri": uri}
    kept = []
    for one in found:
        # It is about all of them: whoever finds no seat at one call comes to the others.
        with suppress(Forbidden, Conflict):
            kept.append(_answer(conn, server, row, one, account_id, "going", said))
    return kept


def receive_leave(conn: Connection, server: Server, event_id: int, account_id: int) -> bool:
    """Somebody of another server does not come; whether they had asked to."""
    row = events.by_id(conn, event_id)
    if row is None or not row.local:
        return False
    known = False
    for one in events.occurrences(conn, event_id):
        rsvp = events.answer_of(conn, one.id, account_id)
        if rsvp is not None and rsvp.answer != "declined":
            known = True
            _answer(conn, server, row, one, account_id, "declined", {"guests": 0})
    return known


@handles("give_up_seats")
async def give_up_seats(server: Server, payload: dict[str, Any]) -> None:
    """Somebody is suspended, or their account is gone: they do not come to what is to come, and others move up. What a
    deleted account answered is forgotten."""
    await server.db.write(_give_up, server, payload["account_id"])


def _give_up(conn: Connection, server: Server, account_id: int) -> None:
    account = accounts.by_id(conn, account_id)
    if account is None or account.suspended_at is None:
        return  # they are back
    for one in events.answered(conn, account_id, None if account.deleted_at is not None else now_ms()):
        events.occurrence_locked(conn, one.id)
        if account.deleted_at is not None:
            events.remove_answer(conn, one.id, account_id)
        else:
            events.put_answer(conn, one.id, account_id, {"answer": "declined", "state": "", "guests": 0})
        events.count_anew(conn, one.id)
        promote(conn, server, one.id)


def _asked(
    conn: Connection, post_id: int, keys: Sequence[str] | None, account_id: int, *, past: bool = False
) -> tuple[EventRow, list[OccurrenceRow]]:
    """The event, which the account may see, and those of its occurrences that are meant."""
    row, post = events.by_id(conn, post_id), stored_posts.by_id(conn, post_id)
    if row is None or post is None or not visibility.may_see(conn, post, account_id):
        raise NotFound("Record not found")
    if relationships.either_blocks(conn, account_id, row.account_id):
        raise Forbidden("You cannot answer to this event.")
    every = events.occurrences(conn, post_id)
    if keys is not None:
        found = [one for one in every if one.key in keys]
        if len(found) != len(set(keys)):
            raise Invalid({"occurrences": "must be starts of this event, such as 20270312T1500"})
    else:
        found = [one for one in every if past or (one.ends_at > now_ms() and one.status != "cancelled")]
    if not found:
        raise Conflict("This event is over.")
    return row, found


def _checked(row: EventRow, status: str, guests: int, said: Mapping[str, str]) -> dict[str, Any]:
    problems: dict[str, str] = {}
    if status not in ANSWERS:
        problems["status"] = "must be going, maybe or declined"
    if not 0 <= guests <= row.guests_max:
        problems["guests"] = (
            f"can be {row.guests_max} at the most" if row.guests_max else "cannot be brought along"
        )
    questions = decode_details(row.details).questions
    if any(name not in questions for name in said):
        problems["answers"] = "must be answers to the questions of this event"
    if problems:
        raise Invalid(problems)
    if status != "going":
        return {"guests": 0}  # what was answered before stays
    kept = {name: clean_text(text)[:ANSWER_CHARS_MAX] for name, text in said.items()}
    return {"guests": guests, "answers": msgspec.json.encode(kept).decode()}


def _answer(
    conn: Connection,
    server: Server,
    row: EventRow,
    occurrence: OccurrenceRow,
    account_id: int,
    status: str,
    said: Mapping[str, Any],
) -> RsvpRow:
    """Keep one answer; whoever may move up because of it does."""
    locked = events.occurrence_locked(conn, occurrence.id)
    assert locked is not None
    known = events.answer_of(conn, locked.id, account_id)
    # Who was refused stays so, also by changing their mind, until the organiser lets them in.
    refused = known is not None and known.state == "refused"
    state = "refused" if refused else ""
    if status == "going":
        _check_open(row, locked)
        if refused:
            raise Forbidden("The organiser has refused this.")
        state = _state(row, locked, known, int(said["guests"]))
    columns: dict[str, Any] = {**said, "answer": status, "state": state}
    if state == "waiting" and (known is None or known.state != "waiting"):
        columns["queue"] = new_id()  # behind all who wait already
    kept = events.put_answer(conn, locked.id, account_id, columns)
    events.count_anew(conn, locked.id)
    if known is None or known.state not in ("in", "waiting"):
        return kept
    # They may have left a seat, or need fewer than they waited for.
    promote(conn, server, locked.id)
    return events.answer_of(conn, locked.id, account_id) or kept


def _answer_elsewhere(
    conn: Connection,
    server: Server,
    row: EventRow,
    found: Sequence[OccurrenceRow],
    account_id: int,
    status: str,
    said: Mapping[str, Any],
) -> list[RsvpRow]:
    """Keep an answer to another server's event, and tell that server: until it has answered, the answer is `sent`. A Join is about
    the whole event, whichever of its occurrences are meant."""
    every = [one.id for one in events.occurrences(conn, row.id)]
    mine = events.answers_of(conn, account_id, every)
    going = next((one for one in mine.values() if one.answer == "going" and one.state != "refused"), None)
    columns: dict[str, Any] = {**said, "answer": status, "state": "", "uri": ""}
    if status == "going":
        _check_open(row, found[0])
        kept_state = "sent" if going is None else going.state
        uri = server.uris.activity(new_id()) if going is None else going.uri
        columns |= {"state": kept_state, "uri": uri}
    kept = [events.put_answer(conn, one.id, account_id, columns) for one in found]
    if status == "going" and going is None:
        server.publish.joined(conn, row, kept[0])
    elif status != "going" and going is not None:
        still = events.answers_of(conn, account_id, every).values()
        if not any(one.answer == "going" and one.state != "refused" for one in still):
            server.publish.left(conn, row, account_id)
    return kept


def _check_open(row: EventRow, occurrence: OccurrenceRow) -> None:
    if occurrence.status == "cancelled" or row.status == "cancelled":
        raise Conflict("This is cancelled.")
    if occurrence.ends_at <= now_ms():
        raise Conflict("This is over.")
    if row.rsvp_closes_at is not None and row.rsvp_closes_at <= now_ms():
        raise Conflict("It is too late to sign up.")
    if row.rsvp_mode == "external":
        raise Conflict("One signs up for this event elsewhere.")
    if row.rsvp_mode == "none":
        raise Conflict("One need not sign up for this event.")
    if row.rsvp_mode == "invite":
        raise Forbidden("This event is for those who were invited.")


def _state(row: EventRow, occurrence: OccurrenceRow, known: RsvpRow | None, guests: int) -> str:
    """What becomes of somebody who wants to come."""
    was = known.state if known is not None else ""
    if row.rsvp_mode == "approval" and was not in ("in", "waiting"):
        return "asked"
    capacity = _capacity(row, occurrence)
    if capacity is None:
        return "in"
    taken = occurrence.going_count - (known.guests + 1 if known is not None and was == "in" else 0)
    # Who is in stays in; nobody passes those who wait.
    if taken + guests + 1 <= capacity and (was == "in" or not occurrence.waiting_count):
        return "in"
    if was == "in":
        raise Conflict("There are not that many seats left.")
    if not row.has_waiting_list:
        raise Conflict("Every seat is taken.")
    return "waiting"


def _capacity(row: EventRow, occurrence: OccurrenceRow) -> int | None:
    capacity: int | None = row.capacity if occurrence.capacity is None else occurrence.capacity
    return capacity


def promote(conn: Connection, server: Server, occurrence_id: int) -> None:
    """Give free seats to those who have waited longest, and tell them."""
    occurrence = events.occurrence_locked(conn, occurrence_id)
    row = None if occurrence is None else events.by_id(conn, occurrence.post_id)
    if (
        occurrence is None
        or row is None
        or occurrence.status == "cancelled"
        or occurrence.ends_at <= now_ms()
    ):
        return
    capacity, going = _capacity(row, occurrence), occurrence.going_count
    while (first := events.first_waiting(conn, occurrence_id)) is not None:
        if capacity is not None and going + first.guests + 1 > capacity:
            break
        events.change_answer(conn, first.id, state="in")
        going += first.guests + 1
        _tell_in(conn, server, row, first)
    events.count_anew(conn, occurrence_id)


def _tell_in(conn: Connection, server: Server, row: EventRow, answer_row: RsvpRow) -> None:
    """Somebody is in who had to wait, or ask: a member hears of it, another server gets its Accept."""
    notifications.notify(
        conn, answer_row.account_id, "update", row.account_id, post_id=row.id, thread_id=row.thread_id
    )
    if answer_row.uri:
        server.publish.join_answered(conn, row, answer_row, "in")


# -- organisers


async def decide(
    server: Server, member: Member, post_id: int, account_id: int, decision: str, *, key: str = ""
) -> None:
    """What an organiser does about an answer: approve or reject who asks, promote who waits, whatever the limit says.

    Raises Invalid, NotFound, Forbidden.
    """
    states = {"approve": ("asked", "refused"), "reject": ("asked", "in", "waiting"), "promote": ("waiting",)}
    if decision not in states:
        raise Invalid({"decision": "must be approve, reject or promote"})

    def unit(conn: Connection) -> None:
        row = organised(conn, post_id, member.account_id)
        for one in events.occurrences(conn, post_id):
            if key and one.key != key:
                continue
            locked = events.occurrence_locked(conn, one.id)
            assert locked is not None
            known = events.answer_of(conn, one.id, account_id)
            if known is None or known.answer != "going" or known.state not in states[decision]:
                continue
            _decide(conn, server, row, locked, known, decision)
            events.count_anew(conn, one.id)
            if decision == "reject":
                promote(conn, server, one.id)

    await server.db.write(unit)


def _decide(
    conn: Connection, server: Server, row: EventRow, occurrence: OccurrenceRow, known: RsvpRow, decision: str
) -> None:
    if decision == "reject":
        events.change_answer(conn, known.id, state="refused")
        if known.uri:
            server.publish.join_answered(conn, row, known, "refused")
        return
    capacity = _capacity(row, occurrence)
    full = capacity is not None and occurrence.going_count + known.guests + 1 > capacity
    if decision == "approve" and full:
        events.change_answer(conn, known.id, state="waiting", queue=new_id())
        if known.uri:
            server.publish.join_answered(conn, row, known, "waiting")
        return
    events.change_answer(conn, known.id, state="in")
    _tell_in(conn, server, row, known)


def organised(conn: Connection, post_id: int, account_id: int) -> EventRow:
    """An event that this account organises. Raises NotFound, Forbidden."""
    row = reading.visible(conn, post_id, account_id)
    if row.account_id != account_id:
        raise Forbidden("This event is somebody else's.")
    return row


async def attendees(server: Server, member: Member, post_id: int, *, key: str) -> list[Any]:
    """All answers to an occurrence, for who organises it. Raises NotFound, Forbidden."""

    def unit(conn: Connection) -> list[Any]:
        organised(conn, post_id, member.account_id)
        one = events.occurrence_by_key(conn, post_id, key)
        if one is None:
            raise NotFound("This event does not take place then.")
        return events.attendees(conn, one.id)

    return await server.db.read(unit)


# -- the link to join


async def join_link(server: Server, member: Member, post_id: int) -> str:
    """Where to join, for who organises it, and for who is in at an occurrence that begins within the hour or goes on.

    Raises NotFound; Forbidden for all others, and before.
    """
    return await server.db.read(_join_link, post_id, member.account_id)


def _join_link(conn: Connection, post_id: int, account_id: int) -> str:
    row, post = events.by_id(conn, post_id), stored_posts.by_id(conn, post_id)
    if row is None or post is None or not visibility.may_see(conn, post, account_id):
        raise NotFound("Record not found")
    if row.account_id != account_id:
        now = now_ms()
        near = [
            one.id
            for one in events.occurrences(conn, post_id)
            if one.starts_at - JOIN_OPENS_MS <= now < one.ends_at and one.status != "cancelled"
        ]
        mine = events.answers_of(conn, account_id, near)
        if not any(one.state == "in" for one in mine.values()):
            raise Forbidden("The link is for those who go, from an hour before it begins.")
    if not row.join_url:
        raise NotFound("This event has no link to join.")
    return str(row.join_url)
