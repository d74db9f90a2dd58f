"""Groups: what makes an account one, who belongs to it, its threads, and how far members have read."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, PrimaryKeyConstraint, String, Table, Text, UniqueConstraint

from storage.tables.base import flag, instant, metadata, refers, row_id
from storage.types import Id, Json

# Beside an account of actor type Group, here or elsewhere. `account.hidden` keeps a private one to its members.
group = Table(
    "group_account",
    metadata,
    refers("account_id", "account.id", primary_key=True),
    Column("kind", String(16), nullable=False),  # forum, working-group, help, office, announce
    Column("access", String(16), nullable=False),  # public, members, private
    Column("join_mode", String(16), nullable=False),  # open, request, invite
    Column("join_question", Text, nullable=False, server_default=""),
    Column("posting", String(16), nullable=False),  # who may begin threads: anybody, members, moderators
    Column("charter_source", Text, nullable=False, server_default=""),
    Column("charter_html", Text, nullable=False, server_default=""),
    Column("rules", Json, nullable=False, server_default="[]"),
    Column("language", String(16), nullable=False, server_default=""),
    flag("allows_downvotes"),
    Column("moderators_uri", Text, nullable=False, server_default=""),  # of a group elsewhere
    Column("members_count", Integer, nullable=False, server_default="0"),
    Column("threads_count", Integer, nullable=False, server_default="0"),
    instant("last_activity_at"),
    instant("archived_at"),
    instant("moderators_fetched_at"),  # of a group elsewhere
    instant("created_at", nullable=False),
)

# Who belongs to a group: what the visibility "group" asks. `group_id` is the group's account.
membership = Table(
    "membership",
    metadata,
    refers("group_id", "account.id"),
    refers("account_id", "account.id", index=True),
    Column("role", String(16), nullable=False, server_default="member"),  # member, moderator, owner
    instant("joined_at"),
    instant("read_at"),  # all that happened up to then counts as read
    PrimaryKeyConstraint("group_id", "account_id"),
)

# Who asks to join, and what they answer to the group's question. Their `follow` waits, too.
group_request = Table(
    "group_request",
    metadata,
    row_id(),
    refers("group_id", "account.id"),
    refers("account_id", "account.id", index=True),
    Column("answer", Text, nullable=False, server_default=""),
    instant("created_at", nullable=False),
    UniqueConstraint("group_id", "account_id"),
)

group_invitation = Table(
    "group_invitation",
    metadata,
    row_id(),
    refers("group_id", "account.id"),
    refers("account_id", "account.id", index=True),
    refers("by_id", "account.id", nullable=True, on_delete="SET NULL"),
    instant("created_at", nullable=False),
    UniqueConstraint("group_id", "account_id"),
)

group_ban = Table(
    "group_ban",
    metadata,
    row_id(),
    refers("group_id", "account.id"),
    refers("account_id", "account.id", index=True),
    refers("by_id", "account.id", nullable=True, on_delete="SET NULL"),
    Column("reason", Text, nullable=False, server_default=""),
    instant("created_at", nullable=False),
    instant("expires_at"),
    UniqueConstraint("group_id", "account_id"),
)

# Topics are hashtags that the group has chosen: a thread is in one when its first post has the hashtag.
group_topic = Table(
    "group_topic",
    metadata,
    row_id(),
    refers("group_id", "account.id"),
    refers("tag_id", "hashtag.id"),
    Column("name", Text, nullable=False),
    Column("position", Integer, nullable=False, server_default="0"),
    UniqueConstraint("group_id", "tag_id"),
)

# Beside the first post of each thread in a group. Pins are in `pin`, of the group's account.
group_thread = Table(
    "group_thread",
    metadata,
    refers("post_id", "post.id", primary_key=True),
    refers("group_id", "account.id"),
    # As the group calls it: of a note without a title its first line, or what moderators have named it.
    Column("title", Text, nullable=False),
    Column("replies_count", Integer, nullable=False, server_default="0"),
    refers("last_post_id", "post.id", nullable=True, on_delete="SET NULL"),
    instant("last_activity_at", nullable=False),
    refers("answer_id", "post.id", nullable=True, on_delete="SET NULL"),
    refers("merged_into_id", "post.id", nullable=True, on_delete="SET NULL"),
    instant("locked_at"),
    Index("ix_group_thread_group_id_last_activity_at", "group_id", "last_activity_at"),
    Index("ix_group_thread_group_id_post_id", "group_id", "post_id"),
)

# How far members have read a thread; without a row, as far as `membership.read_at`.
thread_read = Table(
    "thread_read",
    metadata,
    refers("account_id", "user_account.account_id"),
    refers("thread_id", "post.id", index=True),
    Column("last_read_id", Id, nullable=False),
    PrimaryKeyConstraint("account_id", "thread_id"),
)

# What members want to hear of. The nearest counts: the thread's before the topic's before the group's.
subscription = Table(
    "subscription",
    metadata,
    refers("account_id", "user_account.account_id"),
    Column("kind", String(8), nullable=False),  # group, thread, topic
    Column("target_id", Id, nullable=False),  # the group's account, the first post, the topic
    Column("level", String(8), nullable=False),  # all, mentions, digest, none
    PrimaryKeyConstraint("account_id", "kind", "target_id"),
    Index("ix_subscription_kind_target_id", "kind", "target_id"),
)

# Votes against a post, in groups that allow them. Votes for it are likes.
dislike = Table(
    "post_dislike",
    metadata,
    row_id(),
    Column("uri", Text, nullable=False, unique=True),
    refers("account_id", "account.id", index=True),
    refers("post_id", "post.id"),
    UniqueConstraint("account_id", "post_id"),
    Index("ix_post_dislike_post_id", "post_id"),
)

# What moderators did, for the members of the group to read.
group_action = Table(
    "group_action",
    metadata,
    row_id(),
    refers("group_id", "account.id"),
    refers("by_id", "account.id", nullable=True, on_delete="SET NULL"),
    Column("action", String(24), nullable=False),  # of fedserver.groups.rules.Action
    refers("post_id", "post.id", nullable=True, on_delete="SET NULL"),
    refers("account_id", "account.id", nullable=True, on_delete="SET NULL"),
    Column("title", Text, nullable=False, server_default=""),  # of the thread it was about
    Column("reason", Text, nullable=False, server_default=""),
    instant("created_at", nullable=False),
    Index("ix_group_action_group_id_id", "group_id", "id"),
)

# What members have begun to write and not sent.
draft = Table(
    "draft",
    metadata,
    refers("account_id", "user_account.account_id"),
    Column("key", String(48), nullable=False),  # "group:ID" for a thread, "reply:ID" for an answer to a post
    Column("body", Json, nullable=False),  # {title, text, topics}
    instant("updated_at", nullable=False),
    PrimaryKeyConstraint("account_id", "key"),
)
