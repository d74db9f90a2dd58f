"""What those who look after the community decide: about members, posts, other servers, mail and network addresses."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, PrimaryKeyConstraint, String, Table, Text, UniqueConstraint

from storage.tables.base import flag, instant, metadata, refers, row_id
from storage.types import Bytes, Flag, Id, Json

# A decision about an account that it is told of and may appeal against. Kept when it is undone.
strike = Table(
    "strike",
    metadata,
    row_id(),
    refers("account_id", "account.id", index=True),  # whom it is about
    refers("actor_id", "account.id", nullable=True, on_delete="SET NULL"),  # who decided
    refers("report_id", "report.id", nullable=True, on_delete="SET NULL"),
    # none, disable, mark_statuses_as_sensitive, delete_statuses, sensitive, silence, suspend, ban
    Column("action", String(32), nullable=False),
    Column("text", Text, nullable=False, server_default=""),
    Column("post_ids", Json, nullable=False, server_default="[]"),
    instant("created_at", nullable=False),
    instant("expires_at"),  # when it is undone by itself
    instant("undone_at"),
    Column("ruling_id", Id, nullable=True, index=True),  # the same for all that was decided at once
    refers("group_id", "account.id", nullable=True, on_delete="SET NULL"),  # of a ban: from which group
    Index("ix_strike_expires_at", "expires_at"),
)

appeal = Table(
    "appeal",
    metadata,
    row_id(),
    refers("strike_id", "strike.id"),
    Column("text", Text, nullable=False),
    instant("created_at", nullable=False),
    instant("decided_at"),
    refers("decided_by_id", "account.id", nullable=True, on_delete="SET NULL"),
    flag("approved"),
    UniqueConstraint("strike_id"),
    Index("ix_appeal_decided_at_id", "decided_at", "id"),
)

# What moderators write for each other. `subject` is an id, or the name of another server.
moderation_note = Table(
    "moderation_note",
    metadata,
    row_id(),
    refers("author_id", "account.id", nullable=True, on_delete="SET NULL"),
    Column("subject_type", String(16), nullable=False),  # account, report, instance
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    instant("created_at", nullable=False),
    Index("ix_moderation_note_subject_type_subject_id", "subject_type", "subject", "id"),
)

# Public posts of new members that trusted members hold for spam. Enough of them, and the post waits for a moderator.
spam_mark = Table(
    "spam_mark",
    metadata,
    refers("post_id", "post.id"),
    refers("account_id", "user_account.account_id", index=True),  # who marked it
    instant("created_at", nullable=False),
    PrimaryKeyConstraint("post_id", "account_id"),
)

warning_preset = Table(
    "warning_preset",
    metadata,
    row_id(),
    Column("title", Text, nullable=False, server_default=""),
    Column("text", Text, nullable=False),
    Column("language", String(16), nullable=False, server_default=""),
    Column("kind", String(16), nullable=False, server_default="message"),  # or answer: to who reported
)

# Suspended accounts whose data will be erased, unless the decision is taken back before.
erasure = Table(
    "erasure",
    metadata,
    refers("account_id", "account.id", primary_key=True),
    instant("due_at", nullable=False),
    Index("ix_erasure_due_at", "due_at"),
)

# Where a member signed up and signed in from, for as long as abuse is looked into.
member_ip = Table(
    "member_ip",
    metadata,
    refers("account_id", "user_account.account_id"),
    Column("ip", String(64), nullable=False),
    instant("used_at", nullable=False),
    PrimaryKeyConstraint("account_id", "ip"),
    Index("ix_member_ip_ip", "ip"),
    Index("ix_member_ip_used_at", "used_at"),
)

# Whose mail addresses may not sign up, or only with approval; subdomains included.
mail_domain_rule = Table(
    "mail_domain_rule",
    metadata,
    row_id(),
    Column("domain", Text, nullable=False, unique=True),
    flag("allows_with_approval"),
    instant("created_at", nullable=False),
)

# How often a rule kept somebody out. `subject` is a digest of day and network, so nobody can be told from it.
mail_domain_use = Table(
    "mail_domain_use",
    metadata,
    refers("rule_id", "mail_domain_rule.id"),
    Column("day", Integer, nullable=False),  # since 1970
    Column("subject", Bytes, nullable=False),
    Column("uses", Integer, nullable=False, server_default="1"),
    PrimaryKeyConstraint("rule_id", "day", "subject"),
)

# Single addresses that may not sign up again, as digests of their canonical form.
mail_address_rule = Table(
    "mail_address_rule",
    metadata,
    row_id(),
    Column("digest", String(64), nullable=False, unique=True),
    # The suspended account it was made for; it goes with the suspension.
    refers("account_id", "account.id", nullable=True, on_delete="SET NULL", index=True),
    instant("created_at", nullable=False),
)

ip_rule = Table(
    "ip_rule",
    metadata,
    row_id(),
    Column("network", Text, nullable=False, unique=True),  # 192.0.2.0/24
    Column("severity", String(32), nullable=False),  # sign_up_requires_approval, sign_up_block, no_access
    Column("comment", Text, nullable=False, server_default=""),
    instant("created_at", nullable=False),
    instant("expires_at"),
)

# Who did what, in order. Each entry's digest covers the one before, so that none can be changed unnoticed; and
# none refers to a row, because an entry outlives what it is about.
audit_entry = Table(
    "audit_entry",
    metadata,
    Column("number", Id, primary_key=True, autoincrement=False),
    instant("created_at", nullable=False),
    Column("actor_id", Id, nullable=True),  # null: the command line, or the server itself
    Column("actor_name", Text, nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject_type", String(32), nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("subject_name", Text, nullable=False),
    Column("before", Json, nullable=False),
    Column("after", Json, nullable=False),
    Column("digest", Bytes, nullable=False),
    Index("ix_audit_entry_subject_type_subject_id_number", "subject_type", "subject_id", "number"),
    Index("ix_audit_entry_subject_type_subject_name_number", "subject_type", "subject_name", "number"),
)

# What may be shown among what many look at. What nobody has decided about has no row.
trend_review = Table(
    "trend_review",
    metadata,
    Column("kind", String(16), nullable=False),  # link, publisher, post
    Column("subject", Text, nullable=False),  # an id, or the publisher's domain
    Column("allowed", Flag, nullable=False),
    refers("decided_by_id", "account.id", nullable=True, on_delete="SET NULL"),
    instant("decided_at", nullable=False),
    PrimaryKeyConstraint("kind", "subject"),
)

# On which days (since 1970) a member was here: how many come, and how many come back.
member_day = Table(
    "member_day",
    metadata,
    Column("day", Integer, nullable=False),
    refers("account_id", "user_account.account_id", index=True),
    PrimaryKeyConstraint("day", "account_id"),
)
