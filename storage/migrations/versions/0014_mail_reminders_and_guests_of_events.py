"""Mail, reminders and guests of events

Revision: 0014, after 0013
"""

import sqlalchemy as sa
from alembic import op


revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "event_reminder_clock",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("until_at", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_reminder_clock")),
    )
    op.create_table(
        "event_preference",
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("invites_by_mail", sa.Boolean(), server_default="1", nullable=False),
        sa.Column("reminds_here", sa.Boolean(), server_default="1", nullable=False),
        sa.Column("reminds_by_mail", sa.Boolean(), server_default="1", nullable=False),
        sa.Column("minutes", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["user_account.account_id"],
            name=op.f("fk_event_preference_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_event_preference")),
    )
    op.create_table(
        "event_guest",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("post_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("asked", sa.Text(), server_default="{}", nullable=False),
        sa.Column("mails_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("wants_mail", sa.Boolean(), server_default="1", nullable=False),
        sa.Column("mailed_at", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("confirmed_at", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["post_id"], ["event.post_id"], name=op.f("fk_event_guest_post_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_guest")),
        sa.UniqueConstraint("post_id", "email_key", name=op.f("uq_event_guest_post_id_email_key")),
        sa.UniqueConstraint("secret", name=op.f("uq_event_guest_secret")),
    )
    with op.batch_alter_table("event_guest", schema=None) as batch_op:
        batch_op.create_index("ix_event_guest_email_key_mailed_at", ["email_key", "mailed_at"], unique=False)

    op.create_table(
        "event_reminding",
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("post_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("minutes", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["user_account.account_id"],
            name=op.f("fk_event_reminding_account_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["post_id"], ["event.post_id"], name=op.f("fk_event_reminding_post_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "post_id", name=op.f("pk_event_reminding")),
    )
    with op.batch_alter_table("event_reminding", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_reminding_post_id"), ["post_id"], unique=False)

    op.create_table(
        "event_invitation",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("post_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("guest_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("told", sa.Text(), server_default="{}", nullable=False),
        sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("busy_until", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["user_account.account_id"],
            name=op.f("fk_event_invitation_account_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["guest_id"], ["event_guest.id"], name=op.f("fk_event_invitation_guest_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["post_id"], ["event.post_id"], name=op.f("fk_event_invitation_post_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_invitation")),
        sa.UniqueConstraint("post_id", "account_id", name=op.f("uq_event_invitation_post_id_account_id")),
        sa.UniqueConstraint("post_id", "guest_id", name=op.f("uq_event_invitation_post_id_guest_id")),
    )
    with op.batch_alter_table("event_invitation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_invitation_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_event_invitation_guest_id"), ["guest_id"], unique=False)

    op.create_table(
        "event_reminder",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("occurrence_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("guest_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["user_account.account_id"],
            name=op.f("fk_event_reminder_account_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["guest_id"], ["event_guest.id"], name=op.f("fk_event_reminder_guest_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["occurrence_id"],
            ["occurrence.id"],
            name=op.f("fk_event_reminder_occurrence_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_reminder")),
        sa.UniqueConstraint(
            "occurrence_id",
            "account_id",
            "minutes",
            "starts_at",
            name=op.f("uq_event_reminder_occurrence_id_account_id_minutes_starts_at"),
        ),
        sa.UniqueConstraint(
            "occurrence_id",
            "guest_id",
            "minutes",
            "starts_at",
            name=op.f("uq_event_reminder_occurrence_id_guest_id_minutes_starts_at"),
        ),
    )
    with op.batch_alter_table("event_reminder", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_reminder_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_event_reminder_guest_id"), ["guest_id"], unique=False)

    with op.batch_alter_table("rsvp", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("guest_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.alter_column(
            "account_id", existing_type=sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        )
        batch_op.create_index(batch_op.f("ix_rsvp_guest_id"), ["guest_id"], unique=False)
        batch_op.create_unique_constraint(
            batch_op.f("uq_rsvp_occurrence_id_guest_id"), ["occurrence_id", "guest_id"]
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_rsvp_guest_id"), "event_guest", ["guest_id"], ["id"], ondelete="CASCADE"
        )
