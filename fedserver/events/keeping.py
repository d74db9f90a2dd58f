"""What is kept beside a post that is an event: row, occurrences, card. Units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection

from fedserver import own_cards
from fedserver.events import inviting, reminding, saying, series
from fedserver.events.records import Described, encode
from storage import events, previews
from storage.posts import PostRow
from storage.signals import signal
from storage.types import now_ms

KIND: Final = "event"


def put(
    conn: Connection,
    row: PostRow,
    said: Described,
    text_html: str,
    *,
    provider: str,
    spans: Sequence[tuple[str, int, int]] = (),
    **columns: Any,
) -> None:
    """Keep what `row` says as an event; `spans` are when it takes place where that is not its own schedule's to say, `columns`
    further ones of the row beside the post."""
    spans = spans or series.spans_of(said.schedule)
    if said.join_url is not None:
        columns["join_url"] = said.join_url
    events.put(
        conn,
        row.id,
        details=encode(said.details()).decode(),
        text_html=text_html,
        kind=said.kind,
        zone=said.schedule.zone,
        all_day=said.schedule.all_day,
        status=said.status,
        rsvp_mode=said.rsvp_mode,
        capacity=said.capacity,
        has_waiting_list=said.has_waiting_list,
        guests_max=said.guests_max,
        rsvp_closes_at=said.rsvp_closes_at,
        asks_elsewhere=said.asks_elsewhere,
        starts_at=spans[0][1],
        ends_at=spans[-1][2],
        changed_at=now_ms(),
        **columns,
    )
    before = events.occurrences(conn, row.id)
    events.put_occurrences(conn, row.id, spans)
    reminding.moved(conn, before)
    card = saying.card(said, spans, url=row.url, provider=provider, published_at=row.created_at)
    own_cards.show(conn, row, card)
    signal(conn, "event", str(row.id))


def gone(conn: Connection, row: PostRow) -> None:
    """A post is about to be deleted that may be an event."""
    if row.kind == KIND:
        inviting.call_off(conn, row.id)
        previews.put(conn, row.url, None)
        signal(conn, "event", str(row.id))


def forget(conn: Connection, row: PostRow) -> None:
    """A post is no event any more, or says no longer when it takes place: it is in no calendar, nobody goes to it."""
    if events.remove(conn, row.id):
        previews.put(conn, row.url, None)
        previews.show(conn, row.id, None)
        signal(conn, "event", str(row.id))
