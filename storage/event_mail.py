"""Mail about events: who wants which, what a calendar program was told, reminders that were planned."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, select, update

from storage.hot import insert_row
from storage.tables import event_invitation, event_preference, event_reminding, occurrence, rsvp, user
from storage.types import new_id, now_ms

InvitationRow = Any


class Person(NamedTuple):
    """Somebody who comes: a member by `account_id`, or who answered by mail by `guest_id`."""

    account_id: int | None = None
    guest_id: int | None = None

    def of(self, table: Table) -> ColumnElement[bool]:
        """Rows of a table with both columns that are about them."""
        if self.guest_id is not None:
            return table.c.guest_id == self.guest_id
        return table.c.account_id == self.account_id


class Preference(NamedTuple):
    """How a member wants to hear of events. `minutes` are how long before one begins; None: as each event has it."""

    invites_by_mail: bool = True
    reminds_here: bool = True
    reminds_by_mail: bool = True
    minutes: tuple[int, ...] | None = None


# -- what members want


def preference(conn: Connection, account_id: int) -> Preference:
    """What a member has chosen, or what holds for those who have not."""
    row = conn.execute(select(event_preference).where(event_preference.c.account_id == account_id)).first()
    return Preference() if row is None else preference_of(row)


def preference_of(row: Any) -> Preference:
    """Of a row with the columns of `event_preference`."""
    return Preference(
        bool(row.invites_by_mail),
        bool(row.reminds_here),
        bool(row.reminds_by_mail),
        None if row.minutes is None else tuple(json.loads(row.minutes)),
    )


def put_preference(conn: Connection, account_id: int, chosen: Preference) -> None:
    """Keep it, for the first time or anew."""
    minutes = None if chosen.minutes is None else json.dumps(chosen.minutes)
    values = {**chosen._asdict(), "minutes": minutes}
    if not insert_row(conn, event_preference, {"account_id": account_id, **values}, unless_there=True):
        of_member = event_preference.c.account_id == account_id
        conn.execute(update(event_preference).where(of_member).values(**values))


def reminding(conn: Connection, account_id: int, post_id: int) -> tuple[int, ...] | None:
    """When a member is reminded of this event; None: as of all."""
    query = select(event_reminding.c.minutes).where(
        event_reminding.c.account_id == account_id, event_reminding.c.post_id == post_id
    )
    found = conn.scalar(query)
    return None if found is None else tuple(json.loads(found))


def put_reminding(conn: Connection, account_id: int, post_id: int, minutes: Sequence[int] | None) -> None:
    """Remind a member of this event so, or (None) as of all."""
    here = (event_reminding.c.account_id == account_id, event_reminding.c.post_id == post_id)
    if minutes is None:
        conn.execute(event_reminding.delete().where(*here))
        return
    values = {"minutes": json.dumps(list(minutes))}
    row = {"account_id": account_id, "post_id": post_id, **values}
    if not insert_row(conn, event_reminding, row, unless_there=True):
        conn.execute(update(event_reminding).where(*here).values(**values))


# -- what calendar programs were told


def invitation(conn: Connection, post_id: int, who: Person) -> InvitationRow | None:
    """What they were told of an event; nobody else tells them until the unit ends."""
    query = select(event_invitation).where(event_invitation.c.post_id == post_id, who.of(event_invitation))
    return conn.execute(query.with_for_update()).first()


def ensure_invitation(conn: Connection, post_id: int, who: Person) -> InvitationRow:
    """The same, made unless it is there."""
    row = {"id": new_id(), "post_id": post_id, **who._asdict()}
    insert_row(conn, event_invitation, row, unless_there=True)
    found = invitation(conn, post_id, who)
    assert found is not None
    return found


def change_invitation(conn: Connection, invitation_id: int, /, **columns: Any) -> None:
    """Set columns."""
    conn.execute(update(event_invitation).where(event_invitation.c.id == invitation_id).values(**columns))


def told(conn: Connection, post_id: int) -> list[InvitationRow]:
    """Everybody who was told of an event."""
    query = select(event_invitation).where(event_invitation.c.post_id == post_id)
    return list(conn.execute(query.order_by(event_invitation.c.id)))


def concerned(conn: Connection, post_id: int) -> list[Person]:
    """Who has to be told of it: members and guests who are in at some occurrence, or were told that they are."""
    going = (
        select(rsvp.c.account_id, rsvp.c.guest_id)
        .join(occurrence, occurrence.c.id == rsvp.c.occurrence_id)
        .outerjoin(user, user.c.account_id == rsvp.c.account_id)
        .where(occurrence.c.post_id == post_id, rsvp.c.state == "in", occurrence.c.ends_at > now_ms())
        .where(rsvp.c.guest_id.is_not(None) | user.c.account_id.is_not(None))
    )
    before = select(event_invitation.c.account_id, event_invitation.c.guest_id).where(
        event_invitation.c.post_id == post_id, event_invitation.c.told != "{}"
    )
    return [Person(*row) for row in conn.execute(going.union(before))]


def going_to(conn: Connection, who: Person, since_ms: int) -> list[int]:
    """The ids of events at which they are in at something that is not over since an instant."""
    query = (
        select(occurrence.c.post_id)
        .join(rsvp, rsvp.c.occurrence_id == occurrence.c.id)
        .where(who.of(rsvp), rsvp.c.state == "in", occurrence.c.ends_at > since_ms)
    )
    return list(conn.scalars(query.distinct().order_by(occurrence.c.post_id)))


def answers_of(conn: Connection, who: Person, occurrence_ids: Iterable[int]) -> dict[int, Any]:
    """What they answered to these occurrences, by occurrence."""
    query = select(rsvp).where(who.of(rsvp), rsvp.c.occurrence_id.in_(set(occurrence_ids)))
    return {row.occurrence_id: row for row in conn.execute(query)}
