"""Reports that are handed up and answered; decisions that are taken together

Revision: 0017, after 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.add_column(sa.Column("handed_up_at", number, nullable=True))
        batch_op.add_column(sa.Column("handed_up_by_id", number, nullable=True))
        batch_op.add_column(sa.Column("handed_up_note", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("outcome", sa.String(length=16), server_default="", nullable=False))
        batch_op.add_column(sa.Column("answer", sa.Text(), server_default="", nullable=False))
        batch_op.create_index(batch_op.f("ix_report_account_id"), ["account_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_report_handed_up_by_id"), "account", ["handed_up_by_id"], ["id"], ondelete="SET NULL"
        )
    with op.batch_alter_table("strike", schema=None) as batch_op:
        batch_op.add_column(sa.Column("ruling_id", number, nullable=True))
        batch_op.add_column(sa.Column("group_id", number, nullable=True))
        batch_op.create_index(batch_op.f("ix_strike_ruling_id"), ["ruling_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_strike_group_id"), "account", ["group_id"], ["id"], ondelete="SET NULL"
        )
    with op.batch_alter_table("warning_preset", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("kind", sa.String(length=16), server_default="message", nullable=False)
        )
