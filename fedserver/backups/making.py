"""Make a backup while the server runs: of one moment, and with every file that the database of that moment names.

Files come before their rows and go after them. So those that are there are copied first, which takes long, then the
database, then those files that have come meanwhile: whatever the copied rows name was there at one of the two times.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection

from fedserver.backups.archive import DATA, DATABASE, SETTINGS, BackupError, Manifest, Writer, fits
from fedserver.config import Config
from fedserver.config_values import PREFIX
from fedserver.media.store import key_within
from fedserver.sealing import FILE as SEALING_KEY
from storage import dumps, stored_files
from storage import settings as stored_settings
from storage.database import open_database
from storage.types import now_ms

LAST: Final = "last_backup"  # no name of `fedserver.settings`: nobody sets it
FOLDERS: Final = ("media", "imports", "exports")
_PLACES: Final = frozenset({f"{PREFIX}CONFIG", f"{PREFIX}DATA", f"{PREFIX}DATABASE", f"{PREFIX}LISTEN"})


class Last(msgspec.Struct, frozen=True):
    """The newest backup: when it was begun and ended (ms since 1970), how long it is, and what it lacks."""

    begun_at: int
    made_at: int
    bytes: int
    files: int
    media: str
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made, with its length in bytes."""

    path: Path
    bytes: int
    manifest: Manifest


class _Named(NamedTuple):
    keys: set[str]
    revision: str


async def make(config: Config, path: Path, *, media: bool = True) -> Made:
    """Write a backup of the instance into the new file `path`; without `media`, files are not in it.

    Raises BackupError, and leaves nothing behind then. It blocks the thread: a process of its own calls it.
    """
    begun_at = now_ms()
    path = path.absolute()  # noqa: ASYNC240
    if not path.parent.is_dir():
        raise BackupError(f"There is no folder {path.parent}.")
    kind = dumps.kind_of(config.database_url)
    with_files = media and not config.media
    db = await open_database(config.database_url)
    try:
        copies = await db.read(stored_files.copies)
        with Writer(path) as writer:
            if with_files:
                _add_files(writer, config, copies)
            # Beside the backup, where there must be room anyway.
            with tempfile.TemporaryDirectory(prefix=".backup-", dir=path.parent) as folder:
                dump = Path(folder) / "dump"
                named = dumps.save(config.database_url, dump, lambda conn: _names(conn, config))
                writer.add(DATABASE, dump, compress=kind == "sqlite")
            lacking: set[str] = set()
            if with_files:
                _add_files(writer, config, copies)
                lacking = {key for key in named.keys if f"{DATA}media/{key}" not in writer.files}
            if lacking:  # what has been deleted since is missed by nobody
                lacking &= (await db.read(_names, config)).keys
            for source, name in ((config.file, SETTINGS), (config.data_dir / SEALING_KEY, SEALING_KEY)):
                if source is not None and source.is_file():
                    writer.add(DATA + name, source)
            manifest = Manifest(
                version=version("fedserver"),
                domain=config.domain,
                origin=config.origin,
                made_at=begun_at,
                database=kind,
                revision=named.revision,
                media=config.media or ("included" if media else "left out"),
                missing=tuple(sorted(lacking)),
                environment=tuple(sorted(set(_variables()) - _PLACES)),
                files=writer.files,
            )
            size = writer.finish(manifest)
        last = Last(begun_at, now_ms(), size, len(writer.files), manifest.media, len(lacking))
        await db.write(stored_settings.put, LAST, msgspec.to_builtins(last))
    except dumps.DumpError as error:
        raise BackupError(str(error)) from error
    finally:
        await db.close()
    return Made(path, size, manifest)


def last(conn: Connection) -> Last | None:
    """The newest backup that `make` has made; a unit."""
    found: Any = stored_settings.stored(conn).get(LAST)
    return None if found is None else msgspec.convert(found, Last)


def _names(conn: Connection, config: Config) -> _Named:
    base = f"{config.origin}/media"
    pictures = {key_within(url, base) for url in stored_files.pictures(conn)}
    return _Named(
        stored_files.named(conn) | {key for key in pictures if key is not None}, dumps.revision(conn)
    )


def _add_files(writer: Writer, config: Config, copies: set[str]) -> None:
    """Put in what is not in it yet. What goes away meanwhile is left out, and so are copies of others' files."""
    for folder in FOLDERS:
        for path, name in _files(config.data_dir / folder):
            full = f"{DATA}{folder}/{name}"
            if full in writer.files or not fits(full) or (folder == "media" and name in copies):
                continue
            try:
                writer.add(full, path)
            except FileNotFoundError:
                continue


def _files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every whole file in a folder and those below, with its name from there on."""
    for here, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if not name.startswith(".") and not name.endswith(".part"):
                path = Path(here, name)
                yield path, path.relative_to(folder).as_posix()


def _variables() -> list[str]:
    return [name for name in os.environ if name.startswith(PREFIX)]
