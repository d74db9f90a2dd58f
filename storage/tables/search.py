"""What is looked up by words, and what suggestions a member does not want.

The words are those of `storage.words`. The index over `post_words` is the database's own (FTS5 or GIN) and is made
by a migration of its own, because no two databases describe it alike.
"""

from __future__ import annotations

from sqlalchemy import Column, PrimaryKeyConstraint, Table, Text
from sqlalchemy.dialects.postgresql import TSVECTOR

from storage.tables.base import metadata, refers

# The words of a post, its marks (`storage.search.marks_of`) included; every post but boosts has a row.
post_words = Table(
    "post_words",
    metadata,
    refers("post_id", "post.id", primary_key=True),
    Column("words", Text().with_variant(TSVECTOR(), "postgresql"), nullable=False),
)

# The words of an account's names, in byte order, so that a prefix is a range of the index on either database.
account_word = Table(
    "account_word",
    metadata,
    Column("word", Text().with_variant(Text(collation="C"), "postgresql"), nullable=False),
    refers("account_id", "account.id", index=True),
    PrimaryKeyConstraint("word", "account_id"),
)

suggestion_dismissal = Table(
    "suggestion_dismissal",
    metadata,
    refers("account_id", "user_account.account_id"),
    refers("target_id", "account.id", index=True),
    PrimaryKeyConstraint("account_id", "target_id"),
)
