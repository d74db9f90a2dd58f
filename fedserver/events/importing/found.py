"""What an import of events found, with the receipt that says honestly what was done to it on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct

from fedserver.events import series
from fedserver.events.records import Described, encode
from fedserver.events.series import Schedule
from fedserver.resources.importing.receipts import Note, Receipt
from storage.words import fold

EVENTS_MAX: Final = 2_000
"""Of one source."""


class Change(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is different about one occurrence: the one with this `key` begins at another wall time, lasts another number of
    minutes, or does not take place; `note` says what else (plain text)."""

    key: str
    starts: str = ""
    minutes: int = 0
    cancelled: bool = False
    note: str = ""


@dataclass(slots=True)
class Found:
    """An event as a source describes it. `uid` is what the source calls it ("" where it has no name for it), `mark` by what it
    is known again when that changes: when it begins and its title. `sequence` counts the source's versions (RFC 5545 §3.8.7.4)."""

    described: Described
    receipt: Receipt
    uid: str = ""
    mark: str = ""
    sequence: int = 0
    changes: tuple[Change, ...] = ()

    def digest(self) -> str:
        """What the source says, in a form that can be compared."""
        return digest_of(self.described, self.changes)


class LeftOut(Struct, frozen=True, kw_only=True):
    """Something of a source that does not become an event, and why."""

    title: str
    why: str
    uid: str = ""


@dataclass(slots=True)
class Read:
    """All that a source gave. `name` is what it calls itself; `whole` says that nothing of it was cut off."""

    found: list[Found] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    repaired: list[Note] = field(default_factory=list)
    name: str = ""
    whole: bool = True

    def leave_out(self, title: str, why: str, uid: str = "") -> None:
        self.left_out.append(LeftOut(title=title[:200], why=why, uid=uid))


def joined(parts: Sequence[Read]) -> Read:
    """What several sources gave, together."""
    done = Read(name=parts[0].name if len(parts) == 1 else "", whole=all(one.whole for one in parts))
    for one in parts:
        done.found += one.found
        done.left_out += one.left_out
        done.repaired += one.repaired
    return done


def digest_of(described: Described, changes: Sequence[Change]) -> str:
    """64 hexadecimal digits for an event and what is different about its occurrences."""
    return hashlib.sha256(encode([described, sorted(changes, key=lambda one: one.key)])).hexdigest()


def mark_of(schedule: Schedule, title: str) -> str:
    """When something begins, and its title, as one short text: by what it is known where its name changes."""
    at_ms = series.instant(series.moment(schedule.starts), schedule.zone)
    said = f"{'day' if schedule.all_day else 'hour'} {at_ms} {fold(' '.join(title.split()))}"
    return hashlib.sha256(said.encode()).hexdigest()[:32]
