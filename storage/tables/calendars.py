"""Calendars elsewhere that this server reads, and which events came from where."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, Text

from storage.tables.base import instant, metadata, refers, row_id
from storage.types import Json

# A calendar that is subscribed to: for the whole server, or for a group.
calendar_feed = Table(
    "calendar_feed",
    metadata,
    row_id(),
    refers("account_id", "account.id", index=True),  # under whose name its events are
    refers("group_id", "account.id", nullable=True, index=True),
    Column("url", Text, nullable=False),
    Column("title", Text, nullable=False, server_default=""),
    Column("zone", Text, nullable=False, server_default="UTC"),  # of times that name none
    Column("hours", Integer, nullable=False),  # between two readings
    Column("state", String(16), nullable=False, server_default="active"),  # active, paused
    Column("etag", Text, nullable=False, server_default=""),
    Column("last_modified", Text, nullable=False, server_default=""),
    Column("digest", String(64), nullable=False, server_default=""),  # of what came last
    Column("failures", Integer, nullable=False, server_default="0"),  # one after the other
    Column("problem", Text, nullable=False, server_default=""),  # what went wrong last, as a sentence
    Column(
        "report", Json, nullable=False, server_default="{}"
    ),  # fedserver.events.importing.subscribing.Summary
    instant("due_at", nullable=False),
    instant("asked_at"),
    instant("read_at"),  # when it was good for the last time
    instant("created_at", nullable=False),
    Index("ix_calendar_feed_state_due_at", "state", "due_at"),
)

# By what an event that was read elsewhere is known when it is read again. It outlives the event, so that what somebody
# deleted here does not come back by itself.
event_origin = Table(
    "event_origin",
    metadata,
    row_id(),
    refers("account_id", "account.id"),
    refers("feed_id", "calendar_feed.id", nullable=True, index=True),
    refers("post_id", "event.post_id", nullable=True, on_delete="SET NULL", index=True),
    Column("uid", Text, nullable=False, server_default=""),
    Column("mark", String(64), nullable=False),  # when it begins, and its title
    Column("sequence", Integer, nullable=False, server_default="0"),
    Column("source", Text, nullable=False, server_default=""),  # the file or address
    Column("said", String(64), nullable=False),  # digest of what the source says
    Column("kept", String(64), nullable=False),  # digest of what was made of it
    instant("seen_at", nullable=False),
    Index("ix_event_origin_account_id_uid", "account_id", "uid"),
    Index("ix_event_origin_account_id_mark", "account_id", "mark"),
)
