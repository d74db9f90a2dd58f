"""Rules for other servers that end by themselves

Revision: 0032, after 0031
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("instance", sa.Column("rule_until_at", number, nullable=True))
    op.create_index("ix_instance_rule_until_at", "instance", ["rule_until_at"])
