"""Answers to events: to each occurrence one, given by members, by who joins from elsewhere, and by who votes.

An occurrence is locked while an answer to it is decided; seats are `fedserver.events.seats`' business. What is said of an event
is read after that, so that nobody answers to a limit that has been lowered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from fedserver import visibility
from fedserver.content.text import clean_text
from fedserver.context import Server
from fedserver.errors import Conflict, Forbidden, Invalid, NotFound
from fedserver.events import inviting, reading, seats, telling
from fedserver.events.records import ANSWERS, decode_details
from fedserver.jobs.plan import plan
from fedserver.polls import COUNTS_EVERY_MS
from fedserver.viewer import Member
from storage import event_mail, events, relationships
from storage import posts as stored_posts
from storage.event_mail import Person
from storage.events import EventRow, OccurrenceRow, RsvpRow
from storage.types import new_id, now_ms

ANSWER_CHARS_MAX: Final = 1_000


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
        return _answer(conn, server, row.id, found, Person(member.account_id), status, said)

    return await server.db.write(unit)


async def withdraw(
    server: Server, member: Member, post_id: int, *, keys: Sequence[str] | None = None
) -> None:
    """Say that one does not go, where one had answered at all. Raises NotFound."""

    def unit(conn: Connection) -> None:
        row, found = _asked(conn, post_id, keys, member.account_id, past=True)
        mine = events.answers_of(conn, member.account_id, [one.id for one in found])
        given = [one for one in found if one.id in mine and mine[one.id].answer != "declined"]
        if not given:
            return
        if row.local:
            _answer(conn, server, row.id, given, Person(member.account_id), "declined", {"guests": 0})
        else:
            _answer_elsewhere(conn, server, row, given, member.account_id, "declined", {"guests": 0})

    await server.db.write(unit)


def answer_unit(
    conn: Connection,
    server: Server,
    account_id: int,
    post_id: int,
    status: str,
    *,
    keys: Sequence[str] | None = None,
) -> list[RsvpRow]:
    """Answer by a word alone, as a vote does: guests and what was said to questions stay as they were, and of a series who finds
    no seat at one occurrence comes to the others.

    Raises as `answer` does; Conflict when there is no seat at all.
    """
    row, found = _asked(conn, post_id, keys, account_id)
    if status not in ANSWERS:
        raise Invalid({"status": "must be going, maybe or declined"})
    said = {} if status == "going" else {"guests": 0}
    if not row.local:
        return _answer_elsewhere(conn, server, row, found, account_id, status, said)
    return _answer(conn, server, row.id, found, Person(account_id), status, said, whole=False)


def receive_join(conn: Connection, server: Server, event_id: int, account_id: int, uri: str) -> list[RsvpRow]:
    """Somebody of another server wants to come, to all that is to come of it; their answers. None when that is not for them to
    ask."""
    try:
        row, found = _asked(conn, event_id, None, account_id)
        said = _checked(row, "going", 0, {}) | {"uri": uri}
        return _answer(conn, server, row.id, found, Person(account_id), "going", said, whole=False)
    except (Forbidden, Conflict, NotFound):
        return []


def receive_leave(conn: Connection, server: Server, event_id: int, account_id: int) -> bool:
    """Somebody of another server does not come; whether they had asked to."""
    row = events.by_id(conn, event_id)
    if row is None or not row.local:
        return False
    every = events.occurrences(conn, event_id)
    mine = events.answers_of(conn, account_id, [one.id for one in every])
    given = [one for one in every if one.id in mine and mine[one.id].answer != "declined"]
    if given:
        _answer(conn, server, row.id, given, Person(account_id), "declined", {"guests": 0})
    return bool(given)


def has_answered(conn: Connection, event_id: int, account_id: int) -> bool:
    """Whether somebody has ever said whether they come."""
    every = [one.id for one in events.occurrences(conn, event_id)]
    return bool(events.answers_of(conn, account_id, every))


# -- people without an account


def checked_for_guest(
    conn: Connection, post_id: int, keys: Sequence[str] | None, guests: int, questions: Mapping[str, str]
) -> dict[str, str]:
    """Whether everybody could ask for this, as far as can be said before; what they answer to questions, as it is kept.

    Raises as `answer` does."""
    row, found = _asked(conn, post_id, keys, None)
    said = _checked(row, "going", guests, questions)
    for one in found:
        _check_open(row, one)
    return msgspec.json.decode(said["answers"], type=dict[str, str])


def answer_as_guest(
    conn: Connection,
    server: Server,
    guest_id: int,
    post_id: int,
    status: str,
    *,
    keys: Sequence[str] | None = None,
    guests: int = 0,
    questions: Mapping[str, str] | None = None,
) -> None:
    """Answer for somebody known by their mail address; without `questions` what they had said to those stays, and who comes
    with them. Raises as `answer` does."""
    row, found = _asked(conn, post_id, keys, None)
    said = {} if questions is None and status == "going" else _checked(row, status, guests, questions or {})
    _answer(conn, server, row.id, found, Person(guest_id=guest_id), status, said, whole=False)


def withdraw_guest(conn: Connection, server: Server, guest_id: int, post_id: int) -> None:
    """They come to nothing of it any more; others move up."""
    every, who = events.occurrences(conn, post_id), Person(guest_id=guest_id)
    mine = event_mail.answers_of(conn, who, [one.id for one in every])
    given = [one for one in every if one.id in mine and mine[one.id].answer != "declined"]
    if given:
        _answer(conn, server, post_id, given, who, "declined", {"guests": 0})


def _asked(
    conn: Connection, post_id: int, keys: Sequence[str] | None, account_id: int | None, *, past: bool = False
) -> tuple[EventRow, list[OccurrenceRow]]:
    """The event, which the account (None: everybody) may see, and those of its occurrences that are meant."""
    row, post = events.by_id(conn, post_id), stored_posts.by_id(conn, post_id)
    if row is None or post is None or not visibility.may_see(conn, post, account_id):
        raise NotFound("Record not found")
    if account_id is not None and relationships.either_blocks(conn, account_id, row.account_id):
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
    event_id: int,
    found: Sequence[OccurrenceRow],
    who: Person,
    status: str,
    said: Mapping[str, Any],
    *,
    whole: bool = True,
) -> list[RsvpRow]:
    """Keep an answer to these occurrences, and let those move up who may because of it. Unless it is the `whole` that is wanted,
    what is not to be had of it is left out, as long as there is something."""
    locked = events.locked(conn, [one.id for one in found])
    row = events.by_id(conn, event_id)  # as it is now that nobody changes it
    if row is None:
        raise NotFound("Record not found")
    mine = event_mail.answers_of(conn, who, [one.id for one in locked])
    wanted, refusals = [], []
    for one in locked:
        try:
            wanted.append((one, _decided(row, one, mine.get(one.id), status, said)))
        except (Forbidden, Conflict) as error:
            refusals.append(error)
    if refusals and (whole or not wanted):
        raise refusals[0]
    for one, columns in wanted:
        events.put_answer(conn, one.id, who, columns)
    ids = [one.id for one, _ in wanted]
    events.count_anew(conn, *ids)
    inviting.plan_some(conn, [row.id], [who])
    for one, columns in wanted:
        before = mine.get(one.id)
        if before is not None and before.state in ("in", "waiting"):
            # They may have left a seat, or need fewer than they waited for.
            seats.promote(conn, server, one.id)
        if columns["state"] == "in":
            telling.plan_due(conn, one)
    if row.asked_at is not None and row.asking_ended_at is None:
        # Those who were asked elsewhere see new counts, now and then (`fedserver.events.asking`).
        due_at = (row.asking_counted_at or 0) + int(COUNTS_EVERY_MS / server.publish.time_scale)
        plan(conn, "asking_counts", {"post_id": row.id}, key=str(row.id), not_before_ms=due_at)
    kept = event_mail.answers_of(conn, who, ids)
    return [kept[one] for one in ids]


def _decided(
    row: EventRow, occurrence: OccurrenceRow, known: RsvpRow | None, status: str, said: Mapping[str, Any]
) -> dict[str, Any]:
    """The columns of an answer, with what becomes of it. Raises Forbidden, Conflict."""
    # Who was refused stays so, also by changing their mind, until the organiser lets them in.
    refused = known is not None and known.state == "refused"
    state = "refused" if refused else ""
    if status == "going":
        _check_open(row, occurrence)
        if refused:
            raise Forbidden("The organiser has refused this.")
        guests = said.get("guests", 0 if known is None else known.guests)
        state = seats.state_of(row, occurrence, known, guests)
    columns: dict[str, Any] = {**said, "answer": status, "state": state}
    if state == "waiting" and (known is None or known.state != "waiting"):
        columns["queue"] = new_id()  # behind all who wait already
    return columns


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
    kept = [events.put_answer(conn, one.id, Person(account_id), columns) for one in found]
    events.count_anew(conn, *(one.id for one in found))
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


# -- the link to join


async def join_link(server: Server, member: Member, post_id: int) -> str:
    """Where to join, for who organises it, and for who is in at an occurrence that begins within the hour or goes on.

    Raises NotFound; Forbidden for all others, and before.
    """
    return await server.db.read(join_link_unit, post_id, member.account_id)


def join_link_unit(conn: Connection, post_id: int, account_id: int) -> str:
    """The unit of `join_link`."""
    row, post = events.by_id(conn, post_id), stored_posts.by_id(conn, post_id)
    if row is None or post is None or not visibility.may_see(conn, post, account_id):
        raise NotFound("Record not found")
    if row.account_id != account_id:
        near = [one.id for one in events.occurrences(conn, post_id) if reading.is_near(one)]
        mine = events.answers_of(conn, account_id, near)
        if not any(one.state == "in" for one in mine.values()):
            raise Forbidden("The link is for those who go, from an hour before it begins.")
    if not row.join_url:
        raise NotFound("This event has no link to join.")
    return str(row.join_url)
