"""Reminders before an event begins: of who is in, and of nobody else.

Once a minute it is looked who is to be reminded since the last time: in a number of statements that does not depend on theirs.
Whatever process looks, it goes on from where the last one ended, and each reminder is noted in the unit that plans it, so that
each comes once; one of an occurrence that is moved is another. What has begun meanwhile, or was called off, reminds nobody.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from email.message import EmailMessage
from typing import Any, Final

from msgspec.structs import replace
from sqlalchemy import Connection

from fedserver import mail_codes, notifications, settings, visibility
from fedserver.config import Config
from fedserver.context import Server
from fedserver.events import reading, saying
from fedserver.events.offsets import OFFSETS
from fedserver.events.reading import EventRow, OccurrenceRow
from fedserver.events.records import Details, decode_details
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan_many
from fedserver.mail_compose import Envelope, compose
from fedserver.mail_out import hand_over
from storage import event_guests, event_mail, event_reminders, events, mail_preferences, posts, users
from storage.event_mail import Person
from storage.event_reminders import GoingRow, Reminder
from storage.types import now_ms

MINUTE_MS: Final = 60_000
LOOK_SECONDS: Final = 60.0
BACK_MS: Final = 7 * 86_400_000
"""A server that was off for longer does not look at all of it."""
REMEMBERED_MS: Final = 30 * 86_400_000


def plan_due(conn: Connection, now: int | None = None) -> None:
    """Remind whoever is to be reminded since this was done last. A chore."""
    now = now_ms() if now is None else now
    since = event_reminders.take_turn(conn, now)
    if since is None or since >= now:
        return
    since = max(since, now - BACK_MS)
    spans = [(since + one * MINUTE_MS, now + one * MINUTE_MS) for one in OFFSETS]
    rows = event_reminders.going(conn, spans, now)
    _remind(conn, rows, lambda one, at: since < at <= now)


def moved(conn: Connection, before: Sequence[OccurrenceRow]) -> None:
    """Remind at once of what begins so much sooner than it did `before` that the time to do so has passed unnoticed."""
    until = event_reminders.looked_until(conn)
    started = {one.id: one.starts_at for one in before}
    sooner = [one.id for one in events.occurrences_by_ids(conn, started) if one.starts_at < started[one.id]]
    if until is None or not sooner:
        return

    def is_due(one: GoingRow, at: int) -> bool:
        return bool(at <= until < at + started[one.occurrence_id] - one.starts_at)

    _remind(conn, event_reminders.going_to(conn, sooner, now_ms()), is_due)


def _remind(conn: Connection, rows: Sequence[GoingRow], is_due: Callable[[GoingRow, int], bool]) -> None:
    """Remind these people, as far as a reminder is due at the instant at which they want it."""
    found = events.by_ids(conn, {one.post_id for one in rows})
    usual = {one.id: decode_details(one.details).reminders for one in found.values()}
    wanted = {}
    for one in rows:
        due = [m for m in _minutes(one, usual[one.post_id]) if is_due(one, one.starts_at - m * MINUTE_MS)]
        if due:
            # Where several are due the last of them says it all.
            reminder = Reminder(
                one.occurrence_id, Person(one.account_id, one.guest_id), min(due), one.starts_at
            )
            wanted[reminder] = one
    claimed = event_reminders.claim(conn, list(wanted))
    _tell_here(conn, found, [(one, wanted[one]) for one in claimed])
    by_mail = [
        one
        for one in claimed
        if one.who.guest_id is not None or wanted[one].reminds_by_mail in (None, True, 1)
    ]
    plan_many(
        conn,
        "event_reminder",
        [
            (
                {
                    "occurrence_id": one.occurrence_id, **one.who._asdict(), "minutes": one.minutes,
                    "starts_at": one.starts_at,
                },
                f"{one.occurrence_id} {one.who.account_id or ''} {one.who.guest_id or ''} {one.minutes} {one.starts_at}",
            )
            for one in by_mail
        ],
    )  # fmt: skip


def _minutes(row: GoingRow, usual: Sequence[int]) -> Sequence[int]:
    """When somebody wants to be reminded: as they said of this event, of all, or as the organiser has it."""
    for chosen in (row.own_minutes, row.minutes):
        if chosen is not None:
            found: list[int] = json.loads(chosen)
            return found
    return usual


def _tell_here(
    conn: Connection, found: Mapping[int, EventRow], told: Sequence[tuple[Reminder, GoingRow]]
) -> None:
    """The notifications, a few statements for each occurrence."""
    people: dict[tuple[int, int, int, int], list[int]] = {}
    for one, row in told:
        if one.who.account_id is not None and row.reminds_here in (None, True, 1):
            key = (row.post_id, one.occurrence_id, one.minutes, one.starts_at)
            people.setdefault(key, []).append(one.who.account_id)
    for (post_id, occurrence_id, minutes, starts_at), account_ids in people.items():
        post = posts.by_id(conn, post_id)
        readers = set() if post is None else visibility.who_may_see(conn, post, account_ids)
        notifications.remind_each(
            conn,
            sorted(readers),
            found[post_id].account_id,
            post_id,
            f"{occurrence_id}:{minutes}:{starts_at}",
        )


def forget_old(conn: Connection) -> None:
    """Forget reminders of what is long over. A chore."""
    event_reminders.forget(conn, now_ms() - REMEMBERED_MS)


# -- mails


@handles("event_reminder", attempts_max=6)
async def mail_reminder(server: Server, payload: dict[str, Any]) -> None:
    """Write and send one reminder, unless it has become wrong meanwhile."""
    message = await server.db.write(_written, server.config, payload)
    await hand_over(server.mail, message)


def _written(conn: Connection, config: Config, payload: Mapping[str, Any]) -> EmailMessage | None:
    who = Person(payload["account_id"], payload["guest_id"])
    now = now_ms()
    found = events.occurrences_by_ids(conn, [payload["occurrence_id"]])
    one = found[0] if found else None
    if (
        one is None
        or one.starts_at != payload["starts_at"]
        or one.status == "cancelled"
        or one.starts_at <= now
    ):
        return None
    row = events.by_id(conn, one.post_id)
    mine = event_mail.answers_of(conn, who, [one.id]).get(one.id)
    if row is None or row.status in ("cancelled", "postponed") or mine is None or mine.state != "in":
        return None
    minutes = payload["minutes"]
    message_id = f"reminder.{one.id}.{who.account_id or who.guest_id}.{minutes}.{one.starts_at // 1000}"
    details = decode_details(row.details)
    values: dict[str, Any] = {
        "subject": row.title, "in_words": in_words(minutes, one.starts_at - now), "when": _when(details, one, row.zone),
        "here": "", "where": saying.where(details), "note": one.note, "url": row.url or row.uri,
        # For those alone who are in, and not before it is time.
        "join_url": row.join_url if row.join_url and reading.is_near(one) else "",
        "is_later": bool(row.join_url) and not reading.is_near(one),
        "page_url": "", "is_guest": who.guest_id is not None,
    }  # fmt: skip
    if who.guest_id is not None:
        guest = event_guests.by_id(conn, who.guest_id)
        if guest is None or not guest.wants_mail:
            return None
        to, unsubscribe = guest.email, f"{config.origin}/guests/{guest.secret}/unsubscribe"
        values |= {"hello": guest.name, "page_url": f"{config.origin}/guests/{guest.secret}"}
    else:
        assert who.account_id is not None
        member, post = users.by_id(conn, who.account_id), posts.by_id(conn, row.id)
        chosen = event_mail.preference(conn, who.account_id)
        if (
            member is None or not member.is_let_in or not chosen.reminds_by_mail
            or post is None or not visibility.may_see(conn, post, who.account_id)
        ):  # fmt: skip
            return None
        own = mail_preferences.ensure(conn, who.account_id)
        to, unsubscribe = member.email, mail_codes.link(config, own, "end_reminders")
        here = "" if details.schedule.all_day else _when(details, one, member.time_zone)
        values |= {
            "hello": f"@{member.username}",
            "here": here if member.time_zone not in ("UTC", row.zone) and here != values["when"] else "",
            "page_url": f"{config.origin}/events/{row.id}",
        }
    envelope = Envelope(
        to=to, message_id=message_id, kind="event_reminder", unsubscribe_url=unsubscribe, archive_url=row.url
    )
    return compose(config, settings.in_force(conn, config).title, "event_reminder", envelope, values)


def _when(details: Details, one: OccurrenceRow, zone: str) -> str:
    shown = replace(details, schedule=replace(details.schedule, zone=zone))
    return saying.when(shown, [(one.key, one.starts_at, one.ends_at)])


def in_words(minutes: int, left_ms: int) -> str:
    """``in 1 hour``: as it was planned, or what is left where the reminder comes late."""
    left = left_ms / MINUTE_MS
    if left < minutes * 0.85:
        minutes = max(1, round(left))
    for size, one, many in ((1_440, "day", "days"), (60, "hour", "hours")):
        if minutes >= size:
            count = round(minutes / size)
            return f"in {count} {one if count == 1 else many}"
    return f"in {minutes} minute{'' if minutes == 1 else 's'}"
