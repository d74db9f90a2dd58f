"""What reaches a member beside their timelines: how notifications are sifted, direct conversations, announcements."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, PrimaryKeyConstraint, String, Table, Text, UniqueConstraint

from storage.tables.base import flag, instant, metadata, refers, row_id
from storage.types import Id, Json


def _choice(name: str, default: str = "accept") -> Column[str]:
    """What is done with notifications from some kind of sender: accept, filter or drop."""
    return Column(name, String(8), nullable=False, server_default=default)


# A member without a row has the defaults.
notification_policy = Table(
    "notification_policy",
    metadata,
    refers("account_id", "user_account.account_id", primary_key=True),
    _choice("for_not_following"),
    _choice("for_not_followers"),
    _choice("for_new_accounts"),
    _choice("for_private_mentions"),
    _choice("for_limited_accounts", "filter"),
    _choice("for_bots"),
)

# Whose notifications a member lets through, whatever the policy says.
notification_permission = Table(
    "notification_permission",
    metadata,
    refers("account_id", "user_account.account_id"),
    refers("from_account_id", "account.id", index=True),
    PrimaryKeyConstraint("account_id", "from_account_id"),
)

# Somebody whose mentions were filtered. How many, and which was the last, is counted from the notifications.
notification_request = Table(
    "notification_request",
    metadata,
    row_id(),
    refers("account_id", "user_account.account_id"),
    refers("from_account_id", "account.id", index=True),
    UniqueConstraint("account_id", "from_account_id"),
    Index("ix_notification_request_account_id_id", "account_id", "id"),
)

# Follows that a block of a server, or a suspension, ended: once for each member who lost some.
severance = Table(
    "severance",
    metadata,
    row_id(),
    refers("account_id", "user_account.account_id", index=True),
    Column("type", String(24), nullable=False),  # domain_block, user_domain_block, account_suspension
    Column("target_name", Text, nullable=False),  # the domain, or the handle
    Column("followers_count", Integer, nullable=False),
    Column("following_count", Integer, nullable=False),
)

# Direct posts of one thread among the same people, as one of them sees it.
conversation = Table(
    "conversation",
    metadata,
    row_id(),
    refers("account_id", "user_account.account_id"),
    Column("thread_id", Id, nullable=False, index=True),
    Column("participants", Json, nullable=False),  # the others' account ids, ascending
    refers("last_post_id", "post.id", nullable=True, on_delete="SET NULL", index=True),
    flag("unread"),
    UniqueConstraint("account_id", "thread_id", "participants"),
    Index("ix_conversation_account_id_last_post_id", "account_id", "last_post_id"),
)

conversation_post = Table(
    "conversation_post",
    metadata,
    refers("conversation_id", "conversation.id"),
    refers("post_id", "post.id", index=True),
    PrimaryKeyConstraint("conversation_id", "post_id"),
)

# What those who run the server tell all members. Times are of what is announced; `scheduled_at` of the telling.
announcement = Table(
    "announcement",
    metadata,
    row_id(),
    Column("source_text", Text, nullable=False),  # Markdown
    Column("content_html", Text, nullable=False),
    instant("starts_at"),
    instant("ends_at"),
    flag("all_day"),
    instant("scheduled_at"),
    instant("published_at"),  # null: not yet, or not any more
    instant("updated_at", nullable=False),
    Column("mentioned_ids", Json, nullable=False, server_default="[]"),  # account ids
    Column("post_ids", Json, nullable=False, server_default="[]"),
    Column("tags", Json, nullable=False, server_default="[]"),  # [{name, url}]
    Column("emojis", Json, nullable=False, server_default="[]"),  # as of posts
)

announcement_read = Table(
    "announcement_read",
    metadata,
    refers("announcement_id", "announcement.id"),
    refers("account_id", "user_account.account_id", index=True),
    PrimaryKeyConstraint("announcement_id", "account_id"),
)

announcement_reaction = Table(
    "announcement_reaction",
    metadata,
    row_id(),
    refers("announcement_id", "announcement.id"),
    refers("account_id", "user_account.account_id", index=True),
    Column("name", Text, nullable=False),  # an emoji, or the shortcode of a custom one
    UniqueConstraint("announcement_id", "account_id", "name"),
)
