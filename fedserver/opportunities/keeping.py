"""What is kept beside a post that is an opportunity, whoever wrote it and wherever: row, topics, card. Units."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection

from fedserver import own_cards
from fedserver.opportunities import saying, times
from fedserver.opportunities.records import Details, encode
from storage import opportunities, previews
from storage.posts import PostRow
from storage.signals import signal
from storage.types import now_ms
from storage.words import fold

KIND: Final = "opportunity"


def put(
    conn: Connection,
    row: PostRow,
    kind: str,
    details: Details,
    text_html: str,
    *,
    provider: str,
    closed_as: str | None = None,
    **columns: Any,
) -> None:
    """Keep what `row` says as an opportunity. `closed_as` is why it is closed, None for what is open; `columns` are further ones
    of the row beside the post."""
    now, deadline = now_ms(), times.deadline_at(details)
    place = details.place.country or details.place.locality or details.place.region
    sought = (
        row.title, row.summary, details.organisation.name, details.place.line(), details.eligibility, *details.topics,
    )  # fmt: skip
    opportunities.put(
        conn,
        row.id,
        {fold(one): one for one in details.topics},
        details=encode(details).decode(),
        text_html=text_html,
        kind=kind,
        zone=times.iana(details.zone),
        remote=details.remote,
        place_key=fold(place),
        place_label=place,
        words=fold(" ".join(sought)),
        opens_at=times.opens_at(details),
        deadline_at=deadline,
        expires_at=deadline if deadline is not None else now + times.ROLLING_MS,
        close_reason=closed_as or "",
        changed_at=now,
        **columns,
    )
    card = saying.card(
        kind, details, title=row.title, abstract=row.summary, language=row.language, url=row.url, provider=provider,
        published_at=row.created_at, closed_as=closed_as,
    )  # fmt: skip
    own_cards.show(conn, row, card)
    signal(conn, "opportunity", str(row.id))


def gone(conn: Connection, row: PostRow) -> None:
    """A post is about to be deleted that may be an opportunity."""
    if row.kind == KIND:
        previews.put(conn, row.url, None)
        signal(conn, "opportunity", str(row.id))


def forget(conn: Connection, row: PostRow) -> None:
    """A post is no opportunity any more: it is on no board, and stays a post."""
    if opportunities.remove(conn, row.id):
        previews.put(conn, row.url, None)
        previews.show(conn, row.id, None)
        signal(conn, "opportunity", str(row.id))
