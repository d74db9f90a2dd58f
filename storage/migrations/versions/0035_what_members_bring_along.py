"""What members bring along from other servers

Revision: 0035, after 0034
"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "member_import",
        sa.Column("id", number, autoincrement=False, nullable=False),
        sa.Column("account_id", number, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("guessed", sa.String(16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("overwrites", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("twice", sa.Integer(), server_default="0", nullable=False),
        sa.Column("added", sa.Integer(), server_default="0", nullable=False),
        sa.Column("known", sa.Integer(), server_default="0", nullable=False),
        sa.Column("removed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", number, nullable=False),
        sa.Column("ended_at", number, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["user_account.account_id"],
            name=op.f("fk_member_import_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member_import")),
    )
    op.create_index(op.f("ix_member_import_account_id"), "member_import", ["account_id"])
    op.create_table(
        "member_import_row",
        sa.Column("id", number, autoincrement=False, nullable=False),
        sa.Column("import_id", number, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("host", sa.Text(), server_default="", nullable=False),
        sa.Column("key", sa.Text(), server_default="", nullable=False),
        sa.Column("cells", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", number, nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"],
            ["member_import.id"],
            name=op.f("fk_member_import_row_import_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member_import_row")),
    )
    op.create_index(
        "ix_member_import_row_import_id_state_due_at", "member_import_row", ["import_id", "state", "due_at"]
    )
