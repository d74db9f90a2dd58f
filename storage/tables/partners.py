"""Partner networks: servers that both sides have agreed to share a library, a calendar and a directory with."""

from __future__ import annotations

from sqlalchemy import Column, String, Table, Text

from storage.tables.base import instant, metadata, refers, row_id

partner = Table(
    "partner",
    metadata,
    row_id(),
    Column("host", Text, nullable=False, unique=True),
    refers("account_id", "account.id"),  # the instance actor of the other side
    # offered (by us), asked (by them), active, declined, ended
    Column("state", String(16), nullable=False),
    Column("offer_uri", Text, nullable=False, server_default=""),
    Column("note", Text, nullable=False, server_default=""),  # what came with the offer
    refers("decided_by_id", "account.id", nullable=True, on_delete="SET NULL"),
    instant("created_at", nullable=False),
    instant("decided_at"),
    # How far its library has been read.
    instant("library_read_at"),
)
