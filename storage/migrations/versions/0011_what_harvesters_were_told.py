"""What harvesters were told of the library

Revision: 0011, after 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "harvest_record",
        sa.Column(
            "post_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("deleted", sa.Boolean(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("post_id", name=op.f("pk_harvest_record")),
        sa.UniqueConstraint("uri", name=op.f("uq_harvest_record_uri")),
    )
    with op.batch_alter_table("harvest_record", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_harvest_record_changed_at_post_id"), ["changed_at", "post_id"], unique=False
        )

    op.create_table(
        "harvest_set",
        sa.Column("spec", sa.String(length=120), nullable=False),
        sa.Column("post_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("spec", "post_id", name=op.f("pk_harvest_set")),
    )
    with op.batch_alter_table("harvest_set", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_harvest_set_post_id"), ["post_id"], unique=False)
