"""Events: what a post of kind `event` has beside it, when it takes place, and who goes.

A series is one post; each time that it takes place is an `occurrence`, with an address, seats and answers of its own.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, Text, UniqueConstraint

from storage.tables.base import flag, instant, metadata, refers, row_id
from storage.types import Id, Json

event = Table(
    "event",
    metadata,
    refers("post_id", "post.id", primary_key=True),
    Column("details", Json, nullable=False),  # fedserver.events.records.Details
    Column("text_html", Text, nullable=False, server_default=""),
    Column("kind", String(16), nullable=False),  # call, workshop, course, …
    Column("zone", Text, nullable=False),  # IANA
    flag("all_day"),
    # scheduled, tentative, postponed, rescheduled, moved-online, cancelled (FEP-8a8e)
    Column("status", String(16), nullable=False),
    # How one comes in: free, approval, invite, external, none
    Column("rsvp_mode", String(16), nullable=False),
    Column("capacity", Integer, nullable=True),  # of each occurrence, in people; null: no limit
    flag("has_waiting_list", default=True),
    Column("guests_max", Integer, nullable=False, server_default="0"),
    # For those alone who are in, near the time. It is in no document, feed, search index or log.
    Column("join_url", Text, nullable=False, server_default=""),
    Column("uid", Text, nullable=False, unique=True),  # of the calendars; never changes
    Column("sequence", Integer, nullable=False, server_default="0"),  # RFC 5545 §3.8.7.4
    Column("participants_elsewhere", Integer, nullable=True),  # of an event elsewhere, as its server counts
    Column("source_uri", Text, nullable=False, server_default="", index=True),
    # People of other servers are asked whether they come, by a poll that answers the event (`fedserver.events.asking`)
    flag("asks_elsewhere", default=True),
    instant("asked_at"),  # that poll has been out since
    instant("asking_ended_at"),
    instant("asking_counted_at"),  # its counts were told last
    instant("rsvp_closes_at"),
    instant("starts_at", nullable=False),  # of the first occurrence
    instant("ends_at", nullable=False),  # of the last
    instant("changed_at", nullable=False),
    Index("ix_event_starts_at_post_id", "starts_at", "post_id"),
)

occurrence = Table(
    "occurrence",
    metadata,
    row_id(),
    refers("post_id", "event.post_id"),
    Column(
        "key", String(16), nullable=False
    ),  # when it was to begin, in wall time: it stays when it is moved
    Column("status", String(16), nullable=False, server_default="scheduled"),  # scheduled, moved, cancelled
    Column("capacity", Integer, nullable=True),  # instead of the event's
    Column("note", Text, nullable=False, server_default=""),  # why it was moved or cancelled
    Column("going_count", Integer, nullable=False, server_default="0"),  # people, guests included
    Column("waiting_count", Integer, nullable=False, server_default="0"),
    # Answers, as polls count them: guests are none, and who waits has said that they come
    Column("yes_count", Integer, nullable=False, server_default="0"),
    Column("maybe_count", Integer, nullable=False, server_default="0"),
    Column("no_count", Integer, nullable=False, server_default="0"),
    instant("starts_at", nullable=False),
    instant("ends_at", nullable=False),  # exclusive
    UniqueConstraint("post_id", "key"),
    Index("ix_occurrence_starts_at_id", "starts_at", "id"),
    Index("ix_occurrence_ends_at", "ends_at"),
)

rsvp = Table(
    "rsvp",
    metadata,
    row_id(),
    refers("occurrence_id", "occurrence.id"),
    refers("account_id", "account.id", index=True),
    Column("answer", String(16), nullable=False),  # going, maybe, declined
    # What became of it: in, waiting (for a seat), asked (for approval), sent (to another server), refused; "" of the rest
    Column("state", String(16), nullable=False, server_default=""),
    Column("guests", Integer, nullable=False, server_default="0"),
    Column("answers", Json, nullable=False, server_default="{}"),  # to the organisers' questions
    Column("uri", Text, nullable=False, server_default="", index=True),  # of the Join
    Column("queue", Id, nullable=False),  # the order of those who wait
    instant("link_told_for"),  # they were sent the link to join for when it was to begin then
    instant("created_at", nullable=False),
    instant("changed_at", nullable=False),
    UniqueConstraint("occurrence_id", "account_id"),
    Index("ix_rsvp_occurrence_id_state_queue", "occurrence_id", "state", "queue"),
)

# Secret addresses under which a member's own calendar can be subscribed to.
calendar_token = Table(
    "calendar_token",
    metadata,
    row_id(),
    refers("account_id", "account.id", index=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("label", Text, nullable=False, server_default=""),
    instant("created_at", nullable=False),
    instant("used_at"),
)

# Secret addresses under which somebody without an account here changes what they answered to an event.
answer_key = Table(
    "answer_key",
    metadata,
    row_id(),
    refers("post_id", "event.post_id"),
    refers("account_id", "account.id", index=True),
    Column("digest", String(64), nullable=False, unique=True),
    instant("created_at", nullable=False),
    Index("ix_answer_key_post_id_account_id", "post_id", "account_id"),
)

# People of other servers who want to be told nothing more of events they answered to.
event_silence = Table(
    "event_silence",
    metadata,
    refers("account_id", "account.id", primary_key=True),
    instant("created_at", nullable=False),
)
