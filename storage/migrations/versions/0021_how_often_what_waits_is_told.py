"""How often those who look after something hear by mail of what waits

Revision: 0021, after 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "duty_mail",
        sa.Column("account_id", number, autoincrement=False, nullable=False),
        sa.Column("rhythm", sa.String(length=8), server_default="at_once", nullable=False),
        sa.Column("hour", sa.Integer(), server_default="8", nullable=False),
        sa.Column("due_at", number, nullable=True),
        sa.Column("told_until_at", number, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["user_account.account_id"],
            name=op.f("fk_duty_mail_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_duty_mail")),
    )
    op.create_index(op.f("ix_duty_mail_due_at"), "duty_mail", ["due_at"])
