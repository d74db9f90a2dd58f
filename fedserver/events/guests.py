"""People without an account come to an event, known by their mail address.

Who asks to come is sent one mail with a link; nothing is held until they confirm by it that the address is theirs. From then on
they count as everybody else: seats, waiting list, approval. Name and address are shown to organisers alone, and are forgotten
some time after the event. Whether an address is known is never told to who asks.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from fedserver import email_addresses, settings
from fedserver.config import Config
from fedserver.content.text import clean_line
from fedserver.context import Server
from fedserver.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited
from fedserver.events import answers, inviting, pages, reading, saying
from fedserver.events.pages import EventView
from fedserver.events.reading import EventRow
from fedserver.events.records import decode_details
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.mail_compose import Envelope, compose
from fedserver.mail_links import LinkExpired
from fedserver.mail_out import hand_over
from fedserver.moderation import addresses
from storage import event_guests, event_mail, events
from storage.event_guests import GuestRow
from storage.event_mail import Person
from storage.types import DAY_MS, HOUR_MS, now_ms

NAME_CHARS_MAX: Final = 100
CONFIRMED_WITHIN_MS: Final = 2 * DAY_MS
MAILS_TO_ONE_ADDRESS_MAX: Final = 5  # a day: each may go to somebody who has asked for nothing
UNCONFIRMED_OF_ONE_EVENT_MAX: Final = 300  # an hour
KEPT_AFTER_MS: Final = 30 * DAY_MS
"""How long after the event who came by mail is known."""
SECRET_BYTES: Final = 24


class Asked(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody wants to answer: to the occurrences with these keys, or (None) all that are to come."""

    keys: tuple[str, ...] | None = None
    guests: int = 0
    answers: dict[str, str] = {}


_asked: Final = msgspec.json.Decoder(Asked).decode


@dataclass(frozen=True, slots=True)
class Opened:
    """What a link opens: the event with what they answered; whether that is confirmed, and mails are wanted."""

    view: EventView
    guest: GuestRow
    confirmed: bool


# -- asking


async def ask(
    server: Server,
    post_id: int,
    *,
    name: str,
    email: str,
    keys: Sequence[str] | None = None,
    guests: int = 0,
    questions: Mapping[str, str] | None = None,
    ip: str = "",
) -> None:
    """Somebody without an account wants to come: have the address confirmed. Nothing tells whether it is known.

    Raises NotFound where that is not offered, Invalid by field, Conflict when it is over, RateLimited.
    """
    problems: dict[str, str] = {}
    called = clean_line(name)[:NAME_CHARS_MAX]
    if not called:
        problems["name"] = "cannot be empty"
    try:
        address = email_addresses.parse(email)
    except Invalid as error:
        raise Invalid(problems | error.fields) from error
    if problems:
        raise Invalid(problems)
    await addresses.check(server, address.text, ip=ip)

    def unit(conn: Connection) -> None:
        _offered(conn, post_id)
        said = answers.checked_for_guest(conn, post_id, keys, guests, questions or {})
        now = now_ms()
        if event_guests.mails_to(conn, address.key, now - DAY_MS) >= MAILS_TO_ONE_ADDRESS_MAX:
            return
        if event_guests.unconfirmed(conn, post_id, now - HOUR_MS) >= UNCONFIRMED_OF_ONE_EVENT_MAX:
            raise RateLimited(
                3_600, "Too many people ask to come at this moment. Please try again in an hour."
            )
        asked = Asked(keys=None if keys is None else tuple(keys), guests=guests, answers=said)
        columns = {"name": called, "email": address.text, "asked": msgspec.json.encode(asked).decode()}
        known = event_guests.of_address(conn, post_id, address.key)
        if known is None:
            event_guests.add(
                conn, post_id=post_id, email_key=address.key, secret=secrets.token_urlsafe(SECRET_BYTES),
                mails_count=1, mailed_at=now, **columns,
            )  # fmt: skip
            known = event_guests.of_address(conn, post_id, address.key)
            assert known is not None
        else:
            today = known.mails_count if (known.mailed_at or 0) > now - DAY_MS else 0
            counted = {"mails_count": today + 1, "mailed_at": now}
            # Whoever has confirmed is sent the link to what they answered, which nobody else changes.
            fresh = {} if known.confirmed_at is not None else {**columns, "created_at": now}
            event_guests.change(conn, known.id, **counted, **fresh)
        plan(conn, "mail_guest", {"guest_id": known.id, "about": "confirm"}, key=f"{known.id} {now}")

    await server.db.write(unit)


def _offered(conn: Connection, post_id: int) -> EventRow:
    row = reading.visible(conn, post_id, None)
    if not reading.takes_mail(row, decode_details(row.details)):
        raise NotFound("One cannot come to this event without an account.")
    return row


# -- what the link opens


async def look_at(server: Server, secret: str) -> Opened:
    """What was asked or answered; nothing happens, because programs open links, too. Raises NotFound."""

    def unit(conn: Connection) -> Opened:
        guest = _of_secret(conn, secret)
        row = events.by_id(conn, guest.post_id)
        if row is None:
            raise LinkExpired
        found = reading.of_rows(conn, [row], None)[row.id]
        mine = event_mail.answers_of(conn, Person(guest_id=guest.id), [one.id for one in found.occurrences])
        view = pages.view_of(server.config, found.with_answers(mine), None)
        return Opened(view, guest, guest.confirmed_at is not None)

    return await server.db.read(unit)


async def confirm(server: Server, secret: str) -> None:
    """The address is theirs: what they asked for is answered. Raises NotFound, and as `fedserver.events.answers.answer`."""

    def unit(conn: Connection) -> None:
        guest = _of_secret(conn, secret)
        if guest.confirmed_at is not None:
            return
        _offered(conn, guest.post_id)
        asked = _asked(guest.asked)
        event_guests.change(conn, guest.id, confirmed_at=now_ms(), asked="{}")
        answers.answer_as_guest(
            conn, server, guest.id, guest.post_id, "going", keys=asked.keys, guests=asked.guests,
            questions=asked.answers,
        )  # fmt: skip

    await server.db.write(unit)


async def answer(server: Server, secret: str, status: str, *, keys: Sequence[str] | None) -> None:
    """Answer anew, to these occurrences or (None) all that are to come. Raises as `confirm`."""

    def unit(conn: Connection) -> None:
        guest = _confirmed(conn, secret)
        answers.answer_as_guest(conn, server, guest.id, guest.post_id, status, keys=keys)

    await server.db.write(unit)


async def hear(server: Server, secret: str, *, wanted: bool) -> None:
    """Get no more mails about the event, or (`wanted`) again. Raises NotFound."""

    def unit(conn: Connection) -> None:
        guest = _of_secret(conn, secret)
        event_guests.change(conn, guest.id, wants_mail=wanted)
        if wanted and guest.confirmed_at is not None:
            inviting.plan_some(conn, [guest.post_id], [Person(guest_id=guest.id)])

    await server.db.write(unit)


async def forget(server: Server, secret: str) -> None:
    """They do not come, and all that is known of them is forgotten. Raises NotFound."""

    def unit(conn: Connection) -> None:
        guest = _of_secret(conn, secret)
        answers.withdraw_guest(conn, server, guest.id, guest.post_id)
        event_guests.remove(conn, guest.id)

    await server.db.write(unit)


async def join_link(server: Server, secret: str) -> str:
    """Where to join, for who is in at what begins within the hour or goes on. Raises NotFound, Forbidden."""

    def unit(conn: Connection) -> str:
        guest = _confirmed(conn, secret)
        row = events.by_id(conn, guest.post_id)
        near = [one.id for one in events.occurrences(conn, guest.post_id) if reading.is_near(one)]
        mine = event_mail.answers_of(conn, Person(guest_id=guest.id), near)
        if not any(one.state == "in" for one in mine.values()):
            raise Forbidden("The link is for those who go, from an hour before it begins.")
        if row is None or not row.join_url:
            raise NotFound("This event has no link to join.")
        return str(row.join_url)

    return await server.db.read(unit)


def _of_secret(conn: Connection, secret: str) -> GuestRow:
    guest = event_guests.by_secret(conn, secret)
    if guest is None or (guest.confirmed_at is None and guest.created_at <= now_ms() - CONFIRMED_WITHIN_MS):
        raise LinkExpired
    return guest


def _confirmed(conn: Connection, secret: str) -> GuestRow:
    guest = _of_secret(conn, secret)
    if guest.confirmed_at is None:
        raise Conflict("Please confirm first that this address is yours.")
    return guest


def forget_old(conn: Connection) -> None:
    """Forget who did not confirm, and who came to what is over. A chore."""
    now = now_ms()
    event_guests.forget(conn, unconfirmed_before=now - CONFIRMED_WITHIN_MS, ended_before=now - KEPT_AFTER_MS)


# -- mails


@handles("mail_guest", attempts_max=10)
async def mail_guest(server: Server, payload: dict[str, Any]) -> None:
    """Send the mail with the link by which they confirm, or which says that they were `refused`."""
    message = await server.db.read(_written, server.config, payload["guest_id"], payload["about"])
    await hand_over(server.mail, message)


def _written(conn: Connection, config: Config, guest_id: int, about: str) -> EmailMessage | None:
    guest = event_guests.by_id(conn, guest_id)
    row = None if guest is None else events.by_id(conn, guest.post_id)
    if guest is None or row is None or (about == "refused" and not guest.wants_mail):
        return None
    found = reading.of_rows(conn, [row], None)[row.id]
    keys = _asked(guest.asked).keys
    spans = [
        (one.key, one.starts_at, one.ends_at)
        for one in found.occurrences
        if one.status != "cancelled" and (keys is None or one.key in keys)
    ]
    page = address_of(config, guest)
    envelope = Envelope(
        to=guest.email,
        message_id=f"event_guest.{guest.id}.{about}.{guest.mailed_at}",
        kind=f"event_guest_{about}",
        unsubscribe_url=f"{page}/unsubscribe",
    )
    values = {
        "subject": row.title, "when": saying.when(found.details, spans), "hello": guest.name, "url": page,
        "event_url": row.url, "is_known": guest.confirmed_at is not None, "about": about,
    }  # fmt: skip
    return compose(config, settings.in_force(conn, config).title, "event_guest", envelope, values)


def address_of(config: Config, guest: GuestRow) -> str:
    """The page of what they answered, for themselves alone."""
    return f"{config.origin}/guests/{guest.secret}"
