"""How somebody comes in: invitations by link, who greets whom, what is asked back, and who was refused."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, PrimaryKeyConstraint, String, Table, Text

from storage.tables.base import flag, instant, metadata, refers, row_id
from storage.types import Bytes, Json

invite = Table(
    "invite",
    metadata,
    row_id(),
    Column(
        "code", String(32), nullable=False, unique=True
    ),  # shown to whoever made it, as often as they like
    refers("account_id", "account.id", index=True),  # who invites
    Column("note", Text, nullable=False, server_default=""),  # what it is for
    Column("uses_max", Integer, nullable=True),
    Column("uses", Integer, nullable=False, server_default="0"),
    Column("role", String(16), nullable=False, server_default="member"),
    Column("group_ids", Json, nullable=False, server_default="[]"),
    instant("created_at", nullable=False),
    instant("expires_at"),
    instant("revoked_at"),
)

join_refusal = Table(
    "join_refusal",
    metadata,
    row_id(),
    # Keyed: whoever has the database learns no address from it.
    Column("email_digest", Bytes, nullable=False, index=True),
    Column("reason", Text, nullable=False, server_default=""),
    refers("actor_id", "account.id", nullable=True, on_delete="SET NULL", index=True),  # who refused
    instant("created_at", nullable=False),
    Index("ix_join_refusal_created_at", "created_at"),
)

greeting = Table(
    "greeting",
    metadata,
    refers("account_id", "account.id", primary_key=True),  # who asks to join, or came not long ago
    refers("greeter_id", "account.id", index=True),  # who greets them
    flag("by_other"),  # somebody else has given them to the greeter
    instant("created_at", nullable=False),
)

# What was done for somebody who came not long ago, in the words of the community's list at the time.
newcomer_step = Table(
    "newcomer_step",
    metadata,
    refers("account_id", "user_account.account_id"),
    Column("step", String(100), nullable=False),
    refers("by_id", "account.id", nullable=True, on_delete="SET NULL", index=True),
    instant("done_at", nullable=False),
    PrimaryKeyConstraint("account_id", "step"),
)

join_inquiry = Table(
    "join_inquiry",
    metadata,
    row_id(),
    refers("account_id", "account.id", index=True),  # who asks to join
    refers("asker_id", "account.id", nullable=True, on_delete="SET NULL", index=True),
    Column("question", Text, nullable=False),
    Column("answer", Text, nullable=False, server_default=""),
    instant("created_at", nullable=False),
    instant("answered_at"),
)
