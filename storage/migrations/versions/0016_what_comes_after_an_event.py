"""What comes after an event

Revision: 0016, after 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("occurrence", sa.Column("followed_up_at", _BIG, nullable=True))
    op.add_column("rsvp", sa.Column("attended", sa.Boolean(), server_default="0", nullable=False))
    op.create_table(
        "event_output",
        sa.Column("id", _BIG, autoincrement=False, nullable=False),
        sa.Column("post_id", _BIG, nullable=False),
        sa.Column("occurrence_id", _BIG, nullable=True),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("url", sa.Text(), server_default="", nullable=False),
        sa.Column("resource_id", _BIG, nullable=True),
        sa.Column("created_at", _BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["occurrence_id"], ["occurrence.id"], name=op.f("fk_event_output_occurrence_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["post_id"], ["event.post_id"], name=op.f("fk_event_output_post_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resource.post_id"], name=op.f("fk_event_output_resource_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_output")),
    )
    with op.batch_alter_table("event_output", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_output_post_id"), ["post_id"], unique=False)
