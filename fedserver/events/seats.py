"""Seats: whether somebody gets one, who moves up when one is free, and what is given up. Units, for which the occurrence is locked.

No seat is given twice, nobody passes those who wait, and whoever moves up is told once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from fedserver import visibility
from fedserver.context import Server
from fedserver.errors import Conflict
from fedserver.events import inviting, telling
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan_many
from storage import accounts, events
from storage import posts as stored_posts
from storage.event_mail import Person
from storage.events import EventRow, OccurrenceRow, RsvpRow
from storage.types import now_ms


def capacity(row: EventRow, occurrence: OccurrenceRow) -> int | None:
    """How many people find a seat; None is any number."""
    found: int | None = row.capacity if occurrence.capacity is None else occurrence.capacity
    return found


def state_of(row: EventRow, occurrence: OccurrenceRow, known: RsvpRow | None, guests: int) -> str:
    """What becomes of somebody who wants to come. Raises Conflict where there is no seat, nor a waiting list."""
    was = known.state if known is not None else ""
    if row.rsvp_mode == "approval" and was not in ("in", "waiting"):
        return "asked"
    limit = capacity(row, occurrence)
    if limit is None:
        return "in"
    taken = occurrence.going_count - (known.guests + 1 if known is not None and was == "in" else 0)
    # Who is in stays in; nobody passes those who wait.
    if taken + guests + 1 <= limit and (was == "in" or not occurrence.waiting_count):
        return "in"
    if was == "in":
        raise Conflict("There are not that many seats left.")
    if not row.has_waiting_list:
        raise Conflict("Every seat is taken.")
    return "waiting"


def promote(conn: Connection, server: Server, occurrence_id: int) -> None:
    """Give free seats to those who have waited longest, and tell them."""
    for occurrence in events.locked(conn, [occurrence_id]):
        row = events.by_id(conn, occurrence.post_id)
        if row is None or occurrence.status == "cancelled" or occurrence.ends_at <= now_ms():
            continue
        limit, going = capacity(row, occurrence), occurrence.going_count
        fitting = []
        for one in events.waiting(conn, occurrence_id):
            if limit is not None and going + one.guests + 1 > limit:
                break
            going += one.guests + 1
            fitting.append(one)
        if fitting:
            events.let_in(conn, [one.id for one in fitting])
            events.count_anew(conn, occurrence_id)
            telling.tell(conn, server, row, "in", fitting)


# -- seats of those who may come no longer


def plan_giving_up(conn: Connection, account_ids: Sequence[int], *, gone: bool) -> None:
    """Have those of these accounts that answered to something give up their seats: they are suspended or deleted (`gone`), or
    may perhaps not see everything any more that they go to."""
    concerned = events.who_answered(conn, account_ids, now_ms())
    wanted = [
        ({"account_id": one, "gone": gone}, str(one) if gone else f"{one}:what they see") for one in concerned
    ]
    plan_many(conn, "give_up_seats", wanted)


@handles("give_up_seats")
async def give_up_seats(server: Server, payload: dict[str, Any]) -> None:
    """They do not come to what is to come, and others move up; those who are not gone go on coming to what they may see. What
    a deleted account answered is forgotten."""
    await server.db.write(_give_up, server, payload["account_id"], payload.get("gone", True))


def _give_up(conn: Connection, server: Server, account_id: int, gone: bool) -> None:
    account = accounts.by_id(conn, account_id)
    if account is None or (gone and account.suspended_at is None):
        return  # they are back
    deleted = account.deleted_at is not None
    given = events.answered(conn, account_id, None if deleted else now_ms())
    if not gone:
        posts = {one.post_id: stored_posts.by_id(conn, one.post_id) for one in given}
        hidden = {
            post_id
            for post_id, post in posts.items()
            if post is None or not visibility.may_see(conn, post, account_id)
        }
        given = [one for one in given if one.post_id in hidden]
    ids = [one.id for one in given]
    events.locked(conn, ids)
    if deleted:
        events.remove_answers(conn, ids, account_id)
    else:
        events.decline(conn, ids, account_id)
        inviting.plan_some(conn, sorted({one.post_id for one in given}), [Person(account_id)])
    events.count_anew(conn, *ids)
    for one in given:
        promote(conn, server, one.id)
