"""ZIP archives, and the documents that are ZIPs (Office Open XML, OpenDocument, EPUB), looked into without unpacking them.

What an archive says of itself is checked for being a bomb: sizes, ratios, number and overlap of entries. Of what it holds no
more than a bounded number of bytes is unpacked, to see that entries are as long as they say, and begin like nothing that runs.
Everything here blocks.
"""

from __future__ import annotations

import re
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any, BinaryIO, Final

from fedserver.errors import Invalid
from fedserver.media.sniff import sniff

ENTRIES_MAX: Final = 5_000
DIRECTORY_BYTES_MAX: Final = 2_000_000
UNPACKED_BYTES_MAX: Final = 2_000_000_000
RATIO_MAX: Final = 200
RATIO_FROM_BYTES: Final = 5_000_000  # what is small may be as dense as it likes
LOOKED_AT_BYTES_MAX: Final = 64_000_000
INNER_BYTES_MAX: Final = 32_000_000
DEPTH_MAX: Final = 2
HEAD_BYTES: Final = 512
_CHUNK_BYTES: Final = 256 << 10
_END_BYTES: Final = 22
_LOCAL_BYTES: Final = 30
_SLACK_BYTES: Final = 1_024

_OFFICE: Final = {
    "word/document.xml": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "ppt/presentation.xml": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "xl/workbook.xml": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_OPEN_DOCUMENT: Final = "application/vnd.oasis.opendocument."
ENDINGS: Final[dict[str, tuple[str, ...]]] = {
    _OFFICE["word/document.xml"]: ("docx",),
    _OFFICE["ppt/presentation.xml"]: ("pptx",),
    _OFFICE["xl/workbook.xml"]: ("xlsx",),
    _OPEN_DOCUMENT + "text": ("odt",),
    _OPEN_DOCUMENT + "presentation": ("odp",),
    _OPEN_DOCUMENT + "spreadsheet": ("ods",),
    _OPEN_DOCUMENT + "graphics": ("odg",),
}
_EPUB: Final = "application/epub+zip"
_MACROS: Final = re.compile(r"(?:^|/)(?:vbaproject\.bin|vbadata\.xml|macrosheets/|activex/)", re.IGNORECASE)
_RUNS: Final = (b"MZ", b"\x7fELF", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"\xfe\xed\xfa", b"\0asm", b"#!")
_ARCHIVES: Final = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!", b"\x28\xb5\x2f\xfd")
_OLE: Final = b"\xd0\xcf\x11\xe0"


class _Refused(Exception):
    """What is wrong, as the end of a sentence about the file."""


@dataclass
class _Budget:
    """How many bytes may still be unpacked to look at them."""

    left: int = LOOKED_AT_BYTES_MAX


def recognise(file: BinaryIO, size: int) -> str:
    """What a file that begins like a ZIP is. Raises Invalid for what is not taken."""
    try:
        return _recognise(file, size, _Budget(), depth=1)
    except _Refused as problem:
        raise Invalid({"file": str(problem)}) from None


def has_one(file: BinaryIO, size: int) -> bool:
    """Whether an archive ends in this file, or in what follows its own end."""
    file.seek(max(0, size - 65_536 - _END_BYTES))
    return b"PK\x05\x06" in file.read() and zipfile.is_zipfile(file)


def _recognise(file: IO[bytes], size: int, budget: _Budget, *, depth: int) -> str:
    _check_end(file, size)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            _check_entries(file, entries, size)
            media_type = _kind(archive, {one.filename for one in entries})
            for entry in entries:
                if not entry.is_dir():
                    _check_content(archive, entry, media_type, budget, depth)
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        ValueError,
        NotImplementedError,
        RuntimeError,
    ):
        raise _Refused("is a damaged archive, or one that says something else than it holds") from None
    return media_type


def _check_end(file: IO[bytes], size: int) -> None:
    """APPNOTE 4.3.16: the record that ends it ends the file as well, but for its comment."""
    start = max(0, size - 65_535 - _END_BYTES)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END_BYTES > len(tail):
        raise _Refused("is a damaged archive")
    number = int.from_bytes(tail[at + 10 : at + 12], "little")
    if tail[max(0, at - 20) : at].startswith(b"PK\x06\x07"):
        raise _Refused("is a ZIP64 archive, which is for more than is taken here: pack it anew")
    comment = int.from_bytes(tail[at + 20 : at + 22], "little")
    if at + _END_BYTES + comment != len(tail):
        raise _Refused("has something hidden behind the end of its archive")
    directory_bytes = int.from_bytes(tail[at + 12 : at + 16], "little")
    if number > ENTRIES_MAX or directory_bytes > DIRECTORY_BYTES_MAX:
        # Before the list of them is read.
        raise _Refused(f"is an archive of more than {ENTRIES_MAX:,} files")


def _check_entries(file: IO[bytes], entries: Sequence[zipfile.ZipInfo], size: int) -> None:
    """What the archive says of what it holds."""
    if not entries:
        raise _Refused("is an empty archive")
    if len(entries) > ENTRIES_MAX:
        raise _Refused(f"is an archive of more than {ENTRIES_MAX:,} files")
    if any(one.flag_bits & 0x2041 for one in entries):
        raise _Refused("is encrypted: nobody could see what is in it")
    packed = sum(one.compress_size for one in entries)
    unpacked = sum(one.file_size for one in entries)
    dense = any(
        one.file_size > RATIO_FROM_BYTES and one.file_size > RATIO_MAX * max(1, one.compress_size)
        for one in entries
    )
    if (
        unpacked > UNPACKED_BYTES_MAX
        or dense
        or (unpacked > RATIO_FROM_BYTES and unpacked > RATIO_MAX * packed)
    ):
        raise _Refused("would become too large when it is unpacked")
    if packed > size:
        raise _Refused("says that it holds more than it can")
    for one in entries:
        if one.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _Refused("is packed in a way that not everybody can unpack")
        name = one.orig_filename
        if name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) or ":" in name or "\0" in name:
            raise _Refused("holds names that lead out of the folder into which it is unpacked")
        if stat.S_ISLNK(one.external_attr >> 16):
            raise _Refused("holds links instead of files")
    _check_places(file, entries)


def _check_places(file: IO[bytes], entries: Sequence[zipfile.ZipInfo]) -> None:
    """The entries lie one behind the other from the beginning: none shares its bytes with another, as in bombs whose entries
    overlap, and nothing lies before them."""
    ends = 0
    for one in sorted(entries, key=lambda entry: entry.header_offset):
        if one.header_offset < ends or (ends == 0 and one.header_offset != 0):
            raise _Refused("is an archive whose parts overlap, or that begins in the middle")
        file.seek(one.header_offset)
        header = file.read(_LOCAL_BYTES)
        if len(header) < _LOCAL_BYTES or header[:4] != b"PK\x03\x04":
            raise _Refused("is a damaged archive")
        lengths = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        ends = one.header_offset + _LOCAL_BYTES + lengths + one.compress_size
        said = int.from_bytes(header[22:26], "little")
        # Streams say their size behind themselves (bit 3), and ZIP64 elsewhere.
        if not header[6] & 0x08 and said not in (one.file_size, 0xFFFFFFFF):
            raise _Refused("says two sizes of what it holds")


def _kind(archive: zipfile.ZipFile, names: set[str]) -> str:
    if any(_MACROS.search(name) for name in names):
        raise _Refused("has macros in it: save it without")
    if "[Content_Types].xml" in names:
        types = _start(archive, archive.getinfo("[Content_Types].xml"), 1_000_000)
        if b"macroEnabled" in types or b"vbaProject" in types:
            raise _Refused("has macros in it: save it without")
        found = next((kind for name, kind in _OFFICE.items() if name in names), None)
        if found is None:
            raise _Refused("is an Office file of a kind that is not taken")
        return found
    if "mimetype" in names:
        said = _start(archive, archive.getinfo("mimetype"), 100).decode("ascii", "replace").strip()
        if said == _EPUB:
            return _EPUB
        if said.startswith(_OPEN_DOCUMENT):
            if any(name.startswith(("Basic/", "Scripts/")) for name in names):
                raise _Refused("has macros in it: save it without")
            if said not in ENDINGS:
                raise _Refused("is an OpenDocument file of a kind that is not taken")
            return said
    return "application/zip"


def _start(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, bytes_max: int) -> bytes:
    with archive.open(entry) as content:
        return content.read(bytes_max)


def _check_content(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, media_type: str, budget: _Budget, depth: int
) -> None:
    """An entry is as long as it says, as far as the budget goes, and begins like nothing that runs."""
    with archive.open(entry) as content:
        head = content.read(HEAD_BYTES)
        name, ending = entry.filename, entry.filename.rpartition(".")[2].lower()
        if head.startswith(_RUNS) and (head[:2] != b"MZ" or b"\0" in head):
            raise _Refused(f"holds a program or script: {name[:80]}")
        if head.startswith(_OLE):
            raise _Refused(f"holds an object of an old Office format: {name[:80]}")
        if head.startswith(_ARCHIVES):
            raise _Refused(f"holds another archive: {name[:80]}")
        if head.startswith(b"PK\x03\x04"):
            _check_inner(entry, content, head, budget, depth)
            return
        if media_type == "application/zip":
            from fedserver.resources.file_types import RUNS

            if sniff(head) in ("image/svg+xml", "text/html") or ending in RUNS:
                raise _Refused(f"holds a program, script or web page: {name[:80]}")
        elif media_type == _EPUB and ending in ("js", "mjs", "exe"):
            raise _Refused(f"holds a script: {name[:80]}")
        length = len(head)
        while budget.left > 0 and (chunk := content.read(min(_CHUNK_BYTES, budget.left))):
            length += len(chunk)
            budget.left -= len(chunk)
            if length > entry.file_size:
                break
        if length > entry.file_size or (budget.left > 0 and length < entry.file_size):
            raise _Refused("says something else of its sizes than it holds")


def _check_inner(entry: zipfile.ZipInfo, content: Any, head: bytes, budget: _Budget, depth: int) -> None:
    """An archive within an archive may be a document, and nothing else."""
    if depth >= DEPTH_MAX or entry.file_size > min(INNER_BYTES_MAX, budget.left):
        raise _Refused(f"holds another archive: {entry.filename[:80]}")
    with tempfile.TemporaryFile() as file:
        file.write(head)
        size = len(head)
        while chunk := content.read(_CHUNK_BYTES):
            size += len(chunk)
            budget.left -= len(chunk)
            if size > entry.file_size or budget.left < 0:
                raise _Refused("says something else of its sizes than it holds")
            file.write(chunk)
        if _recognise(file, size, budget, depth=depth + 1) == "application/zip":
            raise _Refused(f"holds another archive: {entry.filename[:80]}")
