"""Pictures from strangers become pictures of ours, decoded in processes that may die of them."""

import asyncio
import contextlib
import logging
import stat
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec

from fedserver.errors import Invalid, TooLarge

log = logging.getLogger(__name__)

Purpose = Literal["attachment", "avatar", "header", "emoji"]

INPUT_BYTES_MAX = 16 << 20
PIXELS_MAX = 40_000_000
SECONDS_MAX = 20
"""For one picture, of processor time and by the clock."""
JOBS_PER_WORKER_MAX = 200  # Whatever a decoder leaks goes with its process.
IDLE_SECONDS = 60  # An idle worker holds some 40 MB; starting one takes a quarter of a second.
START_SECONDS_MAX = 20
_ANSWER_BYTES_MAX = 65_536
_PACKAGE_ROOT = Path(__file__).resolve().parents[2]

_SENTENCES = {
    "unreadable": "This file is not a picture we can read.",
    "too_many_pixels": "This picture is too large: it may have {megapixels} million pixels at most.",
    "too_slow": "This picture takes too long to process.",
}


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One written file; sizes in pixels, `bytes` its length."""

    path: Path
    media_type: str
    width: int
    height: int
    bytes: int

    def meta(self) -> dict[str, Any]:
        """Mastodon's shape: `{"width", "height", "size": "WxH", "aspect"}`."""
        return {
            "width": self.width,
            "height": self.height,
            "size": f"{self.width}x{self.height}",
            "aspect": self.width / self.height,
        }


@dataclass(frozen=True, slots=True)
class ProcessedImage:
    """What became of a picture. `preview` is small and never moves; it is `original` itself where that is so."""

    original: ImageFile
    preview: ImageFile
    blurhash: str
    animated: bool

    def meta(self) -> dict[str, Any]:
        """`MediaAttachment.meta` of Mastodon's API."""
        return {"original": self.original.meta(), "small": self.preview.meta()}


# What the worker says is checked like anything from outside: a picture may have taken it over.
class _File(msgspec.Struct):
    media_type: Literal["image/jpeg", "image/png", "image/gif", "image/webp"]
    width: Annotated[int, msgspec.Meta(ge=1)]
    height: Annotated[int, msgspec.Meta(ge=1)]


class _Done(msgspec.Struct):
    original: _File
    preview: _File | None
    blurhash: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z#$%*+,\-.:;=?@\[\]^_{|}~]{6,60}$")]
    animated: bool


class _Answer(msgspec.Struct):
    ready: bool = False
    done: _Done | None = None
    measured: tuple[int, int] | None = None
    refused: str | None = None
    detail: str = ""
    failed: str | None = None


_SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "image/webp": ".webp"}


class WorkerFailed(RuntimeError):
    """The worker could not start or could not write: a failure of this machine, not of the picture."""


class _WorkerDied(Exception):
    """It ended in the middle of a picture: killed by a limit, or by what the picture did to a decoder."""


class ImageProcessor:
    """A few worker processes, started when needed, replaced when they die or have done enough.

    Pictures beyond `workers` at a time wait. Close it before the event loop ends.
    """

    def __init__(
        self,
        *,
        workers: int = 1,
        bytes_max: int = INPUT_BYTES_MAX,
        pixels_max: int = PIXELS_MAX,
        seconds_max: int = SECONDS_MAX,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self.bytes_max = bytes_max
        self.pixels_max = pixels_max
        self.seconds_max = seconds_max
        self._idle_seconds = idle_seconds
        self._slots = asyncio.Semaphore(workers)
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()
        self._closed = False

    async def process(self, source: Path, out_dir: Path, purpose: Purpose) -> ProcessedImage:
        """Make `original.*` and `preview.*` of `source` in the existing, empty directory `out_dir`.

        Attachment: at most 8.3 million pixels, preview of 640×360 pixels in area. Avatar 400×400 and
        header 1500×500, cut from the middle. Emoji: 128 pixels at most on either side. Never enlarged.
        Raises Invalid or TooLarge with a sentence for the member, WorkerFailed when it is our fault.
        """
        if purpose not in get_args(Purpose):
            raise ValueError(f"unknown purpose {purpose!r}")
        size = (await asyncio.to_thread(source.stat)).st_size
        if size > self.bytes_max:
            raise TooLarge(f"This file is too large: it may have {self.bytes_max >> 20} MB at most.")
        job = {
            "source": str(source),
            "out_dir": str(out_dir),
            "purpose": purpose,
            "pixels_max": self.pixels_max,
            "seconds_max": self.seconds_max,
        }
        answer = await self._asked(job)
        if answer.done is None:
            raise WorkerFailed("the image worker gave an empty answer")
        return await asyncio.to_thread(_collect, answer.done, out_dir)

    async def measure(self, source: Path) -> tuple[int, int]:
        """Width and height that a picture claims, when it is one we would take; no pixel of it is decoded.

        Raises as `process`.
        """
        answer = await self._asked(
            {
                "source": str(source),
                "out_dir": "",
                "purpose": "measure",
                "pixels_max": self.pixels_max,
                "seconds_max": self.seconds_max,
            }
        )
        if answer.measured is None:
            raise WorkerFailed("the image worker gave an empty answer")
        return answer.measured

    async def close(self) -> None:
        """End all workers; pictures in work are refused."""
        self._closed = True
        for worker in [*self._idle, *self._busy]:
            await worker.end()
        self._idle.clear()

    async def _asked(self, job: dict[str, Any]) -> _Answer:
        async with self._slots:
            answer = await self._run(job)
        if answer.refused is not None:
            log.info("picture refused (%s): %r", answer.refused, answer.detail)
            raise self._invalid(answer.refused)
        if answer.failed is not None:
            raise WorkerFailed(answer.failed)
        return answer

    def _invalid(self, code: str) -> Invalid:
        return Invalid(message=_SENTENCES[code].format(megapixels=self.pixels_max // 1_000_000))

    async def _run(self, job: dict[str, Any]) -> _Answer:
        worker = await self._take()
        self._busy.add(worker)
        try:
            async with asyncio.timeout(self.seconds_max):
                answer = await worker.ask(job)
        except TimeoutError:
            log.warning("image worker %d took longer than %d s", worker.pid, self.seconds_max)
            await worker.end()
            raise self._invalid("too_slow") from None
        except _WorkerDied:
            log.warning("image worker %d died of a picture, status %s", worker.pid, await worker.end())
            raise self._invalid("unreadable") from None
        except BaseException:
            # Cancelled: its next answer would be of this picture, so it must not be asked again.
            await worker.end()
            raise
        finally:
            self._busy.discard(worker)
        if worker.jobs >= JOBS_PER_WORKER_MAX or self._closed:
            await worker.end()
        else:
            self._rest(worker)
        return answer

    async def _take(self) -> "_Worker":
        if self._closed:
            raise WorkerFailed("the image processor is closed")
        while self._idle:
            worker = self._idle.pop()
            worker.wake()
            if worker.alive:
                return worker
            await worker.end()
        return await _Worker.start()

    def _rest(self, worker: "_Worker") -> None:
        self._idle.append(worker)
        worker.rest(self._idle_seconds, self._retire)

    def _retire(self, worker: "_Worker") -> None:
        if worker in self._idle:
            self._idle.remove(worker)
            worker.dismiss()


def _collect(done: _Done, out_dir: Path) -> ProcessedImage:
    def collected(name: str, file: _File) -> ImageFile:
        path = out_dir / f"{name}{_SUFFIXES[file.media_type]}"
        # Not a link: a worker that was taken over could make it point at a key or the database.
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            raise WorkerFailed(f"the image worker left something else than a file: {path.name}")
        return ImageFile(path, file.media_type, file.width, file.height, status.st_size)

    original = collected("original", done.original)
    preview = original if done.preview is None else collected("preview", done.preview)
    return ProcessedImage(original, preview, done.blurhash, done.animated)


class _Worker:
    """One process and the pipe to it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._timer: asyncio.TimerHandle | None = None
        self.jobs = 0

    @classmethod
    async def start(cls) -> "_Worker":
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # the current directory is nobody's package
            "-s",
            "-m",
            "fedserver.media.image_worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # Nothing of ours: secrets may be in the environment.
            env={"PYTHONPATH": str(_PACKAGE_ROOT), "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"},
        )
        worker = cls(process)
        try:
            async with asyncio.timeout(START_SECONDS_MAX):
                answer = await worker._receive()
        except (TimeoutError, _WorkerDied) as error:
            status = await worker.end()
            raise WorkerFailed(f"the image worker did not start (status {status})") from error
        except BaseException:
            await worker.end()
            raise
        if not answer.ready:
            await worker.end()
            raise WorkerFailed("the image worker does not speak our language")
        return worker

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def ask(self, job: dict[str, Any]) -> _Answer:
        self.jobs += 1
        assert self._process.stdin is not None
        data = msgspec.msgpack.encode(job)
        try:
            self._process.stdin.write(struct.pack(">I", len(data)) + data)
            await self._process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise _WorkerDied from error
        return await self._receive()

    async def _receive(self) -> _Answer:
        assert self._process.stdout is not None
        try:
            (length,) = struct.unpack(">I", await self._process.stdout.readexactly(4))
            if length > _ANSWER_BYTES_MAX:
                raise WorkerFailed("the image worker gave an endless answer")
            return msgspec.msgpack.decode(await self._process.stdout.readexactly(length), type=_Answer)
        except asyncio.IncompleteReadError as error:
            raise _WorkerDied from error
        except msgspec.DecodeError as error:
            raise WorkerFailed("the image worker gave an answer that is none") from error

    def rest(self, seconds: float, retire: "Callable[[_Worker], None]") -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, retire, self)

    def wake(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def dismiss(self) -> None:
        """Let it end by itself: its input ends, and between pictures that is all it waits for."""
        self.wake()
        assert self._process.stdin is not None
        self._process.stdin.close()

    async def end(self) -> int:
        """Kill it if it still runs; its exit status (negative: the signal)."""
        self.wake()
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        return await self._process.wait()
