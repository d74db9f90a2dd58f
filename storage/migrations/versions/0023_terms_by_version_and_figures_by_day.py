"""Terms and privacy by version, who agreed to them, numbers by day, and how much room single members have

Revision: 0023, after 0022
"""

import json
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    version = op.create_table(
        "policy_version",
        sa.Column("id", _BIG, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("effective_on", sa.String(length=10), server_default="", nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("changed_at", _BIG, nullable=False),
        sa.Column("published_at", _BIG, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_version")),
        sa.UniqueConstraint("kind", "effective_on", name=op.f("uq_policy_version_kind_effective_on")),
    )
    op.create_table(
        "policy_consent",
        sa.Column("account_id", _BIG, nullable=False),
        sa.Column("version_id", _BIG, nullable=False),
        sa.Column("agreed_at", _BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["user_account.account_id"],
            name=op.f("fk_policy_consent_account_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["policy_version.id"], name=op.f("fk_policy_consent_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "version_id", name=op.f("pk_policy_consent")),
    )
    with op.batch_alter_table("policy_consent", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_policy_consent_version_id"), ["version_id"], unique=False)
    op.create_table(
        "day_figure",
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("day", "name", name=op.f("pk_day_figure")),
    )
    with op.batch_alter_table("user_account", schema=None) as batch_op:
        batch_op.add_column(sa.Column("bytes_max", _BIG, nullable=True))
    _take_over(version)


def _take_over(version: sa.Table) -> None:
    """What was a setting is the first version, from the day it was written."""
    setting = sa.table(
        "setting", sa.column("name", sa.Text), sa.column("value", sa.Text), sa.column("updated_at", _BIG)
    )
    conn = op.get_bind()
    for number, (name, kind) in enumerate((("terms", "terms"), ("privacy_policy", "privacy"))):
        row = conn.execute(
            sa.select(setting.c.value, setting.c.updated_at).where(setting.c.name == name)
        ).first()
        text = json.loads(row.value) if row is not None else ""
        if row is None or not text:
            continue
        at = int(row.updated_at)
        conn.execute(
            sa.insert(version).values(
                id=(at << 16) | number,
                kind=kind,
                effective_on=datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d"),
                text=text,
                changed_at=at,
                published_at=at,
            )
        )
        conn.execute(sa.delete(setting).where(setting.c.name == name))
