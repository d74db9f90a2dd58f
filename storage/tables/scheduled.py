"""Posts that members have written and that are published at an instant to come."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table, Text

from storage.tables.base import instant, metadata, refers, row_id
from storage.types import Json

scheduled_post = Table(
    "scheduled_post",
    metadata,
    row_id(),
    refers("account_id", "user_account.account_id"),
    Column("draft", Json, nullable=False),
    instant("scheduled_at", nullable=False),
    # Why it could not be published when its time had come; "" while it waits.
    Column("problem", Text, nullable=False, server_default=""),
    # What it waits for a moderator for; "" for what waits for its instant.
    Column("held_for", Text, nullable=False, server_default=""),
    Index("ix_scheduled_post_account_id_id", "account_id", "id"),
)
