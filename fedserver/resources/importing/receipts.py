"""What an import found, and the receipt that says honestly what was done to it on the way.

A note has the field of a resource that it is about ("" for the source as a whole) and a sentence for people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from fedserver.resources.publishing import NewVersion
from fedserver.resources.records import Described

Kind = Literal["repaired", "guessed", "missing", "left_out"]
KINDS: Final[tuple[Kind, ...]] = ("repaired", "guessed", "missing", "left_out")
NOTES_MAX: Final = 200
"""Of each kind; what is beyond is counted."""
QUOTED_CHARS_MAX: Final = 80


class Note(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that was done. `line` and `column` begin at 1 and are where it was in the source."""

    field: str
    sentence: str
    line: int | None = None
    column: int | None = None


class Double(msgspec.Struct, frozen=True, kw_only=True):
    """A resource that is here already and may be the same work; `by` says what they share: source, doi, url or title."""

    id: str
    url: str
    title: str
    by: str


class Suggested(msgspec.Struct, frozen=True, kw_only=True):
    """The version that the source has, for whoever publishes the draft; `links` have `url` and `name`."""

    number: str
    notes: str = ""
    doi: str = ""
    links: list[dict[str, str]] = []


class Receipt(msgspec.Struct, kw_only=True):
    """What was repaired in the source, guessed from it, missing in it and left out of it; and which resources here may be the
    same work. `source` is the address or file it comes from; `version` is what a draft does not say."""

    source: str = ""
    repaired: list[Note] = []
    guessed: list[Note] = []
    missing: list[Note] = []
    left_out: list[Note] = []
    doubles: list[Double] = []
    version: Suggested | None = None

    def note(
        self, kind: Kind, name: str, sentence: str, *, line: int | None = None, column: int | None = None
    ) -> None:
        """Add a note, once."""
        notes: list[Note] = getattr(self, kind)
        one = Note(field=name, sentence=sentence, line=line, column=column)
        if one in notes:
            return
        if len(notes) < NOTES_MAX:
            notes.append(one)
        elif len(notes) == NOTES_MAX:
            notes.append(Note(field="", sentence="And more of the same kind, which is not listed."))

    def all(self) -> list[tuple[Kind, Note]]:
        """Every note with its kind."""
        return [(kind, one) for kind in KINDS for one in getattr(self, kind)]


@dataclass(slots=True)
class Found:
    """A resource as a source describes it. `source_uri` is by what it is found there again ("" where nothing says that);
    works of one `collection` (what their source_uris begin with) are told apart by it alone. `dois` are further ones of the
    same work, such as that of all its versions."""

    described: Described
    receipt: Receipt
    source_uri: str = ""
    version: NewVersion = field(default_factory=NewVersion)
    collection: str = ""
    dois: Sequence[str] = ()


@dataclass(slots=True)
class Read:
    """All that a source gave: resources, and notes on what in it is none, their field being what that is called. `repaired` is
    what had to be mended where no resource came of it."""

    found: list[Found] = field(default_factory=list)
    left_out: list[Note] = field(default_factory=list)
    repaired: list[Note] = field(default_factory=list)

    def leave_out(self, what: str, sentence: str) -> None:
        """Something of the source that does not become a resource."""
        self.left_out.append(Note(field=what[:200], sentence=sentence))


def quoted(value: Any) -> str:
    """A stranger's words within a sentence, cut."""
    text = " ".join(str(value)[: QUOTED_CHARS_MAX * 4].split())
    return f"“{text if len(text) <= QUOTED_CHARS_MAX else text[: QUOTED_CHARS_MAX - 1] + '…'}”"


decode_receipt: Final = msgspec.json.Decoder(Receipt).decode
encode_receipt: Final = msgspec.json.Encoder().encode


def joined(parts: Sequence[Read]) -> Read:
    """What several sources gave, together."""
    done = Read()
    for one in parts:
        done.found += one.found
        done.left_out += one.left_out
        done.repaired += one.repaired
    return done
