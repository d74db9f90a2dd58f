"""Lists of servers elsewhere that this server follows, what they say, and which rules come from them."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, PrimaryKeyConstraint, String, Table, Text

from storage.tables.base import flag, instant, metadata, refers, row_id

domain_list = Table(
    "domain_list",
    metadata,
    row_id(),
    Column("url", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False, server_default=""),
    Column(
        "priority", Integer, nullable=False, server_default="0"
    ),  # of two that name a domain the higher counts
    Column("severest", String(16), nullable=False, server_default="suspend"),  # suspend, silence, noop
    Column("mode", String(16), nullable=False, server_default="ask"),  # ask, careful, automatic
    Column("state", String(16), nullable=False, server_default="new"),  # new, active, paused, ending
    Column("etag", Text, nullable=False, server_default=""),
    Column("last_modified", Text, nullable=False, server_default=""),
    Column("digest", String(64), nullable=False, server_default=""),  # of what came last
    Column("failures", Integer, nullable=False, server_default="0"),  # one after the other
    Column("changes", Integer, nullable=False, server_default="0"),  # how many wait for an admin
    instant("changes_at"),  # when they became more
    instant("trouble_at"),  # since when it cannot be read, or has shrunk
    Column("problem", Text, nullable=False, server_default=""),  # what went wrong last, as a sentence
    Column("rows_read", Integer, nullable=False, server_default="0"),
    Column("left_out", Text, nullable=False, server_default=""),  # which of its lines name nobody, and why
    flag("shrunk"),  # it names less than half of what it named: whether to believe it waits for an admin
    instant("due_at", nullable=False),
    instant("asked_at"),
    instant("read_at"),  # when it was good for the last time
    instant("created_at", nullable=False),
    Index("ix_domain_list_due_at", "due_at"),
)

# What a list says of a domain. `missing` is what a list that has shrunk names no longer.
domain_list_entry = Table(
    "domain_list_entry",
    metadata,
    refers("list_id", "domain_list.id"),
    Column("domain", Text, nullable=False),
    Column("policy", String(16), nullable=False),
    flag("rejects_media"),
    flag("rejects_reports"),
    flag("obfuscates"),
    Column("public_comment", Text, nullable=False, server_default=""),
    flag("missing"),
    PrimaryKeyConstraint("list_id", "domain"),
    Index("ix_domain_list_entry_domain", "domain"),
)

# From which list the rule of a domain comes; without a list: it was taken back by hand, and no list brings it again.
domain_list_rule = Table(
    "domain_list_rule",
    metadata,
    Column("domain", Text, primary_key=True),
    refers("list_id", "domain_list.id", nullable=True, index=True),
)
