"""What the community says of itself for a time and who agreed to it, and numbers that are kept by day."""

from __future__ import annotations

from sqlalchemy import Column, Integer, PrimaryKeyConstraint, String, Table, Text, UniqueConstraint

from storage.tables.base import instant, metadata, refers, row_id
from storage.types import Id

# Terms and privacy, version by version. One of each kind may be a draft: without a day, and not published.
policy_version = Table(
    "policy_version",
    metadata,
    row_id(),
    Column("kind", String(16), nullable=False),  # terms, privacy
    Column("effective_on", String(10), nullable=False, server_default=""),  # a day, as its address has it
    Column("text", Text, nullable=False),
    instant("changed_at", nullable=False),
    instant("published_at"),
    UniqueConstraint("kind", "effective_on"),
)

policy_consent = Table(
    "policy_consent",
    metadata,
    refers("account_id", "user_account.account_id"),
    refers("version_id", "policy_version.id", index=True),
    instant("agreed_at", nullable=False),
    PrimaryKeyConstraint("account_id", "version_id"),
)

# What was counted on a day (since 1970, UTC), so that nothing large is counted again for each look at it.
day_figure = Table(
    "day_figure",
    metadata,
    Column("day", Integer, nullable=False),
    Column("name", String(32), nullable=False),
    Column("value", Id, nullable=False),
    PrimaryKeyConstraint("day", "name"),
)
