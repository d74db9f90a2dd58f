"""Who came, as organisers tick it, and what those who came are written afterwards: members, and people of other servers, in a
private message, guests without an account by mail. How many is for everybody, who for organisers alone."""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import suppress
from email.message import EmailMessage
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import csv_tables, posts, settings
from fedserver.config import Config
from fedserver.context import Server
from fedserver.errors import Conflict, FedError, Invalid, NotFound
from fedserver.events import organising, series
from fedserver.events.guests import address_of
from fedserver.events.records import decode_details
from fedserver.fields import Fields
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan, plan_many
from fedserver.mail_compose import Envelope, compose
from fedserver.mail_out import hand_over
from fedserver.posts import Draft
from fedserver.viewer import Member
from storage import accounts, event_afterwards, event_guests, events
from storage.events import EventRow, OccurrenceRow
from storage.types import now_ms

FOLLOW_UP_CHARS_MAX: Final = 3_000
ROWS_MAX: Final = 100_000
"""Answers to one time that a table has."""


async def note(
    server: Server,
    member: Member,
    post_id: int,
    key: str,
    came: Collection[int],
    *,
    absent: Collection[int] = (),
) -> None:
    """These came to an occurrence (ids of accounts, and of guests who answered by mail), and those were `absent`, of all who answered. Raises NotFound, Forbidden; Conflict
    before it begins."""

    def unit(conn: Connection) -> None:
        _, one = _meant(conn, post_id, member.account_id, key)
        if one.starts_at > now_ms():
            raise Conflict("It has not begun yet.")
        noted = event_afterwards.note_attended(conn, one.id, came, attended=True)
        noted += event_afterwards.note_attended(conn, one.id, set(absent) - set(came), attended=False)
        if not noted and (came or absent):
            raise NotFound("They have not answered to this event.")

    await server.db.write(unit)


async def table(server: Server, member: Member, post_id: int) -> bytes:
    """All answers to an event with who came, as CSV, for who organises it. Raises NotFound, Forbidden."""
    return await server.db.read(_table, server, member.account_id, post_id)


def _table(conn: Connection, server: Server, account_id: int, post_id: int) -> bytes:
    row = organising.organised(conn, post_id, account_id)
    questions = decode_details(row.details).questions
    times = events.occurrences(conn, post_id)
    people = events.attendees(conn, [one.id for one in times], limit=ROWS_MAX)
    header = ("Begins", "Zone", "Name", "Account", "Answer", "State", "Guests", "Came", *questions)

    def line(one: OccurrenceRow, who: Any) -> tuple[str, ...]:
        said = json.loads(who.answers)
        begins = series.wall_time(one.starts_at, row.zone).isoformat(sep=" ", timespec="minutes")
        handle = f"{who.username}@{who.domain or server.config.domain}" if who.username else who.guest_email
        name = who.display_name or who.username or who.guest_name
        came = "" if one.starts_at > now_ms() else "yes" if who.attended else "no"
        return (
            begins, row.zone, name, handle, who.answer, who.state, str(who.guests), came,
            *(said.get(question, "") for question in questions),
        )  # fmt: skip

    return csv_tables.table(header, (line(one, who) for one in times for who in people.get(one.id, ())))


def _meant(conn: Connection, post_id: int, account_id: int, key: str) -> tuple[EventRow, OccurrenceRow]:
    row = organising.organised(conn, post_id, account_id)
    one = events.occurrence_by_key(conn, post_id, key)
    if one is None:
        raise NotFound("This event does not take place then.")
    return row, one


# -- what they are written afterwards


async def follow_up(server: Server, member: Member, post_id: int, key: str, text: str, link: str = "") -> int:
    """Write to those who came, each by themselves, once an occurrence is over, and once only; to how many. Guests who want no mails
    are left out. `link` may lead to a survey. Raises Invalid, NotFound, Forbidden, Conflict."""

    def unit(conn: Connection) -> int:
        row, one = _meant(conn, post_id, member.account_id, key)
        fields = Fields()
        kept = fields.text("text", text, FOLLOW_UP_CHARS_MAX, required=True)
        address = fields.address("link", link)
        if fields.problems:
            raise Invalid(fields.problems)
        for locked in events.locked(conn, [one.id]):
            one = locked
        if one.ends_at > now_ms():
            raise Conflict("It is not over yet.")
        if one.followed_up_at is not None:
            raise Conflict("Those who came have been written to.")
        people, guests = _people(conn, row, one), event_afterwards.guests_who_attended(conn, one.id)
        if not people and not guests:
            raise Conflict("Tick first who came.")
        events.change_occurrence(conn, one.id, followed_up_at=now_ms())
        said = {"occurrence_id": one.id, "text": kept, "link": address}
        plan(conn, "event_follow_up", said, key=str(one.id))
        mails = [({**said, "guest_id": guest_id}, f"{one.id} {guest_id}") for guest_id in guests]
        plan_many(conn, "event_follow_up_mail", mails)
        return len(people) + len(guests)

    return await server.db.write(unit)


def _people(conn: Connection, row: EventRow, one: OccurrenceRow) -> list[int]:
    return [found for found in event_afterwards.who_attended(conn, one.id) if found != row.account_id]


@handles("event_follow_up")
async def send_follow_up(server: Server, payload: dict[str, Any]) -> None:
    """Write to each of those who came; whoever has been written to is not written to again."""
    found = await server.db.read(_to_whom, payload["occurrence_id"])
    if found is None:
        return
    row, people = found
    for account_id in people:
        await server.db.write(_write, server, row, payload, account_id)


def _to_whom(conn: Connection, occurrence_id: int) -> tuple[EventRow, list[int]] | None:
    for one in events.occurrences_by_ids(conn, [occurrence_id]):
        row = events.by_id(conn, one.post_id)
        return None if row is None else (row, _people(conn, row, one))
    return None


def _write(conn: Connection, server: Server, row: EventRow, payload: dict[str, Any], account_id: int) -> None:
    who = accounts.by_id(conn, account_id)
    if who is None or who.deleted_at is not None or who.suspended_at is not None:
        return
    handle = f"@{who.username}@{who.domain}" if who.domain else f"@{who.username}"
    parts = (f"{handle} {row.title}", payload["text"], payload["link"], row.url)
    draft = Draft(
        "\n\n".join(one for one in parts if one), visibility="direct", language=row.language,
        idempotency_key=f"follow-up {payload['occurrence_id']} {account_id}",
    )  # fmt: skip
    # Whom the organiser may not write to is not written to.
    with suppress(FedError), conn.begin_nested():
        posts.create_unit(conn, server, row.account_id, draft)


@handles("event_follow_up_mail", attempts_max=6)
async def mail_follow_up(server: Server, payload: dict[str, Any]) -> None:
    """Send it to one guest, unless they want no more mails meanwhile."""
    message = await server.db.read(_mail, server.config, payload)
    await hand_over(server.mail, message)


def _mail(conn: Connection, config: Config, payload: dict[str, Any]) -> EmailMessage | None:
    guest = event_guests.by_id(conn, payload["guest_id"])
    row = None if guest is None else events.by_id(conn, guest.post_id)
    organiser = None if row is None else accounts.by_id(conn, row.account_id)
    if guest is None or row is None or organiser is None or not guest.wants_mail:
        return None
    page = address_of(config, guest)
    envelope = Envelope(
        to=guest.email,
        message_id=f"event_follow_up.{payload['occurrence_id']}.{guest.id}",
        kind="event_follow_up",
        unsubscribe_url=f"{page}/unsubscribe",
        archive_url=row.url,
    )
    values = {
        "subject": row.title, "hello": guest.name, "organiser": organiser.display_name or organiser.username,
        "text": payload["text"], "link": payload["link"], "url": row.url, "page_url": page,
    }  # fmt: skip
    return compose(config, settings.in_force(conn, config).title, "event_follow_up", envelope, values)
