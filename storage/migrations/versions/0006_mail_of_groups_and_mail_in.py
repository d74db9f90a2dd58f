"""Mail of groups, and mail that comes in

Revision: 0006, after 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "mail_preference",
        sa.Column("account_id", INT, autoincrement=False, nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("generation", sa.Integer(), server_default="0", nullable=False),
        sa.Column("wants_groups", sa.Boolean(), server_default="1", nullable=False),
        sa.Column("rhythm", sa.String(length=8), server_default="weekly", nullable=False),
        sa.Column("digest_until_at", INT, nullable=True),
        sa.Column("digest_due_at", INT, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["user_account.account_id"],
            name=op.f("fk_mail_preference_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_mail_preference")),
    )
    op.create_index("ix_mail_preference_digest_due_at", "mail_preference", ["digest_due_at"], unique=False)
    op.create_table(
        "mail_arrival",
        sa.Column("id", INT, autoincrement=False, nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", INT, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("target_id", INT, nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("media_ids", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["user_account.account_id"],
            name=op.f("fk_mail_arrival_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_arrival")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_mail_arrival_key_hash")),
    )
    op.create_index("ix_mail_arrival_account_id_id", "mail_arrival", ["account_id", "id"], unique=False)
