"""With whom the server speaks: which servers are kept out, and which let in where only some are

Revision: 0024, after 0023
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_STRICTNESS = {"reject": 4, "limit": 3, "allow": 2, "noop": 1, "": 0}
_ROWS_AT_ONCE = 500


def upgrade() -> None:
    with op.batch_alter_table("instance", schema=None) as batch_op:
        batch_op.add_column(sa.Column("kept_out", sa.Boolean(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("let_in", sa.Boolean(), server_default="0", nullable=False))
    _judge()


def _judge() -> None:
    """Give every server that an account is of a row, and note what the rules come to for each."""
    conn = op.get_bind()
    conn.execute(
        sa.text(
            "INSERT INTO instance (host, first_seen_at) SELECT host, min(created_at) FROM account WHERE host <> '' "
            "GROUP BY host ON CONFLICT DO NOTHING"
        )
    )
    ruled = conn.execute(sa.text("SELECT host, policy FROM instance WHERE policy <> ''")).all()
    policies = {row.host: row.policy for row in ruled}
    sharing = set(conn.scalars(sa.text("SELECT host FROM partner WHERE state = 'active'")))
    by_column: dict[str, list[str]] = {"kept_out": [], "let_in": []}
    for host in conn.scalars(sa.text("SELECT host FROM instance")).all():
        bare = host if host.startswith("[") else host.rpartition(":")[0] or host
        labels = bare.split(".")
        above = {host, *(".".join(labels[start:]) for start in range(len(labels)))}
        policy = max((policies.get(one, "") for one in above), key=lambda name: _STRICTNESS.get(name, 0))
        if policy == "reject":
            by_column["kept_out"].append(host)
        elif policy == "allow" or (host in sharing and policy != "limit"):
            by_column["let_in"].append(host)
    instance = sa.table("instance", sa.column("host"), sa.column("kept_out"), sa.column("let_in"))
    for name, hosts in by_column.items():
        for start in range(0, len(hosts), _ROWS_AT_ONCE):
            some = hosts[start : start + _ROWS_AT_ONCE]
            conn.execute(instance.update().where(instance.c.host.in_(some)).values({name: sa.true()}))
