"""Resources that may be the same work as others, for many at a time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import Connection, or_, select

from storage.tables import post, resource, resource_facet

KnownRow = Any
"""id, url, title, visibility, account_id, group_id, local, and the columns of `resource` by which works are compared."""

BY_ONE_AUTHOR_MAX: Final = 2_000

_OF_POST: Final = ("id", "url", "title", "visibility", "account_id", "group_id", "local")
_OWN: Final = (
    "doi",
    "page_url",
    "title_key",
    "source_uri",
    "source_digest",
    "version",
    "withdrawn_at",
    "details",
)


def _known() -> Any:
    columns = [*(post.c[name] for name in _OF_POST), *(resource.c[name] for name in _OWN)]
    return (
        select(*columns)
        .join_from(resource, post, post.c.id == resource.c.post_id)
        .where(post.c.deleted_at.is_(None))
        .order_by(post.c.id)
    )


def sharing(
    conn: Connection,
    *,
    source_uris: Collection[str] = (),
    dois: Collection[str] = (),
    page_urls: Collection[str] = (),
    title_keys: Collection[str] = (),
    limit: int,
) -> list[KnownRow]:
    """Resources that share any of these, the oldest first."""
    ways = (
        (resource.c.source_uri, source_uris),
        (resource.c.doi, dois),
        (resource.c.page_url, page_urls),
        (resource.c.title_key, title_keys),
    )
    wanted = [column.in_(values) for column, values in ways if values]
    return list(conn.execute(_known().where(or_(*wanted)).limit(limit))) if wanted else []


def by_authors(conn: Connection, author_keys: Sequence[str]) -> list[KnownRow]:
    """Resources of which one of these is an author (`fedserver.resources.keeping.author_key`), the oldest first."""
    if not author_keys:
        return []
    theirs = select(resource_facet.c.post_id).where(
        resource_facet.c.facet == "author", resource_facet.c.value.in_(author_keys)
    )
    query = _known().where(resource.c.post_id.in_(theirs))
    return list(conn.execute(query.limit(BY_ONE_AUTHOR_MAX)))
