"""What members upload: pictures, videos and sound for their posts, pictures for profiles; and the space they may take.

A picture is processed while its sender waits. Everything that ffmpeg has to convert is kept as it came and planned
in one unit; a job converts it, and begins again after a crash.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import Connection

from fedserver import megabytes, quota, settings, upload_limits
from fedserver.config import Config
from fedserver.content.text import clean_text
from fedserver.context import Server
from fedserver.errors import Invalid, NotFound, TooLarge
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.media import clips
from fedserver.media.pipeline import (
    DESCRIPTION_CHARS_MAX,
    StoredMedia,
    StoredPreview,
    delete_media,
    recognised,
    store_clip,
    store_picture,
    store_preview,
    supported_mime_types,
)
from fedserver.media.sniff import Family
from fedserver.media.store import MediaStream, new_key
from fedserver.viewer import Member
from storage import media
from storage.media import MediaRow
from storage.signals import signal
from storage.types import now_ms

ALT_CHARACTERS_MAX: Final = max(DESCRIPTION_CHARS_MAX, 10_000)
ABANDONED_AFTER_MS: Final = 22 * 3_600_000  # looked for every hour or so: within a day they are gone
STUCK_AFTER_MS: Final = 6 * 3_600_000
CLEANING_SECONDS_MAX: Final = 600.0
ATTEMPTS_MAX: Final = 3
LOOK_AGAIN_MS: Final = 1_000
WAIT_SECONDS: Final = 300.0
"""How long somebody who cannot ask again waits for an upload to be converted."""
_SOURCE_TYPE: Final = "application/octet-stream"
_KINDS: Final = {"animation": "gifv", "video": "video", "audio": "audio"}
_GIVEN_UP: Final = "This file could not be converted."


def accepted_types(server: Server) -> tuple[str, ...]:
    """Media types that members may upload to a post."""
    return supported_mime_types(server.clips)


async def attach(
    server: Server,
    member: Member,
    file: Path,
    *,
    description: str = "",
    focus: tuple[float, float] = (0, 0),
    thumbnail: Path | None = None,
    wait_seconds: float = 0,
) -> MediaRow:
    """An upload for a post to come. A picture is ready when this returns; what has to be converted is in
    `processing`, unless that ends within `wait_seconds`.

    `thumbnail` is a picture that stands for a video or sound. Raises Invalid for what we do not take, and TooLarge.
    """
    text = checked_description(description)
    media_type, family = await recognised(file, server.clips)
    size = (await asyncio.to_thread(file.stat)).st_size
    await server.db.read(quota.check, server.config, member.account_id, size)
    await _check_size(server, family, size)
    if family != "image":
        return await _put_off(
            server, member, file, media_type, family, size, text, focus, thumbnail, wait_seconds
        )
    stored = await store_picture(file, store=server.media, processor=server.images)
    try:
        return await server.db.write(_add, server.config, member.account_id, stored, text, focus)
    except BaseException:
        await delete_media(stored, server.media)
        raise


def _add(
    conn: Connection,
    config: Config,
    account_id: int,
    stored: StoredMedia,
    description: str,
    focus: tuple[float, float],
) -> MediaRow:
    quota.claim(conn, config, account_id, stored.bytes)
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


# -- what is converted later


async def _put_off(
    server: Server,
    member: Member,
    file: Path,
    media_type: str,
    family: Family,
    size: int,
    description: str,
    focus: tuple[float, float],
    thumbnail: Path | None,
    wait_seconds: float,
) -> MediaRow:
    """Keep the file as it came and plan its conversion."""

    def unit(conn: Connection) -> MediaRow:
        quota.claim(conn, server.config, member.account_id, size)
        media_id = media.add_waiting(
            conn,
            member.account_id,
            type_=_KINDS[family],
            media_type=media_type,
            source_key=source_key,
            description=description,
            focus=focus,
            file_bytes=size,
            **_preview_columns(preview),
        )
        plan(conn, "convert_upload", {"media_id": media_id}, key=str(media_id))
        row = media.own(conn, member.account_id, media_id)
        assert row is not None
        return row

    preview = None
    if thumbnail is not None:
        preview = await store_preview(thumbnail, store=server.media, processor=server.images)
    source_key = new_key(_SOURCE_TYPE)
    ended, stop_listening = server.bus.queue("media")
    try:
        try:
            await server.media.put(source_key, file, _SOURCE_TYPE)
            row = await server.db.write(unit)
        except BaseException:
            await _delete_files(server, [source_key, preview.key if preview else ""])
            raise
        if wait_seconds:
            row = await _awaited(server, row, ended, wait_seconds)
    finally:
        stop_listening()
    if row.state == "failed":
        raise Invalid({}, row.error)
    return row


async def _awaited(
    server: Server, row: MediaRow, ended: asyncio.Queue[tuple[str, str]], seconds: float
) -> MediaRow:
    """The row once it is converted or has failed, or as it is after so long."""
    try:
        async with asyncio.timeout(seconds):
            while row.state == "processing":
                if (await ended.get())[1] == str(row.id):
                    found = await server.db.read(media.own, row.account_id, row.id)
                    if found is None:
                        raise NotFound("Record not found")
                    row = found
    except TimeoutError:
        pass
    return row


@handles("convert_upload", timeout_seconds=clips.SECONDS_MAX + 120, attempts_max=ATTEMPTS_MAX)
async def convert_upload(server: Server, payload: dict[str, Any]) -> None:
    """Convert an upload. An attempt that a crash cut off counts: a file that kills is not begun for ever."""
    media_id: int = payload["media_id"]
    if server.clips.busy:  # others' jobs need the place that waiting would take
        await server.db.write(_try_later, media_id)
        return
    row = await server.db.write(media.begin, media_id)
    if row is None:
        return
    if row.attempts > ATTEMPTS_MAX:
        await server.db.write(_fail, media_id, _GIVEN_UP)
        return
    family: Family = "animation" if row.media_type == "image/gif" else row.type
    try:
        async with _source(server, row.source_key) as source:
            stored = await store_clip(
                source,
                row.media_type,
                family,
                store=server.media,
                processor=server.images,
                clips=server.clips,
            )
    except (Invalid, TooLarge, NotFound) as error:
        await server.db.write(_fail, media_id, str(error))
        return
    try:
        await server.db.write(_converted, media_id, stored)
    except BaseException:
        await delete_media(stored, server.media)
        raise


def _try_later(conn: Connection, media_id: int) -> None:
    plan(
        conn,
        "convert_upload",
        {"media_id": media_id},
        key=str(media_id),
        not_before_ms=now_ms() + LOOK_AGAIN_MS,
    )


def _converted(conn: Connection, media_id: int, stored: StoredMedia) -> None:
    row = media.waiting(conn, media_id)
    if row is None:  # removed meanwhile
        plan(conn, "delete_files", {"keys": list(stored.keys)})
        return
    columns: dict[str, Any] = {
        "preview_key": stored.preview_key,
        "preview_url": stored.preview_url,
        "blurhash": stored.blurhash,
    }
    meta, unused = stored.meta, [row.source_key]
    if row.preview_key:  # a thumbnail was sent for it
        columns, meta = {}, {**meta, **msgspec.json.decode(row.meta)}
        unused.append(stored.preview_key)
    media.change(
        conn,
        media_id,
        **columns,
        type=stored.kind,
        state="ready",
        media_type=stored.media_type,
        store_key=stored.key,
        source_key="",
        url=stored.url,
        meta=msgspec.json.encode(meta).decode(),
        file_bytes=stored.bytes,
    )
    plan(conn, "delete_files", {"keys": unused})
    signal(conn, "media", str(media_id))


def _fail(conn: Connection, media_id: int, why: str) -> None:
    row = media.waiting(conn, media_id)
    if row is None:
        return
    media.change(conn, media_id, state="failed", error=why, source_key="", file_bytes=0)
    plan(conn, "delete_files", {"keys": [row.source_key]})
    signal(conn, "media", str(media_id))


@asynccontextmanager
async def _source(server: Server, key: str) -> AsyncIterator[Path]:
    """The file that was sent, on this machine."""
    path = server.media.local_path(key)
    if path is not None:
        if not await asyncio.to_thread(path.is_file):
            raise NotFound(_GIVEN_UP)
        yield path
        return
    with tempfile.NamedTemporaryFile(prefix="fedserver-source-") as file:
        stream = await server.media.open(key)
        async for chunk in stream.chunks:
            await asyncio.to_thread(file.write, chunk)
        await asyncio.to_thread(file.flush)
        yield Path(file.name)


# -- looking after one's uploads


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
    thumbnail: Path | None = None,
) -> MediaRow:
    """Change what goes with an upload that no post has yet. Raises NotFound, Invalid, TooLarge."""
    columns: dict[str, Any] = {}
    if description is not None:
        columns["description"] = checked_description(description)
    if focus is not None:
        columns["focus_x"], columns["focus_y"] = focus
    preview = None
    if thumbnail is not None:
        row = await server.db.read(_unattached, member.account_id, media_id)
        if row.type == "image":
            raise Invalid({}, "Validation failed: Thumbnail must be blank")
        preview = await store_preview(thumbnail, store=server.media, processor=server.images)

    def unit(conn: Connection) -> MediaRow:
        row = _unattached(conn, member.account_id, media_id)
        if preview is not None:
            replaced = _preview_columns(preview)
            meta = {**msgspec.json.decode(row.meta), **replaced["meta"]}
            columns.update({**replaced, "meta": msgspec.json.encode(meta).decode()})
            if row.preview_key:
                plan(conn, "delete_files", {"keys": [row.preview_key]})
        if columns:
            media.change(conn, media_id, **columns)
        return _unattached(conn, member.account_id, media_id)

    try:
        return await server.db.write(unit)
    except BaseException:
        if preview is not None:
            await _delete_files(server, [preview.key])
        raise


async def remove(server: Server, member: Member, media_id: int) -> None:
    """Delete an upload that no post has yet. Raises NotFound; Invalid when a post has it."""

    def unit(conn: Connection) -> MediaRow:
        row = media.own(conn, member.account_id, media_id)
        if row is None:
            raise NotFound("Record not found")
        if row.post_id is not None or row.scheduled_id is not None:
            raise Invalid({}, "Media attachment is currently used by a status")
        media.remove(conn, media_id)
        return row

    row = await server.db.write(unit)
    await _delete_files(server, _files_of(row))


def plan_cleaning(conn: Connection) -> None:
    """Have the uploads removed that no post has had for nearly a day. A unit, for the chores."""
    plan(conn, "remove_abandoned_uploads", {}, key="uploads")


@handles("remove_abandoned_uploads", timeout_seconds=CLEANING_SECONDS_MAX)
async def remove_abandoned(server: Server, _: dict[str, Any]) -> None:
    """Remove them, a batch in a unit: uploads that were never posted, and those whose post was deleted.

    Those whose conversion was lost with its job have failed.
    """
    for row in await server.db.read(media.stuck, now_ms() - STUCK_AFTER_MS):
        await server.db.write(_fail, row.id, _GIVEN_UP)
    while await server.db.write(_remove_abandoned_unit, now_ms() - ABANDONED_AFTER_MS):
        pass
    await asyncio.to_thread(_remove_temporary, server.config.data_dir / "tmp")


def _remove_temporary(folder: Path) -> None:
    """Delete what a crash left of requests and downloads."""
    for file in folder.glob("*"):
        with contextlib.suppress(FileNotFoundError):  # its own request may have ended meanwhile
            if file.stat().st_mtime_ns // 1_000_000 < now_ms() - ABANDONED_AFTER_MS:
                file.unlink()


def _remove_abandoned_unit(conn: Connection, before_ms: int) -> bool:
    rows = media.abandoned(conn, before_ms)
    forget(conn, rows)
    return bool(rows)


def forget(conn: Connection, rows: Sequence[MediaRow]) -> None:
    """Remove uploads with their files, for units that know that nobody wants them any more."""
    for row in rows:
        media.remove(conn, row.id)
    keys = [key for row in rows for key in _files_of(row)]
    if keys:
        # With the rows or not at all, or nobody would know of the files any more.
        plan(conn, "delete_files", {"keys": keys})


@handles("delete_files")
async def delete_files(server: Server, payload: dict[str, Any]) -> None:
    """Delete files that no row names any more."""
    await _delete_files(server, payload["keys"])


async def profile_picture(server: Server, file: Path, purpose: Literal["avatar", "header"]) -> StoredMedia:
    """Process a picture for a profile. Raises Invalid, TooLarge."""
    await _check_size(server, "image", (await asyncio.to_thread(file.stat)).st_size)
    return await store_picture(file, store=server.media, processor=server.images, purpose=purpose)


async def forget_picture(server: Server, picture: StoredMedia) -> None:
    """Delete a picture that no profile got."""
    await delete_media(picture, server.media)


async def read(server: Server, key: str, *, start: int = 0, end: int | None = None) -> MediaStream:
    """A stored file, or a part of it. Raises NotFound; ValueError for a part that it does not have."""
    return await server.media.open(key, start=start, end=end)


def _unattached(conn: Connection, account_id: int, media_id: int) -> MediaRow:
    row = media.own(conn, account_id, media_id)
    if row is None or row.post_id is not None or row.scheduled_id is not None:
        raise NotFound("Record not found")
    return row


def checked_description(description: str) -> str:
    """Alternative text as it is kept. Raises Invalid for one that is too long."""
    text = clean_text(description)
    if len(text) > ALT_CHARACTERS_MAX:
        raise Invalid({"description": f"is too long (at most {ALT_CHARACTERS_MAX} characters)"})
    return text


async def _check_size(server: Server, family: Family, size: int) -> None:
    limits = upload_limits.in_force(server.config, await settings.current(server))
    most = {"video": limits.video, "audio": limits.audio}.get(family, limits.picture)
    if size > most:
        raise TooLarge(f"This file is too large: it may have {megabytes.shown(most)} MB at most.")


def _preview_columns(preview: StoredPreview | None) -> dict[str, Any]:
    if preview is None:
        return {}
    return {
        "preview_key": preview.key,
        "preview_url": preview.url,
        "blurhash": preview.blurhash,
        "meta": {"small": preview.meta},
    }


def _files_of(row: MediaRow) -> list[str]:
    return [key for key in (row.store_key, row.preview_key, row.source_key) if key]


async def _delete_files(server: Server, store_keys: Sequence[str]) -> None:
    for key in dict.fromkeys(store_keys):
        if key:
            await server.media.delete(key)
