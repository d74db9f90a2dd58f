"""Which followed lists of servers wait for an admin

Revision: 0034, after 0033
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("domain_list", sa.Column("changes", sa.Integer(), server_default="0", nullable=False))
    op.add_column("domain_list", sa.Column("changes_at", number, nullable=True))
    op.add_column("domain_list", sa.Column("trouble_at", number, nullable=True))
