"""What is known of pages that posts link to, and what is talked about at present."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, PrimaryKeyConstraint, String, Table, Text

from storage.tables.base import instant, metadata, refers, row_id
from storage.types import Id

# One page of the web, as it describes itself. `post.preview_id` says which posts show it. Rows never change: a page
# that describes itself otherwise later gets a new one, so that whoever keeps a rendering by id need not ask.
preview = Table(
    "preview",
    metadata,
    row_id(),
    Column("url", Text, nullable=False, index=True),  # where the page says it lives
    Column("type", String(8), nullable=False, server_default="link"),  # link, photo, video
    Column("title", Text, nullable=False, server_default=""),
    Column("description", Text, nullable=False, server_default=""),
    Column("language", String(16), nullable=False, server_default=""),
    Column("author_name", Text, nullable=False, server_default=""),
    Column("author_url", Text, nullable=False, server_default=""),
    # Who the page says wrote it, when that profile agrees (`attribution_domains`).
    refers("author_id", "account.id", nullable=True, on_delete="SET NULL", index=True),
    Column("provider_name", Text, nullable=False, server_default=""),
    Column("provider_url", Text, nullable=False, server_default=""),
    Column("image_url", Text, nullable=False, server_default=""),
    Column("image_alt", Text, nullable=False, server_default=""),
    Column("player_url", Text, nullable=False, server_default=""),  # what an iframe may show
    Column("width", Integer, nullable=False, server_default="0"),
    Column("height", Integer, nullable=False, server_default="0"),
    instant("published_at"),
    instant("fetched_at", nullable=False),
)

# An address that was written, and the page it leads to; null when there was none to show.
preview_address = Table(
    "preview_address",
    metadata,
    Column("url", Text, primary_key=True),
    refers("preview_id", "preview.id", nullable=True, index=True),
    instant("fetched_at", nullable=False),
)

# Computed anew every few minutes from what people here can see; nothing in it is anybody's own.
trend = Table(
    "trend",
    metadata,
    Column("kind", String(8), nullable=False),  # tag, post, link
    Column("subject_id", Id, nullable=False),
    Column("score", Float, nullable=False),
    PrimaryKeyConstraint("kind", "subject_id"),
    Index("ix_trend_kind_score", "kind", "score"),
)
