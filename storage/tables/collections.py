"""Collections of accounts that somebody recommends (FEP-7aa9), and people who read an account by e-mail."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, PrimaryKeyConstraint, String, Table, Text, UniqueConstraint

from storage.tables.base import flag, instant, metadata, refers, row_id

collection = Table(
    "collection",
    metadata,
    row_id(),
    Column("uri", Text, nullable=False, unique=True),
    Column("url", Text, nullable=False),
    refers("account_id", "account.id"),
    flag("local"),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),  # text here, HTML from elsewhere
    Column("language", String(16), nullable=False, server_default=""),
    flag("sensitive"),
    flag("discoverable"),
    refers("tag_id", "hashtag.id", nullable=True, on_delete="SET NULL"),
    instant("created_at", nullable=False),
    instant("updated_at", nullable=False),
    Index("ix_collection_account_id_id", "account_id", "id"),
)

collection_item = Table(
    "collection_item",
    metadata,
    row_id(),
    refers("collection_id", "collection.id"),
    refers("account_id", "account.id", nullable=True),  # null: not known here, or not yet
    Column("position", Integer, nullable=False),
    Column("state", String(16), nullable=False),  # pending, accepted, rejected, revoked
    Column("uri", Text, nullable=False, server_default=""),  # the FeaturedItem, where it is known
    Column("object_uri", Text, nullable=False, server_default=""),  # the actor who is featured
    Column("request_uri", Text, nullable=False, server_default=""),  # the FeatureRequest, ours or theirs
    Column("approval_uri", Text, nullable=False, server_default=""),  # the FeatureAuthorization
    instant("created_at", nullable=False),
    instant("updated_at", nullable=False),
    UniqueConstraint("collection_id", "account_id"),
    Index("ix_collection_item_account_id_state", "account_id", "state"),
    Index("ix_collection_item_request_uri", "request_uri"),
    Index("ix_collection_item_approval_uri", "approval_uri"),
)

# Collections that a post links to.
post_collection = Table(
    "post_collection",
    metadata,
    refers("post_id", "post.id"),
    refers("collection_id", "collection.id", index=True),
    PrimaryKeyConstraint("post_id", "collection_id"),
)

# People without an account who get a member's public posts by e-mail. The secret is in the clear because each mail
# ends with it: whoever reads it here can end the mails, or begin those that somebody asked for, and nothing else.
email_subscription = Table(
    "email_subscription",
    metadata,
    row_id(),
    refers("account_id", "user_account.account_id"),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False),  # folded for comparison
    Column("locale", String(16), nullable=False, server_default="en"),
    Column("secret", Text, nullable=False, unique=True),
    instant("created_at", nullable=False),
    instant("confirmed_at"),
    UniqueConstraint("account_id", "email_key"),
    Index("ix_email_subscription_email_key_created_at", "email_key", "created_at"),
)
