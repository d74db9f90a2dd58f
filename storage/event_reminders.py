"""Reminders of events: whom to remind of what, and what was planned. When somebody is reminded is
`fedserver.events.reminding`'s business."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, delete, or_, select, update

from storage.event_mail import Person
from storage.hot import insert_row, insert_rows
from storage.tables import (
    event,
    event_guest,
    event_preference,
    event_reminder,
    event_reminder_clock,
    event_reminding,
    occurrence,
    rsvp,
    user,
)
from storage.types import new_id

# Attributes are those of `event_preference` (null for who has none), `occurrence_id`, `post_id`, `starts_at`, `account_id`,
# `guest_id`, and `own_minutes`, what they chose for this event.
GoingRow = Any


class Reminder(NamedTuple):
    """One that somebody gets: so many minutes before an occurrence begins."""

    occurrence_id: int
    who: Person
    minutes: int
    starts_at: int


def take_turn(conn: Connection, now: int) -> int | None:
    """Up to when reminders were looked for, which is `now` from here on; nobody else looks until the unit ends. None the
    first time."""
    clock = event_reminder_clock
    if insert_row(conn, clock, {"id": 1, "until_at": now}, unless_there=True):
        return None
    before: int = conn.execute(select(clock.c.until_at).where(clock.c.id == 1).with_for_update()).scalar_one()
    if before < now:
        conn.execute(update(clock).where(clock.c.id == 1).values(until_at=now))
    return before


def looked_until(conn: Connection) -> int | None:
    """Up to when reminders were looked for; None when they never were."""
    found: int | None = conn.scalar(select(event_reminder_clock.c.until_at))
    return found


def going(conn: Connection, spans: Sequence[tuple[int, int]], now: int) -> list[GoingRow]:
    """Who is in at what begins within these spans (after the first instant, up to the second) and has not begun: members,
    and those who answered by mail and want mails."""
    begins = occurrence.c.starts_at
    within = or_(*((begins > after) & (begins <= until) for after, until in spans))
    return list(conn.execute(_going(now).where(within)))


def going_to(conn: Connection, occurrence_ids: Iterable[int], now: int) -> list[GoingRow]:
    """Who is in at these, as far as they have not begun."""
    return list(conn.execute(_going(now).where(occurrence.c.id.in_(set(occurrence_ids)))))


def _going(now: int) -> Select[Any]:
    return (
        select(
            occurrence.c.id.label("occurrence_id"), occurrence.c.post_id, occurrence.c.starts_at, rsvp.c.account_id, rsvp.c.guest_id,
            event_preference.c.invites_by_mail, event_preference.c.reminds_here,
            event_preference.c.reminds_by_mail, event_preference.c.minutes,
            event_reminding.c.minutes.label("own_minutes"),
        )
        .join_from(occurrence, event, event.c.post_id == occurrence.c.post_id)
        .join(rsvp, rsvp.c.occurrence_id == occurrence.c.id)
        .outerjoin(user, user.c.account_id == rsvp.c.account_id)
        .outerjoin(event_guest, event_guest.c.id == rsvp.c.guest_id)
        .outerjoin(event_preference, event_preference.c.account_id == rsvp.c.account_id)
        .outerjoin(
            event_reminding,
            (event_reminding.c.account_id == rsvp.c.account_id)
            & (event_reminding.c.post_id == occurrence.c.post_id),
        )
        .where(
            occurrence.c.status != "cancelled",
            event.c.status.not_in(("cancelled", "postponed")),
            rsvp.c.state == "in",
            occurrence.c.starts_at > now,
            user.c.account_id.is_not(None) | event_guest.c.wants_mail,
        )
        .order_by(occurrence.c.id, rsvp.c.id)
    )  # fmt: skip


def claim(conn: Connection, wanted: Sequence[Reminder]) -> list[Reminder]:
    """Those of these that nobody has had: they are had from now on."""
    rows = {new_id(): one for one in wanted}
    insert_rows(
        conn,
        event_reminder,
        [
            {
                "id": row_id, "occurrence_id": one.occurrence_id, **one.who._asdict(), "minutes": one.minutes,
                "starts_at": one.starts_at,
            }
            for row_id, one in rows.items()
        ],
        unless_there=True,
    )  # fmt: skip
    if not rows:
        return []
    kept = set(conn.scalars(select(event_reminder.c.id).where(event_reminder.c.id >= min(rows))))
    return [one for row_id, one in rows.items() if row_id in kept]


def forget(conn: Connection, before: int) -> None:
    """Forget those of what began before an instant."""
    conn.execute(delete(event_reminder).where(event_reminder.c.starts_at < before))
