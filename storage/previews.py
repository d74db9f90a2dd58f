"""What linked pages say about themselves, and which posts show it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from storage import kept_out
from storage.hot import Hot, insert_row
from storage.tables import account, post, preview, preview_address
from storage.types import AnyOf, new_id, now_ms

PreviewRow = Row[Any]

_known: Final[Hot[Any]] = Hot(
    lambda: select(preview_address.c.preview_id, preview_address.c.fetched_at).where(
        preview_address.c.url == bindparam("url")
    )
)
BY_IDS: Final[Hot[Any]] = Hot(lambda: select(preview).where(AnyOf(preview.c.id, bindparam("preview_ids"))))


def known(conn: Connection, url: str) -> Any:
    """What is known of an address: `preview_id` (None: nothing to show) and `fetched_at`; None if it was never asked."""
    return _known.first(conn, url=url)


def by_ids(conn: Connection, preview_ids: Iterable[int]) -> dict[int, Any]:
    """Previews by id."""
    return {row.id: row for row in BY_IDS.run(conn, preview_ids=list(preview_ids))}


def by_id(conn: Connection, preview_id: int) -> Any:
    """One, or None."""
    return by_ids(conn, [preview_id]).get(preview_id)


def by_url(conn: Connection, url: str) -> int | None:
    """The preview of the page that lives at this address, or to which it leads."""
    own = conn.scalar(select(preview.c.id).where(preview.c.url == url).order_by(preview.c.id.desc()).limit(1))
    return (
        own
        if own is not None
        else conn.scalar(select(preview_address.c.preview_id).where(preview_address.c.url == url))
    )


def put(conn: Connection, address: str, values: Mapping[str, Any] | None) -> int | None:
    """Keep what the page at `address` says, or with None that there is nothing to show; the preview's id.

    `values` are columns of `preview`. When the page said something else before, its posts show the new.
    """
    now = now_ms()
    preview_id = None if values is None else _put(conn, values, now)
    answer = {"preview_id": preview_id, "fetched_at": now}
    if not insert_row(conn, preview_address, {"url": address, **answer}, unless_there=True):
        conn.execute(update(preview_address).where(preview_address.c.url == address).values(**answer))
    return preview_id


def _put(conn: Connection, values: Mapping[str, Any], now: int) -> int:
    before = conn.execute(select(preview).where(preview.c.url == values["url"])).all()
    for row in before:
        if all(getattr(row, name) == value for name, value in values.items()):
            return int(row.id)
    preview_id = new_id(now)
    conn.execute(insert(preview).values(id=preview_id, fetched_at=now, **values))
    for row in before:
        conn.execute(update(post).where(post.c.preview_id == row.id).values(preview_id=preview_id))
        conn.execute(
            update(preview_address)
            .where(preview_address.c.preview_id == row.id)
            .values(preview_id=preview_id)
        )
        conn.execute(delete(preview).where(preview.c.id == row.id))
    return preview_id


def show(conn: Connection, post_id: int, preview_id: int | None) -> None:
    """The post shows this preview from now on, or none."""
    conn.execute(update(post).where(post.c.id == post_id).values(preview_id=preview_id))


def prune(conn: Connection, before_ms: int) -> int:
    """Forget addresses asked for before then, and previews that no post shows and no address leads to."""
    conn.execute(delete(preview_address).where(preview_address.c.fetched_at < before_ms))
    unused = delete(preview).where(
        preview.c.fetched_at < before_ms,
        ~select(post.c.id).where(post.c.preview_id == preview.c.id).exists(),
        ~select(preview_address.c.url).where(preview_address.c.preview_id == preview.c.id).exists(),
    )
    return conn.execute(unused).rowcount


def writers(conn: Connection, preview_ids: Iterable[int]) -> dict[int, Any]:
    """By preview, the account of who wrote the page, where that is known."""
    query = (
        select(preview.c.id.label("preview_id"), account)
        .join(account, account.c.id == preview.c.author_id)
        .where(
            preview.c.id.in_(list(preview_ids)),
            account.c.deleted_at.is_(None),
            kept_out.shows(account),
        )
    )
    return {row.preview_id: row for row in conn.execute(query)}
