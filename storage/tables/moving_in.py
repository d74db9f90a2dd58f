"""What members bring along from other servers: each file, and those of its rows that wait or could not be brought in."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, Text

from storage.tables.base import flag, instant, metadata, refers, row_id
from storage.types import Json

# One file, from being looked at to what came of it.
member_import = Table(
    "member_import",
    metadata,
    row_id(),
    refers("account_id", "user_account.account_id", index=True),
    Column("kind", String(16), nullable=False),  # as Mastodon calls them: following, muting, …
    Column("guessed", String(16), nullable=False),  # what the file looks like; "" where that cannot be told
    Column("name", Text, nullable=False),  # of the file
    flag("overwrites"),  # what is not in the file goes
    # reading: its rows are being kept; asked: the member has still to say yes; removing, adding; done, stopped
    Column("state", String(8), nullable=False),
    Column("total", Integer, nullable=False),  # rows that say something usable, each once
    Column("twice", Integer, nullable=False, server_default="0"),
    Column("added", Integer, nullable=False, server_default="0"),
    Column("known", Integer, nullable=False, server_default="0"),  # there already
    Column("removed", Integer, nullable=False, server_default="0"),
    instant("created_at", nullable=False),
    instant("ended_at"),
)

# What has been brought in goes from here; the rest stays with why.
member_import_row = Table(
    "member_import_row",
    metadata,
    row_id(),
    refers("import_id", "member_import.id"),
    Column("line", Integer, nullable=False),  # of the file
    Column("state", String(8), nullable=False),  # waiting, failed, unread
    Column("host", Text, nullable=False, server_default=""),  # whom it is asked of
    Column("key", Text, nullable=False, server_default=""),  # by which two rows are the same
    Column("cells", Json, nullable=False),
    Column("why", Text, nullable=False, server_default=""),
    Column("attempts", Integer, nullable=False, server_default="0"),
    instant("due_at", nullable=False),
    Index("ix_member_import_row_import_id_state_due_at", "import_id", "state", "due_at"),
)
