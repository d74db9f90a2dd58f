"""Nobody is shown before they are let in

Revision: 0036, after 0035
"""

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "UPDATE account SET hidden = true WHERE id IN"
        " (SELECT account_id FROM user_account WHERE confirmed_at IS NULL OR approved_at IS NULL)"
    )
