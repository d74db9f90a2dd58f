"""Attachments and the files behind them, from the upload until a post takes them or nobody does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from storage.tables import media, resource_file
from storage.types import new_id, now_ms

MediaRow = Row[Any]


def add(
    conn: Connection,
    account_id: int,
    *,
    type_: str,
    media_type: str,
    store_key: str,
    preview_key: str,
    url: str,
    preview_url: str,
    description: str,
    blurhash: str,
    focus: tuple[float, float],
    meta: Mapping[str, Any],
    file_bytes: int,
) -> int:
    """A processed upload that no post has taken yet; its id."""
    media_id = new_id()
    conn.execute(
        insert(media).values(
            id=media_id,
            account_id=account_id,
            type=type_,
            state="ready",
            media_type=media_type,
            store_key=store_key,
            preview_key=preview_key,
            url=url,
            preview_url=preview_url,
            description=description,
            blurhash=blurhash,
            focus_x=focus[0],
            focus_y=focus[1],
            meta=json.dumps(meta),
            file_bytes=file_bytes,
            created_at=now_ms(),
        )
    )
    return media_id


def add_waiting(
    conn: Connection,
    account_id: int,
    *,
    type_: str,
    media_type: str,
    source_key: str,
    description: str,
    focus: tuple[float, float],
    file_bytes: int,
    preview_key: str = "",
    preview_url: str = "",
    blurhash: str = "",
    meta: Mapping[str, Any] | None = None,
) -> int:
    """An upload that has yet to be processed; its id."""
    media_id = new_id()
    conn.execute(
        insert(media).values(
            id=media_id,
            account_id=account_id,
            type=type_,
            state="processing",
            media_type=media_type,
            source_key=source_key,
            description=description,
            focus_x=focus[0],
            focus_y=focus[1],
            file_bytes=file_bytes,
            preview_key=preview_key,
            preview_url=preview_url,
            blurhash=blurhash,
            meta=json.dumps(meta or {}),
            created_at=now_ms(),
        )
    )
    return media_id


def begin(conn: Connection, media_id: int) -> MediaRow | None:
    """Count another attempt to process an upload; its row, or None when it does not wait (any more)."""
    conn.execute(
        update(media)
        .where(media.c.id == media_id, media.c.state == "processing")
        .values(attempts=media.c.attempts + 1)
    )
    return waiting(conn, media_id)


def waiting(conn: Connection, media_id: int) -> MediaRow | None:
    """An upload that waits to be processed, or is being processed."""
    return conn.execute(select(media).where(media.c.id == media_id, media.c.state == "processing")).first()


def stuck(conn: Connection, before_ms: int, *, limit: int = 200) -> list[MediaRow]:
    """Uploads from before this instant that still wait to be processed."""
    query = select(media).where(media.c.state == "processing", media.c.created_at < before_ms)
    return list(conn.execute(query.order_by(media.c.id).limit(limit)))


def own(conn: Connection, account_id: int, media_id: int) -> MediaRow | None:
    """An attachment of this account."""
    return conn.execute(select(media).where(media.c.id == media_id, media.c.account_id == account_id)).first()


def change(conn: Connection, media_id: int, **columns: Any) -> None:
    """Set columns of an attachment."""
    conn.execute(update(media).where(media.c.id == media_id).values(**columns))


def remove(conn: Connection, media_id: int) -> None:
    """Forget an attachment; its files are the caller's to delete."""
    conn.execute(delete(media).where(media.c.id == media_id))


def bytes_of(conn: Connection, account_id: int) -> int:
    """How much all files of an account take, in bytes, with those of resources."""
    query = select(func.coalesce(func.sum(media.c.file_bytes), 0)).where(media.c.account_id == account_id)
    of_resources = select(func.coalesce(func.sum(resource_file.c.file_bytes), 0)).where(
        resource_file.c.account_id == account_id, resource_file.c.store_key != ""
    )
    return int(conn.scalar(query) or 0) + int(conn.scalar(of_resources) or 0)


def abandoned(conn: Connection, before_ms: int, *, limit: int = 200) -> list[MediaRow]:
    """Attachments from before this instant that no post has (any more), nor is going to have."""
    query = (
        select(media)
        .where(media.c.post_id.is_(None), media.c.scheduled_id.is_(None), media.c.created_at < before_ms)
        .order_by(media.c.id)
        .limit(limit)
    )
    return list(conn.execute(query))
