"""Where the files are that a member brings along: one alone, in a folder, or in an archive (zip)."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from fedserver.errors import Invalid
from fedserver.moving_in.files import BYTES_MAX, KINDS, Kind, kind_named


def gathered(path: Path, name: str = "") -> list[tuple[str, bytes]]:
    """(name, content) of what can be brought in: a file itself, called `name` if it has not its own, or those that a folder or
    an archive (zip) has of the kinds that are known. Blocks. Raises Invalid."""
    if path.is_dir():
        found = {one.name: one for one in path.rglob("*") if one.is_file()}
        return [(name, _bytes(found[name])) for name in _chosen(found)]
    if not zipfile.is_zipfile(path):
        return [(name or path.name, _bytes(path))]
    try:
        return _of_archive(path)
    except zipfile.BadZipFile as error:
        raise Invalid({"file": "is a broken archive"}) from error


def _of_archive(path: Path) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        members = {one.filename.rpartition("/")[2]: one for one in archive.infolist() if not one.is_dir()}
        parts, left = [], BYTES_MAX
        for name in _chosen(members):
            try:
                with archive.open(members[name]) as part:
                    body = part.read(left + 1)
            except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError) as error:
                raise Invalid({"file": f"cannot be opened: {name} in it is broken"}) from error
            left -= len(body)
            if left < 0:  # however little of the archive that takes
                raise Invalid({"file": f"has more than {BYTES_MAX >> 20} MB of what can be brought in"})
            parts.append((name, body))
        return parts


def _chosen(names: Iterable[str]) -> list[str]:
    """The best file of each kind, in the order in which they are brought in: a table before what is for programs alone."""
    best: dict[Kind, str] = {}
    for name in sorted(names, key=_rank):
        kind = kind_named(name)
        if kind and name.lower().endswith((".csv", ".json")):
            best.setdefault(kind, name)
    return [best[kind] for kind in KINDS if kind in best]


def _rank(name: str) -> tuple[bool, str]:
    # Of filters the JSON says more: when they end, and which posts they name.
    is_json = name.lower().endswith(".json")
    return is_json != (kind_named(name) == "custom_filters"), name


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(BYTES_MAX + 1)
    except OSError as error:
        raise Invalid({"file": f"cannot be read: {error.strerror}"}) from error
