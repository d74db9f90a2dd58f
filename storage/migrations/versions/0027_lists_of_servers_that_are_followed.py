"""Lists of servers that are followed, what they say, and which rules come from them

Revision: 0027, after 0026
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(name: str, length: int | None = None, default: str = "") -> sa.Column[str]:
    kind = sa.Text() if length is None else sa.String(length=length)
    return sa.Column(name, kind, server_default=default, nullable=False)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), server_default="0", nullable=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), server_default="0", nullable=False)


def upgrade() -> None:
    op.create_table(
        "domain_list",
        sa.Column("id", _number(), autoincrement=False, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        _text("title"),
        _count("priority"),
        _text("severest", 16, "suspend"),
        _text("mode", 16, "ask"),
        _text("state", 16, "new"),
        _text("etag"),
        _text("last_modified"),
        _text("digest", 64),
        _count("failures"),
        _text("problem"),
        _count("rows_read"),
        _text("left_out"),
        _flag("shrunk"),
        sa.Column("due_at", _number(), nullable=False),
        sa.Column("asked_at", _number(), nullable=True),
        sa.Column("read_at", _number(), nullable=True),
        sa.Column("created_at", _number(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_domain_list")),
        sa.UniqueConstraint("url", name=op.f("uq_domain_list_url")),
    )
    op.create_index("ix_domain_list_due_at", "domain_list", ["due_at"])
    op.create_table(
        "domain_list_entry",
        sa.Column("list_id", _number(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("policy", sa.String(length=16), nullable=False),
        _flag("rejects_media"),
        _flag("rejects_reports"),
        _flag("obfuscates"),
        _text("public_comment"),
        _flag("missing"),
        sa.ForeignKeyConstraint(
            ["list_id"], ["domain_list.id"], name=op.f("fk_domain_list_entry_list_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("list_id", "domain", name=op.f("pk_domain_list_entry")),
    )
    op.create_index("ix_domain_list_entry_domain", "domain_list_entry", ["domain"])
    op.create_table(
        "domain_list_rule",
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("list_id", _number(), nullable=True),
        sa.ForeignKeyConstraint(
            ["list_id"], ["domain_list.id"], name=op.f("fk_domain_list_rule_list_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_domain_list_rule")),
    )
    op.create_index("ix_domain_list_rule_list_id", "domain_list_rule", ["list_id"])
