"""Copies of other servers' files: what is there, what could not be had, what may go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import Connection, Row, bindparam, delete, func, literal, select, update

from storage import jobs, kept_out
from storage.hot import Hot, insert_row
from storage.instances import under
from storage.tables import account, media, post, preview, remote_file

State = Literal["kept", "failed", "large"]
STEP_ROWS: Final = 200
USED_EVERY_MS: Final = 3_600_000


class Original(NamedTuple):
    """A file of another server: its address, and the server whose row names it."""

    url: str
    host: str


_attachment: Hot[Any] = Hot(
    lambda: (
        select(media.c.url, media.c.remote_url, media.c.preview_url, account.c.host)
        .join_from(media, account, account.c.id == media.c.account_id)
        .join(post, post.c.id == media.c.post_id)
        .where(media.c.id == bindparam("id"), media.c.remote_url != literal(""), kept_out.shows(account))
    )
)
_account: Hot[Any] = Hot(
    lambda: select(account.c.avatar_url, account.c.header_url, account.c.host, kept_out.hidden_at()).where(
        account.c.id == bindparam("id"), account.c.domain != literal("")
    )
)


def attachment(conn: Connection, media_id: int) -> tuple[Original, Original] | None:
    """The file of an attachment of a post that is there, and its small picture."""
    row = _attachment.first(conn, id=media_id)
    if row is None:
        return None
    return Original(row.url or row.remote_url, row.host), Original(row.preview_url, row.host)


def pictures(
    conn: Connection, account_id: int, *, suspended: bool = False
) -> tuple[Original, Original] | None:
    """The picture and the wide picture of an account elsewhere; of a suspended one only if asked for."""
    row = _account.first(conn, id=account_id)
    if row is None or (row.suspended_at is not None and not suspended):
        return None
    return Original(row.avatar_url, row.host), Original(row.header_url, row.host)


def card(conn: Connection, preview_id: int) -> tuple[str, str] | None:
    """Where the picture of a page's preview is, and the address of the page."""
    row = conn.execute(select(preview.c.image_url, preview.c.url).where(preview.c.id == preview_id)).first()
    return None if row is None else (row.image_url, row.url)


_by_key: Hot[Any] = Hot(lambda: select(remote_file).where(remote_file.c.key == bindparam("key")))


def by_key(conn: Connection, key: str) -> Row[Any] | None:
    """What is known of a file."""
    found: Row[Any] | None = _by_key.first(conn, key=key)
    return found


def put(
    conn: Connection,
    key: str,
    original: Original,
    *,
    state: State,
    now: int,
    store_key: str = "",
    file_bytes: int = 0,
    failures: int = 0,
    retry_at: int | None = None,
) -> None:
    """Remember how asking for a file went; a copy that was there before is deleted."""
    values = {
        "url": original.url,
        "host": original.host,
        "state": state,
        "store_key": store_key,
        "file_bytes": file_bytes,
        "failures": failures,
        "fetched_at": now,
        "used_at": now,
        "retry_at": retry_at,
    }
    if insert_row(conn, remote_file, {"key": key, **values}, unless_there=True):
        return
    row = by_key(conn, key)
    if row is not None and row.store_key and row.store_key != store_key:
        jobs.add(conn, "delete_files", {"keys": [row.store_key]})
    conn.execute(update(remote_file).where(remote_file.c.key == key).values(**values))


def used(conn: Connection, key: str, now: int) -> None:
    """Somebody looked at it."""
    conn.execute(update(remote_file).where(remote_file.c.key == key).values(used_at=now))


def total_bytes(conn: Connection) -> int:
    """How much all copies take."""
    return int(conn.scalar(select(func.coalesce(func.sum(remote_file.c.file_bytes), 0))) or 0)


def forget_unused(conn: Connection, bytes_wanted: int) -> int:
    """Forget those that nobody looked at for longest until so much is free, or a few hundred are gone; how much is."""
    query = (
        select(remote_file.c.key, remote_file.c.file_bytes)
        .where(remote_file.c.state == "kept")
        .order_by(remote_file.c.used_at, remote_file.c.fetched_at)
        .limit(STEP_ROWS)
    )
    freed, going = 0, []
    for row in conn.execute(query):
        if freed >= bytes_wanted:
            break
        freed += row.file_bytes
        going.append(row.key)
    _forget(conn, going)
    return freed


def forget_older(conn: Connection, before_ms: int) -> bool:
    """Forget some of what was fetched before this instant; whether there was any."""
    query = select(remote_file.c.key).where(remote_file.c.fetched_at < before_ms)
    return _forget(conn, list(conn.scalars(query.limit(STEP_ROWS))))


def forget(conn: Connection, keys: Sequence[str]) -> None:
    """Forget these, if they are there."""
    _forget(conn, keys)


def forget_of_host(conn: Connection, host: str) -> bool:
    """Forget some of what a server or one of its subdomains named; whether there was any."""
    query = select(remote_file.c.key).where(under(remote_file.c.host, host))
    return _forget(conn, list(conn.scalars(query.limit(STEP_ROWS))))


def urls_of_posts(conn: Connection, post_ids: Sequence[int]) -> list[str]:
    """The files elsewhere that posts show."""
    query = select(media.c.url, media.c.preview_url).where(
        media.c.post_id.in_(list(post_ids)), media.c.remote_url != ""
    )
    return [url for row in conn.execute(query) for url in row if url]


def _forget(conn: Connection, keys: Sequence[str]) -> bool:
    if not keys:
        return False
    rows = list(
        conn.execute(
            select(remote_file.c.key, remote_file.c.store_key).where(remote_file.c.key.in_(list(keys)))
        )
    )
    files = [row.store_key for row in rows if row.store_key]
    if files:
        # With the rows or not at all, or nobody would know of the files any more.
        jobs.add(conn, "delete_files", {"keys": files})
    conn.execute(delete(remote_file).where(remote_file.c.key.in_([row.key for row in rows])))
    return bool(rows)
