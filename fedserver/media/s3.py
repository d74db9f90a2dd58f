"""The media store as a bucket of an object store that speaks S3: AWS, MinIO, Garage, Ceph, and most hosts'.

The operator's own, like the database: it is not another server, so it is reached past `GuardedClient`, at
whatever address the settings name.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from obstore.exceptions import BaseError
from obstore.store import S3Store as Bucket

from fedserver.config import Config
from fedserver.errors import NotFound
from fedserver.media.store import CHUNK_BYTES, MediaStream, key_within, media_type_of, shows_inline

if TYPE_CHECKING:
    from obstore import GetResult
    from obstore.store import S3Config

FOREVER: Final = "public, max-age=31536000, immutable"
PART_BYTES: Final = 8 << 20
RETRIES_MAX: Final = 4
RETRY_SECONDS_MAX: Final = 20


class S3Store:
    """Objects named by key below a prefix. `base_url` is where browsers get them: the bucket's, or this server's."""

    def __init__(self, bucket: Bucket, base_url: str) -> None:
        self._bucket = bucket
        self.base_url = base_url.rstrip("/")

    async def put(self, key: str, path: Path, media_type: str) -> None:
        """See `MediaStore.put`. A large file goes in parts, and is there only when all of them are."""
        if media_type_of(key) != media_type and not key.endswith(".bin"):
            raise ValueError(f"{key} was not made for {media_type}")
        await self._bucket.put_async(
            key,
            path,
            attributes={
                "Content-Type": media_type_of(key),
                "Cache-Control": FOREVER,
                "Content-Disposition": "inline" if shows_inline(media_type_of(key)) else "attachment",
            },
            chunk_size=PART_BYTES,
        )

    async def open(self, key: str, *, start: int = 0, end: int | None = None) -> MediaStream:
        """See `MediaStore.open`. ValueError when the range is not within the file."""
        media_type = media_type_of(key)
        if start == 0 and end is None:
            try:
                whole = await self._bucket.get_async(key)
            except FileNotFoundError:
                raise NotFound("There is no such file.") from None
            return MediaStream(media_type, whole.meta["size"], 0, whole.meta["size"], _chunks(whole))
        size = await self._size(key)
        stop = size if end is None else min(end, size)
        if not 0 <= start <= stop:
            raise ValueError(f"bytes {start} to {end} are not within {size}")
        if start == stop:
            return MediaStream(media_type, size, start, stop, _nothing())
        try:
            found = await self._bucket.get_async(key, options={"range": (start, stop)})
        except FileNotFoundError:
            raise NotFound("There is no such file.") from None
        return MediaStream(media_type, size, start, stop, _chunks(found))

    async def delete(self, key: str) -> None:
        """See `MediaStore.delete`."""
        media_type_of(key)
        try:
            await self._bucket.delete_async(key)
        except FileNotFoundError:
            return

    def url(self, key: str) -> str:
        """See `MediaStore.url`."""
        media_type_of(key)
        return f"{self.base_url}/{key}"

    def key_of(self, url: str) -> str | None:
        """See `MediaStore.key_of`."""
        return key_within(url, self.base_url)

    def local_path(self, key: str) -> Path | None:
        """There is none."""
        media_type_of(key)
        return None

    async def _size(self, key: str) -> int:
        try:
            return (await self._bucket.head_async(key))["size"]
        except FileNotFoundError:
            raise NotFound("There is no such file.") from None


def open_bucket(config: Config) -> S3Store:
    """The store that the settings name. Nothing is asked of it yet."""
    parts = urlsplit(config.media)
    prefix = parts.path.strip("/")
    settings: S3Config = {
        "region": config.s3_region,
        "virtual_hosted_style_request": not config.s3_path_style,
    }
    if config.s3_endpoint:
        settings["endpoint"] = config.s3_endpoint
    if config.s3_access_key:
        settings["access_key_id"] = config.s3_access_key
        settings["secret_access_key"] = config.s3_secret_key
    bucket = Bucket(
        parts.netloc,
        prefix=prefix or None,
        config=settings,
        client_options={"allow_http": config.s3_endpoint.startswith("http://"), "timeout": "60s"},
        retry_config={"max_retries": RETRIES_MAX, "retry_timeout": timedelta(seconds=RETRY_SECONDS_MAX)},
    )
    return S3Store(bucket, config.media_url or f"{config.origin}/media")


async def trial(config: Config) -> str:
    """Put a small object, read it and take it away again; "" when that works, else what the store said."""
    bucket = open_bucket(config)._bucket
    try:
        await bucket.put_async("fedserver-doctor", b"doctor")
        found = await bucket.get_async("fedserver-doctor")
        if bytes(await found.bytes_async()) != b"doctor":
            return "It gives back something else than was put there."
        await bucket.delete_async("fedserver-doctor")
    except (BaseError, OSError) as error:
        return str(error).splitlines()[0][:300]
    return ""


async def _chunks(found: GetResult) -> AsyncIterator[bytes]:
    async for chunk in found.stream(min_chunk_size=CHUNK_BYTES):
        yield bytes(chunk)


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""
