"""What members upload: pictures for their posts and profiles, and the space they may take."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

from sqlalchemy import Connection

from fedserver.content.text import clean_text
from fedserver.context import Server
from fedserver.errors import Invalid, NotFound, TooLarge
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.media.pipeline import (
    DESCRIPTION_CHARS_MAX,
    SUPPORTED_MIME_TYPES,
    StoredMedia,
    delete_media,
    store_picture,
)
from fedserver.media.store import MediaStream
from fedserver.viewer import Member
from storage import media
from storage.media import MediaRow
from storage.types import now_ms

__all__ = ["ALT_CHARACTERS_MAX", "SUPPORTED_MIME_TYPES"]

ALT_CHARACTERS_MAX: Final = max(DESCRIPTION_CHARS_MAX, 10_000)
ABANDONED_AFTER_MS: Final = 86_400_000
CLEANING_SECONDS_MAX: Final = 600.0


async def attach(
    server: Server, member: Member, file: Path, *, description: str = "", focus: tuple[float, float] = (0, 0)
) -> MediaRow:
    """Process an upload for a post to come. Raises Invalid for what is no picture we take, and TooLarge."""
    text = _checked(description)
    await _check_space(server, member, (await asyncio.to_thread(file.stat)).st_size)
    stored = await store_picture(file, store=server.media, processor=server.images)
    try:
        return await server.db.write(_add, member.account_id, stored, text, focus)
    except BaseException:
        await delete_media(stored, server.media)
        raise


def _add(
    conn: Connection, account_id: int, stored: StoredMedia, description: str, focus: tuple[float, float]
) -> MediaRow:
    media_id = media.add(
        conn,
        account_id,
        type_="image",
        media_type=stored.media_type,
        store_key=stored.key,
        preview_key=stored.preview_key,
        url=stored.url,
        preview_url=stored.preview_url,
        description=description,
        blurhash=stored.blurhash,
        focus=focus,
        meta=stored.meta,
        file_bytes=stored.bytes,
    )
    row = media.own(conn, account_id, media_id)
    assert row is not None
    return row


async def show(server: Server, member: Member, media_id: int) -> MediaRow:
    """An upload of the member's that no post has yet. Raises NotFound."""
    return await server.db.read(_unattached, member.account_id, media_id)


async def change(
    server: Server,
    member: Member,
    media_id: int,
    *,
    description: str | None = None,
    focus: tuple[float, float] | None = None,
) -> MediaRow:
    """Change what goes with an upload that no post has yet. Raises NotFound, Invalid."""
    columns: dict[str, object] = {}
    if description is not None:
        columns["description"] = _checked(description)
    if focus is not None:
        columns["focus_x"], columns["focus_y"] = focus

    def unit(conn: Connection) -> MediaRow:
        _unattached(conn, member.account_id, media_id)
        if columns:
            media.change(conn, media_id, **columns)
        return _unattached(conn, member.account_id, media_id)

    return await server.db.write(unit)


async def remove(server: Server, member: Member, media_id: int) -> None:
    """Delete an upload that no post has yet. Raises NotFound; Invalid when a post has it."""

    def unit(conn: Connection) -> MediaRow:
        row = media.own(conn, member.account_id, media_id)
        if row is None:
            raise NotFound("Record not found")
        if row.post_id is not None:
            raise Invalid({}, "Media attachment is currently used by a status")
        media.remove(conn, media_id)
        return row

    row = await server.db.write(unit)
    await _delete_files(server, [row.store_key, row.preview_key])


def plan_cleaning(conn: Connection) -> None:
    """Have the uploads removed that no post has had for a day. A unit, for the chores."""
    plan(conn, "remove_abandoned_uploads", {}, key="uploads")


@handles("remove_abandoned_uploads", timeout_seconds=CLEANING_SECONDS_MAX)
async def remove_abandoned(server: Server, _: dict[str, Any]) -> None:
    """Remove them, a batch in a unit: uploads that were never posted, and those whose post was deleted."""
    while await server.db.write(_remove_abandoned_unit, now_ms() - ABANDONED_AFTER_MS):
        pass


def _remove_abandoned_unit(conn: Connection, before_ms: int) -> bool:
    rows = media.abandoned(conn, before_ms)
    for row in rows:
        media.remove(conn, row.id)
    keys = [key for row in rows for key in (row.store_key, row.preview_key) if key]
    if keys:
        # With the rows or not at all, or nobody would know of the files any more.
        plan(conn, "delete_files", {"keys": keys})
    return bool(rows)


@handles("delete_files")
async def delete_files(server: Server, payload: dict[str, Any]) -> None:
    """Delete files that no row names any more."""
    await _delete_files(server, payload["keys"])


async def profile_picture(server: Server, file: Path, purpose: Literal["avatar", "header"]) -> StoredMedia:
    """Process a picture for a profile. Raises Invalid, TooLarge."""
    return await store_picture(file, store=server.media, processor=server.images, purpose=purpose)


async def forget_picture(server: Server, picture: StoredMedia) -> None:
    """Delete a picture that no profile got."""
    await delete_media(picture, server.media)


async def read(server: Server, key: str, *, start: int = 0, end: int | None = None) -> MediaStream:
    """A stored file, or a part of it. Raises NotFound."""
    return await server.media.open(key, start=start, end=end)


def _unattached(conn: Connection, account_id: int, media_id: int) -> MediaRow:
    row = media.own(conn, account_id, media_id)
    if row is None or row.post_id is not None:
        raise NotFound("Record not found")
    return row


def _checked(description: str) -> str:
    text = clean_text(description)
    if len(text) > ALT_CHARACTERS_MAX:
        raise Invalid({"description": f"is too long (at most {ALT_CHARACTERS_MAX} characters)"})
    return text


async def _check_space(server: Server, member: Member, size: int) -> None:
    taken = await server.db.read(media.bytes_of, member.account_id)
    if taken + size > server.config.member_bytes_max:
        raise TooLarge("Your files take all the space you have here. Delete some posts with pictures first.")


async def _delete_files(server: Server, store_keys: Sequence[str]) -> None:
    for key in dict.fromkeys(store_keys):
        if key:
            await server.media.delete(key)
