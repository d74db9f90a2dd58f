"""Groups and their threads

Revision: 0004, after 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "group_account",
        sa.Column("account_id", INT, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("access", sa.String(length=16), nullable=False),
        sa.Column("join_mode", sa.String(length=16), nullable=False),
        sa.Column("join_question", sa.Text(), server_default="", nullable=False),
        sa.Column("posting", sa.String(length=16), nullable=False),
        sa.Column("charter_source", sa.Text(), server_default="", nullable=False),
        sa.Column("charter_html", sa.Text(), server_default="", nullable=False),
        sa.Column("rules", sa.Text(), server_default="[]", nullable=False),
        sa.Column("language", sa.String(length=16), server_default="", nullable=False),
        sa.Column("allows_downvotes", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("moderators_uri", sa.Text(), server_default="", nullable=False),
        sa.Column("members_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("threads_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_activity_at", INT, nullable=True),
        sa.Column("archived_at", INT, nullable=True),
        sa.Column("moderators_fetched_at", INT, nullable=True),
        sa.Column("created_at", INT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_group_account_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_group_account")),
    )
    op.create_table(
        "group_ban",
        sa.Column("id", INT, autoincrement=False, nullable=False),
        sa.Column("group_id", INT, nullable=False),
        sa.Column("account_id", INT, nullable=False),
        sa.Column("by_id", INT, nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", INT, nullable=False),
        sa.Column("expires_at", INT, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_group_ban_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["by_id"], ["account.id"], name=op.f("fk_group_ban_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["account.id"], name=op.f("fk_group_ban_group_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_ban")),
        sa.UniqueConstraint("group_id", "account_id", name=op.f("uq_group_ban_group_id_account_id")),
    )
    with op.batch_alter_table("group_ban", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_group_ban_account_id"), ["account_id"], unique=False)

    op.create_table(
        "group_invitation",
        sa.Column("id", INT, autoincrement=False, nullable=False),
        sa.Column("group_id", INT, nullable=False),
        sa.Column("account_id", INT, nullable=False),
        sa.Column("by_id", INT, nullable=True),
        sa.Column("created_at", INT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_group_invitation_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["by_id"], ["account.id"], name=op.f("fk_group_invitation_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["account.id"], name=op.f("fk_group_invitation_group_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_invitation")),
        sa.UniqueConstraint("group_id", "account_id", name=op.f("uq_group_invitation_group_id_account_id")),
    )
    with op.batch_alter_table("group_invitation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_group_invitation_account_id"), ["account_id"], unique=False)

    op.create_table(
        "group_request",
        sa.Column("id", INT, autoincrement=False, nullable=False),
        sa.Column("group_id", INT, nullable=False),
        sa.Column("account_id", INT, nullable=False),
        sa.Column("answer", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", INT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_group_request_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["account.id"], name=op.f("fk_group_request_group_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_request")),
        sa.UniqueConstraint("group_id", "account_id", name=op.f("uq_group_request_group_id_account_id")),
    )
    with op.batch_alter_table("group_request", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_group_request_account_id"), ["account_id"], unique=False)

    op.create_table(
        "group_topic",
        sa.Column("id", INT, autoincrement=False, nullable=False),
        sa.Column("group_id", INT, nullable=False),
        sa.Column("tag_id", INT, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["account.id"], name=op.f("fk_group_topic_group_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tag_id"], ["hashtag.id"], name=op.f("fk_group_topic_tag_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_topic")),
        sa.UniqueConstraint("group_id", "tag_id", name=op.f("uq_group_topic_group_id_tag_id")),
    )
    op.create_table(
        "draft",
        sa.Column("account_id", INT, nullable=False),
        sa.Column("key", sa.String(length=48), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("updated_at", INT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["user_account.account_id"], name=op.f("fk_draft_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "key", name=op.f("pk_draft")),
    )
    op.create_table(
        "subscription",
        sa.Column("account_id", INT, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("target_id", INT, nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["user_account.account_id"],
            name=op.f("fk_subscription_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "kind", "target_id", name=op.f("pk_subscription")),
    )
    with op.batch_alter_table("subscription", schema=None) as batch_op:
        batch_op.create_index("ix_subscription_kind_target_id", ["kind", "target_id"], unique=False)

    op.create_table(
        "group_action",
        sa.Column("id", INT, autoincrement=False, nullable=False),
        sa.Column("group_id", INT, nullable=False),
        sa.Column("by_id", INT, nullable=True),
        sa.Column("action", sa.String(length=24), nullable=False),
        sa.Column("post_id", INT, nullable=True),
        sa.Column("account_id", INT, nullable=True),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", INT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_group_action_account_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["by_id"], ["account.id"], name=op.f("fk_group_action_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["account.id"], name=op.f("fk_group_action_group_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["post_id"], ["post.id"], name=op.f("fk_group_action_post_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_action")),
    )
    with op.batch_alter_table("group_action", schema=None) as batch_op:
        batch_op.create_index("ix_group_action_group_id_id", ["group_id", "id"], unique=False)

    op.create_table(
        "group_thread",
        sa.Column("post_id", INT, autoincrement=False, nullable=False),
        sa.Column("group_id", INT, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("replies_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_post_id", INT, nullable=True),
        sa.Column("last_activity_at", INT, nullable=False),
        sa.Column("answer_id", INT, nullable=True),
        sa.Column("merged_into_id", INT, nullable=True),
        sa.Column("locked_at", INT, nullable=True),
        sa.ForeignKeyConstraint(
            ["answer_id"], ["post.id"], name=op.f("fk_group_thread_answer_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["account.id"], name=op.f("fk_group_thread_group_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["last_post_id"], ["post.id"], name=op.f("fk_group_thread_last_post_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["merged_into_id"], ["post.id"], name=op.f("fk_group_thread_merged_into_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["post_id"], ["post.id"], name=op.f("fk_group_thread_post_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("post_id", name=op.f("pk_group_thread")),
    )
    with op.batch_alter_table("group_thread", schema=None) as batch_op:
        batch_op.create_index(
            "ix_group_thread_group_id_last_activity_at", ["group_id", "last_activity_at"], unique=False
        )
        batch_op.create_index("ix_group_thread_group_id_post_id", ["group_id", "post_id"], unique=False)

    op.create_table(
        "post_dislike",
        sa.Column("id", INT, autoincrement=False, nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("account_id", INT, nullable=False),
        sa.Column("post_id", INT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_post_dislike_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["post_id"], ["post.id"], name=op.f("fk_post_dislike_post_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post_dislike")),
        sa.UniqueConstraint("account_id", "post_id", name=op.f("uq_post_dislike_account_id_post_id")),
        sa.UniqueConstraint("uri", name=op.f("uq_post_dislike_uri")),
    )
    with op.batch_alter_table("post_dislike", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_post_dislike_account_id"), ["account_id"], unique=False)
        batch_op.create_index("ix_post_dislike_post_id", ["post_id"], unique=False)

    op.create_table(
        "thread_read",
        sa.Column("account_id", INT, nullable=False),
        sa.Column("thread_id", INT, nullable=False),
        sa.Column("last_read_id", INT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["user_account.account_id"],
            name=op.f("fk_thread_read_account_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["thread_id"], ["post.id"], name=op.f("fk_thread_read_thread_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "thread_id", name=op.f("pk_thread_read")),
    )
    with op.batch_alter_table("thread_read", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_thread_read_thread_id"), ["thread_id"], unique=False)

    op.add_column("account", sa.Column("hidden", sa.Boolean(), server_default="0", nullable=False))

    op.add_column("membership", sa.Column("joined_at", INT, nullable=True))
    op.add_column("membership", sa.Column("read_at", INT, nullable=True))

    op.add_column(
        "user_account", sa.Column("may_create_groups", sa.Boolean(), server_default="0", nullable=False)
    )
