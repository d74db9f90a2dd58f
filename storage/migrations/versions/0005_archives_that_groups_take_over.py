"""Archives that groups take over

Revision: 0005, after 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "archive_import",
        sa.Column("id", INT, autoincrement=False, nullable=False),
        sa.Column("group_id", INT, nullable=False),
        sa.Column("by_id", INT, nullable=True),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("added", sa.Integer(), server_default="0", nullable=False),
        sa.Column("known", sa.Integer(), server_default="0", nullable=False),
        sa.Column("left_out", sa.Integer(), server_default="0", nullable=False),
        sa.Column("files_added", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reasons", sa.Text(), server_default="{}", nullable=False),
        sa.Column("problems", sa.Text(), server_default="[]", nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", INT, nullable=False),
        sa.Column("updated_at", INT, nullable=False),
        sa.Column("ended_at", INT, nullable=True),
        sa.ForeignKeyConstraint(
            ["by_id"], ["account.id"], name=op.f("fk_archive_import_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["account.id"], name=op.f("fk_archive_import_group_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_archive_import")),
    )
    op.create_index(op.f("ix_archive_import_group_id"), "archive_import", ["group_id"], unique=False)
    op.create_table(
        "archive_person",
        sa.Column("id", INT, autoincrement=False, nullable=False),
        sa.Column("group_id", INT, nullable=False),
        sa.Column("external_id", sa.String(length=80), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email_digest", sa.LargeBinary(), nullable=True),
        sa.Column("account_id", INT, nullable=True),
        sa.Column("claimed_by_id", INT, nullable=True),
        sa.Column("claimed_at", INT, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_archive_person_account_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["claimed_by_id"],
            ["account.id"],
            name=op.f("fk_archive_person_claimed_by_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["account.id"], name=op.f("fk_archive_person_group_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_archive_person")),
        sa.UniqueConstraint("group_id", "external_id", name=op.f("uq_archive_person_group_id_external_id")),
    )
    op.create_index(op.f("ix_archive_person_account_id"), "archive_person", ["account_id"], unique=False)
    op.create_index(
        op.f("ix_archive_person_claimed_by_id"), "archive_person", ["claimed_by_id"], unique=False
    )
    op.create_table(
        "archive_claim",
        sa.Column("id", INT, autoincrement=False, nullable=False),
        sa.Column("person_id", INT, nullable=False),
        sa.Column("account_id", INT, nullable=False),
        sa.Column("created_at", INT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["user_account.account_id"],
            name=op.f("fk_archive_claim_account_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["archive_person.id"], name=op.f("fk_archive_claim_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_archive_claim")),
        sa.UniqueConstraint("person_id", "account_id", name=op.f("uq_archive_claim_person_id_account_id")),
    )
    op.create_index(op.f("ix_archive_claim_account_id"), "archive_claim", ["account_id"], unique=False)
    op.create_table(
        "archive_post",
        sa.Column("group_id", INT, nullable=False),
        sa.Column("external_id", sa.String(length=250), nullable=False),
        sa.Column("post_id", INT, nullable=True),
        sa.Column("is_missing", sa.Boolean(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["account.id"], name=op.f("fk_archive_post_group_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["post_id"], ["post.id"], name=op.f("fk_archive_post_post_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("group_id", "external_id", name=op.f("pk_archive_post")),
    )
    op.create_index(op.f("ix_archive_post_post_id"), "archive_post", ["post_id"], unique=False)
