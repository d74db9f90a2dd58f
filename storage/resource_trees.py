"""What resources are made from, at whatever remove: rows of `resource_relation` followed up and down."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Integer, func, literal, select

from storage.tables import resource_relation
from storage.types import Id

NODES_MAX: Final = 500


class Family(NamedTuple):
    """Ids of resources known here, with that from which they were looked for; not `complete` beyond `NODES_MAX`."""

    ids: set[int]
    complete: bool


def family(conn: Connection, post_id: int, depth: int) -> Family:
    """Those that a resource is made from and that are made from it, so many steps each way, the nearest first."""
    ids, complete = {post_id}, True
    made, source = resource_relation.c.post_id, resource_relation.c.target_id
    for from_, to in ((made, source), (source, made)):
        steps = select(literal(post_id, Id).label("id"), literal(0, Integer).label("depth")).cte(
            recursive=True
        )
        # UNION, not UNION ALL: in a circle each is met once at each depth, and depth is bounded.
        steps = steps.union(
            select(to, steps.c.depth + 1)
            .join(steps, from_ == steps.c.id)
            .where(to.is_not(None), steps.c.depth < depth, resource_relation.c.relation != "part")
        )
        query = select(steps.c.id).group_by(steps.c.id).order_by(func.min(steps.c.depth), steps.c.id)
        found = list(conn.scalars(query.limit(NODES_MAX + 1)))
        complete = complete and len(found) <= NODES_MAX
        ids.update(found[:NODES_MAX])
    return Family(ids, complete)


def edges(conn: Connection, post_ids: Collection[int]) -> list[Any]:
    """What each of these says that it is made from."""
    query = select(resource_relation).where(
        resource_relation.c.post_id.in_(post_ids), resource_relation.c.relation != "part"
    )
    return list(conn.execute(query.order_by(resource_relation.c.post_id, resource_relation.c.uri)))
