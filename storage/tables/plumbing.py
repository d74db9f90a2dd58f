"""What keeps the server running: other servers, what must still be sent, what has arrived, planned work, settings."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, PrimaryKeyConstraint, String, Table, Text, UniqueConstraint

from storage.tables.base import flag, instant, metadata, refers, row_id
from storage.types import Bytes, Id, Json

# Another server, by the authority of its URIs (host, and port where it is not the scheme's own).
instance = Table(
    "instance",
    metadata,
    Column("host", Text, primary_key=True),
    Column("software", Text, nullable=False, server_default=""),
    Column("software_version", Text, nullable=False, server_default=""),
    Column("policy", String(16), nullable=False, server_default=""),  # "", noop, limit, reject, allow
    flag("rejects_media"),
    flag("rejects_reports"),
    Column("note", Text, nullable=False, server_default=""),  # why, for moderators
    Column("public_comment", Text, nullable=False, server_default=""),
    flag("obfuscates"),  # strangers are shown the name with asterisks
    Column("rule_id", Id, nullable=True, unique=True),
    instant("rule_at"),
    instant("rule_until_at"),  # when it ends by itself
    # What rules and partnerships come to, those of the domains above included; see `storage.kept_out`.
    flag("kept_out"),
    flag("let_in"),
    # Which signature format it took last: cavage or rfc9421, and until when that is believed.
    Column("signature_scheme", String(16), nullable=False, server_default=""),
    instant("scheme_until_at"),
    # The circuit breaker: nothing is sent before `retry_at`.
    Column("failures", Integer, nullable=False, server_default="0"),
    instant("failing_since_at"),
    instant("retry_at"),
    instant("last_success_at"),
    instant("last_heard_at"),  # to the minute
    Column("last_error", Text, nullable=False, server_default=""),
    # Which process sends to it at present, and until when it may think so.
    Column("claimed_by", Text, nullable=False, server_default=""),
    instant("claimed_until_at"),
    instant("first_seen_at", nullable=False),
    Index("ix_instance_rule_until_at", "rule_until_at"),
)

# One activity to be sent, whatever the number of inboxes: its body is built and digested once.
message = Table(
    "message",
    metadata,
    row_id(),
    refers("account_id", "account.id"),
    Column("uri", Text, nullable=False),
    Column("topic", Text, nullable=False, server_default=""),  # what it is about: later ones on the same wait
    Column("body", Bytes, nullable=False),
    Column("synchronises_followers", Integer, nullable=False, server_default="0"),  # FEP-8fcf header wanted
)

delivery = Table(
    "delivery",
    metadata,
    row_id(),
    refers("message_id", "message.id", index=True),
    Column("host", Text, nullable=False),
    Column("inbox_uri", Text, nullable=False),
    Column("state", String(16), nullable=False, server_default="waiting"),  # waiting, failed
    Column("attempts", Integer, nullable=False, server_default="0"),
    instant("next_at", nullable=False),
    Column("last_error", Text, nullable=False, server_default=""),
    Index("ix_delivery_state_next_at_host", "state", "next_at", "host"),
    Index("ix_delivery_host_state_id", "host", "state", "id"),
)

inbox_item = Table(
    "inbox_item",
    metadata,
    row_id(),
    Column("signer_uri", Text, nullable=False),
    Column("activity_id", Text, nullable=False),
    Column("body", Bytes, nullable=False),
    Column("state", String(16), nullable=False, server_default="waiting"),  # waiting, done, dropped, failed
    Column("attempts", Integer, nullable=False, server_default="0"),
    instant("next_at", nullable=False),
    Column("note", Text, nullable=False, server_default=""),  # why it was dropped or failed
    UniqueConstraint("signer_uri", "activity_id"),
    Index("ix_inbox_item_state_next_at_id", "state", "next_at", "id"),
)

# What was deleted or undone before we heard of it, and ids that stay taken for good.
tombstone = Table(
    "tombstone",
    metadata,
    Column("uri", Text, primary_key=True),
    Column("kind", String(16), nullable=False),  # deleted, undone, removed, own, account
    Column("former_type", String(32), nullable=False, server_default=""),
    instant("created_at", nullable=False),
    instant("expires_at"),  # null: for good
)

job = Table(
    "job",
    metadata,
    row_id(),
    Column("kind", String(32), nullable=False),
    Column("key", Text, nullable=True),  # two waiting jobs of one kind and key are one
    Column("payload", Json, nullable=False),
    Column("state", String(16), nullable=False, server_default="waiting"),  # waiting, failed
    Column("attempts", Integer, nullable=False, server_default="0"),
    instant("run_at", nullable=False),
    Column("last_error", Text, nullable=False, server_default=""),
    UniqueConstraint("kind", "key"),
    Index("ix_job_state_run_at_id", "state", "run_at", "id"),
)

setting = Table(
    "setting",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Json, nullable=False),
    instant("updated_at", nullable=False),
)

idempotency = Table(
    "idempotency",
    metadata,
    refers("account_id", "user_account.account_id"),
    Column("key", Text, nullable=False),
    Column("post_id", Id, nullable=False),  # or what is scheduled, or the group that was made
    instant("created_at", nullable=False),
    PrimaryKeyConstraint("account_id", "key"),
)

report = Table(
    "report",
    metadata,
    row_id(),
    Column("uri", Text, nullable=False, unique=True),
    refers("account_id", "account.id", nullable=True, index=True),  # null: another server's instance actor
    refers("target_id", "account.id", index=True),
    refers("group_id", "account.id", nullable=True, on_delete="SET NULL", index=True),  # where it was said
    Column("origin_host", Text, nullable=False, server_default=""),
    Column("post_ids", Json, nullable=False, server_default="[]"),
    Column("post_uris", Json, nullable=False, server_default="[]"),
    Column("comment", Text, nullable=False, server_default=""),
    Column("category", String(16), nullable=False, server_default="other"),
    Column("rule_ids", Json, nullable=False, server_default="[]"),
    flag("forwarded"),
    Column("evidence", Json, nullable=False, server_default="[]"),  # the posts as they were
    refers("assigned_to_id", "account.id", nullable=True, on_delete="SET NULL"),
    refers("resolved_by_id", "account.id", nullable=True, on_delete="SET NULL"),
    # By moderators of the group, to those of the server.
    instant("handed_up_at"),
    refers("handed_up_by_id", "account.id", nullable=True, on_delete="SET NULL"),
    Column("handed_up_note", Text, nullable=False, server_default=""),
    # What whoever made it is told: "", acted, nothing; and in which words.
    Column("outcome", String(16), nullable=False, server_default=""),
    Column("answer", Text, nullable=False, server_default=""),
    instant("created_at", nullable=False),
    instant("updated_at"),
    instant("resolved_at"),
    Index("ix_report_resolved_at_id", "resolved_at", "id"),
)
