"""What an import read

Revision: 0010, after 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("resource", sa.Column("source_digest", sa.Text(), nullable=False, server_default=""))
