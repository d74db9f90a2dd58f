"""Opportunities: what a post of kind `opportunity` has beside it; who applies, alone or as a team, and who reviews that."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, Text, UniqueConstraint

from storage.tables.base import flag, instant, metadata, refers, row_id
from storage.types import Json

opportunity = Table(
    "opportunity",
    metadata,
    refers("post_id", "post.id", primary_key=True),
    Column("details", Json, nullable=False),  # fedserver.opportunities.records.Details
    Column("text_html", Text, nullable=False, server_default=""),
    Column("kind", String(16), nullable=False),  # job, grant, call, fellowship, volunteer, microgrant
    Column("zone", Text, nullable=False),  # IANA; Etc/GMT+12 is anywhere on earth
    Column("remote", String(8), nullable=False, server_default="no"),  # no, partly, yes
    Column("place_key", Text, nullable=False, server_default="", index=True),  # folded country, or town
    Column("place_label", Text, nullable=False, server_default=""),
    Column("words", Text, nullable=False, server_default=""),  # what a search on the board looks at, folded
    # How one applies here, if one does (fedserver.opportunities.records.Form); in no document, feed or search index.
    Column("form", Json, nullable=False, server_default=""),
    Column("mails", Json, nullable=False, server_default="{}"),  # what decisions say, by decision
    Column("uid", Text, nullable=False, unique=True),  # of the calendars; never changes
    Column("sequence", Integer, nullable=False, server_default="0"),  # RFC 5545 §3.8.7.4
    Column("close_reason", String(16), nullable=False, server_default=""),  # filled, withdrawn, closed
    instant("opens_at"),
    instant("deadline_at"),  # null: until it is filled
    instant("expires_at", nullable=False),  # from then on it is on no board
    instant("closed_at"),  # by hand, before
    instant("changed_at", nullable=False),
    Index("ix_opportunity_expires_at_post_id", "expires_at", "post_id"),
)

opportunity_topic = Table(
    "opportunity_topic",
    metadata,
    refers("post_id", "opportunity.post_id", primary_key=True),
    Column("key", Text, primary_key=True),
    Column("label", Text, nullable=False),
    Index("ix_opportunity_topic_key", "key"),
)

application = Table(
    "application",
    metadata,
    row_id(),
    refers("post_id", "opportunity.post_id"),
    refers("account_id", "account.id", index=True),  # who leads it
    Column("number", Integer, nullable=False),  # what reviewers call it who see no names
    # draft, submitted, withdrawn; once it was told: accepted, waitlisted, declined
    Column("state", String(16), nullable=False),
    Column("decision", String(16), nullable=False, server_default=""),  # what is decided, told or not
    Column("answers", Json, nullable=False, server_default="{}"),  # by the keys of the questions
    instant("created_at", nullable=False),
    instant("changed_at", nullable=False),
    instant("submitted_at"),
    instant("decided_at"),  # when the latest decision was told
    UniqueConstraint("post_id", "account_id"),
    UniqueConstraint("post_id", "number"),
)

application_member = Table(
    "application_member",
    metadata,
    refers("application_id", "application.id", primary_key=True),
    refers("account_id", "account.id", primary_key=True, index=True),
    Column("state", String(16), nullable=False),  # invited, confirmed, declined, removed
    instant("created_at", nullable=False),
)

opportunity_reviewer = Table(
    "opportunity_reviewer",
    metadata,
    refers("post_id", "opportunity.post_id", primary_key=True),
    refers("account_id", "account.id", primary_key=True, index=True),
    instant("created_at", nullable=False),
)

application_review = Table(
    "application_review",
    metadata,
    refers("application_id", "application.id", primary_key=True),
    refers("account_id", "account.id", primary_key=True, index=True),
    flag("has_conflict"),  # they know the applicants too well, and see nothing of it any more
    Column("scores", Json, nullable=False, server_default="{}"),  # 1 to 5, by criterion
    Column("comment", Text, nullable=False, server_default=""),
    instant("changed_at", nullable=False),
)
