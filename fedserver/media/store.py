"""Where files are kept, by keys that we make and nothing else.

A store knows neither members nor posts. `DiskStore` keeps files in a directory; the protocol asks for nothing
that an object store could not do.
"""

import asyncio
import os
import re
import secrets
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from fedserver.errors import NotFound

CHUNK_BYTES = 256 << 10

_SUFFIXES = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/avif": "avif",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/quicktime": "mov",
    "video/ogg": "ogv",
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
    "audio/ogg": "ogg",
    "audio/wav": "wav",
    "audio/flac": "flac",
    "audio/aac": "aac",
    "application/pdf": "pdf",
    "application/zip": "zip",
    "text/calendar": "ics",
    "text/csv": "csv",
    "text/plain": "txt",
    "application/octet-stream": "bin",
}
_MEDIA_TYPES = {suffix: media_type for media_type, suffix in _SUFFIXES.items()}
_KEY = re.compile(r"([0-9a-f]{2})/([0-9a-f]{2})/\1\2[0-9a-f]{28}\.([a-z0-9]{2,5})")


def new_key(media_type: str) -> str:
    """A key nobody can guess: 128 random bits, in two levels of 256 directories, named by the sniffed type.

    A type without a suffix of its own becomes `.bin`; no part of it is ever a name somebody gave the file.
    """
    name = secrets.token_hex(16)
    return f"{name[:2]}/{name[2:4]}/{name}.{_SUFFIXES.get(media_type, 'bin')}"


def shows_inline(media_type: str) -> bool:
    """What is no picture, video or sound is for saving, not for looking at within this origin."""
    return media_type.startswith(("image/", "video/", "audio/"))


def media_type_of(key: str) -> str:
    """The media type a key was made for; NotFound for what is no key of ours."""
    match = _KEY.fullmatch(key)
    if match is None or match[3] not in _MEDIA_TYPES:
        raise NotFound("There is no such file.")
    return _MEDIA_TYPES[match[3]]


def key_within(url: str, base_url: str) -> str | None:
    """The key in an address that begins with `base_url`; None when there is none of ours."""
    key = url.removeprefix(f"{base_url}/")
    return key if key != url and _KEY.fullmatch(key) else None


@dataclass(frozen=True, slots=True)
class MediaStream:
    """A stored file, or the part of it that was asked for. `size` is of the whole file, in bytes."""

    media_type: str
    size: int
    start: int
    end: int
    """The first byte that is not sent any more."""
    chunks: AsyncIterator[bytes]


class MediaStore(Protocol):
    """What keeping files means. A key that is malformed or unknown raises NotFound."""

    @property
    def base_url(self) -> str:
        """What `url` puts before a key and a slash."""
        ...

    async def put(self, key: str, path: Path, media_type: str) -> None:
        """Keep a copy of the file at `path`. When this returns, the whole file is there."""
        ...

    async def open(self, key: str, *, start: int = 0, end: int | None = None) -> MediaStream:
        """Read bytes `start` to before `end`; an end beyond the file is the file's. Check Range first."""
        ...

    async def delete(self, key: str) -> None:
        """Remove it; to remove what is gone already is no error."""
        ...

    def url(self, key: str) -> str:
        """Where browsers and servers get it."""
        ...

    def key_of(self, url: str) -> str | None:
        """The key that this address was made of; None for an address of anything else."""
        ...

    def local_path(self, key: str) -> Path | None:
        """The file itself where there is one on this machine, for the kernel to send; else None."""
        ...


class DiskStore:
    """Files below one directory, served at `base_url`."""

    def __init__(self, directory: Path, base_url: str) -> None:
        self._directory = directory
        self.base_url = base_url.rstrip("/")

    async def put(self, key: str, path: Path, media_type: str) -> None:
        """Written beside its place and renamed: a reader, or a crash, never meets half a file."""
        if media_type_of(key) != media_type and _SUFFIXES.get(media_type) is not None:
            raise ValueError(f"{key} was not made for {media_type}")
        await asyncio.to_thread(_copy, path, self._path(key))

    async def open(self, key: str, *, start: int = 0, end: int | None = None) -> MediaStream:
        """See `MediaStore.open`. ValueError when the range is not within the file."""
        media_type = media_type_of(key)
        path = self._path(key)
        try:
            file = await asyncio.to_thread(path.open, "rb")
        except FileNotFoundError:
            raise NotFound("There is no such file.") from None
        size = os.fstat(file.fileno()).st_size
        stop = size if end is None else min(end, size)
        if not 0 <= start <= stop:
            file.close()
            raise ValueError(f"bytes {start} to {end} are not within {size}")
        return MediaStream(media_type, size, start, stop, _chunks(file, start, stop))

    async def delete(self, key: str) -> None:
        """See `MediaStore.delete`."""
        await asyncio.to_thread(self._path(key).unlink, missing_ok=True)

    def url(self, key: str) -> str:
        """See `MediaStore.url`."""
        media_type_of(key)
        return f"{self.base_url}/{key}"

    def key_of(self, url: str) -> str | None:
        """See `MediaStore.key_of`."""
        return key_within(url, self.base_url)

    def local_path(self, key: str) -> Path | None:
        """The path of the file; it need not exist (any more)."""
        return self._path(key)

    def _path(self, key: str) -> Path:
        # The pattern admits hexadecimal names only, so no key leads out of the directory.
        media_type_of(key)
        return self._directory / key


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    try:
        with source.open("rb") as read, part.open("wb") as write:
            shutil.copyfileobj(read, write, CHUNK_BYTES)
            write.flush()
            os.fsync(write.fileno())
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


async def _chunks(file: BinaryIO, start: int, stop: int) -> AsyncIterator[bytes]:
    with file:
        await asyncio.to_thread(file.seek, start)
        left = stop - start
        while left > 0:
            chunk = await asyncio.to_thread(file.read, min(CHUNK_BYTES, left))
            if not chunk:
                return
            left -= len(chunk)
            yield chunk
