"""Collections of accounts, and whom they feature: rows, without rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, exists, func, insert, or_, select, update

from storage import kept_out
from storage.hot import Hot, insert_row, insert_rows
from storage.tables import account, block, collection, collection_item, hashtag, post, post_collection
from storage.types import AnyOf, new_id, now_ms

# Attributes are the table's columns; of a collection also `tag_key` and `tag_name`, or None.
CollectionRow = Row[Any]
ItemRow = Row[Any]

_tagged: Hot[Any] = Hot(
    lambda: (
        select(post_collection)
        .where(AnyOf(post_collection.c.post_id, bindparam("post_ids")))
        .order_by(post_collection.c.post_id, post_collection.c.collection_id)
    )
)

SHOWN_TO_OTHERS: Final = ("accepted",)
SHOWN_TO_OWNER: Final = ("pending", "accepted")


def _collections() -> Any:
    return select(collection, hashtag.c.key.label("tag_key"), hashtag.c.name.label("tag_name")).join(
        hashtag, hashtag.c.id == collection.c.tag_id, isouter=True
    )


_by_uris: Hot[CollectionRow] = Hot(
    lambda: _collections().where(
        or_(AnyOf(collection.c.uri, bindparam("uris")), AnyOf(collection.c.url, bindparam("uris")))
    )
)


def by_id(conn: Connection, collection_id: int) -> CollectionRow | None:
    return conn.execute(_collections().where(collection.c.id == collection_id)).first()


def by_ids(conn: Connection, collection_ids: Iterable[int]) -> dict[int, CollectionRow]:
    """Those that exist, by id."""
    wanted = set(collection_ids)
    if not wanted:
        return {}
    return {row.id: row for row in conn.execute(_collections().where(collection.c.id.in_(wanted)))}


def by_uri(conn: Connection, uri: str) -> CollectionRow | None:
    """The collection with this id; its page may be meant as well."""
    found = conn.execute(_collections().where(collection.c.uri == uri)).first()
    return found or conn.execute(_collections().where(collection.c.url == uri)).first()


def by_uris(conn: Connection, uris: Iterable[str]) -> dict[str, CollectionRow]:
    """Those that are known, by their id or the address of their page, whichever was asked for."""
    wanted = set(uris)
    if not wanted:
        return {}
    found = _by_uris.run(conn, uris=wanted)
    return {uri: row for row in found for uri in (row.uri, row.url) if uri in wanted}


def of_account(
    conn: Connection, account_id: int, *, every: bool, limit: int, offset: int = 0
) -> list[CollectionRow]:
    """An account's collections, newest first; only those it shows to others unless `every`."""
    query = _collections().where(collection.c.account_id == account_id)
    if not every:
        query = query.where(collection.c.discoverable)
    return list(conn.execute(query.order_by(collection.c.id.desc()).limit(limit).offset(offset)))


def count_of(conn: Connection, account_id: int) -> int:
    """How many an account has."""
    query = select(func.count()).select_from(collection).where(collection.c.account_id == account_id)
    return conn.scalar(query) or 0


def featuring(conn: Connection, account_id: int, *, limit: int, offset: int = 0) -> list[CollectionRow]:
    """Collections in which an account is featured, newest first."""
    within = exists().where(
        collection_item.c.collection_id == collection.c.id,
        collection_item.c.account_id == account_id,
        collection_item.c.state == "accepted",
    )
    query = _collections().where(within).order_by(collection.c.id.desc())
    return list(conn.execute(query.limit(limit).offset(offset)))


def add(conn: Connection, collection_id: int, **columns: Any) -> None:
    """A new collection; `columns` are those of the table."""
    conn.execute(insert(collection).values(id=collection_id, **columns))


def change(conn: Connection, collection_id: int, **columns: Any) -> None:
    """Set columns; posts that it goes with are shown anew."""
    conn.execute(update(collection).where(collection.c.id == collection_id).values(**columns))
    _shown_anew(conn, collection_id)


def remove(conn: Connection, collection_id: int) -> None:
    """With everything in it, and what was told of it."""
    _shown_anew(conn, collection_id)
    conn.execute(delete(collection).where(collection.c.id == collection_id))


# -- whom they feature


def items(
    conn: Connection,
    collection_ids: Sequence[int],
    states: Sequence[str] = SHOWN_TO_OTHERS,
    *,
    viewer_id: int | None = None,
) -> dict[int, list[ItemRow]]:
    """By collection: its items in these states whose accounts are here and not blocked by the viewer, in order."""
    if not collection_ids:
        return {}
    query = (
        select(collection_item)
        .join(account, account.c.id == collection_item.c.account_id)
        .where(
            collection_item.c.collection_id.in_(collection_ids),
            collection_item.c.state.in_(states),
            kept_out.shows(account),
            account.c.deleted_at.is_(None),
        )
        .order_by(collection_item.c.position, collection_item.c.id)
    )
    if viewer_id is not None:
        query = query.where(
            ~exists().where(block.c.account_id == viewer_id, block.c.target_id == account.c.id)
        )
    found: dict[int, list[ItemRow]] = {}
    for row in conn.execute(query):
        found.setdefault(row.collection_id, []).append(row)
    return found


def item(conn: Connection, item_id: int) -> ItemRow | None:
    return conn.execute(select(collection_item).where(collection_item.c.id == item_id)).first()


def item_of(conn: Connection, collection_id: int, account_id: int) -> ItemRow | None:
    """The item of a collection that features this account, in whatever state."""
    query = select(collection_item).where(
        collection_item.c.collection_id == collection_id, collection_item.c.account_id == account_id
    )
    return conn.execute(query).first()


def item_with(conn: Connection, **columns: Any) -> ItemRow | None:
    """The first item with these values."""
    query = select(collection_item)
    for name, value in columns.items():
        query = query.where(collection_item.c[name] == value)
    return conn.execute(query.limit(1)).first()


def all_items(conn: Connection, collection_id: int) -> list[ItemRow]:
    """Every item, whatever its state."""
    query = select(collection_item).where(collection_item.c.collection_id == collection_id)
    return list(conn.execute(query.order_by(collection_item.c.position, collection_item.c.id)))


def add_item(conn: Connection, collection_id: int, *, state: str, position: int = 0, **columns: Any) -> int:
    """A new item, at the end unless it has a position; its id."""
    now = now_ms()
    if not position:
        last = select(func.max(collection_item.c.position)).where(
            collection_item.c.collection_id == collection_id
        )
        position = (conn.scalar(last) or 0) + 1
    item_id: int = columns.pop("item_id", None) or new_id()
    conn.execute(
        insert(collection_item).values(
            id=item_id, collection_id=collection_id, state=state, position=position, created_at=now, updated_at=now,
            **columns,
        )
    )  # fmt: skip
    _shown_anew(conn, collection_id)
    return item_id


def change_item(conn: Connection, item_id: int, **columns: Any) -> None:
    """Set columns; posts that its collection goes with are shown anew."""
    conn.execute(
        update(collection_item).where(collection_item.c.id == item_id).values(updated_at=now_ms(), **columns)
    )
    _collection_shown_anew(conn, item_id)


def remove_item(conn: Connection, item_id: int) -> None:
    """The same when it goes."""
    _collection_shown_anew(conn, item_id)
    conn.execute(delete(collection_item).where(collection_item.c.id == item_id))


def _collection_shown_anew(conn: Connection, item_id: int) -> None:
    row = item(conn, item_id)
    if row is not None:
        _shown_anew(conn, row.collection_id)


def forget_refused(conn: Connection, before_ms: int) -> int:
    """Forget items that were refused or taken back before this instant; how many."""
    settled = delete(collection_item).where(
        collection_item.c.state.in_(("rejected", "revoked")), collection_item.c.updated_at < before_ms
    )
    return conn.execute(settled).rowcount


# -- posts that link to them


def put_tagged(conn: Connection, post_id: int, collection_ids: Iterable[int], *, new: bool = False) -> None:
    """Exactly these collections go with a post; a `new` one has none yet."""
    if not new:
        conn.execute(delete(post_collection).where(post_collection.c.post_id == post_id))
    rows = [{"post_id": post_id, "collection_id": one} for one in sorted(set(collection_ids))]
    insert_rows(conn, post_collection, rows)


def add_tagged(conn: Connection, post_id: int, collection_id: int) -> None:
    """One more collection goes with a post, if that is still there."""
    if conn.execute(select(post.c.id).where(post.c.id == post_id)).first() is not None:
        insert_row(
            conn, post_collection, {"post_id": post_id, "collection_id": collection_id}, unless_there=True
        )
        _shown_anew(conn, collection_id)


def _shown_anew(conn: Connection, collection_id: int) -> None:
    """The posts that it goes with are rendered anew."""
    shown_in = select(post_collection.c.post_id).where(post_collection.c.collection_id == collection_id)
    conn.execute(update(post).where(post.c.id.in_(shown_in)).values(version=post.c.version + 1))


def tagged(conn: Connection, post_ids: Sequence[int]) -> dict[int, list[int]]:
    """By post: ids of the collections that go with it."""
    found: dict[int, list[int]] = {}
    for row in _tagged.run(conn, post_ids=list(post_ids)) if post_ids else ():
        found.setdefault(row.post_id, []).append(row.collection_id)
    return found


def shown_with(
    conn: Connection, post_ids: Sequence[int]
) -> dict[int, list[tuple[CollectionRow, Sequence[ItemRow]]]]:
    """By post: the collections that go with it, each with those who agreed to be in it; one statement where there
    are none."""
    by_post = tagged(conn, post_ids)
    if not by_post:
        return {}
    ids = sorted({one for found in by_post.values() for one in found})
    rows, within = by_ids(conn, ids), items(conn, ids)
    return {
        post_id: [(rows[one], within.get(one, ())) for one in found if one in rows]
        for post_id, found in by_post.items()
    }
