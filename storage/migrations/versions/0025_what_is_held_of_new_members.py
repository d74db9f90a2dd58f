"""Posts of new members that wait for a moderator

Revision: 0025, after 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("scheduled_post", sa.Column("held_for", sa.Text(), server_default="", nullable=False))
    op.add_column("user_account", sa.Column("vouched_at", number, nullable=True))
    op.add_column("user_account", sa.Column("new_since_at", number, nullable=True))
