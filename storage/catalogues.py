"""What catalogues of the world are shown of the library: rows for pages, lists of addresses, what is made from a work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Subquery, and_, exists, func, select, union_all

from storage import kept_out
from storage.resources import ResourceRow, select_resources
from storage.tables import account, event, post, resource, resource_relation

# Of a resource that is made from another: target_id, relation, uri, url, title, language.
DerivedRow = Any

_author = account.alias("its_author")
_SUSPENDED: Final = exists().where(_author.c.id == post.c.account_id, kept_out.hides(_author))


def shown_to_catalogues() -> ColumnElement[bool]:
    """Of `resource` joined with `post`: public, of this server, and neither withdrawn nor deleted, nor by somebody who is
    suspended. Unlisted ones are for those who have the address."""
    return and_(
        post.c.local,
        post.c.visibility == "public",
        post.c.deleted_at.is_(None),
        resource.c.withdrawn_at.is_(None),
        ~_SUSPENDED,
    )


def shown(conn: Connection, post_ids: Iterable[int]) -> list[ResourceRow]:
    """Those of these that are for catalogues."""
    return list(conn.execute(select_resources().where(post.c.id.in_(set(post_ids)), shown_to_catalogues())))


def derived(conn: Connection, post_ids: Iterable[int]) -> dict[int, list[DerivedRow]]:
    """Public translations and parts of these resources, as far as they are known here, the oldest first; by resource."""
    query = (
        select(
            resource_relation.c.target_id,
            resource_relation.c.relation,
            post.c.uri,
            post.c.url,
            post.c.title,
            post.c.language,
        )
        .join(post, post.c.id == resource_relation.c.post_id)
        .where(
            resource_relation.c.target_id.in_(set(post_ids)),
            resource_relation.c.relation.in_(("translation", "part")),
            post.c.visibility == "public",
            post.c.deleted_at.is_(None),
            ~_SUSPENDED,
        )
        .order_by(post.c.id)
    )
    found: dict[int, list[DerivedRow]] = {}
    for row in conn.execute(query):
        found.setdefault(row.target_id, []).append(row)
    return found


# -- all of them


def count(conn: Connection) -> int:
    """How many resources and events are for everybody to find."""
    return conn.scalar(select(func.count()).select_from(_addresses())) or 0


def addresses(conn: Connection, offset: int, limit: int) -> list[Any]:
    """A part of their addresses, the oldest first: rows of (url, changed_at)."""
    listed = _addresses()
    query = select(listed.c.url, listed.c.changed_at).order_by(listed.c.id).offset(offset).limit(limit)
    return list(conn.execute(query))


def _addresses() -> Subquery:
    """Resources and events, with the columns id, url and changed_at."""
    resources = (
        select(post.c.id, post.c.url, resource.c.changed_at)
        .join_from(resource, post, post.c.id == resource.c.post_id)
        .where(shown_to_catalogues())
    )
    events = (
        select(post.c.id, post.c.url, event.c.changed_at)
        .join_from(event, post, post.c.id == event.c.post_id)
        .where(post.c.local, post.c.visibility == "public", post.c.deleted_at.is_(None), ~_SUSPENDED)
    )
    return union_all(resources, events).subquery()


def behind(conn: Connection, post_id: int, limit: int) -> list[ResourceRow]:
    """Those that came after this one, the oldest first."""
    query = select_resources().where(shown_to_catalogues(), post.c.id > post_id)
    return list(conn.execute(query.order_by(post.c.id).limit(limit)))
