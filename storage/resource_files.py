"""Files of resources that are kept here, before and beside the versions that have them (`storage.resources`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, select, update

from storage.hot import insert_row
from storage.resources import FileRow
from storage.tables import resource_file
from storage.types import new_id, now_ms


def add(conn: Connection, account_id: int, **columns: Any) -> int:
    """A file that is kept here and that no version has yet; its id."""
    file_id = new_id()
    insert_row(
        conn, resource_file, {"id": file_id, "account_id": account_id, "created_at": now_ms(), **columns}
    )
    return file_id


def by_id(conn: Connection, file_id: int) -> FileRow | None:
    return conn.execute(select(resource_file).where(resource_file.c.id == file_id)).first()


def unused(conn: Connection, account_id: int) -> list[FileRow]:
    """What a member has sent and no version has, the latest first."""
    query = select(resource_file).where(
        resource_file.c.account_id == account_id, resource_file.c.post_id.is_(None)
    )
    return list(conn.execute(query.order_by(resource_file.c.id.desc())))


def abandoned(conn: Connection, before_ms: int, *, limit: int) -> list[FileRow]:
    """Files from before an instant that no version has."""
    query = select(resource_file).where(
        resource_file.c.post_id.is_(None), resource_file.c.created_at < before_ms
    )
    return list(conn.execute(query.order_by(resource_file.c.id).limit(limit)))


def remove_unused(conn: Connection, file_ids: Sequence[int]) -> list[str]:
    """Forget those of these files that no version has; the keys under which they lie."""
    if not file_ids:
        return []
    removed = (
        delete(resource_file)
        .where(resource_file.c.id.in_(file_ids), resource_file.c.post_id.is_(None))
        .returning(resource_file.c.store_key)
    )
    return [key for key in conn.scalars(removed) if key]


def count_download(conn: Connection, file_id: int) -> None:
    conn.execute(
        update(resource_file)
        .where(resource_file.c.id == file_id)
        .values(downloads_count=resource_file.c.downloads_count + 1)
    )
