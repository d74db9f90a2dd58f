"""There is always an owner: the first of those who were admins

Revision: 0019, after 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        sa.text(
            "UPDATE user_account SET role = 'owner' WHERE account_id = ("
            "SELECT u.account_id FROM user_account AS u JOIN account AS a ON a.id = u.account_id "
            "WHERE u.role = 'admin' ORDER BY CASE WHEN u.disabled_at IS NULL AND a.suspended_at IS NULL "
            "AND a.deleted_at IS NULL THEN 0 ELSE 1 END, u.created_at, u.account_id LIMIT 1)"
        )
    )
