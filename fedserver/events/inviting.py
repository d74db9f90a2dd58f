"""Mails that keep the calendar programs of those who come in step with an event (RFC 5546, RFC 6047).

Whatever changes (an answer, a seat, when or where it takes place), a job compares what somebody was told with what holds now, and
tells them the difference: REQUEST for what is new or moved, CANCEL for what is not theirs any more. So nothing is told twice,
and nothing that was undone before it was told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from types import SimpleNamespace
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from fedserver import mail_codes, settings, visibility
from fedserver.config import Config
from fedserver.content.text import clean_line
from fedserver.context import Server
from fedserver.events import itip, reading, saying
from fedserver.events.itip import News, Party, Told
from fedserver.events.reading import EventRow, Shown
from fedserver.events.records import decode_details
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan, plan_many
from fedserver.mail_compose import CalendarPart, Envelope, compose
from fedserver.mail_out import hand_over
from storage import event_guests, event_mail, events, mail_preferences, posts, users
from storage.event_mail import InvitationRow, Person
from storage.types import now_ms

GATHERING_MS: Final = 15_000
"""An organiser who changes one thing often changes another: both are in one mail."""

SENDING_MS: Final = 150_000
AGAIN_MS: Final = 5_000
ROUNDS_MAX: Final = 5
TIMES_SHOWN_MAX: Final = 12
WORDS: Final = "entries for your calendar of events you go to"

_told: Final = msgspec.json.Decoder(Told).decode
_encode: Final = msgspec.json.Encoder().encode


# -- planning


def plan_some(conn: Connection, post_ids: Sequence[int], people: Sequence[Person]) -> None:
    """What these answered to these events, or what became of it, has changed."""
    pairs = dict.fromkeys((post_id, who) for post_id in post_ids for who in people)
    plan_many(
        conn,
        "event_mail",
        [({"post_id": post_id, **who._asdict()}, _key(post_id, who)) for post_id, who in pairs],
    )


def plan_all(conn: Connection, server: Server, post_id: int) -> None:
    """When or where it takes place has changed: everybody who goes is told in a moment, of all that has changed by then."""
    wait_ms = round(GATHERING_MS / server.config.testing.time_scale)
    plan(
        conn, "event_mails", {"post_id": post_id}, key=str(post_id), not_before_ms=now_ms() + wait_ms
    )  # fmt: skip


def _key(post_id: int, who: Person) -> str:
    return f"{post_id} {who.account_id or ''} {who.guest_id or ''}"


@handles("event_mails")
async def mail_all(server: Server, payload: dict[str, Any]) -> None:
    """Have everybody told who is concerned."""

    def unit(conn: Connection) -> None:
        plan_some(conn, [payload["post_id"]], event_mail.concerned(conn, payload["post_id"]))

    await server.db.write(unit)


# -- one person


@dataclass(frozen=True, slots=True)
class _Reader:
    """Who gets the mail. `unsubscribe_url` ends such mails, `page_url` is where they change what they answered."""

    party: Party
    unsubscribe_url: str
    page_url: str
    hello: str
    is_guest: bool


@dataclass(frozen=True, slots=True)
class _Work:
    """Mails to send, and what is told once they are."""

    invitation_id: int
    messages: Sequence[EmailMessage]
    told: Told
    revision: int


@handles("event_mail", timeout_seconds=SENDING_MS / 1000, attempts_max=10)
async def mail_one(server: Server, payload: dict[str, Any]) -> None:
    """Tell somebody what their calendar program does not know yet."""
    post_id, who = payload["post_id"], Person(payload["account_id"], payload["guest_id"])
    for _ in range(ROUNDS_MAX):
        # Again, since something may have changed while a mail was on its way.
        work = await server.db.write(_begin, server.config, post_id, who)
        if work is None:
            return
        try:
            for message in work.messages:
                await hand_over(server.mail, message)
        except BaseException:
            await server.db.write(event_mail.change_invitation, work.invitation_id, busy_until=None)
            raise
        await server.db.write(_finish, work)


def _begin(conn: Connection, config: Config, post_id: int, who: Person) -> _Work | None:
    """What is to be sent, by nobody but us for a while; None if there is nothing."""
    row = events.by_id(conn, post_id)
    if row is None or not row.local:
        return None
    known = event_mail.invitation(conn, post_id, who)
    found = reading.of_rows(conn, [row], None)[post_id]
    times = _times(conn, found, who)
    if known is None and not times:
        return None
    now = now_ms()
    if known is not None and known.busy_until is not None and known.busy_until > now:
        plan(
            conn, "event_mail", {"post_id": post_id, **who._asdict()}, key=_key(post_id, who),
            not_before_ms=now + AGAIN_MS,
        )  # fmt: skip
        return None
    reader = _reader(conn, config, found, who)
    if reader is None:
        return None
    if known is None:
        known = event_mail.ensure_invitation(conn, post_id, who)
    told = _of_the_future(_told(known.told), now)
    open_keys = [one.key for one in found.occurrences if one.status != "cancelled" and one.ends_at > now]
    every = set(open_keys) == set(times) and len(times) == sum(
        one.status != "cancelled" for one in found.occurrences
    )
    made, after = itip.news(
        found, told, times, _about(found), reader.party, all_of_it=every, now=now
    )  # fmt: skip
    if not made:
        return None
    messages = [
        _message(conn, config, found, reader, one, known, number, told) for number, one in enumerate(made)
    ]
    event_mail.change_invitation(conn, known.id, busy_until=now + SENDING_MS)
    return _Work(known.id, messages, after, known.revision + len(made))


def _finish(conn: Connection, work: _Work) -> None:
    event_mail.change_invitation(
        conn, work.invitation_id, told=_encode(work.told).decode(), revision=work.revision, busy_until=None
    )


def _times(conn: Connection, found: Shown, who: Person) -> dict[str, tuple[int, int]]:
    """When they come, of what is to come."""
    row, now = found.row, now_ms()
    if row.status == "cancelled" or (who.account_id is not None and not _may_see(conn, row, who.account_id)):
        return {}
    coming = [one for one in found.occurrences if one.status != "cancelled" and one.ends_at > now]
    answers = event_mail.answers_of(conn, who, [one.id for one in coming])
    return {
        one.key: (one.starts_at, one.ends_at)
        for one in coming
        if one.id in answers and answers[one.id].state == "in"
    }


def _may_see(conn: Connection, row: EventRow, account_id: int) -> bool:
    post = posts.by_id(conn, row.id)
    return post is not None and visibility.may_see(conn, post, account_id)


def _of_the_future(told: Told, now: int) -> Told:
    times = {key: (begins, ends) for key, (begins, ends) in told.times.items() if ends > now}
    return Told(times=times, is_whole=told.is_whole and bool(times), about=told.about if times else "")


def _about(found: Shown) -> str:
    """What would be worth a mail beside the times."""
    return f"{saying.where(found.details)}\n{found.row.status}"


def _reader(conn: Connection, config: Config, found: Shown, who: Person) -> _Reader | None:
    """Whom to write to; None where they are not to be written to."""
    organizer = clean_line(found.author.display_name or found.author.username)
    if who.guest_id is not None:
        guest = event_guests.by_id(conn, who.guest_id)
        if guest is None or guest.confirmed_at is None or not guest.wants_mail:
            return None
        code = mail_codes.guest_address(config, guest.id, guest.secret, found.row.id)
        page = f"{config.origin}/guests/{guest.secret}"
        party = Party(guest.email, guest.name, code or config.mail_sender, config.mail_sender, organizer)
        return _Reader(party, f"{page}/unsubscribe", page, guest.name, is_guest=True)
    assert who.account_id is not None
    member = users.by_id(conn, who.account_id)
    chosen = event_mail.preference(conn, who.account_id)
    if member is None or not member.is_let_in or not chosen.invites_by_mail:
        return None
    own = mail_preferences.ensure(conn, who.account_id)
    code = mail_codes.address(config, own, "event", found.row.id)
    name = clean_line(member.display_name) or member.username
    party = Party(member.email, name, code or config.mail_sender, config.mail_sender, organizer)
    end_url = mail_codes.link(config, own, "end_invites")
    return _Reader(party, end_url, found.row.url, f"@{member.username}", is_guest=False)


def _message(
    conn: Connection,
    config: Config,
    found: Shown,
    reader: _Reader,
    news: News,
    known: InvitationRow,
    number: int,
    told: Told,
) -> EmailMessage:
    row = found.row
    envelope = Envelope(
        to=reader.party.address,
        message_id=f"event.{row.id}.{known.id}.{known.revision + number + 1}",
        kind="event",
        references=(f"event.{row.id}.{known.id}.1",) if known.revision + number else (),
        unsubscribe_url=reader.unsubscribe_url,
        archive_url=row.url,
    )
    keys = {one.key for one in found.occurrences}
    # What begins on another day may go by another key.
    is_new = keys.issuperset(told.times) and not any(key in told.times for key in news.times)
    notes = {one.key: one.note for one in found.occurrences}
    values = {
        "subject": row.title,
        "news": "cancelled" if news.method == "CANCEL" else "new" if is_new else "changed",
        "is_called_off": row.status == "cancelled" or _all_called_off(found, news),
        "times": _lines(found, news.times),
        "more_count": max(0, len(news.times) - TIMES_SHOWN_MAX),
        "notes": list(dict.fromkeys(notes[key] for key in sorted(news.times) if notes.get(key))),
        "where": saying.where(found.details),
        "has_link": bool(row.join_url),
        "hello": reader.hello,
        "is_guest": reader.is_guest,
        "is_heard": reader.party.is_heard,
        "page_url": reader.page_url,
        "url": row.url,
    }
    title = settings.in_force(conn, config).title
    part = CalendarPart(news.method, news.body)
    return compose(config, title, "event", envelope, values, calendar=part)


def _all_called_off(found: Shown, news: News) -> bool:
    """Whether none of the times is one that takes place still."""
    takes_place = {one.key for one in found.occurrences if one.status != "cancelled"}
    return not takes_place.intersection(news.times)


def _lines(found: Shown, times: Mapping[str, tuple[int, int]]) -> list[str]:
    spans = sorted((begins, ends, key) for key, (begins, ends) in times.items())
    return [
        saying.when(found.details, [(key, begins, ends)]) for begins, ends, key in spans[:TIMES_SHOWN_MAX]
    ]


# -- events that are gone

_LEFT_OUT: Final = ("source_text", "content_html", "text_html", "join_url")
"""What no mail says of an event, or nobody may keep."""


def call_off(conn: Connection, post_id: int) -> None:
    """An event is about to be deleted: have it taken out of the calendars of those who were told of it."""
    row = events.by_id(conn, post_id)
    if row is None or not row.local:
        return
    now = now_ms()
    told = [(one, _of_the_future(_told(one.told), now)) for one in event_mail.told(conn, post_id)]
    author = reading.of_rows(conn, [row], None)[post_id].author
    # Nothing of it is left to look at when the mail is written.
    event = {
        **row._asdict(), **dict.fromkeys(_LEFT_OUT, ""), "sequence": row.sequence + 1, "status": "cancelled",
        "organizer": author.display_name or author.username,
    }  # fmt: skip
    guests = event_guests.of_event(conn, post_id)
    wanted = []
    for one, known in told:
        guest = guests.get(one.guest_id)
        if known.times and (one.guest_id is None or guest is not None):
            payload = {
                "event": event, "account_id": one.account_id, "invitation_id": one.id, "revision": one.revision,
                "told": msgspec.to_builtins(known),
                "guest": None if guest is None else [guest.email, guest.name],
            }  # fmt: skip
            wanted.append((payload, str(one.id)))
    plan_many(conn, "event_mail_gone", wanted)


@handles("event_mail_gone", attempts_max=10)
async def mail_gone(server: Server, payload: dict[str, Any]) -> None:
    """Take an event that was deleted out of somebody's calendar."""
    message = await server.db.write(_gone, server.config, payload)
    if message is not None:
        await hand_over(server.mail, message)


def _gone(conn: Connection, config: Config, payload: Mapping[str, Any]) -> EmailMessage | None:
    row: Any = SimpleNamespace(**payload["event"])
    author: Any = SimpleNamespace(display_name=row.organizer, username=row.organizer)
    found = Shown(row, decode_details(row.details), author=author)
    if payload["guest"] is not None:
        email, name = payload["guest"]
        party = Party(email, name, config.mail_sender, config.mail_sender, row.organizer)
        reader: _Reader | None = _Reader(party, "", "", name, is_guest=True)
    else:
        reader = _reader(conn, config, found, Person(payload["account_id"]))
    if reader is None:
        return None
    known: Any = SimpleNamespace(id=payload["invitation_id"], revision=payload["revision"])
    told = msgspec.convert(payload["told"], Told)
    made, _ = itip.news(found, told, {}, "", reader.party, all_of_it=False, now=now_ms())
    return _message(conn, config, found, reader, made[0], known, 0, told) if made else None
