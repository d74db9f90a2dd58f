"""Who used a resource, and what they say of it: rows beside the answers that tell of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select, update

from storage import resources
from storage.paging import Window
from storage.tables import post, resource, resource_report, user
from storage.types import now_ms

ReportRow = Any


def put(conn: Connection, post_id: int, resource_id: int, account_id: int, kind: str, **columns: Any) -> None:
    """An answer tells of the use of a resource (`kind` use), or is a review of it, or says so in other words from now on; the
    resource counts it once."""
    known = by_posts(conn, [post_id]).get(post_id)
    if known is not None and known.kind == kind:
        conn.execute(update(resource_report).where(resource_report.c.post_id == post_id).values(**columns))
        return
    gone(conn, post_id)
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
    resources.add_to_counts(conn, resource_id, uses=int(kind == "use"), reviews=int(kind == "review"))


def gone(conn: Connection, post_id: int) -> int | None:
    """An answer is about to be deleted; of which resource it told, if of any."""
    # Of two that delete it at once, one counts.
    row = conn.execute(
        delete(resource_report)
        .where(resource_report.c.post_id == post_id)
        .returning(resource_report.c.resource_id, resource_report.c.kind)
    ).first()
    if row is None:
        return None
    resources.add_to_counts(conn, row.resource_id, uses=-(row.kind == "use"), reviews=-(row.kind == "review"))
    return int(row.resource_id)


def by_posts(conn: Connection, post_ids: Iterable[int]) -> dict[int, ReportRow]:
    """What these answers tell, by the answer's id."""
    wanted = list(post_ids)
    if not wanted:
        return {}
    query = select(resource_report).where(resource_report.c.post_id.in_(wanted))
    return {row.post_id: row for row in conn.execute(query)}


def lock(conn: Connection, resource_id: int) -> None:
    """Let nobody else tell anything of a resource until this unit is done, so that what is there once stays once."""
    query = select(resource.c.post_id).where(resource.c.post_id == resource_id)
    conn.execute(query.with_for_update()).first()


def review_of(conn: Connection, resource_id: int, account_id: int, version: str) -> ReportRow | None:
    """Somebody's review of a version."""
    query = select(resource_report).where(
        resource_report.c.resource_id == resource_id,
        resource_report.c.account_id == account_id,
        resource_report.c.kind == "review",
        resource_report.c.version == version,
    )
    return conn.execute(query.order_by(resource_report.c.post_id)).first()


def told(conn: Connection, post_id: int) -> ReportRow | None:
    """What one answer tells, with what `of_resource` gives beside it."""
    return conn.execute(_told().where(resource_report.c.post_id == post_id)).first()


def _told() -> Select[Any]:
    columns = ("uri", "url", "visibility", "content_html", "source_text", "language", "local", "edited_at")
    return select(resource_report, *(post.c[name] for name in columns)).join(
        post, post.c.id == resource_report.c.post_id
    )


def of_resource(conn: Connection, resource_id: int, kind: str, window: Window, shown: Any) -> list[ReportRow]:
    """What was told of a resource, the latest first, each with its answer's address, text and visibility; `shown` is what the
    viewer may see of `post`."""
    query = _told().where(resource_report.c.resource_id == resource_id, resource_report.c.kind == kind, shown)
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
