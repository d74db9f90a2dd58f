"""That an address was refused at the door, without the address

Revision: 0026, after 0025
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "join_refusal",
        sa.Column("id", number, autoincrement=False, nullable=False),
        sa.Column("email_digest", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_id", number, nullable=True),
        sa.Column("created_at", number, nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["account.id"], name=op.f("fk_join_refusal_actor_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_join_refusal")),
    )
    op.create_index(op.f("ix_join_refusal_email_digest"), "join_refusal", ["email_digest"])
    op.create_index(op.f("ix_join_refusal_actor_id"), "join_refusal", ["actor_id"])
    op.create_index("ix_join_refusal_created_at", "join_refusal", ["created_at"])
