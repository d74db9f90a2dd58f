"""The file of a backup: a zip archive, at whose end a manifest says what is in it, with the digest of each file.

    database/dump            the database (SQLite's own file, or pg_dump's custom format)
    data/fedserver.toml      the settings
    data/sealing.key         what opens what the database keeps sealed
    data/media/…             files of members, resources, emoji (unless they were left out)
    data/exports/…           archives that members asked for; data/imports/… what is being taken over
    manifest.json            last

Any zip program opens it, so that one file can be had out of it by hand.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Literal

import msgspec

from fedserver.errors import FedError

FORMAT: Final = "fedserver backup 1"
DATABASE: Final = "database/dump"
MANIFEST: Final = "manifest.json"
DATA: Final = "data/"
SETTINGS: Final = "fedserver.toml"
CHUNK_BYTES: Final = 1 << 20
MANIFEST_BYTES_MAX: Final = 1 << 30
_NAME: Final = re.compile(
    r"database/dump|data/(fedserver\.toml|sealing\.key|(media|imports|exports)(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+)"
)


class BackupError(FedError):
    """A backup could not be made, read or brought back; the text says why."""


class File(msgspec.Struct, frozen=True):
    """A file in the archive: its length, and its SHA-256 in hexadecimal."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup is of. `made_at` is in ms since 1970; `environment` names settings that were given there."""

    format: str = FORMAT
    version: str
    domain: str
    origin: str
    made_at: int
    database: Literal["sqlite", "postgresql"]
    revision: str
    media: str
    """``included``, ``left out``, or where else they are: ``s3://…``."""
    missing: tuple[str, ...] = ()
    """Keys of files that the database names and that were not there."""
    environment: tuple[str, ...] = ()
    files: dict[str, File] = {}


class Writer:
    """A backup that is being written, to a file beside its place that is moved there when it is whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f".{path.name}.part")
        self.files: dict[str, File] = {}

    def __enter__(self) -> Writer:
        if self._path.exists():
            raise BackupError(f"{self._path} is there already; nothing was overwritten.")
        try:
            # The keys of all members are in it: for its owner alone, from the first byte on.
            descriptor = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            raise BackupError(f"{self._path} cannot be written: {error.strerror}.") from error
        self._file = os.fdopen(descriptor, "w+b")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED)
        return self

    def add(self, name: str, source: Path, *, compress: bool = False) -> None:
        """Put a file into it. FileNotFoundError if there is none (any more)."""
        with source.open("rb") as file:
            info = zipfile.ZipInfo.from_file(source, name, strict_timestamps=False)
            info.compress_type = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
            with self._zip.open(info, "w", force_zip64=True) as target:
                self.files[name] = _copied(file, target)

    def finish(self, manifest: Manifest) -> int:
        """Write the manifest, make all durable and visible under its name; the length in bytes."""
        self._zip.writestr(MANIFEST, msgspec.json.encode(manifest), zipfile.ZIP_DEFLATED)
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        size = os.fstat(self._file.fileno()).st_size
        try:
            os.link(self._part, self._path)  # never over one that has come there meanwhile
        except FileExistsError as error:
            raise BackupError(f"{self._path} is there already; nothing was overwritten.") from error
        except OSError:
            self._part.replace(self._path)  # a file system without links
        return size

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise BackupError(
                f"{self._path} could not be written: {error.strerror or error}; nothing was kept of it."
            ) from error


class Reader:
    """A backup that is there. Every file that comes out of it has been compared with its digest."""

    def __init__(self, archive: zipfile.ZipFile, manifest: Manifest) -> None:
        self._zip = archive
        self.manifest = manifest

    @property
    def names(self) -> list[str]:
        """What is in it besides the manifest."""
        return list(self.manifest.files)

    def copy(self, name: str, target: Path) -> None:
        """Write one of its files to a new place, for its owner alone. Raises BackupError if it is damaged."""
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            self._read(name, file)
            file.flush()
            os.fsync(file.fileno())

    def verify(self, name: str) -> None:
        """Raise BackupError if one of its files is damaged."""
        with open(os.devnull, "wb") as nowhere:
            self._read(name, nowhere)

    def _read(self, name: str, target: IO[bytes]) -> None:
        try:
            with self._zip.open(name) as source:
                found = _copied(source, target)
        except (zipfile.BadZipFile, EOFError, KeyError, RuntimeError) as error:
            raise BackupError(f"The backup is damaged: {name} cannot be read.") from error
        if found != self.manifest.files[name]:
            raise BackupError(f"The backup is damaged: {name} is not as it was written.")


@contextmanager
def read(path: Path) -> Iterator[Reader]:
    """Open a backup. Raises BackupError for a file that is none, or not whole, or would write outside its folder."""
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise BackupError(f"There is no file {path}.") from error
    except OSError as error:
        raise BackupError(f"{path} cannot be read: {error.strerror}.") from error
    except zipfile.BadZipFile as error:
        raise BackupError(f"{path} is no backup, or only a part of one.") from error
    with archive:
        yield Reader(archive, _manifest(path, archive))


def _manifest(path: Path, archive: zipfile.ZipFile) -> Manifest:
    try:
        info = archive.getinfo(MANIFEST)
        if info.file_size > MANIFEST_BYTES_MAX:
            raise BackupError(f"{path} is no backup: its manifest is too long.")
        manifest = msgspec.json.decode(archive.read(info), type=Manifest)
    except (KeyError, zipfile.BadZipFile, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BackupError(f"{path} is no backup of fedserver.") from error
    if manifest.format != FORMAT:
        raise BackupError(
            f"{path} was made by version {manifest.version}, in a format that this version does not know."
        )
    there = [name for name in archive.namelist() if name != MANIFEST]
    if sorted(there) != sorted(manifest.files) or DATABASE not in manifest.files:
        raise BackupError(f"{path} is damaged: it does not hold what its manifest says.")
    if odd := [name for name in there if not _NAME.fullmatch(name)]:
        raise BackupError(f"{path} is no backup: {odd[0]!r} belongs into none.")
    return manifest


def fits(name: str) -> bool:
    """Whether a file may be called so in a backup."""
    return _NAME.fullmatch(name) is not None


def _copied(source: IO[bytes], target: IO[bytes]) -> File:
    digest, length = hashlib.sha256(), 0
    while chunk := source.read(CHUNK_BYTES):
        digest.update(chunk)
        length += len(chunk)
        target.write(chunk)
    return File(length, digest.hexdigest())


def free_bytes(folder: Path) -> int:
    """How much room there is where a file shall be written."""
    return shutil.disk_usage(folder).free
