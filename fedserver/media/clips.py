"""Video, sound and moving pictures from strangers become MP4 and MP3 of ours, by ffmpeg where it is installed.

ffmpeg runs in a process of its own with limits of time, memory and file size (`bounded`), an empty environment,
local files alone and the one demuxer that fits the file, since formats such as playlists name other files. What
comes out has no metadata of what went in: no position, no title, no name of a device.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from fedserver.config import Config
from fedserver.errors import Invalid, TooLarge
from fedserver.media import bounded
from fedserver.media.images import WorkerFailed
from fedserver.media.sniff import DEMUXERS, Family

log = logging.getLogger(__name__)

SECONDS_MAX: Final = 1_200.0  # for one file, by the clock
PROCESSOR_SECONDS_MAX: Final = 2_400
PROBE_SECONDS_MAX: Final = 30.0
MEMORY_BYTES_MAX: Final = 3 << 30
THREADS: Final = 2
SIDE_MAX: Final = 1_920  # of what is encoded anew
FRAME_RATE_MAX: Final = 60  # likewise
SILENT_SECONDS_MAX: Final = 60
"""A video without sound is played over and over like a moving picture (`gifv`), unless it is longer than this."""
STREAMS_MAX: Final = 64
ENCODERS: Final = ("libx264", "aac", "libmp3lame", "mjpeg")
"""What ffmpeg must have been built with."""
_ANSWER_BYTES_MAX: Final = 1 << 20
_ENTRIES: Final = (
    "format=duration,bit_rate:stream=codec_type,codec_name,profile,pix_fmt,width,height,avg_frame_rate,"
    "r_frame_rate,sample_rate,channels,channel_layout,bit_rate:stream_disposition=attached_pic:"
    "stream_side_data=rotation"
)
_LAYOUTS: Final = {1: "mono", 2: "stereo"}
_PLAIN_PROFILES: Final = frozenset({"Baseline", "Constrained Baseline", "Main", "High"})

UNREADABLE: Final = "This file is no video or sound that we can read."
MISSING: Final = "This server takes pictures only, no video and no sound."
TOO_SLOW: Final = "This file takes too long to convert. Please send a shorter or smaller one."

Kind = Literal["video", "gifv", "audio"]


@dataclass(frozen=True, slots=True)
class Clip:
    """What became of a file. `frame` is a picture of it, or None; `meta` is `MediaAttachment.meta` without `small`."""

    path: Path
    kind: Kind
    media_type: str
    bytes: int
    frame: Path | None
    meta: dict[str, Any]


class _Disposition(msgspec.Struct):
    attached_pic: int = 0


class _SideData(msgspec.Struct):
    rotation: float | int = 0


class _Stream(msgspec.Struct):
    codec_type: str = ""
    codec_name: str = ""
    profile: str = ""
    pix_fmt: str = ""
    width: int = 0
    height: int = 0
    avg_frame_rate: str = ""
    r_frame_rate: str = ""
    sample_rate: str = ""
    channels: int = 0
    channel_layout: str = ""
    bit_rate: str = ""
    disposition: _Disposition = msgspec.field(default_factory=_Disposition)
    side_data_list: list[_SideData] = []

    @property
    def rate(self) -> Fraction:
        """Pictures a second; 0 when it is not known."""
        for text in (self.avg_frame_rate, self.r_frame_rate):
            with contextlib.suppress(ValueError, ZeroDivisionError):
                if (rate := Fraction(text)) > 0:
                    return rate
        return Fraction(0)


class _Format(msgspec.Struct):
    duration: str = ""
    bit_rate: str = ""


class _Probe(msgspec.Struct):
    streams: list[_Stream] = []
    format: _Format = msgspec.field(default_factory=_Format)

    @property
    def seconds(self) -> float:
        return _number(self.format.duration)

    @property
    def video(self) -> _Stream | None:
        """The stream of moving pictures; a cover is none."""
        return next(
            (one for one in self.streams if one.codec_type == "video" and not one.disposition.attached_pic),
            None,
        )

    @property
    def audio(self) -> _Stream | None:
        return next((one for one in self.streams if one.codec_type == "audio"), None)

    @property
    def has_cover(self) -> bool:
        return any(one.codec_type == "video" and one.disposition.attached_pic for one in self.streams)


class ClipProcessor:
    """Runs ffmpeg, one file at a time in this process; others wait."""

    def __init__(self, config: Config) -> None:
        self._ffmpeg, self._ffprobe = find(config.ffmpeg)
        self._config = config
        self._slot = asyncio.Lock()

    @property
    def available(self) -> bool:
        """Whether there is an ffmpeg to ask."""
        return bool(self._ffmpeg and self._ffprobe)

    @property
    def busy(self) -> bool:
        """Whether a file that came now would have to wait."""
        return self._slot.locked()

    async def convert(self, source: Path, media_type: str, family: Family, out_dir: Path) -> Clip:
        """Convert `source` into the existing, empty directory `out_dir`.

        Raises Invalid or TooLarge with a sentence for the member, WorkerFailed when it is our fault.
        """
        if not self.available:
            raise Invalid(message=MISSING)
        async with self._slot:
            found = await self._probe(source, DEMUXERS[media_type])
            self._check(found)
            if family != "audio" and found.video is not None:
                return await self._video(source, media_type, found, out_dir)
            if found.audio is not None:
                return await self._audio(source, media_type, found, out_dir)
        raise Invalid(message=UNREADABLE)

    def _check(self, found: _Probe) -> None:
        config, video = self._config, found.video
        if found.seconds > config.video_seconds_max:
            raise TooLarge(
                f"This file is too long: it may play for {config.video_seconds_max // 60} minutes at most."
            )
        if video is None:
            return
        if video.width * video.height > config.video_pixels_max:
            raise Invalid(message=f"{video.width}x{video.height} videos are not supported.")
        if video.rate > config.video_frame_rate_max:
            raise Invalid(message=f"{float(video.rate):.0f}fps videos are not supported.")

    async def _video(self, source: Path, media_type: str, found: _Probe, out_dir: Path) -> Clip:
        target = out_dir / "original.mp4"
        await self._encode(
            source,
            media_type,
            [
                "-map",
                "0:v:0",
                "-map",
                "0:a:0?",
                *_video_options(found, media_type),
                "-movflags",
                "+faststart",
            ],
            target,
        )
        made = await self._probe(target, "mov")
        if made.video is None:
            raise Invalid(message=UNREADABLE)
        silent = made.audio is None and made.seconds <= SILENT_SECONDS_MAX
        frame = out_dir / "frame.jpg"
        # Films begin in the dark: of the first pictures the most telling one; of a moving picture the first.
        chosen = "null" if silent else "thumbnail=50"
        await self._encode(target, "video/mp4", ["-map", "0:v:0", "-vf", chosen, *_ONE_PICTURE], frame)
        return await _clip(target, "gifv" if silent else "video", "video/mp4", made, frame)

    async def _audio(self, source: Path, media_type: str, found: _Probe, out_dir: Path) -> Clip:
        target = out_dir / "original.mp3"
        assert found.audio is not None
        codec = ["copy"] if found.audio.codec_name == "mp3" else ["libmp3lame", "-q:a", "2"]
        options = ["-map", "0:a:0", "-c:a", *codec, "-id3v2_version", "0", "-write_id3v1", "0", "-vn"]
        await self._encode(source, media_type, options, target)
        made = await self._probe(target, "mp3")
        if made.audio is None:
            raise Invalid(message=UNREADABLE)
        frame: Path | None = None
        if found.has_cover:
            frame = out_dir / "frame.jpg"
            with contextlib.suppress(Invalid):  # a broken cover is no reason to refuse the sound
                await self._encode(source, media_type, ["-map", "0:v:0", *_ONE_PICTURE], frame)
        return await _clip(target, "audio", "audio/mpeg", made, frame)

    async def _encode(self, source: Path, media_type: str, options: Sequence[str], target: Path) -> None:
        assert self._ffmpeg is not None
        await self._run(
            [
                self._ffmpeg, "-nostdin", "-hide_banner", "-loglevel", "error", "-threads", str(THREADS),
                "-protocol_whitelist", "file,pipe", "-f", DEMUXERS[media_type], "-i", f"file:{source}",
                "-t", str(self._config.video_seconds_max), "-sn", "-dn", "-map_metadata", "-1",
                "-map_metadata:s:v", "-1", "-map_metadata:s:a", "-1", "-map_chapters", "-1",
                "-filter_threads", "1", "-threads", str(THREADS), *options, "-y", f"file:{target}",
            ],
            SECONDS_MAX,
        )  # fmt: skip

    async def _probe(self, path: Path, demuxer: str) -> _Probe:
        assert self._ffprobe is not None
        said = await self._run(
            [
                self._ffprobe, "-v", "error", "-protocol_whitelist", "file,pipe", "-f", demuxer,
                "-print_format", "json", "-show_entries", _ENTRIES, f"file:{path}",
            ],
            PROBE_SECONDS_MAX,
        )  # fmt: skip
        try:
            found = msgspec.json.decode(said, type=_Probe)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Invalid(message=UNREADABLE) from error
        if len(found.streams) > STREAMS_MAX:
            raise Invalid(message=UNREADABLE)
        return found

    async def _run(self, command: Sequence[str], seconds: float) -> bytes:
        """What the program printed. Invalid when it could not make anything of the file."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-IS",
            bounded.__file__,
            str(PROCESSOR_SECONDS_MAX),
            str(MEMORY_BYTES_MAX),
            str(2 * self._config.video_bytes_max),
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"LC_ALL": "C.UTF-8"},  # nothing of ours: secrets may be in the environment
        )
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            async with asyncio.timeout(seconds):
                said, complaint = await asyncio.gather(
                    _bounded(process.stdout, _ANSWER_BYTES_MAX), _bounded(process.stderr, 4_096)
                )
                status = await process.wait()
        except TimeoutError:
            raise Invalid(message=TOO_SLOW) from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if status == 0:
            return said
        text = complaint.decode(errors="replace")
        log.info("%s ended with status %d: %.300r", Path(command[0]).name, status, text)
        if "No space left on device" in text:
            raise WorkerFailed("there is no room to convert a file")
        raise Invalid(message=UNREADABLE)


def find(ffmpeg: str) -> tuple[str | None, str | None]:
    """Where ffmpeg and the ffprobe beside it are, by the setting; None for what is missing."""
    found = shutil.which(ffmpeg) if ffmpeg else None
    if found is None:
        return None, None
    path = Path(found)
    return found, shutil.which(path.with_name(path.name.replace("ffmpeg", "ffprobe")))


_ONE_PICTURE: Final = (
    "-frames:v",
    "1",
    "-an",
    "-c:v",
    "mjpeg",
    "-q:v",
    "3",
    "-pix_fmt",
    "yuvj420p",
    "-f",
    "image2",
)


def _video_options(found: _Probe, media_type: str) -> list[str]:
    video, audio = found.video, found.audio
    assert video is not None
    if (
        DEMUXERS[media_type] == "mov"
        and video.codec_name == "h264"
        and video.profile in _PLAIN_PROFILES
        and video.pix_fmt == "yuv420p"
        and not any(one.rotation for one in video.side_data_list)
        and (audio is None or audio.codec_name == "aac")
    ):
        return ["-c", "copy"]  # every browser plays it as it is
    # The even sides that H.264 wants are cut, not stretched.
    shape = (
        f"scale=w='min(iw,{SIDE_MAX})':h='min(ih,{SIDE_MAX})':force_original_aspect_ratio=decrease,"
        "crop=floor(iw/2)*2:floor(ih/2)*2"
    )
    rate = ["-r", str(FRAME_RATE_MAX)] if video.rate > FRAME_RATE_MAX else []
    return [
        "-vf", shape, *rate, "-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-maxrate", "8M",
        "-bufsize", "16M", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "160k", "-ac", "2",
    ]  # fmt: skip


async def _clip(path: Path, kind: Kind, media_type: str, made: _Probe, frame: Path | None) -> Clip:
    size = await asyncio.to_thread(_size, path)
    if size is None:
        raise WorkerFailed(f"ffmpeg left something else than a file: {path.name}")
    if frame is not None and not await asyncio.to_thread(_size, frame):
        frame = None
    return Clip(path, kind, media_type, size, frame, _meta(made))


def _size(path: Path) -> int | None:
    """In bytes; None for what is no file. Not a link: a program taken over could make it point at a secret."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _meta(made: _Probe) -> dict[str, Any]:
    """As Mastodon describes it: https://docs.joinmastodon.org/entities/MediaAttachment/#meta."""
    seconds, video, audio = made.seconds, made.video, made.audio
    original: dict[str, Any] = {"duration": seconds, "bitrate": int(_number(made.format.bit_rate))}
    hours, rest = divmod(seconds, 3600)
    meta: dict[str, Any] = {
        "length": f"{int(hours)}:{int(rest // 60):02d}:{rest % 60:05.2f}",
        "duration": seconds,
    }
    if video is not None and video.width and video.height:
        size = {"width": video.width, "height": video.height}
        original |= {**size, "frame_rate": f"{video.rate.numerator}/{video.rate.denominator}"}
        meta |= {
            **size,
            "fps": round(float(video.rate)),
            "size": f"{video.width}x{video.height}",
            "aspect": video.width / video.height,
        }
    if audio is not None:
        meta |= {
            "audio_encode": audio.codec_name,
            "audio_bitrate": f"{audio.sample_rate} Hz",
            "audio_channels": audio.channel_layout or _LAYOUTS.get(audio.channels, str(audio.channels)),
        }
    return {**meta, "original": original}


def _number(text: str) -> float:
    try:
        return max(0.0, float(text))
    except ValueError:
        return 0.0


async def _bounded(stream: asyncio.StreamReader, bytes_max: int) -> bytes:
    """The beginning of what is printed; the rest is read and dropped, so that the program goes on."""
    kept = bytearray()
    while chunk := await stream.read(65_536):
        kept += chunk[: max(0, bytes_max - len(kept))]
    return bytes(kept)
