"""What is shared. Every shared thing is one row of `post`; a kind with fields of its own keeps them in a side table.

Threads, timelines, likes, boosts, visibility, search and reports know `post` alone.
"""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Float,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from storage.tables.base import flag, instant, metadata, refers, row_id
from storage.types import Bytes, Flag, Id, Json

post = Table(
    "post",
    metadata,
    row_id(),
    Column("uri", Text, nullable=False, unique=True),
    Column("url", Text, nullable=False),
    refers("account_id", "account.id"),
    # note, article, question, page, event, video, … and boost, which only points at another post
    Column("kind", String(16), nullable=False),
    Column("visibility", String(16), nullable=False),  # public, unlisted, followers, members, group, direct
    Column("title", Text, nullable=False, server_default=""),
    Column("content_html", Text, nullable=False, server_default=""),
    Column("source_text", Text, nullable=False, server_default=""),
    Column("source_type", String(32), nullable=False, server_default="text/plain"),
    # A content warning on note and question; an abstract on everything with a title.
    Column("summary", Text, nullable=False, server_default=""),
    flag("sensitive"),
    flag("marked_sensitive"),  # only because moderators decided so
    Column("language", String(16), nullable=False, server_default=""),
    Column("emojis", Json, nullable=False, server_default="[]"),
    refers("in_reply_to_id", "post.id", nullable=True, on_delete="SET NULL"),
    refers("in_reply_to_account_id", "account.id", nullable=True, on_delete="SET NULL"),
    Column("in_reply_to_uri", Text, nullable=False, server_default=""),
    # The first post of the thread: equal for all its posts, its own id for the first.
    Column("thread_id", Id, nullable=False),
    Column("context_uri", Text, nullable=False, server_default=""),
    refers("boost_of_id", "post.id", nullable=True),
    refers("group_id", "account.id", nullable=True, on_delete="SET NULL"),
    Column("quote_uri", Text, nullable=False, server_default=""),  # what it quotes; more is in `quote`
    # Who may quote it: bits, see storage.quotes.Policy.
    Column("quote_policy", Integer, nullable=False, server_default="0"),
    refers("app_id", "app.id", nullable=True, on_delete="SET NULL"),
    refers("preview_id", "preview.id", nullable=True, on_delete="SET NULL"),
    flag("local"),
    Column("replies_count", Integer, nullable=False, server_default="0"),
    Column("boosts_count", Integer, nullable=False, server_default="0"),
    Column("likes_count", Integer, nullable=False, server_default="0"),
    Column("quotes_count", Integer, nullable=False, server_default="0"),  # those that are accepted
    instant("created_at", nullable=False),
    instant("edited_at"),
    instant("deleted_at"),
    instant("fetched_at"),  # remote: when the original was last read
    # Counts up with each edit: the key of cached renderings.
    Column("version", Integer, nullable=False, server_default="1"),
    Index("ix_post_account_id_id", "account_id", "id"),
    Index("ix_post_thread_id_id", "thread_id", "id"),
    Index("ix_post_in_reply_to_id", "in_reply_to_id"),
    Index("ix_post_in_reply_to_uri", "in_reply_to_uri"),
    Index("ix_post_boost_of_id_account_id", "boost_of_id", "account_id"),
    Index("ix_post_visibility_local_id", "visibility", "local", "id"),
    Index("ix_post_context_uri", "context_uri"),
    Index("ix_post_preview_id_id", "preview_id", "id"),
)

# The document as its origin sent it, value for value: proofs cover it, and later readers may understand more of it.
post_source = Table(
    "post_source",
    metadata,
    refers("post_id", "post.id", primary_key=True),
    Column("body", Bytes, nullable=False),
)

revision = Table(
    "revision",
    metadata,
    row_id(),
    refers("post_id", "post.id", index=True),
    Column("title", Text, nullable=False),
    Column("content_html", Text, nullable=False),
    Column("summary", Text, nullable=False),
    flag("sensitive"),
    Column("emojis", Json, nullable=False, server_default="[]"),
    Column("media", Json, nullable=False, server_default="[]"),  # as shown then
    Column("poll_options", Json, nullable=False, server_default="[]"),
    instant("created_at", nullable=False),
)

mention = Table(
    "mention",
    metadata,
    refers("post_id", "post.id"),
    refers("account_id", "account.id"),
    flag("silent"),  # addressed without being named in the text
    PrimaryKeyConstraint("post_id", "account_id"),
    Index("ix_mention_account_id_post_id", "account_id", "post_id"),
)

hashtag = Table(
    "hashtag",
    metadata,
    row_id(),
    Column("key", Text, nullable=False, unique=True),  # folded
    Column("name", Text, nullable=False),  # as first written
    flag("usable", default=True),  # else posts do not count as tagged with it
    flag("listable", default=True),  # may be suggested and searched for
    Column("trendable", Flag, nullable=True),  # null: nobody has decided
    instant("reviewed_at"),
)

post_tag = Table(
    "post_tag",
    metadata,
    refers("post_id", "post.id"),
    refers("tag_id", "hashtag.id"),
    PrimaryKeyConstraint("post_id", "tag_id"),
    Index("ix_post_tag_tag_id_post_id", "tag_id", "post_id"),
)

custom_emoji = Table(
    "custom_emoji",
    metadata,
    row_id(),
    Column("shortcode", Text, nullable=False),
    Column("domain", Text, nullable=False, server_default=""),
    Column("url", Text, nullable=False),
    Column("static_url", Text, nullable=False),
    Column("category", Text, nullable=False, server_default=""),
    flag("visible_in_picker", default=True),
    flag("disabled"),
    Column("store_key", Text, nullable=False, server_default=""),  # of our own
    Column("static_key", Text, nullable=False, server_default=""),
    instant("updated_at"),
    UniqueConstraint("shortcode", "domain"),
)

poll = Table(
    "poll",
    metadata,
    refers("post_id", "post.id", primary_key=True),
    flag("multiple"),
    flag("hide_totals"),
    instant("expires_at"),
    instant("closed_at"),
    Column("voters_count", Integer, nullable=True),  # null where the origin does not say
    instant("counted_at"),  # when followers elsewhere were last told the counts
)

poll_option = Table(
    "poll_option",
    metadata,
    refers("post_id", "post.id"),
    Column("position", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("votes_count", Integer, nullable=False, server_default="0"),
    PrimaryKeyConstraint("post_id", "position"),
)

poll_vote = Table(
    "poll_vote",
    metadata,
    refers("post_id", "post.id"),
    refers("account_id", "account.id", index=True),
    Column("position", Integer, nullable=False),
    Column("uri", Text, nullable=False, server_default=""),
    PrimaryKeyConstraint("post_id", "account_id", "position"),
)

media = Table(
    "media",
    metadata,
    row_id(),
    refers("account_id", "account.id", index=True),
    refers("post_id", "post.id", nullable=True, on_delete="SET NULL", index=True),
    # Kept for a post that is not published yet.
    refers("scheduled_id", "scheduled_post.id", nullable=True, on_delete="SET NULL", index=True),
    Column("position", Integer, nullable=False, server_default="0"),
    Column("type", String(16), nullable=False),  # image, gifv, video, audio, unknown
    Column("state", String(16), nullable=False),  # processing, ready, failed
    Column("media_type", Text, nullable=False, server_default=""),
    Column("store_key", Text, nullable=False, server_default=""),
    Column("preview_key", Text, nullable=False, server_default=""),
    # What was uploaded, until it has been processed; how often that was begun, and why it failed.
    Column("source_key", Text, nullable=False, server_default=""),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("error", Text, nullable=False, server_default=""),
    Column("url", Text, nullable=False, server_default=""),
    Column("preview_url", Text, nullable=False, server_default=""),
    Column("remote_url", Text, nullable=False, server_default=""),
    Column("description", Text, nullable=False, server_default=""),
    Column("blurhash", Text, nullable=False, server_default=""),
    Column("focus_x", Float, nullable=False, server_default="0"),
    Column("focus_y", Float, nullable=False, server_default="0"),
    Column("meta", Json, nullable=False, server_default="{}"),
    Column("file_bytes", Integer, nullable=False, server_default="0"),
    instant("created_at", nullable=False),
)

# Home timelines, written when a post arrives: one INSERT … SELECT over the local followers.
home_entry = Table(
    "home_entry",
    metadata,
    refers("account_id", "user_account.account_id"),
    refers("post_id", "post.id", index=True),
    PrimaryKeyConstraint("account_id", "post_id"),
)

notification = Table(
    "notification",
    metadata,
    row_id(),
    refers("account_id", "user_account.account_id"),
    Column("type", String(32), nullable=False),  # of fedserver.notifications.TYPES
    refers("from_account_id", "account.id"),  # the member's own where nobody's deed is told of
    refers("post_id", "post.id", nullable=True, index=True),
    refers("report_id", "report.id", nullable=True),
    refers("collection_id", "collection.id", nullable=True),
    refers("severance_id", "severance.id", nullable=True),
    refers("strike_id", "strike.id", nullable=True),
    # Those that are shown as one have the same; "" stands alone.
    Column("group_key", Text, nullable=False, server_default=""),
    flag("filtered"),  # held back by the member's policy, and not shown unless asked for
    # What makes a second one the same: a like taken back and given again notifies once.
    Column("dedupe", Text, nullable=False),
    UniqueConstraint("account_id", "dedupe"),
    Index("ix_notification_account_id_id", "account_id", "id"),
    Index("ix_notification_account_id_group_key_id", "account_id", "group_key", "id"),
    Index("ix_notification_from_account_id_account_id", "from_account_id", "account_id"),
)

marker = Table(
    "marker",
    metadata,
    refers("account_id", "user_account.account_id"),
    Column("timeline", String(16), nullable=False),
    Column("last_read_id", Id, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    instant("updated_at", nullable=False),
    PrimaryKeyConstraint("account_id", "timeline"),
)
