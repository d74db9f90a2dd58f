"""What a file is, told by how it begins and never by its name. A claim: only the decoder proves it."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

Family = Literal["image", "animation", "video", "audio"]

SNIFF_BYTES: Final = 512
"""How much of a file `sniff` wants to see."""

PICTURES: Final = ("image/jpeg", "image/png", "image/gif", "image/webp", "image/avif")

DEMUXERS: Final = {
    "image/gif": "gif",
    "video/mp4": "mov",
    "video/quicktime": "mov",
    "video/webm": "matroska",
    "video/ogg": "ogg",
    "audio/mpeg": "mp3",
    "audio/mp4": "mov",
    "audio/ogg": "ogg",
    "audio/wav": "wav",
    "audio/flac": "flac",
    "audio/aac": "aac",
}
"""How ffmpeg is told to read each type that is taken. It never guesses: a playlist could name other files."""

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
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
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
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
}


def sniff(head: bytes) -> str | None:
    """The media type by the first SNIFF_BYTES of a file, or None."""
    for signature, media_type in _SIGNATURES:
        if head.startswith(signature):
            return media_type
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _brand(head)
    if head[:4] == b"OggS":
        return "video/ogg" if b"\x80theora" in head else "audio/ogg"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        # A frame begins (ISO/IEC 11172-3 §2.4.1.3): without a layer it is AAC's (ISO/IEC 13818-7 §6.2).
        return "audio/mpeg" if head[1] & 0x06 else "audio/aac"
    return _markup(head)


def family_of(path: Path) -> tuple[str | None, Family | None]:
    """The media type of a file and how it is taken; None for what is not. Blocks."""
    with path.open("rb") as file:
        media_type = sniff(file.read(SNIFF_BYTES))
    if media_type == "image/gif":
        return media_type, "animation" if is_animated(path) else "image"
    if media_type in PICTURES:
        return media_type, "image"
    if media_type in DEMUXERS:
        return media_type, "video" if media_type.startswith("video/") else "audio"
    return media_type, None


def is_animated(path: Path) -> bool:
    """Whether a GIF has a second picture. Blocks; walks its blocks without decoding any."""
    with path.open("rb") as file:
        head = file.read(13)
        if len(head) < 13:
            return False
        if head[10] & 0x80:
            file.seek(3 << ((head[10] & 7) + 1), 1)
        pictures = 0
        while (kind := file.read(1)) in (b"!", b","):
            if kind == b"!":
                file.seek(1, 1)
            else:
                pictures += 1
                if pictures == 2:
                    return True
                descriptor = file.read(9)
                if len(descriptor) < 9:
                    return False
                if descriptor[8] & 0x80:
                    file.seek(3 << ((descriptor[8] & 7) + 1), 1)
                file.seek(1, 1)
            while (size := file.read(1)) not in (b"", b"\0"):
                file.seek(size[0], 1)
    return False


def _brand(head: bytes) -> str:
    """ISO/IEC 14496-12: one major brand, then those the file is compatible with."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))]
    # `mif1` says picture without saying how it is coded, so the others are asked first.
    for wanted in (b"avif", b"avis"):
        if wanted in brands:
            return "image/avif"
    return next((_BRANDS[brand] for brand in brands if brand in _BRANDS), "video/mp4")


def _markup(head: bytes) -> str | None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"<svg") or (
        text.startswith((b"<?xml", b"<!doctype svg", b"<!--")) and b"<svg" in text
    ):
        return "image/svg+xml"
    if text.startswith((b"<!doctype html", b"<html")):
        return "text/html"
    return None
