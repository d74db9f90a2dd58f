"""Mails in the community's own words, by kind and language

Revision: 0029, after 0028
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "mail_wording",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        *(
            sa.Column(name, sa.Text(), server_default="", nullable=False)
            for name in ("subject", "text", "draft_subject", "draft_text")
        ),
        sa.Column("changed_at", number, nullable=False),
        sa.PrimaryKeyConstraint("kind", "language", name=op.f("pk_mail_wording")),
    )
