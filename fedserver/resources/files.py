"""Files of resources: sent before the version that takes them, kept in the media store, and downloaded by who may see the
resource."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from fedserver import quota, settings, upload_limits
from fedserver.context import Server
from fedserver.errors import Conflict, NotFound, TooLarge
from fedserver.jobs.plan import plan
from fedserver.media.store import MediaStream, new_key
from fedserver.resources import file_types, reading
from fedserver.viewer import Member
from fedserver.visibility import FOR_EVERYBODY
from storage import resource_files
from storage.resources import FileRow
from storage.types import now_ms

UNUSED_MAX: Final = 60
UNUSED_KEPT_MS: Final = 22 * 3_600_000  # looked for every hour or so: within a day they are gone
UNUSED_AT_ONCE: Final = 100
_CHUNK_BYTES: Final = 1 << 20
# In the store all are alike: whoever learned a key would be given something to save, and nothing to look at.
_STORED_AS: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Download:
    """A file that the viewer may have; `shared` if everybody may."""

    row: FileRow
    shared: bool


async def keep(server: Server, member: Member, file: Path, name: str) -> FileRow:
    """Keep a file for a version to come, that nobody but its sender knows of until then. `file` stays the caller's.

    Raises Invalid for what is not taken, TooLarge (the file, or all of the member's), Conflict (too many unused).
    """
    size = (await asyncio.to_thread(file.stat)).st_size
    most = upload_limits.in_force(server.config, await settings.current(server)).document
    if size > most:
        raise TooLarge(f"A file of a resource may have at most {most:,} bytes.")
    await server.db.read(quota.check, server.config, member.account_id, size)
    media_type = await asyncio.to_thread(file_types.recognise, file, name)
    kept_name = file_types.file_name(name, media_type)
    sha256 = await asyncio.to_thread(_digest, file)
    key = new_key(_STORED_AS)
    try:
        await server.media.put(key, file, _STORED_AS)

        def unit(conn: Connection) -> FileRow:
            quota.claim(conn, server.config, member.account_id, size)
            if len(resource_files.unused(conn, member.account_id)) >= UNUSED_MAX:
                raise Conflict(f"You have sent {UNUSED_MAX} files that no resource has: use or delete some.")
            file_id = resource_files.add(
                conn, member.account_id, name=kept_name, media_type=media_type, file_bytes=size, sha256=sha256, store_key=key
            )  # fmt: skip
            return resource_files.by_id(conn, file_id)

        return await server.db.write(unit)
    except BaseException:
        await server.media.delete(key)
        raise


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


async def unused(server: Server, member: Member) -> list[FileRow]:
    """The member's files that no version has, the latest first."""
    return await server.db.read(resource_files.unused, member.account_id)


async def remove(server: Server, member: Member, file_id: int) -> None:
    """Delete a file that no version has. Raises NotFound."""

    def unit(conn: Connection) -> None:
        row = resource_files.by_id(conn, file_id)
        if row is None or row.account_id != member.account_id or row.post_id is not None:
            raise NotFound("Record not found")
        _forget(conn, [row])

    await server.db.write(unit)


def remove_unused(conn: Connection) -> bool:
    """Remove some of what no version has had for nearly a day, with its bytes; whether there may be more. A unit, for the
    chores."""
    found = resource_files.abandoned(conn, now_ms() - UNUSED_KEPT_MS, limit=UNUSED_AT_ONCE)
    _forget(conn, found)
    return len(found) == UNUSED_AT_ONCE


def _forget(conn: Connection, rows: list[FileRow]) -> None:
    # Those alone that nobody took meanwhile.
    keys = resource_files.remove_unused(conn, [row.id for row in rows])
    if keys:
        plan(conn, "delete_files", {"keys": keys})


# -- downloads


async def find(server: Server, viewer_id: int | None, post_id: int, file_id: int) -> Download:
    """A file of a resource that the viewer may see. Raises NotFound, also for what lies elsewhere."""

    def unit(conn: Connection) -> Download:
        about = reading.visible(conn, post_id, viewer_id)
        row = resource_files.by_id(conn, file_id)
        if row is None or row.post_id != post_id or not row.store_key:
            raise NotFound("Record not found")
        return Download(row, about.visibility in FOR_EVERYBODY)

    return await server.db.read(unit)


async def read(server: Server, row: FileRow, start: int, end: int) -> MediaStream:
    """Bytes `start` to before `end` of a file. Raises NotFound."""
    return await server.media.open(row.store_key, start=start, end=end)


async def downloaded(server: Server, row: FileRow) -> None:
    """Somebody has the whole file."""
    await server.db.write(resource_files.count_download, row.id)
