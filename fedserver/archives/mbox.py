"""An mbox archive (RFC 4155) as messages, however large: the file is read from one end to the other once, to learn
where each message begins and what it answers, and then message by message in the order of the threads.

What is remembered between the two lies in a temporary SQLite database, on disk. Messages are parsed by `letters`.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from fedserver.archives import letters
from fedserver.archives.records import ANCESTORS_MAX, LeftOut, Message, NotAnArchive, Source
from storage.types import DAY_MS

LETTER_BYTES_MAX: Final = 32 << 20
HEAD_BYTES_MAX: Final = 256 << 10
SUBJECT_DAYS_MAX: Final = 30
"""How long after a message one that answers by its subject alone counts as an answer to it."""
_LINE_BYTES_MAX: Final = 1 << 20

# "From " and an address begin a line of many a text; a separator has the year as well (RFC 4155, appendix A).
_SEPARATOR: Final = re.compile(rb"From .*\b\d{1,2}:\d{2}(?::\d{2})?\b.*\b\d{4}\b.*\r?\n?\Z")
_SEPARATOR_BYTES_MAX: Final = 500  # no address is as long, and the pattern takes its time with longer ones
_QUOTED_FROM: Final = re.compile(rb"^>(>*From )", re.MULTILINE)

_SCHEMA: Final = """
    CREATE TABLE letter (
        number INTEGER PRIMARY KEY, start INTEGER, size INTEGER, id TEXT, at INTEGER,
        subject TEXT, answers INTEGER, parent INTEGER, place INTEGER
    );
    CREATE TABLE reference (number INTEGER, position INTEGER, id TEXT, PRIMARY KEY (number, position)) WITHOUT ROWID;
"""
_INDEXES: Final = """
    CREATE INDEX letter_id ON letter (id, number);
    CREATE INDEX letter_subject ON letter (subject, at);
"""


class Mbox:
    """An mbox file that is open. Raises NotAnArchive for a file that is none. Blocks while it reads the file once."""

    source: Source = "mbox"

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("rb")
        self._index = sqlite3.connect(
            "", check_same_thread=False, isolation_level=None
        )  # "": on disk, nameless
        try:
            self._index.executescript(_SCHEMA)
            self._scan()
            self._index.executescript(_INDEXES)
            self._find_parents()
            self.total = self._put_in_order()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._index.close()
        self._file.close()

    def entries(self, start: int = 0) -> Iterator[Message | LeftOut]:
        """Every message, parents before their answers, otherwise by date."""
        place = start
        while True:
            row = self._index.execute(
                "SELECT number, start, size, id, at, parent FROM letter WHERE place = ?", (place,)
            ).fetchone()
            if row is None:
                return
            yield self._entry(*row)
            place += 1

    def _entry(
        self, number: int, start: int, size: int, external_id: str, at: int, parent: int | None
    ) -> Message | LeftOut:
        where = f"message {number + 1}"
        first = self._index.execute("SELECT min(number) FROM letter WHERE id = ?", (external_id,)).fetchone()[
            0
        ]
        if first != number:
            return LeftOut(where, "It is in the archive twice.", expected=True)
        if size > LETTER_BYTES_MAX:
            return LeftOut(where, f"It is larger than {LETTER_BYTES_MAX >> 20} MB.")
        return letters.message(
            self._source(start, size),
            where=where,
            external_id=external_id,
            at_ms=at,
            ancestors=self._ancestors(number, parent),
            again=lambda: self._source(start, size),
        )

    def _ancestors(self, number: int, parent: int | None) -> list[str]:
        found = [
            row[0]
            for row in self._index.execute(
                "SELECT id FROM reference WHERE number = ? ORDER BY position", (number,)
            )
        ]
        if parent is not None:
            found += self._index.execute("SELECT id FROM letter WHERE number = ?", (parent,)).fetchone()
        return list(dict.fromkeys(found))

    def _source(self, start: int, size: int) -> bytes:
        self._file.seek(start)
        return _QUOTED_FROM.sub(rb"\1", self._file.read(size))

    # -- the first reading

    def _scan(self) -> None:
        """Note where each message begins and what its head says."""
        self._index.execute("BEGIN")
        number, before = 0, 0
        for separator, start, size, head in _letters(self._file):
            found = letters.heading(head, separator)
            if found.at_ms is None:
                found.at_ms = before
            before = found.at_ms
            self._index.execute(
                "INSERT INTO letter (number, start, size, id, at, subject, answers) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (number, start, size, found.external_id, found.at_ms, found.subject_key, found.is_answer),
            )
            self._index.executemany(
                "INSERT INTO reference VALUES (?, ?, ?)",
                [(number, position, one) for position, one in enumerate(found.references[:ANCESTORS_MAX])],
            )
            number += 1
        self._index.execute("COMMIT")
        if number == 0:
            raise NotAnArchive(
                message='This is no mbox archive: it does not begin with a line like "From …".'
            )

    def _find_parents(self) -> None:
        """The nearest ancestor that is in the archive; without any, the latest message of the same subject."""
        self._index.execute("BEGIN")
        self._index.execute(
            """
            UPDATE letter SET parent = (
                SELECT other.number FROM reference
                JOIN letter AS other ON other.id = reference.id
                WHERE reference.number = letter.number AND other.id != letter.id
                ORDER BY reference.position, other.number LIMIT 1
            )
            """
        )
        self._index.execute(
            """
            UPDATE letter SET parent = (
                SELECT other.number FROM letter AS other
                WHERE other.subject = letter.subject AND other.at < letter.at AND other.at >= letter.at - ?
                ORDER BY other.at DESC LIMIT 1
            )
            WHERE parent IS NULL AND answers AND subject != ''
            """,
            (SUBJECT_DAYS_MAX * DAY_MS,),
        )
        self._index.execute("COMMIT")

    def _put_in_order(self) -> int:
        """Number the messages so that none comes before what it answers, nor is older than it; how many there are.

        Clocks are wrong and headers are made up, so neither date nor place in the file can be relied upon.
        """
        place = 0
        self._index.execute("BEGIN")
        for (number,) in self._index.execute("SELECT number FROM letter ORDER BY at, number").fetchall():
            for one, at in reversed(self._unplaced_above(number)):
                self._index.execute("UPDATE letter SET place = ?, at = ? WHERE number = ?", (place, at, one))
                place += 1
        self._index.execute("COMMIT")
        self._index.execute("CREATE INDEX letter_place ON letter (place)")
        return place

    def _unplaced_above(self, number: int) -> list[tuple[int, int]]:
        """The message and what it answers, as far as that has no place yet, nearest first; with honest dates."""
        chain: dict[int, int] = {}
        floor = 0
        current: int | None = number
        while current is not None:
            parent, at, place = self._index.execute(
                "SELECT parent, at, place FROM letter WHERE number = ?", (current,)
            ).fetchone()
            if place is not None:
                floor = at + 1
                break
            if parent in chain or parent == current:  # it answers itself: the thread begins here
                self._index.execute("UPDATE letter SET parent = NULL WHERE number = ?", (current,))
                parent = None
            chain[current] = at
            current = parent
        dated = []
        for one, at in reversed(chain.items()):
            floor = max(at, floor)
            dated.append((one, floor))
            floor += 1
        return dated[::-1]


def _separates(line: bytes) -> bool:
    return len(line) <= _SEPARATOR_BYTES_MAX and line.startswith(b"From ") and bool(_SEPARATOR.match(line))


def _letters(file: BinaryIO) -> Iterator[tuple[bytes, int, int, bytes]]:
    """Of each message its separator, where it starts and ends, and its head."""
    separator: bytes | None = None
    start = end = 0
    head: list[bytes] = []
    head_bytes = 0
    in_head = after_blank = True
    position = 0
    at_line_start = True
    while line := file.readline(_LINE_BYTES_MAX):
        if at_line_start and after_blank and _separates(line):
            if separator is not None:
                yield separator, start, end - start, b"".join(head)
            separator, start = line, position + len(line)
            head, head_bytes, in_head = [], 0, True
        elif separator is None:
            if line.strip():
                return
        elif in_head:
            in_head = bool(line.strip()) and head_bytes + len(line) <= HEAD_BYTES_MAX
            if in_head:
                head.append(line)
                head_bytes += len(line)
        position += len(line)
        # The blank line before a separator belongs to it, not to the message.
        after_blank = at_line_start and line in (b"\n", b"\r\n")
        if not after_blank or separator is None:
            end = position
        at_line_start = line.endswith(b"\n")
    if separator is not None:
        yield separator, start, end - start, b"".join(head)
