"""What changes about an event in words of its own: a post that answers it, for whoever learns of an event by posts.

Mastodon before 4.5 takes no `Update` of an `Event`, and shows no later one in a timeline: who had read when it is would not
learn that it moved. Units.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from sqlalchemy import Connection

from fedserver import posts
from fedserver.context import Server
from fedserver.errors import FedError
from fedserver.events import reading, saying
from fedserver.events.records import Described
from fedserver.posts import Draft
from storage import events
from storage.events import EventRow, OccurrenceRow

_WORDS: Final = {"cancelled": "Cancelled", "moved": "Moved", "scheduled": "Takes place after all"}


def changed(conn: Connection, server: Server, post_id: int, before: Described) -> None:
    """Say of an event of ours what it says now of when and where."""
    row = events.by_id(conn, post_id)
    if row is None:
        return
    now = reading.described_of(row)
    spans = [
        (one.key, one.starts_at, one.ends_at)
        for one in events.occurrences(conn, post_id)
        if one.status != "cancelled"
    ]
    # A status that is new is the first word of the line.
    word = "" if now.status != before.status and now.status != "scheduled" else "Changed: "
    _post(conn, server, row, f"{word}{saying.line(now, spans)}")


def occurrence_changed(conn: Connection, server: Server, post_id: int, before: OccurrenceRow) -> None:
    """Say of one time of it what became of it."""
    row, now = events.by_id(conn, post_id), events.occurrence_by_key(conn, post_id, before.key)
    if row is None or now is None:
        return
    when = (before.status, before.starts_at, before.ends_at)
    if when == (now.status, now.starts_at, now.ends_at):
        return  # another number of seats, or another reason
    details = reading.described_of(row)
    text = saying.when(details, [(now.key, now.starts_at, now.ends_at)])
    if now.starts_at != before.starts_at:
        text += f", instead of {saying.when(details, [(before.key, before.starts_at, before.ends_at)])}"
    _post(conn, server, row, f"{_WORDS[now.status]}: {text}" + (f"\n\n{now.note}" if now.note else ""))


def _post(conn: Connection, server: Server, row: EventRow, text: str) -> None:
    draft = Draft(
        f"{row.title}\n\n{text}\n\n{row.url}",
        visibility=row.visibility,
        language=row.language,
        in_reply_to_id=row.id,
    )
    # Where nobody answers any more, in a thread that is closed for one, the change itself has to do.
    with suppress(FedError), conn.begin_nested():
        posts.create_unit(conn, server, row.account_id, draft)
