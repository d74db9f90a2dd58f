"""What a member arranges for themselves: filters, lists, hashtags, endorsements, notes, domains they keep out."""

from __future__ import annotations

from sqlalchemy import Column, Index, PrimaryKeyConstraint, String, Table, Text, UniqueConstraint

from storage.tables.base import flag, instant, metadata, refers, row_id
from storage.types import Json

post_filter = Table(
    "post_filter",
    metadata,
    row_id(),
    refers("account_id", "user_account.account_id", index=True),
    Column("title", Text, nullable=False),
    Column("contexts", Json, nullable=False),  # home, notifications, public, thread, account
    Column("action", String(8), nullable=False),  # warn, hide, blur
    instant("expires_at"),
)

filter_keyword = Table(
    "filter_keyword",
    metadata,
    row_id(),
    refers("filter_id", "post_filter.id", index=True),
    Column("keyword", Text, nullable=False),
    flag("whole_word", default=True),
)

filter_post = Table(
    "filter_post",
    metadata,
    row_id(),
    refers("filter_id", "post_filter.id"),
    refers("post_id", "post.id", index=True),
    UniqueConstraint("filter_id", "post_id"),
)

member_list = Table(
    "member_list",
    metadata,
    row_id(),
    refers("account_id", "user_account.account_id", index=True),
    Column("title", Text, nullable=False),
    Column("replies_policy", String(16), nullable=False),  # followed, list, none
    flag("exclusive"),  # its posts are not in the home timeline
)

# Whom the member follows, or asks to: it ends with the follow. Only oneself is in a list without one.
list_account = Table(
    "list_account",
    metadata,
    row_id(),
    refers("list_id", "member_list.id"),
    refers("account_id", "account.id"),
    refers("follow_id", "follow.id", nullable=True, index=True),
    UniqueConstraint("list_id", "account_id"),
    Index("ix_list_account_account_id_list_id", "account_id", "list_id"),
)

# Timelines of lists, written when a post arrives, as home timelines are: a list of 200 people is then read as
# quickly as one of two, whether they post every minute or once a year.
list_entry = Table(
    "list_entry",
    metadata,
    refers("list_id", "member_list.id"),
    refers("post_id", "post.id", index=True),
    PrimaryKeyConstraint("list_id", "post_id"),
)

tag_follow = Table(
    "tag_follow",
    metadata,
    row_id(),
    refers("account_id", "user_account.account_id"),
    refers("tag_id", "hashtag.id"),
    UniqueConstraint("account_id", "tag_id"),
    Index("ix_tag_follow_tag_id_account_id", "tag_id", "account_id"),
)

featured_tag = Table(
    "featured_tag",
    metadata,
    row_id(),
    refers("account_id", "account.id"),
    refers("tag_id", "hashtag.id", index=True),
    Column("name", Text, nullable=False),  # as its owner writes it
    UniqueConstraint("account_id", "tag_id"),
)

# Ends with the follow.
endorsement = Table(
    "endorsement",
    metadata,
    row_id(),
    refers("account_id", "account.id"),
    refers("target_id", "account.id", index=True),
    refers("follow_id", "follow.id", index=True),
    UniqueConstraint("account_id", "target_id"),
)

account_note = Table(
    "account_note",
    metadata,
    refers("account_id", "user_account.account_id"),
    refers("target_id", "account.id", index=True),
    Column("comment", Text, nullable=False),
    PrimaryKeyConstraint("account_id", "target_id"),
)

# Servers of whose people a member wants to see and hear nothing.
member_domain_block = Table(
    "member_domain_block",
    metadata,
    row_id(),
    refers("account_id", "user_account.account_id"),
    Column("domain", Text, nullable=False),
    UniqueConstraint("account_id", "domain"),
)
