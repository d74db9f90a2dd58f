"""Files that an import reads: bounded, and as text whatever they are encoded in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from fedserver.errors import FedError, Invalid, TooLarge
from fedserver.resources.importing.receipts import Read, joined

BYTES_MAX: Final = 20_000_000
FILES_MAX: Final = 2_000


def text_of(path: Path) -> str:
    """The text of a file. Raises Invalid, TooLarge. Blocks."""
    try:
        if path.stat().st_size > BYTES_MAX:
            raise TooLarge(f"{path.name} is larger than {BYTES_MAX:,} bytes.")
        return decoded(path.read_bytes())
    except OSError as error:
        raise Invalid({}, f"{path} cannot be read: {error.strerror}.") from error


def decoded(body: bytes) -> str:
    """Bytes as text: as their byte order mark says, else UTF-8, else as Windows writes Western languages."""
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if body.startswith(mark):
            return body.decode(name, "replace")
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("cp1252", "replace")


def under(paths: Sequence[Path], endings: Sequence[str]) -> Iterator[Path]:
    """These files, and of these folders the files with such an ending, in order. Raises Invalid for too many. Blocks."""
    number = 0
    for path in paths:
        inner = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        for one in inner:
            if path.is_dir() and one.suffix.lower() not in endings:
                continue
            number += 1
            if number > FILES_MAX:
                raise Invalid({}, f"At most {FILES_MAX:,} files are read at a time.")
            yield one


def read_each(paths: Sequence[Path], endings: Sequence[str], read: Callable[[str, str], Read]) -> Read:
    """What `read` makes of the text of each file, given its name; one that cannot be read spoils no other. Blocks."""
    parts: list[Read] = []
    for path in under(paths, endings):
        try:
            parts.append(read(text_of(path), path.name))
        except FedError as error:
            unread = Read()
            unread.leave_out(path.name, str(error))
            parts.append(unread)
    return joined(parts)
