"""Short films and sounds, made by ffmpeg itself; what needs them is skipped where it is missing."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

needs_ffmpeg = pytest.mark.skipif(
    shutil.which("ffmpeg") is None or shutil.which("ffprobe") is None,
    reason="skipped: ffmpeg is not installed",
)

PLACE = "+48.1351+011.5820/"
PICTURES = ("-f", "lavfi", "-i", "testsrc=d=1:s=320x240:r=25")
SOUND = ("-f", "lavfi", "-i", "sine=d=1")
_METADATA = ("-metadata", f"location={PLACE}", "-metadata", "title=secret")


def made(path: Path, *arguments: str) -> bytes:
    """What ffmpeg makes of its arguments, as bytes; `path` tells the format."""
    subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments, str(path)], check=True, timeout=60)
    return path.read_bytes()


def film(folder: Path) -> bytes:
    """An MP4 with sound, as a phone writes it: it says where it was taken."""
    return made(folder / "film.mp4", *PICTURES, *SOUND, *_METADATA, "-pix_fmt", "yuv420p", "-c:v", "libx264")


def silent_film(folder: Path) -> bytes:
    """A WebM of odd size without sound."""
    return made(
        folder / "silent.webm", "-f", "lavfi", "-i", "testsrc=d=1:s=101x81:r=10", "-c:v", "libvpx", *_METADATA
    )


def moving_gif(folder: Path) -> bytes:
    return made(folder / "moving.gif", "-f", "lavfi", "-i", "testsrc=d=1:s=100x80:r=10")


def song(folder: Path, suffix: str = "flac", *, cover: Path | None = None) -> bytes:
    """A second of sound, with a cover if one is given."""
    plain = folder / f"plain.{suffix}"
    made(plain, *SOUND, *_METADATA)
    if cover is None:
        return plain.read_bytes()
    options: Sequence[str] = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v", "attached_pic")
    return made(folder / f"covered.{suffix}", "-i", str(plain), "-i", str(cover), *options)
