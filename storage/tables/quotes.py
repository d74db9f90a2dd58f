"""Quotes: which post quotes which, and whether the quoted author agrees (FEP-044f)."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table, Text

from storage.tables.base import flag, instant, metadata, refers, row_id

quote = Table(
    "quote",
    metadata,
    row_id(),
    refers("post_id", "post.id"),  # the one that quotes; it quotes one
    refers("account_id", "account.id", index=True),
    refers("quoted_id", "post.id", nullable=True, on_delete="SET NULL"),  # null: not known here, or gone
    refers("quoted_account_id", "account.id", nullable=True, on_delete="SET NULL", index=True),
    Column("quoted_uri", Text, nullable=False, index=True),
    Column("state", String(16), nullable=False),  # pending, accepted, rejected, revoked
    flag("legacy"),  # made by software that asks nobody
    Column("request_uri", Text, nullable=False, server_default=""),  # the QuoteRequest
    Column("stamp_uri", Text, nullable=False, server_default=""),  # the QuoteAuthorization
    instant("checked_at"),  # when a stamp elsewhere was last read
    Index("uq_quote_post_id", "post_id", unique=True),
    Index("ix_quote_quoted_id_id", "quoted_id", "id"),
    Index("ix_quote_request_uri", "request_uri"),
    Index("ix_quote_stamp_uri", "stamp_uri"),
)
