"""Who greets whom, and what is asked of who asks to join

Revision: 0028, after 0027
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "greeting",
        sa.Column("account_id", number, autoincrement=False, nullable=False),
        sa.Column("greeter_id", number, nullable=False),
        sa.Column("by_other", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("created_at", number, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_greeting_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["greeter_id"], ["account.id"], name=op.f("fk_greeting_greeter_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_greeting")),
    )
    op.create_index(op.f("ix_greeting_greeter_id"), "greeting", ["greeter_id"])
    op.create_table(
        "join_inquiry",
        sa.Column("id", number, autoincrement=False, nullable=False),
        sa.Column("account_id", number, nullable=False),
        sa.Column("asker_id", number, nullable=True),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", number, nullable=False),
        sa.Column("answered_at", number, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_join_inquiry_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["asker_id"], ["account.id"], name=op.f("fk_join_inquiry_asker_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_join_inquiry")),
    )
    op.create_index(op.f("ix_join_inquiry_account_id"), "join_inquiry", ["account_id"])
    op.create_index(op.f("ix_join_inquiry_asker_id"), "join_inquiry", ["asker_id"])
