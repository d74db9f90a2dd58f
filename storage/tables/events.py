"""Events: what a post of kind `event` has beside it, when it takes place, and who goes.

A series is one post; each time that it takes place is an `occurrence`, with an address, seats and answers of its own.
"""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

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
    instant("followed_up_at"),  # those who came were written to
    UniqueConstraint("post_id", "key"),
    Index("ix_occurrence_starts_at_id", "starts_at", "id"),
    Index("ix_occurrence_ends_at", "ends_at"),
)

rsvp = Table(
    "rsvp",
    metadata,
    row_id(),
    refers("occurrence_id", "occurrence.id"),
    # Somebody with an account here or elsewhere, or somebody who answered by mail: one of the two.
    refers("account_id", "account.id", nullable=True, index=True),
    refers("guest_id", "event_guest.id", nullable=True, index=True),
    Column("answer", String(16), nullable=False),  # going, maybe, declined
    # What became of it: in, waiting (for a seat), asked (for approval), sent (to another server), refused; "" of the rest
    Column("state", String(16), nullable=False, server_default=""),
    Column("guests", Integer, nullable=False, server_default="0"),
    Column("answers", Json, nullable=False, server_default="{}"),  # to the organisers' questions
    Column("uri", Text, nullable=False, server_default="", index=True),  # of the Join
    flag("attended"),  # an organiser has ticked that they came
    Column("queue", Id, nullable=False),  # the order of those who wait
    instant("link_told_for"),  # they were sent the link to join for when it was to begin then
    instant("created_at", nullable=False),
    instant("changed_at", nullable=False),
    UniqueConstraint("occurrence_id", "account_id"),
    UniqueConstraint("occurrence_id", "guest_id"),
    Index("ix_rsvp_occurrence_id_state_queue", "occurrence_id", "state", "queue"),
)

# What came out of an event: a page elsewhere, or a resource of the library.
event_output = Table(
    "event_output",
    metadata,
    row_id(),
    refers("post_id", "event.post_id", index=True),
    refers("occurrence_id", "occurrence.id", nullable=True, on_delete="SET NULL"),  # null: of the whole
    Column("role", String(16), nullable=False),  # notes, recording, slides, other
    Column("title", Text, nullable=False, server_default=""),
    Column("url", Text, nullable=False, server_default=""),
    refers("resource_id", "resource.post_id", nullable=True),
    instant("created_at", nullable=False),
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

# Somebody without an account who comes to an event, known by their mail address. Organisers alone see who they are; some time
# after the event all of it is forgotten.
event_guest = Table(
    "event_guest",
    metadata,
    row_id(),
    refers("post_id", "event.post_id"),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False),  # folded for comparison
    Column("name", Text, nullable=False),
    Column("secret", Text, nullable=False, unique=True),  # in the links of their mails
    # What they want to answer, until they have confirmed that the address is theirs: fedserver.events.guests.Asked
    Column("asked", Json, nullable=False, server_default="{}"),
    Column("mails_count", Integer, nullable=False, server_default="0"),  # that asked for it, since mailed_at
    flag("wants_mail", default=True),
    instant("mailed_at"),
    instant("confirmed_at"),
    instant("created_at", nullable=False),
    UniqueConstraint("post_id", "email_key"),
    Index("ix_event_guest_email_key_mailed_at", "email_key", "mailed_at"),
)

# What somebody's calendar program was told by mail of an event (RFC 5546), so that it hears of what is different alone.
event_invitation = Table(
    "event_invitation",
    metadata,
    row_id(),
    refers("post_id", "event.post_id"),
    refers("account_id", "user_account.account_id", nullable=True, index=True),
    refers("guest_id", "event_guest.id", nullable=True, index=True),
    Column("told", Json, nullable=False, server_default="{}"),  # fedserver.events.inviting.Told
    Column("revision", Integer, nullable=False, server_default="0"),  # counts the mails
    instant("busy_until"),  # a mail is being sent
    UniqueConstraint("post_id", "account_id"),
    UniqueConstraint("post_id", "guest_id"),
)

# How a member wants to hear of events they go to; without a row as it is here.
event_preference = Table(
    "event_preference",
    metadata,
    refers("account_id", "user_account.account_id", primary_key=True),
    flag("invites_by_mail", default=True),  # entries for their calendar program
    flag("reminds_here", default=True),  # a notification, and with it a push message
    flag("reminds_by_mail", default=True),
    Column("minutes", Json, nullable=True),  # before it begins; null: as each event has it
)

# When a member is reminded of one event, instead of that.
event_reminding = Table(
    "event_reminding",
    metadata,
    refers("account_id", "user_account.account_id"),
    refers("post_id", "event.post_id", index=True),
    Column("minutes", Json, nullable=False),
    PrimaryKeyConstraint("account_id", "post_id"),
)

# Reminders that were planned: each is once. One that is moved is another.
event_reminder = Table(
    "event_reminder",
    metadata,
    row_id(),
    refers("occurrence_id", "occurrence.id"),
    refers("account_id", "user_account.account_id", nullable=True, index=True),
    refers("guest_id", "event_guest.id", nullable=True, index=True),
    Column("minutes", Integer, nullable=False),
    instant("starts_at", nullable=False),
    UniqueConstraint("occurrence_id", "account_id", "minutes", "starts_at"),
    UniqueConstraint("occurrence_id", "guest_id", "minutes", "starts_at"),
)

# Up to when reminders were looked for: one row.
event_reminder_clock = Table(
    "event_reminder_clock",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    instant("until_at", nullable=False),
)
