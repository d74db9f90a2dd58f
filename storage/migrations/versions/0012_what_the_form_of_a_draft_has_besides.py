"""What the form of a draft has besides

Revision: 0012, after 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("resource_draft", sa.Column("beside", sa.Text(), nullable=False, server_default="{}"))
