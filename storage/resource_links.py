"""Where resources of this server lead, and what came of asking: rows of `resource_link`, and what they come to."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Connection, delete, select, update

from storage import resources
from storage.hot import insert_rows
from storage.tables import resource, resource_link
from storage.types import now_ms

# Attributes are the table's columns.
LinkRow = Any

_WORST_FIRST: Final = ("broken", "moved", "ok")


def put(conn: Connection, post_id: int, hosts: dict[str, str], due_at: int) -> None:
    """A resource leads to exactly these addresses, each with its host; what is new is asked at `due_at`."""
    known = set(conn.scalars(select(resource_link.c.url).where(resource_link.c.post_id == post_id)))
    gone = known - hosts.keys()
    if gone:
        conn.execute(
            delete(resource_link).where(resource_link.c.post_id == post_id, resource_link.c.url.in_(gone))
        )
    rows = [
        {"post_id": post_id, "url": url, "host": host, "due_at": due_at}
        for url, host in hosts.items()
        if url not in known
    ]
    insert_rows(conn, resource_link, rows)
    if gone:
        sum_up(conn, [post_id])


def of_resource(conn: Connection, post_id: int) -> list[LinkRow]:
    query = select(resource_link).where(resource_link.c.post_id == post_id)
    return list(conn.execute(query.order_by(resource_link.c.url)))


def ask_now(conn: Connection, post_id: int) -> set[str]:
    """Have all links of a resource asked at once; their hosts."""
    conn.execute(update(resource_link).where(resource_link.c.post_id == post_id).values(due_at=now_ms()))
    return set(conn.scalars(select(resource_link.c.host).where(resource_link.c.post_id == post_id)))


def _due(now: int) -> Any:
    """Nobody needs to know of what was withdrawn."""
    return (resource_link.c.due_at <= now) & (resource.c.withdrawn_at.is_(None))


def due_hosts(conn: Connection, now: int, *, limit: int) -> list[str]:
    """Hosts that are to be asked something."""
    query = select(resource_link.c.host).join(resource, resource.c.post_id == resource_link.c.post_id)
    return list(conn.scalars(query.where(_due(now)).distinct().limit(limit)))


def due_urls(conn: Connection, host: str, now: int, *, limit: int) -> list[str]:
    """Addresses of a host that are to be asked, each once however many resources lead there."""
    query = select(resource_link.c.url).join(resource, resource.c.post_id == resource_link.c.post_id)
    return list(conn.scalars(query.where(resource_link.c.host == host, _due(now)).distinct().limit(limit)))


def by_url(conn: Connection, url: str) -> list[LinkRow]:
    """What is known of an address, by each resource that leads there."""
    return list(conn.execute(select(resource_link).where(resource_link.c.url == url)))


def change(conn: Connection, row: LinkRow, **columns: Any) -> None:
    conn.execute(
        update(resource_link)
        .where(resource_link.c.post_id == row.post_id, resource_link.c.url == row.url)
        .values(**columns)
    )


def sum_up(conn: Connection, post_ids: Collection[int]) -> list[int]:
    """Say of each of these resources what its links come to: the worst of them. Those whose links are broken from now on."""
    known = resources.by_ids(conn, post_ids)
    rows = list(conn.execute(select(resource_link).where(resource_link.c.post_id.in_(set(post_ids)))))
    broken = []
    for post_id, about in known.items():
        links = [row for row in rows if row.post_id == post_id]
        state = next((one for one in _WORST_FIRST if any(row.state == one for row in links)), "")
        worst = next((row for row in links if row.state == state), None)
        resources.change(
            conn,
            post_id,
            links_state=state,
            links_problem=f"{worst.url} {worst.problem}" if worst is not None and worst.problem else "",
            links_checked_at=max((row.checked_at for row in links if row.checked_at), default=None),
        )
        if state == "broken" and about.links_state != "broken":
            broken.append(post_id)
    return broken
