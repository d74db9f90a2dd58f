"""Who used a resource, and what they say of it: rows beside the answers that tell of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from storage import resources
from storage.paging import Window
from storage.tables import post, resource_report, user
from storage.types import now_ms

ReportRow = Any


def add(conn: Connection, post_id: int, resource_id: int, account_id: int, kind: str, **columns: Any) -> None:
    """An answer tells of the use of a resource (`kind` use), or is a review of it; the resource counts it."""
    conn.execute(
        insert(resource_report).values(
            post_id=post_id,
            resource_id=resource_id,
            account_id=account_id,
            kind=kind,
            created_at=now_ms(),
            **columns,
        )
    )
    resources.add_to_counts(conn, resource_id, uses=kind == "use", reviews=kind == "review")


def gone(conn: Connection, post_id: int) -> None:
    """An answer is about to be deleted; whether it told of anything or not."""
    row = conn.execute(select(resource_report).where(resource_report.c.post_id == post_id)).first()
    if row is not None:
        conn.execute(delete(resource_report).where(resource_report.c.post_id == post_id))
        resources.add_to_counts(
            conn, row.resource_id, uses=-(row.kind == "use"), reviews=-(row.kind == "review")
        )


def by_posts(conn: Connection, post_ids: Iterable[int]) -> dict[int, ReportRow]:
    """What these answers tell, by the answer's id."""
    wanted = list(post_ids)
    if not wanted:
        return {}
    query = select(resource_report).where(resource_report.c.post_id.in_(wanted))
    return {row.post_id: row for row in conn.execute(query)}


def of_resource(conn: Connection, resource_id: int, kind: str, window: Window, shown: Any) -> list[ReportRow]:
    """What was told of a resource, the latest first; `shown` is what the viewer may see of `post`."""
    query = (
        select(resource_report)
        .join(post, post.c.id == resource_report.c.post_id)
        .where(resource_report.c.resource_id == resource_id, resource_report.c.kind == kind, shown)
    )
    return window.rows(conn, query, resource_report.c.post_id)


def average_rating(conn: Connection, resource_id: int) -> float | None:
    """The mean of the ratings in its reviews, 1 to 5; None without any."""
    found = conn.scalar(
        select(func.avg(resource_report.c.rating)).where(
            resource_report.c.resource_id == resource_id, resource_report.c.rating.is_not(None)
        )
    )
    return None if found is None else float(found)


def users_here(conn: Connection, resource_id: int) -> list[int]:
    """The members of this server who have recorded that they used it."""
    query = (
        select(resource_report.c.account_id)
        .join(user, user.c.account_id == resource_report.c.account_id)
        .where(resource_report.c.resource_id == resource_id, resource_report.c.kind == "use")
        .distinct()
        .order_by(resource_report.c.account_id)
    )
    return list(conn.scalars(query))
