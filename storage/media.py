"""Attachments and the files behind them, from the upload until a post takes them or nobody does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from storage.tables import media
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
    """How much all files of an account take, in bytes."""
    query = select(func.coalesce(func.sum(media.c.file_bytes), 0)).where(media.c.account_id == account_id)
    return int(conn.scalar(query) or 0)


def abandoned(conn: Connection, before_ms: int, *, limit: int = 200) -> list[MediaRow]:
    """Uploads from before this instant that no post has (any more)."""
    query = (
        select(media)
        .where(media.c.post_id.is_(None), media.c.created_at < before_ms, media.c.store_key != "")
        .order_by(media.c.id)
        .limit(limit)
    )
    return list(conn.execute(query))
