"""Answers to events from everywhere

Revision: 0013, after 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column(
        "event", sa.Column("asks_elsewhere", sa.Boolean(), server_default="1", nullable=False)
    )
    for name in ("asked_at", "asking_ended_at", "asking_counted_at"):
        op.add_column("event", sa.Column(name, _BIG, nullable=True))
    for name in ("yes_count", "maybe_count", "no_count"):
        op.add_column("occurrence", sa.Column(name, sa.Integer(), server_default="0", nullable=False))
    for name, answer in (("yes_count", "going"), ("maybe_count", "maybe"), ("no_count", "declined")):
        op.execute(
            f"UPDATE occurrence SET {name} = (SELECT count(*) FROM rsvp WHERE rsvp.occurrence_id = occurrence.id"
            f" AND rsvp.answer = '{answer}' AND rsvp.state <> 'refused')"
        )
    op.add_column("rsvp", sa.Column("link_told_for", _BIG, nullable=True))

    op.create_table(
        "answer_key",
        sa.Column("id", _BIG, autoincrement=False, nullable=False),
        sa.Column("post_id", _BIG, nullable=False),
        sa.Column("account_id", _BIG, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", _BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_answer_key_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["post_id"], ["event.post_id"], name=op.f("fk_answer_key_post_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answer_key")),
        sa.UniqueConstraint("digest", name=op.f("uq_answer_key_digest")),
    )
    with op.batch_alter_table("answer_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_answer_key_account_id"), ["account_id"], unique=False)
        batch_op.create_index(
            "ix_answer_key_post_id_account_id", ["post_id", "account_id"], unique=False
        )

    op.create_table(
        "event_silence",
        sa.Column("account_id", _BIG, autoincrement=False, nullable=False),
        sa.Column("created_at", _BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_event_silence_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_event_silence")),
    )
