"""What harvesters are told of (OAI-PMH): a record for each resource that is public or was, and the sets it is in."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, delete, exists, func, select, tuple_, update

from storage.catalogues import shown_to_catalogues
from storage.hot import insert_rows
from storage.tables import (
    harvest_record,
    harvest_set,
    post,
    resource,
    resource_facet,
    shelf,
    shelf_item,
)

# Attributes: post_id, uri, changed_at, deleted.
RecordRow = Any

_SHELF: Final = "shelf:"


class Set(NamedTuple):
    """A set by its spec (``type:slides``), and what people call it."""

    spec: str
    name: str


class Selected(NamedTuple):
    """Which records: changed from `from_at` on and before `before_at` (ms), in the set `spec` or, if it has no part after a
    colon, in any of its sets; behind `after` (changed_at, post_id)."""

    from_at: int | None = None
    before_at: int | None = None
    spec: str = ""
    after: tuple[int, int] | None = None


def records(conn: Connection, wanted: Selected, limit: int) -> list[RecordRow]:
    """Those that changed first, first."""
    query = select(harvest_record).where(*_conditions(wanted))
    order = (harvest_record.c.changed_at, harvest_record.c.post_id)
    return list(conn.execute(query.order_by(*order).limit(limit)))


def count(conn: Connection, wanted: Selected) -> int:
    """How many there are."""
    return conn.scalar(select(func.count()).select_from(harvest_record).where(*_conditions(wanted))) or 0


def record(conn: Connection, uri: str) -> RecordRow | None:
    return conn.execute(select(harvest_record).where(harvest_record.c.uri == uri)).first()


def earliest(conn: Connection) -> int | None:
    """When the first of them changed last."""
    first: int | None = conn.scalar(select(func.min(harvest_record.c.changed_at)))
    return first


def _conditions(wanted: Selected) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.from_at is not None:
        found.append(harvest_record.c.changed_at >= wanted.from_at)
    if wanted.before_at is not None:
        found.append(harvest_record.c.changed_at < wanted.before_at)
    if wanted.after is not None:
        found.append(tuple_(harvest_record.c.changed_at, harvest_record.c.post_id) > tuple_(*wanted.after))
    if wanted.spec:
        found.append(exists().where(harvest_set.c.post_id == harvest_record.c.post_id, _in_set(wanted.spec)))
    return found


def _in_set(spec: str) -> ColumnElement[bool]:
    # Not by comparing: collations differ on punctuation.
    return (
        harvest_set.c.spec == spec
        if ":" in spec
        else harvest_set.c.spec.startswith(f"{spec}:", autoescape=True)
    )


# -- sets


def sets(conn: Connection, after: str, limit: int) -> list[Set]:
    """Those that records are in, in the order of their specs, behind the one named `after`."""
    query = select(harvest_set.c.spec, func.max(harvest_set.c.name)).where(harvest_set.c.spec > after)
    query = query.group_by(harvest_set.c.spec).order_by(harvest_set.c.spec).limit(limit)
    return [Set(*row) for row in conn.execute(query)]


def sets_of(conn: Connection, post_ids: Iterable[int]) -> dict[int, list[Set]]:
    """The sets of these records, by record."""
    query = select(harvest_set).where(harvest_set.c.post_id.in_(set(post_ids)))
    found: dict[int, list[Set]] = {}
    for row in conn.execute(query.order_by(harvest_set.c.spec)):
        found.setdefault(row.post_id, []).append(Set(row.spec, row.name))
    return found


# -- keeping them true


class Living(NamedTuple):
    """A resource that harvesters may have, when it changed, and what says in which sets it is."""

    post_id: int
    uri: str
    changed_at: int
    facets: list[tuple[str, str, str]]  # facet, value, label
    shelves: list[tuple[int, str]]  # id, title


def living(conn: Connection, post_ids: Collection[int], facets: Collection[str]) -> dict[int, Living]:
    """Those of these that are for catalogues, with what they have of these facets, and the public shelves they are on."""
    ids = set(post_ids)
    query = select(post.c.id, post.c.uri, resource.c.changed_at).select_from(_resources())
    found = {
        row.id: Living(row.id, row.uri, row.changed_at, [], [])
        for row in conn.execute(query.where(post.c.id.in_(ids), shown_to_catalogues()))
    }
    chosen = select(resource_facet).where(
        resource_facet.c.post_id.in_(ids), resource_facet.c.facet.in_(facets)
    )
    for row in conn.execute(chosen):
        if row.post_id in found:
            found[row.post_id].facets.append((row.facet, row.value, row.label))
    for row in conn.execute(_on_shelves().where(shelf_item.c.post_id.in_(ids))):
        if row.post_id in found:
            found[row.post_id].shelves.append((row.id, row.title))
    return found


def known(conn: Connection, post_ids: Collection[int]) -> dict[int, RecordRow]:
    """Records of these, by id."""
    query = select(harvest_record).where(harvest_record.c.post_id.in_(set(post_ids)))
    return {row.post_id: row for row in conn.execute(query)}


def put(conn: Connection, post_id: int, uri: str, sets: Collection[Set], changed_at: int) -> None:
    """There is something new to tell of this one."""
    conn.execute(delete(harvest_record).where(harvest_record.c.post_id == post_id))
    conn.execute(delete(harvest_set).where(harvest_set.c.post_id == post_id))
    insert_rows(
        conn,
        harvest_record,
        [{"post_id": post_id, "uri": uri, "changed_at": changed_at, "deleted": False}],
    )
    insert_rows(conn, harvest_set, [{**one._asdict(), "post_id": post_id} for one in sets])


def bury(conn: Connection, post_ids: Collection[int], changed_at: int) -> None:
    """These are gone; those of them that harvesters have are told so. What they were in is kept."""
    conn.execute(
        update(harvest_record)
        .where(harvest_record.c.post_id.in_(set(post_ids)), ~harvest_record.c.deleted)
        .values(deleted=True, changed_at=changed_at)
    )


def changed(conn: Connection, limit: int) -> list[int]:
    """Resources whose record is not true any more, whatever has changed them: some of them, at the most three times
    `limit`."""
    query = (
        select(post.c.id)
        .select_from(_resources().outerjoin(harvest_record, harvest_record.c.post_id == resource.c.post_id))
        .where(
            shown_to_catalogues(),
            harvest_record.c.post_id.is_(None)
            | harvest_record.c.deleted
            | (harvest_record.c.changed_at < resource.c.changed_at),
        )
    )
    shown = select(post.c.id).select_from(_resources()).where(shown_to_catalogues())
    gone = select(harvest_record.c.post_id).where(
        ~harvest_record.c.deleted, harvest_record.c.post_id.not_in(shown)
    )
    found = set(conn.scalars(query.limit(limit))) | set(conn.scalars(gone.limit(limit)))
    return sorted(found | _moved_between_shelves(conn, limit))


def _moved_between_shelves(conn: Connection, limit: int) -> set[int]:
    """Shelves change without their resources: what is on one now, against the sets that were told."""
    now = {
        (row.post_id, row.id)
        for row in conn.execute(
            _on_shelves()
            .join(harvest_record, harvest_record.c.post_id == shelf_item.c.post_id)
            .where(~harvest_record.c.deleted)
        )
    }
    told = {
        (row.post_id, int(row.spec.removeprefix(_SHELF)))
        for row in conn.execute(
            select(harvest_set)
            .join(harvest_record, harvest_record.c.post_id == harvest_set.c.post_id)
            .where(_in_set("shelf"), ~harvest_record.c.deleted)
        )
    }
    return {post_id for post_id, _ in sorted(now ^ told)[:limit]}


def _resources() -> Any:
    return resource.join(post, post.c.id == resource.c.post_id)


def _on_shelves() -> Select[Any]:
    return (
        select(shelf_item.c.post_id, shelf.c.id, shelf.c.title)
        .join_from(shelf_item, shelf, shelf.c.id == shelf_item.c.shelf_id)
        .where(shelf.c.visibility == "public", shelf.c.local)
    )
