"""From a received file to files in the store: what is accepted, by content and never by name."""

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fedserver.errors import Invalid
from fedserver.media.images import ImageFile, ImageProcessor, Purpose
from fedserver.media.store import MediaStore, new_key

SUPPORTED_MIME_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp", "image/avif")
"""What members may upload as a picture (`configuration.media_attachments.supported_mime_types`)."""

DESCRIPTION_CHARS_MAX = 1_500
"""Of the alternative text, as in Mastodon."""

SNIFF_BYTES = 512
"""How much of a file `sniff` wants to see."""

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"OggS", "application/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\x1aE\xdf\xa3", "video/webm"),
)
_BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"hevc": "image/heic",
    b"mif1": "image/heic",
    b"msf1": "image/heic",
    b"qt  ": "video/quicktime",
}
_ADVICE = {
    "image/heic": "HEIC pictures cannot be shown everywhere. Please send it as JPEG or PNG.",
    "image/svg+xml": "SVG files can carry programs, so we do not take them. Please send it as PNG.",
    "image/tiff": "TIFF pictures cannot be shown in a browser. Please send it as PNG or JPEG.",
    "image/bmp": "Please send this picture as PNG or JPEG.",
}
_UNREADABLE = "This file is not a picture we can read."
_TYPES_SENTENCE = "We take pictures only: JPEG, PNG, GIF, WebP or AVIF."


@dataclass(frozen=True, slots=True)
class StoredMedia:
    """A picture in the store. Keys are of this store; `preview_key` is a still and may equal `key`."""

    key: str
    url: str
    media_type: str
    bytes: int
    width: int
    height: int
    preview_key: str
    preview_url: str
    preview_media_type: str
    blurhash: str
    animated: bool
    meta: dict[str, Any]
    """Mastodon's `MediaAttachment.meta`; `focus` is added by whoever knows it."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Every file to delete with it."""
        return (self.key,) if self.key == self.preview_key else (self.key, self.preview_key)


def sniff(head: bytes) -> str | None:
    """The media type by the first SNIFF_BYTES of a file, or None. A claim: only the decoder proves it."""
    for signature, media_type in _SIGNATURES:
        if head.startswith(signature):
            return media_type
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _sniff_brand(head)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"<svg") or (
        text.startswith((b"<?xml", b"<!doctype svg", b"<!--")) and b"<svg" in text
    ):
        return "image/svg+xml"
    if text.startswith((b"<!doctype html", b"<html")):
        return "text/html"
    return None


def _sniff_brand(head: bytes) -> str:
    """ISO/IEC 14496-12: one major brand, then those the file is compatible with."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))]
    # `mif1` says picture without saying how it is coded, so the others are asked first.
    for wanted in (b"avif", b"avis"):
        if wanted in brands:
            return "image/avif"
    return next((_BRANDS[brand] for brand in brands if brand in _BRANDS), "video/mp4")


async def store_picture(
    source: Path, *, store: MediaStore, processor: ImageProcessor, purpose: Purpose = "attachment"
) -> StoredMedia:
    """Process the received file and keep the results; `source` stays the caller's to delete.

    Raises Invalid or TooLarge with a sentence for the member; then the store holds nothing of it.
    """
    _check(sniff(await asyncio.to_thread(_head, source)))
    directory = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="fedserver-media-")
    kept: list[str] = []
    try:
        image = await processor.process(source, Path(directory.name), purpose)
        key = await _keep(image.original, store, kept)
        preview_key = key if image.preview is image.original else await _keep(image.preview, store, kept)
    except BaseException:
        for stored in kept:
            await store.delete(stored)
        raise
    finally:
        await asyncio.to_thread(directory.cleanup)
    return StoredMedia(
        key=key,
        url=store.url(key),
        media_type=image.original.media_type,
        bytes=image.original.bytes,
        width=image.original.width,
        height=image.original.height,
        preview_key=preview_key,
        preview_url=store.url(preview_key),
        preview_media_type=image.preview.media_type,
        blurhash=image.blurhash,
        animated=image.animated,
        meta=image.meta(),
    )


async def delete_media(media: StoredMedia, store: MediaStore) -> None:
    """Remove every file of it."""
    for key in media.keys:
        await store.delete(key)


def _check(media_type: str | None) -> None:
    if media_type in SUPPORTED_MIME_TYPES:
        return
    if media_type is None:
        raise Invalid(message=_UNREADABLE)
    raise Invalid(message=_ADVICE.get(media_type, _TYPES_SENTENCE))


def _head(source: Path) -> bytes:
    with source.open("rb") as file:
        return file.read(SNIFF_BYTES)


async def _keep(file: ImageFile, store: MediaStore, kept: list[str]) -> str:
    key = new_key(file.media_type)
    kept.append(key)
    await store.put(key, file.path, file.media_type)
    return key
