"""The library: what a post of kind `resource` has beside it, its versions and files, who uses it, shelves, topics.

Texts that are only shown are in `resource.details`, one JSON text; what is looked for has a column or is a facet.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, PrimaryKeyConstraint, String, Table, Text, UniqueConstraint

from storage.tables.base import flag, instant, metadata, refers, row_id
from storage.types import Id, Json

resource = Table(
    "resource",
    metadata,
    refers("post_id", "post.id", primary_key=True),
    Column("details", Json, nullable=False),  # fedserver.resources.records.Details
    # The description alone; the post says all of it.
    Column("text_html", Text, nullable=False, server_default=""),
    Column("doi", Text, nullable=False, server_default="", index=True),
    # Where it lies outside the library.
    Column("page_url", Text, nullable=False, server_default="", index=True),
    # By which doubles are noticed.
    Column("title_key", Text, nullable=False, server_default="", index=True),
    Column("status", String(24), nullable=False),  # active, under-development, archived
    Column("version", String(32), nullable=False, server_default=""),  # the newest one's number
    Column("versions_count", Integer, nullable=False, server_default="0"),
    Column("uses_count", Integer, nullable=False, server_default="0"),
    Column("reviews_count", Integer, nullable=False, server_default="0"),
    Column("adaptations_count", Integer, nullable=False, server_default="0"),
    Column("withdrawal_reason", Text, nullable=False, server_default=""),
    # What came of looking at its links: "" (not yet), ok, moved, broken; which one, and why.
    Column("links_state", String(8), nullable=False, server_default=""),
    Column("links_problem", Text, nullable=False, server_default=""),
    # Where an import found it, so that importing again changes nothing.
    Column("source_uri", Text, nullable=False, server_default="", index=True),
    # What it said there, and as what it was kept; see fedserver.resources.importing.filling.
    Column("source_digest", Text, nullable=False, server_default=""),
    instant("withdrawn_at"),
    instant("review_by_at"),
    instant("links_checked_at"),
    instant("changed_at", nullable=False),
    Index("ix_resource_changed_at_post_id", "changed_at", "post_id"),
)

# What a resource can be found by, a row for each value: type, level, licence, language, topic, skill, audience, author,
# instance. Counting goes through `fedserver.resources.facets`, which keeps sets of them in memory.
resource_facet = Table(
    "resource_facet",
    metadata,
    Column("facet", String(16), nullable=False),
    Column("value", Text, nullable=False),
    refers("post_id", "resource.post_id", index=True),
    Column("label", Text, nullable=False, server_default=""),  # "" where the value says it
    PrimaryKeyConstraint("facet", "value", "post_id"),
)

resource_version = Table(
    "resource_version",
    metadata,
    row_id(),
    refers("post_id", "resource.post_id"),
    Column("number", String(32), nullable=False),
    Column("notes", Text, nullable=False, server_default=""),  # what is new, plain text
    Column("doi", Text, nullable=False, server_default=""),
    instant("created_at", nullable=False),
    UniqueConstraint("post_id", "number"),
)

# A file of a version, kept here (`store_key`) or lying elsewhere (`url` alone).
resource_file = Table(
    "resource_file",
    metadata,
    row_id(),
    refers("post_id", "resource.post_id", nullable=True, index=True),  # null until it is published
    refers("version_id", "resource_version.id", nullable=True, index=True),
    refers("account_id", "account.id", nullable=True, on_delete="SET NULL", index=True),
    Column("position", Integer, nullable=False, server_default="0"),
    Column("name", Text, nullable=False),
    Column("media_type", Text, nullable=False, server_default=""),
    Column("file_bytes", Id, nullable=True),
    Column("sha256", String(64), nullable=False, server_default=""),
    Column("store_key", Text, nullable=False, server_default=""),
    Column("url", Text, nullable=False, server_default=""),
    Column("downloads_count", Integer, nullable=False, server_default="0"),
    instant("created_at", nullable=False),
)

# What a resource is made from: an adaptation or a translation of another, or a part of one. By address, since the other
# may lie anywhere; `target_id` once it is known here.
resource_relation = Table(
    "resource_relation",
    metadata,
    refers("post_id", "resource.post_id"),
    Column("uri", Text, nullable=False, index=True),
    Column("relation", String(16), nullable=False),  # adaptation, translation, version, part
    refers("target_id", "post.id", nullable=True, on_delete="SET NULL", index=True),
    Column("title", Text, nullable=False, server_default=""),
    Column("licence", Text, nullable=False, server_default=""),  # as it was then
    PrimaryKeyConstraint("post_id", "uri"),
)

# "I used this" and reviews: answers to the resource that say more than their text. `post_id` is the answer's.
resource_report = Table(
    "resource_report",
    metadata,
    refers("post_id", "post.id", primary_key=True),
    refers("resource_id", "resource.post_id"),
    refers("account_id", "account.id", index=True),
    Column("kind", String(8), nullable=False),  # use, review
    Column("version", String(32), nullable=False, server_default=""),
    Column("used_in", Text, nullable=False, server_default=""),  # where: a course, an event, a place
    Column("changed", Text, nullable=False, server_default=""),  # what was done differently
    Column("worked", Text, nullable=False, server_default=""),
    Column("rating", Integer, nullable=True),  # of a review: 1 to 5
    Column("used_on", String(10), nullable=False, server_default=""),  # a date
    instant("created_at", nullable=False),
    Index("ix_resource_report_resource_id_post_id", "resource_id", "post_id"),
)

# Nothing of a draft is a post yet: what is not published cannot leak.
resource_draft = Table(
    "resource_draft",
    metadata,
    row_id(),
    refers("account_id", "account.id", index=True),
    Column("described", Json, nullable=False),  # fedserver.resources.records.Described
    # What an import repaired, guessed and missed.
    Column("receipt", Json, nullable=False, server_default="{}"),
    # Of its first version and of where it will be seen: what has been said of these.
    Column("beside", Json, nullable=False, server_default="{}"),
    Column("source_uri", Text, nullable=False, server_default=""),
    instant("created_at", nullable=False),
    instant("updated_at", nullable=False),
)

# Where resources of this server lead: pages, DOIs and files elsewhere, and what came of asking them.
resource_link = Table(
    "resource_link",
    metadata,
    refers("post_id", "resource.post_id"),
    Column("url", Text, nullable=False, index=True),
    Column("host", Text, nullable=False),
    Column("state", String(8), nullable=False, server_default=""),  # "" (not yet), ok, moved, broken
    Column("problem", Text, nullable=False, server_default=""),
    instant("due_at", nullable=False),
    instant("checked_at"),
    instant("failing_since"),
    PrimaryKeyConstraint("post_id", "url"),
    Index("ix_resource_link_due_at_host", "due_at", "host"),
)

# Shelves

shelf = Table(
    "shelf",
    metadata,
    row_id(),
    Column("uri", Text, nullable=False, unique=True),
    refers("account_id", "account.id", index=True),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("visibility", String(16), nullable=False),  # public, members, private
    flag("local", default=True),
    instant("created_at", nullable=False),
    instant("changed_at", nullable=False),
    instant("told_at"),  # when its followers heard last of what was put on it
)

shelf_item = Table(
    "shelf_item",
    metadata,
    refers("shelf_id", "shelf.id"),
    refers("post_id", "resource.post_id", index=True),
    refers("added_by_id", "account.id", nullable=True, on_delete="SET NULL"),
    Column("position", Integer, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    instant("added_at", nullable=False),
    PrimaryKeyConstraint("shelf_id", "post_id"),
)

# Who may put things on a shelf beside its owner.
shelf_curator = Table(
    "shelf_curator",
    metadata,
    refers("shelf_id", "shelf.id"),
    refers("account_id", "account.id", index=True),
    PrimaryKeyConstraint("shelf_id", "account_id"),
)

shelf_follow = Table(
    "shelf_follow",
    metadata,
    refers("shelf_id", "shelf.id"),
    refers("account_id", "account.id", index=True),
    instant("created_at", nullable=False),
    PrimaryKeyConstraint("shelf_id", "account_id"),
)

# Terms that topics and skills can be chosen from: those of a published vocabulary such as EDAM, and the instance's own.
term = Table(
    "term",
    metadata,
    Column("uri", Text, primary_key=True),
    Column("scheme", String(32), nullable=False, index=True),  # edam, local, skills
    Column("label", Text, nullable=False),
    Column("label_key", Text, nullable=False, index=True),  # folded
    Column("synonyms", Json, nullable=False, server_default="[]"),
    Column("parents", Json, nullable=False, server_default="[]"),
    flag("obsolete"),
)
