"""Who is told what of an event they answered to, when, and by which road. Units.

| what is told               | a member                    | who joined from elsewhere | who voted elsewhere |
|----------------------------|-----------------------------|---------------------------|---------------------|
| `in`: let in, moved up     | notification                | `Accept`                  | direct note         |
| `waiting`: there is no seat | notification               | `TentativeAccept`         | direct note         |
| `refused`                  | notification                | `Reject`                  | direct note         |
| `changed`: when or where   | notification                | `Update` of the event     | direct note         |
| `due`: the link to join    | reminder, as they chose     | direct note               | direct note         |

Members get entries for their calendar programs by mail besides (`fedserver.events.inviting`). Everything is told once, in the unit
in which it comes to pass; the link an hour before something begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import notifications, visibility
from fedserver.context import Server
from fedserver.events import inviting, notes
from fedserver.events.reading import JOIN_OPENS_MS, is_near
from fedserver.events.records import News
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from storage import accounts, events, posts
from storage.event_mail import Person
from storage.events import EventRow, OccurrenceRow, RsvpRow
from storage.types import now_ms

TOLD_AT_ONCE_MAX: Final = 200
LATE_MS: Final = 5 * 60_000
"""What is told so long after the link was due is told of a link that has changed."""
_OF_JOINS: Final = ("in", "waiting", "refused")


def tell(conn: Connection, server: Server, row: EventRow, news: News, concerned: Sequence[RsvpRow]) -> None:
    """Tell those who gave these answers to an event of this server."""
    people = accounts.by_ids(conn, {one.account_id for one in concerned if one.account_id is not None})
    elsewhere = [one for one in concerned if (who := people.get(one.account_id)) is not None and who.domain]
    members = [one for one in concerned if one.account_id is not None and one not in elsewhere]
    if news == "due":
        # Members are reminded as they want (`fedserver.events.reminding`): of a link that has changed since, at once. Who
        # answered when it was near has seen it.
        due_at = {one.id: one.starts_at - JOIN_OPENS_MS for one in events.occurrences(conn, row.id)}
        late = now_ms() - LATE_MS
        members = [one for one in members if one.changed_at < due_at.get(one.occurrence_id, 0) < late]
    _notify(conn, row, {one.account_id for one in members})
    if news == "changed":
        inviting.plan_all(conn, server, row.id)
    elif news != "due":
        inviting.plan_some(conn, [row.id], [Person(one.account_id, one.guest_id) for one in concerned])
    for one in concerned if news == "refused" else ():
        if one.guest_id is not None:
            about = {"guest_id": one.guest_id, "about": "refused"}
            plan(conn, "mail_guest", about, key=f"{one.guest_id} refused")
    if news in _OF_JOINS:
        for one in elsewhere:
            if one.uri:
                server.publish.join_answered(conn, row, one, news)
    # Whoever joined has a server that shows how things stand; nobody but we can tell them the link.
    notes.tell(conn, server, row, news, people, [one for one in elsewhere if news == "due" or not one.uri])
    if news == "in":
        for occurrence in events.occurrences_by_ids(conn, {one.occurrence_id for one in concerned}):
            plan_due(conn, occurrence)


def _notify(conn: Connection, row: EventRow, account_ids: set[int]) -> None:
    """Those members hear of it who may still see the event."""
    post = posts.by_id(conn, row.id) if account_ids else None
    if post is not None:
        readers = visibility.who_may_see(conn, post, account_ids)
        notifications.notify_each_of_post(
            conn, readers, post.account_id, post.id, post.thread_id, type_="update"
        )


# -- the link to join


def plan_due(conn: Connection, occurrence: OccurrenceRow) -> None:
    """Have those who are in told the link when it is time, or now."""
    if occurrence.ends_at > now_ms():
        plan(
            conn, "event_due", {"occurrence_id": occurrence.id}, key=f"{occurrence.id}:{occurrence.starts_at}",
            not_before_ms=occurrence.starts_at - JOIN_OPENS_MS,
        )  # fmt: skip


def link_changed(conn: Connection, post_id: int) -> None:
    """The link leads elsewhere now: those who had been told the former one are told again."""
    coming = [one for one in events.occurrences(conn, post_id) if one.ends_at > now_ms()]
    events.forget_links_told(conn, [one.id for one in coming])
    for one in coming:
        if one.going_count:
            plan_due(conn, one)


@handles("event_due")
async def tell_due(server: Server, payload: dict[str, Any]) -> None:
    """Tell the link to those who are in and have not been told; nothing happens when it was moved or called off."""
    while await server.db.write(_tell_due, server, payload["occurrence_id"]):
        pass


def _tell_due(conn: Connection, server: Server, occurrence_id: int) -> bool:
    """Tell some; whether there may be more."""
    for one in events.locked(conn, [occurrence_id]):
        row = events.by_id(conn, one.post_id)
        if row is None or not row.local or row.status == "cancelled" or not row.join_url or not is_near(one):
            return False
        found = events.without_link(conn, one.id, one.starts_at, limit=TOLD_AT_ONCE_MAX)
        events.note_link_told(conn, [rsvp.id for rsvp in found], one.starts_at)
        tell(conn, server, row, "due", found)
        return len(found) == TOLD_AT_ONCE_MAX
    return False
