"""When another server was last heard from, and finding what was decided about one

Revision: 0030, after 0029
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("instance", sa.Column("last_heard_at", number, nullable=True))
    op.create_index(
        "ix_audit_entry_subject_type_subject_name_number",
        "audit_entry",
        ["subject_type", "subject_name", "number"],
    )
