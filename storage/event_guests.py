"""People without an account who come to events, known by their mail address. What becomes of them is
`fedserver.events.guests`' business."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, func, or_, select, update

from storage.hot import insert_row
from storage.tables import event, event_guest
from storage.types import new_id, now_ms

# Attributes are the table's columns.
GuestRow = Any


def by_id(conn: Connection, guest_id: int | None) -> GuestRow | None:
    return conn.execute(select(event_guest).where(event_guest.c.id == guest_id)).first()


def by_secret(conn: Connection, secret: str) -> GuestRow | None:
    return conn.execute(select(event_guest).where(event_guest.c.secret == secret)).first()


def secret(conn: Connection, guest_id: int, post_id: int) -> str | None:
    """Of a guest of this event who has confirmed."""
    query = select(event_guest.c.secret).where(event_guest.c.id == guest_id, event_guest.c.post_id == post_id)
    found: str | None = conn.scalar(query.where(event_guest.c.confirmed_at.is_not(None)))
    return found


def of_address(conn: Connection, post_id: int, email_key: str) -> GuestRow | None:
    """Whoever answered to an event from this address (folded); nobody else changes the row until the unit ends."""
    query = select(event_guest).where(event_guest.c.post_id == post_id, event_guest.c.email_key == email_key)
    return conn.execute(query.with_for_update()).first()


def of_event(conn: Connection, post_id: int) -> dict[int, GuestRow]:
    """Those who have confirmed and want mails, by id."""
    query = select(event_guest).where(
        event_guest.c.post_id == post_id, event_guest.c.confirmed_at.is_not(None), event_guest.c.wants_mail
    )
    return {row.id: row for row in conn.execute(query)}


def add(conn: Connection, **columns: Any) -> bool:
    """A new one, not confirmed; False when there is one of this address."""
    row = {"id": new_id(), "created_at": now_ms(), **columns}
    return insert_row(conn, event_guest, row, unless_there=True)


def change(conn: Connection, guest_id: int, /, **columns: Any) -> None:
    """Set columns."""
    conn.execute(update(event_guest).where(event_guest.c.id == guest_id).values(**columns))


def remove(conn: Connection, guest_id: int) -> None:
    """Forget them, and what they answered."""
    conn.execute(delete(event_guest).where(event_guest.c.id == guest_id))


def mails_to(conn: Connection, email_key: str, since_ms: int) -> int:
    """How many mails that ask to confirm have gone to an address since then, about all events."""
    query = select(func.coalesce(func.sum(event_guest.c.mails_count), 0)).where(
        event_guest.c.email_key == email_key, event_guest.c.mailed_at > since_ms
    )
    return int(conn.scalar(query) or 0)


def unconfirmed(conn: Connection, post_id: int, since_ms: int) -> int:
    """How many have asked to come to an event since then and not confirmed it."""
    query = select(func.count()).where(
        event_guest.c.post_id == post_id,
        event_guest.c.confirmed_at.is_(None),
        event_guest.c.created_at > since_ms,
    )
    return int(conn.scalar(query) or 0)


def forget(conn: Connection, *, unconfirmed_before: int, ended_before: int) -> int:
    """Forget those who did not confirm, and those whose event is over since then; how many."""
    over = select(event.c.post_id).where(event.c.ends_at < ended_before)
    stale = or_(
        event_guest.c.confirmed_at.is_(None) & (event_guest.c.created_at < unconfirmed_before),
        event_guest.c.post_id.in_(over),
    )
    return conn.execute(delete(event_guest).where(stale)).rowcount
