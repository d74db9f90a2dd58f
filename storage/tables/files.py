"""Copies of other servers' files. What members upload is in `media`, with the posts it belongs to."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, Text

from storage.tables.base import instant, metadata

# A file of another server that somebody here has looked at. All of it can be lost: it is fetched again when seen.
remote_file = Table(
    "remote_file",
    metadata,
    Column("key", String(64), primary_key=True),  # SHA-256 of the address
    Column("url", Text, nullable=False),
    # The server whose account or post named it first: its rules hold, wherever the file lies.
    Column("host", Text, nullable=False),
    Column("state", String(16), nullable=False),  # kept, failed, large (not for keeping)
    Column("store_key", Text, nullable=False, server_default=""),
    Column("file_bytes", Integer, nullable=False, server_default="0"),
    Column("failures", Integer, nullable=False, server_default="0"),
    instant("fetched_at", nullable=False),
    instant("used_at", nullable=False),  # to the hour
    instant("retry_at"),  # not asked for again before
    Index("ix_remote_file_used_at", "used_at"),
    Index("ix_remote_file_fetched_at", "fetched_at"),
    Index("ix_remote_file_host", "host"),
)
