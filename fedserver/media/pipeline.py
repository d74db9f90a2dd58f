"""From a received file to files in the store: what is accepted, by content and never by name."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fedserver.errors import Invalid
from fedserver.media.clips import MISSING, ClipProcessor
from fedserver.media.images import ImageFile, ImageProcessor, Purpose
from fedserver.media.sniff import PICTURES, Family, family_of
from fedserver.media.store import MediaStore, new_key

DESCRIPTION_CHARS_MAX = 1_500
"""Of the alternative text, as in Mastodon."""

_VIDEO_TYPES = ("video/mp4", "video/webm", "video/quicktime", "video/ogg")
# With the names that apps and systems have for the same.
_AUDIO_TYPES = (
    "audio/mpeg", "audio/mp3", "audio/mp4", "audio/m4a", "audio/x-m4a", "audio/ogg", "audio/vorbis", "audio/webm",
    "audio/wav", "audio/wave", "audio/x-wav", "audio/x-pn-wave", "audio/vnd.wave", "audio/flac", "audio/aac",
    "audio/3gpp",
)  # fmt: skip

_ADVICE = {
    "image/heic": "HEIC pictures cannot be shown everywhere. Please send it as JPEG or PNG.",
    "image/svg+xml": "SVG files can carry programs, so we do not take them. Please send it as PNG.",
    "image/tiff": "TIFF pictures cannot be shown in a browser. Please send it as PNG or JPEG.",
    "image/bmp": "Please send this picture as PNG or JPEG.",
}
_UNREADABLE = "This file is not a picture we can read."
_PICTURES_SENTENCE = "We take pictures only: JPEG, PNG, GIF, WebP or AVIF."
_TYPES_SENTENCE = "We take pictures, videos and sound only."

MediaKind = Literal["image", "gifv", "video", "audio"]


@dataclass(frozen=True, slots=True)
class StoredMedia:
    """What is in the store. Keys are of this store; `preview_key` is a still picture, may equal `key`, and is ""
    for sound without a cover."""

    kind: MediaKind
    key: str
    url: str
    media_type: str
    bytes: int
    width: int | None
    height: int | None
    preview_key: str
    preview_url: str
    blurhash: str
    animated: bool
    meta: dict[str, Any]
    """Mastodon's `MediaAttachment.meta`; `focus` is added by whoever knows it."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Every file to delete with it."""
        return tuple(dict.fromkeys(key for key in (self.key, self.preview_key) if key))


@dataclass(frozen=True, slots=True)
class StoredPreview:
    """A small picture in the store that stands for a video or sound. `meta` is that of its size."""

    key: str
    url: str
    blurhash: str
    meta: dict[str, Any]


def supported_mime_types(clips: ClipProcessor) -> tuple[str, ...]:
    """What members may upload to a post (`configuration.media_attachments.supported_mime_types`)."""
    return (*PICTURES, *_VIDEO_TYPES, *_AUDIO_TYPES) if clips.available else PICTURES


async def recognised(source: Path, clips: ClipProcessor) -> tuple[str, Family]:
    """The media type of a file, and how it is taken: a moving GIF is a picture where there is no ffmpeg.

    Raises Invalid, with advice, for what is not taken at all.
    """
    media_type, family = await asyncio.to_thread(family_of, source)
    if media_type is None:
        raise Invalid(message=_UNREADABLE)
    if family is None:
        raise Invalid(
            message=_ADVICE.get(media_type, _TYPES_SENTENCE if clips.available else _PICTURES_SENTENCE)
        )
    if clips.available:
        return media_type, family
    if family in ("video", "audio"):
        raise Invalid(message=MISSING)
    return media_type, "image"


async def store_picture(
    source: Path, *, store: MediaStore, processor: ImageProcessor, purpose: Purpose = "attachment"
) -> StoredMedia:
    """Process the received file and keep the results; `source` stays the caller's to delete.

    Raises Invalid or TooLarge with a sentence for the member; then the store holds nothing of it.
    """
    await _check_picture(source)
    async with _workspace() as folder, _kept(store) as kept:
        image = await processor.process(source, folder, purpose)
        key = await _keep(image.original, store, kept)
        preview_key = key if image.preview is image.original else await _keep(image.preview, store, kept)
    return StoredMedia(
        kind="image",
        key=key,
        url=store.url(key),
        media_type=image.original.media_type,
        bytes=image.original.bytes,
        width=image.original.width,
        height=image.original.height,
        preview_key=preview_key,
        preview_url=store.url(preview_key),
        blurhash=image.blurhash,
        animated=image.animated,
        meta=image.meta(),
    )


async def store_preview(source: Path, *, store: MediaStore, processor: ImageProcessor) -> StoredPreview:
    """Keep a small picture of the one received, and nothing else of it. Raises as `store_picture`."""
    await _check_picture(source)
    async with _workspace() as folder, _kept(store) as kept:
        image = await processor.process(source, folder, "attachment")
        key = await _keep(image.preview, store, kept)
    return StoredPreview(key, store.url(key), image.blurhash, image.preview.meta())


async def store_clip(
    source: Path,
    media_type: str,
    family: Family,
    *,
    store: MediaStore,
    processor: ImageProcessor,
    clips: ClipProcessor,
) -> StoredMedia:
    """The same for a video, sound or a moving GIF, as `recognised`."""
    async with _workspace() as folder, _kept(store) as kept:
        clip = await clips.convert(source, media_type, family, folder)
        key = new_key(clip.media_type)
        kept.append(key)
        await store.put(key, clip.path, clip.media_type)
        preview = None
        if clip.frame is not None:
            preview = await store_preview(clip.frame, store=store, processor=processor)
            kept.append(preview.key)
    return StoredMedia(
        kind=clip.kind,
        key=key,
        url=store.url(key),
        media_type=clip.media_type,
        bytes=clip.bytes,
        width=clip.meta.get("width"),
        height=clip.meta.get("height"),
        preview_key=preview.key if preview else "",
        preview_url=preview.url if preview else "",
        blurhash=preview.blurhash if preview else "",
        animated=clip.kind == "gifv",
        meta={**clip.meta, "small": preview.meta} if preview else clip.meta,
    )


async def delete_media(media: StoredMedia, store: MediaStore) -> None:
    """Remove every file of it."""
    for key in media.keys:
        await store.delete(key)


async def _check_picture(source: Path) -> None:
    media_type, _ = await asyncio.to_thread(family_of, source)
    if media_type in PICTURES:
        return
    if media_type is None:
        raise Invalid(message=_UNREADABLE)
    raise Invalid(message=_ADVICE.get(media_type, _PICTURES_SENTENCE))


@asynccontextmanager
async def _workspace() -> AsyncIterator[Path]:
    """A folder that is gone afterwards."""
    directory = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="fedserver-media-")
    try:
        yield Path(directory.name)
    finally:
        await asyncio.to_thread(directory.cleanup)


@asynccontextmanager
async def _kept(store: MediaStore) -> AsyncIterator[list[str]]:
    """Keys of what is put into the store meanwhile; when anything goes wrong, it is taken out again."""
    kept: list[str] = []
    try:
        yield kept
    except BaseException:
        for key in kept:
            await store.delete(key)
        raise


async def _keep(file: ImageFile, store: MediaStore, kept: list[str]) -> str:
    key = new_key(file.media_type)
    kept.append(key)
    await store.put(key, file.path, file.media_type)
    return key
