"""Mail to members and from them: what they want, how their addresses are made, what has come in."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, PrimaryKeyConstraint, String, Table, Text

from storage.tables.base import flag, instant, metadata, refers, row_id
from storage.types import Bytes, Id, Json

# Beside a member, from the first mail on that has to do with groups.
mail_preference = Table(
    "mail_preference",
    metadata,
    refers("account_id", "user_account.account_id", primary_key=True),
    # What the codes in addresses and links of this member's mails are made with. Counting up `generation` ends all
    # addresses by which they could post so far.
    Column("secret", Bytes, nullable=False),
    Column("generation", Integer, nullable=False, server_default="0"),
    flag("wants_groups", default=True),  # posts in groups, where the member asked for each
    Column("rhythm", String(8), nullable=False, server_default="weekly"),  # of the digest: daily, weekly, off
    instant("digest_until_at"),  # what was told up to then is not told again
    instant("digest_due_at"),
    Index("ix_mail_preference_digest_due_at", "digest_due_at"),
)

# How often who looks after something hears by mail of what waits; without a row at once.
duty_mail = Table(
    "duty_mail",
    metadata,
    refers("account_id", "user_account.account_id", primary_key=True),
    Column("rhythm", String(8), nullable=False, server_default="at_once"),  # at_once, hourly, daily, never
    Column("hour", Integer, nullable=False, server_default="8"),  # of their day, for daily ones
    instant("due_at"),
    instant("told_until_at"),  # what came up to then is not told again
    Index("ix_duty_mail_due_at", "due_at"),
)

# Mails that go out in the community's own words to those with a language; an empty `text` is a draft alone.
mail_wording = Table(
    "mail_wording",
    metadata,
    Column("kind", String(32), nullable=False),
    Column("language", String(16), nullable=False),
    Column("subject", Text, nullable=False, server_default=""),
    Column("text", Text, nullable=False, server_default=""),
    Column("draft_subject", Text, nullable=False, server_default=""),
    Column("draft_text", Text, nullable=False, server_default=""),
    instant("changed_at", nullable=False),
    PrimaryKeyConstraint("kind", "language"),
)

# A mail that was handed to us for a member to post. It is kept whole until it is posted or refused; afterwards the
# digest alone, so that the same mail is never taken twice.
mail_arrival = Table(
    "mail_arrival",
    metadata,
    row_id(),
    Column("key_hash", Bytes, nullable=False, unique=True),
    refers("account_id", "user_account.account_id"),
    Column(
        "kind", String(8), nullable=False
    ),  # reply: target_id is the post; group: it is the group's account
    Column("target_id", Id, nullable=False),
    Column("state", String(8), nullable=False),  # waiting, posted, refused
    Column("body", Bytes, nullable=True),
    Column("media_ids", Json, nullable=True),  # of the attachments, once they are uploaded
    Index("ix_mail_arrival_account_id_id", "account_id", "id"),
)
