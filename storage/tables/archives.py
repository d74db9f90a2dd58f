"""What groups have taken over from elsewhere: runs of imports, who wrote there, and what has come already."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Integer, PrimaryKeyConstraint, String, Table, Text, UniqueConstraint

from storage.tables.base import flag, instant, metadata, refers, row_id
from storage.types import Bytes, Json

NAMES_DOMAIN: Final = "archive.invalid"
"""The domain of accounts that stand for a name in an archive. RFC 6761 §6.4: no server will ever have it."""

# One archive on its way into a group, from the first message to the receipt. It can stop anywhere and go on.
archive_import = Table(
    "archive_import",
    metadata,
    row_id(),
    refers("group_id", "account.id", index=True),
    refers("by_id", "account.id", nullable=True, on_delete="SET NULL"),  # null: from the command line
    Column("source", String(8), nullable=False),  # slack, mbox
    Column("name", Text, nullable=False),  # of the file
    Column("digest", String(64), nullable=False),  # SHA-256 of the file
    Column("options", Json, nullable=False),  # {channels, matches_members}
    Column("state", String(8), nullable=False),  # waiting, running, done, failed
    Column("total", Integer, nullable=True),  # null until it has been counted
    Column("position", Integer, nullable=False, server_default="0"),  # how many have been read
    Column("added", Integer, nullable=False, server_default="0"),
    Column("known", Integer, nullable=False, server_default="0"),
    Column("left_out", Integer, nullable=False, server_default="0"),
    Column("files_added", Integer, nullable=False, server_default="0"),
    Column(
        "reasons", Json, nullable=False, server_default="{}"
    ),  # why things were left out: sentence to number
    Column("problems", Json, nullable=False, server_default="[]"),  # the first of them: [{what, why}]
    Column("error", Text, nullable=False, server_default=""),
    instant("created_at", nullable=False),
    instant("updated_at", nullable=False),
    instant("ended_at"),
)

# Somebody who wrote in an archive. Until a member says that it is them, an account stands for the name alone.
archive_person = Table(
    "archive_person",
    metadata,
    row_id(),
    refers("group_id", "account.id"),
    Column(
        "external_id", String(80), nullable=False
    ),  # theirs in the archive; of an address the digest alone
    Column("name", Text, nullable=False),
    Column("email_digest", Bytes, nullable=True),  # keyed: whoever has the database learns no address from it
    refers(
        "account_id", "account.id", nullable=True, on_delete="SET NULL", index=True
    ),  # stands for the name
    refers("claimed_by_id", "account.id", nullable=True, on_delete="SET NULL", index=True),
    instant("claimed_at"),
    UniqueConstraint("group_id", "external_id"),
)

# What has come already, so that nothing comes twice. Of what was deleted here only this stays.
archive_post = Table(
    "archive_post",
    metadata,
    refers("group_id", "account.id"),
    Column("external_id", String(250), nullable=False),
    refers("post_id", "post.id", nullable=True, on_delete="SET NULL", index=True),
    # It was not in any archive: the post answers it, and later answers find each other here.
    flag("is_missing"),
    PrimaryKeyConstraint("group_id", "external_id"),
)

# Members who say that a name is theirs and cannot prove it by its mailbox: owners of the group decide.
archive_claim = Table(
    "archive_claim",
    metadata,
    row_id(),
    refers("person_id", "archive_person.id"),
    refers("account_id", "user_account.account_id", index=True),
    instant("created_at", nullable=False),
    UniqueConstraint("person_id", "account_id"),
)
