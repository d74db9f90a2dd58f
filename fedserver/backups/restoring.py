"""Bring a backup back: in another folder, at another port, on another machine, and always for the same domain.

Nothing that is there is overwritten. Every file is compared with its digest before anything stands in its place.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fedserver import config as settings
from fedserver.backups.archive import (
    DATA,
    DATABASE,
    SETTINGS,
    BackupError,
    Manifest,
    Reader,
    free_bytes,
    read,
)
from fedserver.config import Config
from fedserver.config_values import PREFIX
from storage import dumps, migrate

_OF_THE_PLACE: Final = re.compile(r"(?m)^(?=(?:data|database)\s*=)")
ROOM_BYTES: Final = 50_000_000


@dataclass(frozen=True, slots=True)
class Restored:
    """An instance that was brought back; `config` is what it is served with."""

    manifest: Manifest
    config: Config
    settings_path: Path


def check(path: Path) -> Manifest:
    """Read a backup from end to end and say what it is of. Raises BackupError if anything of it is damaged."""
    with read(path) as backup:
        _check_known(backup.manifest)
        with tempfile.TemporaryDirectory(prefix="fedserver-") as folder:
            dump = _dump(backup, Path(folder))
            for name in backup.names:
                if name != DATABASE:
                    backup.verify(name)
            _check_dump(dump, backup.manifest)
        return backup.manifest


def restore(
    path: Path, data: Path, *, database: str = "", environ: Mapping[str, str] | None = None
) -> Restored:
    """Bring a backup back into the folder `data`, and into `database` (else where the settings say).

    Settings of the environment hold as when serving. Raises BackupError and ConfigError; then nothing has changed.
    """
    environ = dict(os.environ if environ is None else environ)
    environ.pop(PREFIX + "CONFIG", None)
    data = data.absolute()
    with read(path) as backup:
        manifest = backup.manifest
        _check_known(manifest)
        tops = {name.split("/")[1] for name in backup.names if name.startswith(DATA)} | {SETTINGS}
        _check_free(data, tops)
        try:
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
            if free_bytes(data) < sum(one.bytes for one in manifest.files.values()) + ROOM_BYTES:
                raise BackupError(f"There is not enough room in {data}.")
            staging = Path(tempfile.mkdtemp(prefix=".restoring-", dir=data))
        except OSError as error:
            raise BackupError(f"{data} cannot be written to: {error.strerror}.") from error
        try:
            for name in backup.names:
                backup.copy(name, staging / name)
            inside = staging / DATA
            inside.mkdir(exist_ok=True)
            _write_settings(inside / SETTINGS, manifest, database)
            environ |= {f"{PREFIX}DATA": str(data), **({f"{PREFIX}DATABASE": database} if database else {})}
            config = settings.load(inside / SETTINGS, environ)
            _check_same(manifest, config)
            _check_dump(staging / DATABASE, manifest)
            dumps.load(staging / DATABASE, config.database_url)
            for top in sorted(tops):
                (inside / top).rename(data / top)
        except dumps.DumpError as error:
            raise BackupError(str(error)) from error
        except OSError as error:
            raise BackupError(
                f"It could not be brought back into {data}: {error.strerror or error}."
            ) from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return Restored(manifest, settings.load(data / SETTINGS, environ), data / SETTINGS)


def _check_known(manifest: Manifest) -> None:
    if manifest.revision > migrate.head():
        raise BackupError(
            f"The backup was made by version {manifest.version}, which is newer than this one: install that first."
        )


def _check_free(data: Path, tops: set[str]) -> None:
    there = [top for top in sorted(tops) if (data / top).exists() and not _is_empty(data / top)]
    if there:
        raise BackupError(
            f"{data / there[0]} is there already; nothing was overwritten. Name an empty folder."
        )
    for top in tops:
        if (data / top).is_dir():
            (data / top).rmdir()


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _check_same(manifest: Manifest, config: Config) -> None:
    for name, was, would_be in (
        ("domain", manifest.domain, config.domain),
        ("url", manifest.origin, config.origin),
    ):
        if was != would_be:
            raise BackupError(
                f"The backup is of {was}, but the setting {name} says {would_be}: others know its members by that name alone."
            )
    if dumps.kind_of(config.database_url) != manifest.database:
        wanted = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[manifest.database]
        raise BackupError(
            f"The backup is of a database in {wanted}: say where the new one is with --database."
        )


def _dump(backup: Reader, folder: Path) -> Path:
    target = folder / "dump"
    backup.copy(DATABASE, target)
    return target


def _check_dump(dump: Path, manifest: Manifest) -> None:
    try:
        dumps.check(dump, manifest.database)
    except dumps.DumpError as error:
        raise BackupError(str(error)) from error


def _write_settings(path: Path, manifest: Manifest, database: str) -> None:
    """The settings as they were, but for where folder and database are: those of the old place are left as comments."""
    if not path.exists():
        path.unlink(missing_ok=True)
        more = {"database": database} if database else {}
        settings.write_initial(path, domain=manifest.domain, url=manifest.origin, environ={}, **more)
        return
    text = path.read_text(encoding="utf-8")
    top, bracket, rest = (
        re.split(r"(?m)(^\[)", text, maxsplit=1) if re.search(r"(?m)^\[", text) else (text, "", "")
    )
    top = _OF_THE_PLACE.sub("# before the restore: ", top)
    if database:
        top = f"database = {settings.as_toml(database)}\n\n{top}"
    changed = top + bracket + rest
    tomllib.loads(changed)
    path.write_text(changed, encoding="utf-8")
