"""What harvesters have been told of, so that they can be told when it is gone."""

from __future__ import annotations

from sqlalchemy import Column, Index, PrimaryKeyConstraint, String, Table, Text

from storage.tables.base import flag, instant, metadata
from storage.types import Id

# A resource that catalogues harvest, and after it has gone the record of that: for good, so it refers to no post.
harvest_record = Table(
    "harvest_record",
    metadata,
    Column("post_id", Id, primary_key=True, autoincrement=False),
    Column("uri", Text, nullable=False, unique=True),
    instant("changed_at", nullable=False),  # when it came, changed or went, for those who ask what is new
    flag("deleted"),
    Index("ix_harvest_record_changed_at_post_id", "changed_at", "post_id"),
)

# In which sets it is, or was when it went.
harvest_set = Table(
    "harvest_set",
    metadata,
    Column("spec", String(120), nullable=False),
    Column("post_id", Id, nullable=False, index=True),
    Column("name", Text, nullable=False),  # of the set
    PrimaryKeyConstraint("spec", "post_id"),
)
