"""What was done for newcomers, who has seen enough of their first steps, and finding newcomers quickly

Revision: 0031, after 0030
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "newcomer_step",
        sa.Column("account_id", number, nullable=False),
        sa.Column("step", sa.String(length=100), nullable=False),
        sa.Column("by_id", number, nullable=True),
        sa.Column("done_at", number, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["user_account.account_id"],
            name=op.f("fk_newcomer_step_account_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["by_id"], ["account.id"], name=op.f("fk_newcomer_step_by_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("account_id", "step", name=op.f("pk_newcomer_step")),
    )
    op.create_index(op.f("ix_newcomer_step_by_id"), "newcomer_step", ["by_id"])
    op.add_column("user_account", sa.Column("steps_hidden_at", number, nullable=True))
    op.create_index("ix_user_account_approved_at", "user_account", ["approved_at"])
