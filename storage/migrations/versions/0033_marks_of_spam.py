"""Marks by trusted members on what they hold for spam

Revision: 0033, after 0032
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "spam_mark",
        sa.Column("post_id", number, nullable=False),
        sa.Column("account_id", number, nullable=False),
        sa.Column("created_at", number, nullable=False),
        sa.ForeignKeyConstraint(
            ["post_id"], ["post.id"], name=op.f("fk_spam_mark_post_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["user_account.account_id"],
            name=op.f("fk_spam_mark_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("post_id", "account_id", name=op.f("pk_spam_mark")),
    )
    op.create_index(op.f("ix_spam_mark_account_id"), "spam_mark", ["account_id"])
