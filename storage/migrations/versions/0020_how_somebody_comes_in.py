"""Questions of the community's own to who wants to join; invitations by link; how far members are trusted

Revision: 0020, after 0019
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

ASKED_SO_FAR = "Why do you want to join?"


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "invite",
        sa.Column("id", number, autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("account_id", number, nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("uses_max", sa.Integer(), nullable=True),
        sa.Column("uses", sa.Integer(), server_default="0", nullable=False),
        sa.Column("role", sa.String(length=16), server_default="member", nullable=False),
        sa.Column("group_ids", sa.Text(), server_default="[]", nullable=False),
        sa.Column("created_at", number, nullable=False),
        sa.Column("expires_at", number, nullable=True),
        sa.Column("revoked_at", number, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_invite_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invite")),
        sa.UniqueConstraint("code", name=op.f("uq_invite_code")),
    )
    op.create_index(op.f("ix_invite_account_id"), "invite", ["account_id"])
    with op.batch_alter_table("user_account", schema=None) as batch_op:
        batch_op.add_column(sa.Column("answers", sa.Text(), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("trust", sa.String(length=8), server_default="member", nullable=False))
        batch_op.add_column(sa.Column("invite_id", number, nullable=True))
        batch_op.create_index(batch_op.f("ix_user_account_invite_id"), ["invite_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_user_account_invite_id"), "invite", ["invite_id"], ["id"], ondelete="SET NULL"
        )
    _carry_over()
    with op.batch_alter_table("user_account", schema=None) as batch_op:
        batch_op.drop_column("reason")


def _carry_over() -> None:
    """The one question there was becomes the first of the questions, and what was answered to it an answer."""
    conn = op.get_bind()
    setting = sa.table("setting", sa.column("name"), sa.column("value"))
    user = sa.table("user_account", sa.column("account_id"), sa.column("reason"), sa.column("answers"))
    question = ASKED_SO_FAR
    changed = conn.scalar(sa.select(setting.c.value).where(setting.c.name == "join_question"))
    if changed is not None:
        question = str(json.loads(changed)) or ASKED_SO_FAR
        asked = [{"id": "1", "text": question, "hint": "", "kind": "long", "required": True, "options": []}]
        conn.execute(
            sa.update(setting)
            .where(setting.c.name == "join_question")
            .values(name="join_questions", value=json.dumps(asked, ensure_ascii=False))
        )
    rows = conn.execute(sa.select(user.c.account_id, user.c.reason).where(user.c.reason != "")).all()
    for account_id, reason in rows:
        answers = json.dumps([{"question": question, "answer": reason}], ensure_ascii=False)
        conn.execute(sa.update(user).where(user.c.account_id == account_id).values(answers=answers))
