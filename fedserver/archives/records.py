"""What every kind of archive is read into: messages by people, in an order in which parents come first.

Readers give one message at a time and hold no more than that. What they cannot use they name, with a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

from fedserver.errors import Invalid

Source = Literal["slack", "mbox"]

TEXT_CHARS_MAX: Final = 100_000
"""Of one message. Longer ones are cut, and say so."""
ANCESTORS_MAX: Final = 20
EXTERNAL_ID_CHARS_MAX: Final = 200
FILE_BYTES_MAX: Final = 64 << 20
"""Of one file within an archive, as it is unpacked."""


class NotAnArchive(Invalid):
    """The file cannot be read as what it was said to be, or is built to do harm."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who wrote in the archive. `external_id` is theirs in it; `email` is "" where it is not told."""

    external_id: str
    name: str
    email: str = ""
    is_bot: bool = False


@dataclass(frozen=True, slots=True)
class File:
    """What was attached. `save` writes it to a path, with FILE_BYTES_MAX bytes at most (NotAnArchive for more);
    None where the archive has its name alone. `url` is where it was, or ""."""

    name: str
    save: Callable[[Path], None] | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `ancestors` are the external ids of what it answers, the nearest first; it begins a thread when
    none of them is known. `text` is Markdown or plain as `media_type` says, and not longer than TEXT_CHARS_MAX."""

    external_id: str
    author: Person
    at_ms: int
    text: str
    media_type: Literal["text/plain", "text/markdown"] = "text/plain"
    title: str = ""
    ancestors: Sequence[str] = ()
    edited_at_ms: int | None = None
    files: Sequence[File] = ()
    tags: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A message that is not taken over: `what` it is (where it stands, when it was sent) and `why`.

    `expected` ones are noted as a number alone: nobody misses that somebody joined a channel.
    """

    what: str
    why: str
    expected: bool = False


class Archive(Protocol):
    """An archive that is open; `close` it."""

    source: Source
    total: int
    """How many entries `entries` gives."""

    def entries(self, start: int = 0) -> Iterator[Message | LeftOut]:
        """Every entry once, always in the same order, from number `start`; parents before what answers them."""

    def close(self) -> None: ...


def fitting(text: str) -> str:
    """The text, or as much of it as is kept with a line that says so."""
    if len(text) <= TEXT_CHARS_MAX:
        return text
    return text[: TEXT_CHARS_MAX - 100].rstrip() + "\n\n[The rest of this message was not taken over.]"
