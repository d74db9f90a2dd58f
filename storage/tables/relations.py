"""Who stands how to whom, and to what."""

from __future__ import annotations

from sqlalchemy import Column, Index, PrimaryKeyConstraint, Table, Text, UniqueConstraint

from storage.tables.base import flag, instant, metadata, refers, row_id
from storage.types import Id, Json

follow = Table(
    "follow",
    metadata,
    row_id(),
    Column("uri", Text, nullable=False, unique=True),
    refers("account_id", "account.id"),
    refers("target_id", "account.id"),
    flag("accepted"),
    flag("shows_boosts", default=True),
    flag("notifies"),
    Column("languages", Json, nullable=False, server_default="[]"),
    UniqueConstraint("account_id", "target_id"),
    Index("ix_follow_target_id_accepted_id", "target_id", "accepted", "id"),
)

block = Table(
    "block",
    metadata,
    row_id(),
    Column("uri", Text, nullable=False, unique=True),
    refers("account_id", "account.id"),
    refers("target_id", "account.id", index=True),
    UniqueConstraint("account_id", "target_id"),
)

mute = Table(
    "mute",
    metadata,
    row_id(),
    refers("account_id", "account.id"),
    refers("target_id", "account.id", index=True),
    flag("hides_notifications", default=True),
    instant("expires_at"),
    UniqueConstraint("account_id", "target_id"),
)

like = Table(
    "post_like",
    metadata,
    row_id(),
    Column("uri", Text, nullable=False, unique=True),
    refers("account_id", "account.id"),
    refers("post_id", "post.id"),
    UniqueConstraint("account_id", "post_id"),
    Index("ix_post_like_post_id_id", "post_id", "id"),
)

bookmark = Table(
    "bookmark",
    metadata,
    row_id(),
    refers("account_id", "user_account.account_id"),
    refers("post_id", "post.id", index=True),
    UniqueConstraint("account_id", "post_id"),
)

pin = Table(
    "pin",
    metadata,
    row_id(),
    refers("account_id", "account.id"),
    refers("post_id", "post.id", index=True),
    UniqueConstraint("account_id", "post_id"),
)

thread_mute = Table(
    "thread_mute",
    metadata,
    refers("account_id", "user_account.account_id"),
    Column("thread_id", Id, nullable=False),
    PrimaryKeyConstraint("account_id", "thread_id"),
)
