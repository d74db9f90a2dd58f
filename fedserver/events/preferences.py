"""How members want to hear of events that they go to: entries for their calendar programs, reminders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from fedserver.context import Server
from fedserver.events import inviting, reading
from fedserver.events.offsets import OFFSETS, checked_minutes
from fedserver.events.records import decode_details
from fedserver.viewer import Member
from storage import event_mail
from storage.event_mail import Person, Preference
from storage.types import now_ms

__all__ = ["OFFSETS", "Preference"]


async def show(server: Server, member: Member) -> Preference:
    """What the member has chosen."""
    return await server.db.read(event_mail.preference, member.account_id)


async def choose(server: Server, member: Member, **changed: Any) -> Preference:
    """Change fields of `Preference`; what is not mentioned stays. What holds then. Raises Invalid."""
    if changed.get("minutes") is not None:
        changed["minutes"] = checked_minutes(changed["minutes"])

    def unit(conn: Connection) -> Preference:
        before = event_mail.preference(conn, member.account_id)
        chosen = Preference(**(before._asdict() | changed))
        event_mail.put_preference(conn, member.account_id, chosen)
        if chosen.invites_by_mail and not before.invites_by_mail:
            # Meanwhile they were told nothing.
            going = event_mail.going_to(conn, Person(member.account_id), now_ms())
            inviting.plan_some(conn, going, [Person(member.account_id)])
        return chosen

    return await server.db.write(unit)


async def reminding(server: Server, member: Member, post_id: int) -> tuple[tuple[int, ...], bool]:
    """When the member is reminded of this event, and whether they chose that for this one. Raises NotFound."""

    def unit(conn: Connection) -> tuple[tuple[int, ...], bool]:
        row = reading.visible(conn, post_id, member.account_id)
        own = event_mail.reminding(conn, member.account_id, post_id)
        if own is not None:
            return own, True
        usual = event_mail.preference(conn, member.account_id).minutes
        return decode_details(row.details).reminders if usual is None else usual, False

    return await server.db.read(unit)


async def choose_reminding(
    server: Server, member: Member, post_id: int, minutes: Sequence[int] | None
) -> None:
    """Remind the member of this event so many minutes before, never (none), or (None) as of all. Raises Invalid, NotFound."""
    wanted = None if minutes is None else checked_minutes(minutes)

    def unit(conn: Connection) -> None:
        reading.visible(conn, post_id, member.account_id)
        event_mail.put_reminding(conn, member.account_id, post_id, wanted)

    await server.db.write(unit)
