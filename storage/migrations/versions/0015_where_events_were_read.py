"""Where events were read from, and calendars that are subscribed to

Revision: 0015, after 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "calendar_feed",
        sa.Column("id", _id(), autoincrement=False, nullable=False),
        sa.Column("account_id", _id(), nullable=False),
        sa.Column("group_id", _id(), nullable=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("zone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column("hours", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="active", nullable=False),
        sa.Column("etag", sa.Text(), server_default="", nullable=False),
        sa.Column("last_modified", sa.Text(), server_default="", nullable=False),
        sa.Column("digest", sa.String(length=64), server_default="", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("problem", sa.Text(), server_default="", nullable=False),
        sa.Column("report", sa.Text(), server_default="{}", nullable=False),
        sa.Column("due_at", _id(), nullable=False),
        sa.Column("asked_at", _id(), nullable=True),
        sa.Column("read_at", _id(), nullable=True),
        sa.Column("created_at", _id(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_calendar_feed_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["account.id"], name=op.f("fk_calendar_feed_group_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_feed")),
    )
    op.create_index("ix_calendar_feed_account_id", "calendar_feed", ["account_id"])
    op.create_index("ix_calendar_feed_group_id", "calendar_feed", ["group_id"])
    op.create_index("ix_calendar_feed_state_due_at", "calendar_feed", ["state", "due_at"])
    op.create_table(
        "event_origin",
        sa.Column("id", _id(), autoincrement=False, nullable=False),
        sa.Column("account_id", _id(), nullable=False),
        sa.Column("feed_id", _id(), nullable=True),
        sa.Column("post_id", _id(), nullable=True),
        sa.Column("uid", sa.Text(), server_default="", nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("said", sa.String(length=64), nullable=False),
        sa.Column("kept", sa.String(length=64), nullable=False),
        sa.Column("seen_at", _id(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_event_origin_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["feed_id"], ["calendar_feed.id"], name=op.f("fk_event_origin_feed_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["post_id"], ["event.post_id"], name=op.f("fk_event_origin_post_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_origin")),
    )
    op.create_index("ix_event_origin_feed_id", "event_origin", ["feed_id"])
    op.create_index("ix_event_origin_post_id", "event_origin", ["post_id"])
    op.create_index("ix_event_origin_account_id_uid", "event_origin", ["account_id", "uid"])
    op.create_index("ix_event_origin_account_id_mark", "event_origin", ["account_id", "mark"])
