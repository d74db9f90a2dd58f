"""The calendar elsewhere that an event was read from, as its page names it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import Connection

from storage import calendar_feeds, event_origins

_SECRET: Final = re.compile(r"private|secret|token|key|[A-Za-z0-9_-]{24,}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Origin:
    """The calendar elsewhere that an event was read from: what it is called, and its address, "" where that may be a secret."""

    name: str
    url: str


def of_event(conn: Connection, post_id: int) -> Origin | None:
    """Where an event is read from again and again; what somebody brought in once is theirs."""
    row = event_origins.of_posts(conn, [post_id]).get(post_id)
    feed = None if row is None else calendar_feeds.by_id(conn, row.feed_id)
    if feed is None:
        return None
    host = urlsplit(feed.url).hostname or ""
    return Origin(f"{feed.title} ({host})" if feed.title and feed.title != host else host, _shown(feed.url))


def _shown(url: str) -> str:
    """An address that everybody may see: whoever has the secret one of a calendar reads all of it."""
    parts = urlsplit(url)
    if parts.query or parts.username or parts.password or _SECRET.search(parts.path):
        return ""
    return url
