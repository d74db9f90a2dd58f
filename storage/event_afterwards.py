"""What is kept of an event once it is over: what came out of it, and who came."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, delete, func, or_, select, update

from storage.hot import insert_row
from storage.tables import event_guest, event_output, occurrence, rsvp
from storage.types import new_id, now_ms

OutputRow = Any  # the columns of `event_output`, and the `key` of its occurrence


def outputs_of(conn: Connection, post_ids: Iterable[int]) -> dict[int, list[OutputRow]]:
    """What came out of these events, by event, the first to be added first."""
    query = (
        select(event_output, occurrence.c.key)
        .join(occurrence, occurrence.c.id == event_output.c.occurrence_id, isouter=True)
        .where(event_output.c.post_id.in_(set(post_ids)))
        .order_by(event_output.c.id)
    )
    found: dict[int, list[OutputRow]] = {}
    for row in conn.execute(query):
        found.setdefault(row.post_id, []).append(row)
    return found


def add_output(conn: Connection, post_id: int, **columns: Any) -> int:
    """The id of a new one."""
    now = now_ms()
    output_id = new_id(now)
    insert_row(conn, event_output, {"id": output_id, "post_id": post_id, "created_at": now, **columns})
    return output_id


def remove_output(conn: Connection, post_id: int, output_id: int) -> bool:
    """Whether there was one."""
    query = delete(event_output).where(event_output.c.post_id == post_id, event_output.c.id == output_id)
    return bool(conn.execute(query).rowcount)


def replace_outputs(conn: Connection, post_id: int, wanted: Iterable[tuple[str, str, str]]) -> None:
    """These (role, title, address) came out of an event elsewhere, and nothing else."""
    conn.execute(delete(event_output).where(event_output.c.post_id == post_id))
    for role, title, url in wanted:
        add_output(conn, post_id, role=role, title=title, url=url)


# -- who came


def note_attended(conn: Connection, occurrence_id: int, people: Collection[int], attended: bool) -> int:
    """Whether these accounts, or guests who answered by mail, came, as far as they have answered and were not refused; how many rows that is about."""
    query = (
        update(rsvp)
        .where(
            rsvp.c.occurrence_id == occurrence_id,
            or_(rsvp.c.account_id.in_(people), rsvp.c.guest_id.in_(people)),
            rsvp.c.state != "refused",
        )
        .values(attended=attended)
    )
    return int(conn.execute(query).rowcount)


def attended_counts(conn: Connection, occurrence_ids: Iterable[int]) -> dict[int, int]:
    """How many came, by occurrence; those alone where somebody did."""
    query = (
        select(rsvp.c.occurrence_id, func.count())
        .where(rsvp.c.occurrence_id.in_(set(occurrence_ids)), rsvp.c.attended)
        .group_by(rsvp.c.occurrence_id)
    )
    return {occurrence_id: int(number) for occurrence_id, number in conn.execute(query)}


def who_attended(conn: Connection, occurrence_id: int) -> list[int]:
    """The accounts that came."""
    query = select(rsvp.c.account_id).where(rsvp.c.occurrence_id == occurrence_id, rsvp.c.attended)
    query = query.where(rsvp.c.account_id.is_not(None))
    return list(conn.scalars(query.order_by(rsvp.c.queue)))


def guests_who_attended(conn: Connection, occurrence_id: int) -> list[int]:
    """The guests who answered by mail, came, and want mails."""
    query = (
        select(rsvp.c.guest_id)
        .join(event_guest, event_guest.c.id == rsvp.c.guest_id)
        .where(
            rsvp.c.occurrence_id == occurrence_id,
            rsvp.c.attended,
            event_guest.c.confirmed_at.is_not(None),
            event_guest.c.wants_mail,
        )
    )
    return list(conn.scalars(query.order_by(rsvp.c.queue)))
