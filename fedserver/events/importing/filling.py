"""Bring events that were found elsewhere into this server: a chunk is one unit, quietly, and what has come once does not come again.

An event is known from one reading to the next by the name that its source gives it, or, where sources give new names each time,
by when it begins and its title. When the source says something else, and nobody has changed the event here since, it is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from fedserver.beside import VISIBILITIES
from fedserver.context import Server
from fedserver.errors import FedError, Invalid, NotFound
from fedserver.events import publishing, saying, series
from fedserver.events.checking import checked
from fedserver.events.importing.found import Change, Found, LeftOut, Read, digest_of
from fedserver.events.reading import described_of
from fedserver.events.records import Described
from fedserver.resources.importing.receipts import Note, Receipt
from storage import event_origins, events, users
from storage.event_origins import OriginRow
from storage.events import OccurrenceRow
from storage.types import now_ms

CHUNK: Final = 50
State = Literal[
    "added",
    "changed",
    "cancelled",
    "unchanged",
    "there",
    "changed_here",
    "removed_here",
    "older",
    "twice",
    "refused",
]
STATES: Final[tuple[State, ...]] = (
    "added", "changed", "cancelled", "unchanged", "there", "changed_here", "removed_here", "older", "twice", "refused",
)  # fmt: skip


class Outcome(Struct, kw_only=True):
    """What became of one event: `cancelled` since its source calls it off; `changed_here` or `removed_here` since it came in, so it
    stays so; `there` already as an event of this server; `older` than what came before. `when` is in words; `id` and `url` are the
    event's, once it is there."""

    title: str
    state: State
    receipt: Receipt
    when: str = ""
    id: str | None = None
    url: str | None = None
    why: str = ""


@dataclass(slots=True)
class Report:
    """What became of a run: each event, and what in the source was none."""

    outcomes: list[Outcome] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    repaired: list[Note] = field(default_factory=list)
    name: str = ""

    def count(self, state: State) -> int:
        return sum(one.state == state for one in self.outcomes)

    def counts(self) -> dict[str, int]:
        """By state, and what was left out."""
        return {**{state: self.count(state) for state in STATES}, "left_out": len(self.left_out)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Whose events they become and where they are seen. With `answers` people can say here that they come; `feed_id` is the
    subscription that they are read from, `source` its address or the name of the file."""

    account_id: int
    visibility: str = "public"
    group_id: int | None = None
    answers: bool = False
    feed_id: int | None = None
    source: str = ""


class _Undone(Exception):
    """A dry run: everything was done, and nothing is kept."""


async def member_target(server: Server, name: str, **more: Any) -> Target:
    """For the member of this name. Raises NotFound."""

    def unit(conn: Connection) -> int:
        row = users.by_name(conn, name.removeprefix("@"))
        if row is None or row.deleted_at is not None or row.suspended_at is not None:
            raise NotFound(f"There is no member named {name[:60]!r} here.")
        return int(row.account_id)

    return Target(account_id=await server.db.read(unit), **more)


async def fill(
    server: Server,
    target: Target,
    read: Read,
    *,
    dry_run: bool = False,
    told: Callable[[int, int], None] | None = None,
) -> Report:
    """Bring in what was found; `told` hears how many of how many are through. Raises Invalid (the visibility)."""
    if target.visibility not in VISIBILITIES:
        raise Invalid({"visibility": "must be public, unlisted or members"})
    report = Report(left_out=read.left_out, repaired=read.repaired, name=read.name)
    run = _Run(server, target, read, dry_run=dry_run)
    for begin in range(0, len(read.found), CHUNK):
        report.outcomes += await run.take(read.found[begin : begin + CHUNK])
        if told is not None:
            told(len(report.outcomes), len(read.found))
    return report


class _Run:
    """A run while it is under way."""

    def __init__(self, server: Server, target: Target, read: Read, *, dry_run: bool) -> None:
        self._server, self._target, self._dry_run = server, target, dry_run
        self._uids = {one.uid for one in read.found if one.uid} | {
            one.uid for one in read.left_out if one.uid
        }
        self._left_out = {one.uid for one in read.left_out if one.uid}
        self._taken: set[int] = set()
        self._new: set[str] = set()

    async def take(self, chunk: Sequence[Found]) -> list[Outcome]:
        """One chunk, in one unit."""
        outcomes: list[Outcome] = []
        taken, new = set(self._taken), set(self._new)

        def unit(conn: Connection) -> None:
            outcomes.clear()
            self._taken, self._new = set(taken), set(new)
            origins = _Origins(conn, self._target, chunk, self._uids)
            outcomes.extend(self._one(conn, origins, found) for found in chunk)
            if self._target.feed_id is not None:
                event_origins.seen(conn, self._taken - taken, now_ms())
            if self._dry_run:
                raise _Undone

        try:
            await self._server.db.write(unit)
        except _Undone:
            for one in outcomes:
                if one.state == "added":
                    one.id = one.url = None
        return outcomes

    def _one(self, conn: Connection, origins: _Origins, found: Found) -> Outcome:
        outcome = Outcome(title=found.described.title, state="refused", receipt=found.receipt)
        key = found.uid or found.mark
        if key in self._new:
            outcome.state = "twice"
            return outcome
        try:
            said = checked(replace(found.described, rsvp_mode="free" if self._target.answers else "none"))
        except FedError as error:
            outcome.why = str(error)
            return outcome
        self._new.add(key)
        spans = series.spans_of(said.schedule)
        outcome.title, outcome.when = said.title, saying.when(said.details(), spans)
        here = origins.here.get(found.uid)
        origin = origins.match(found, self._taken)
        if here is not None and origin is None:
            outcome.state, outcome.id, outcome.url = "there", str(here), self._server.uris.event(here)
            return outcome
        savepoint = conn.begin_nested()
        try:
            if origin is None:
                self._add(conn, outcome, found, said, spans)
            else:
                self._taken.add(origin.id)
                self._known(conn, outcome, origin, found, said)
        except FedError as error:
            savepoint.rollback()
            outcome.state, outcome.why = "refused", str(error)
        else:
            savepoint.commit()
        return outcome

    def _add(
        self,
        conn: Connection,
        outcome: Outcome,
        found: Found,
        said: Described,
        spans: Sequence[tuple[str, int, int]],
    ) -> None:
        if said.status == "cancelled":
            outcome.why = "It was called off before it came here."
            return
        post_id = publishing.publish_unit(
            conn,
            self._server,
            self._target.account_id,
            said,
            visibility=self._target.visibility,
            group_id=self._target.group_id,
            at_ms=max(1, spans[0][1]),
            quiet=True,
        )
        _put_changes(conn, post_id, found.changes)
        origin_id = event_origins.add(
            conn,
            account_id=self._target.account_id,
            feed_id=self._target.feed_id,
            post_id=post_id,
            source=self._target.source,
            kept=kept_digest(conn, post_id),
            **_columns(found),
        )
        self._taken.add(origin_id)
        outcome.state = "added"
        outcome.id, outcome.url = str(post_id), self._server.uris.event(post_id)

    def _known(
        self, conn: Connection, outcome: Outcome, origin: OriginRow, found: Found, said: Described
    ) -> None:
        row = events.by_id(conn, origin.post_id)
        if row is None:
            self._removed(conn, outcome, origin, found, said)
            return
        outcome.id, outcome.url = str(row.id), row.url
        if origin.said == found.digest():
            outcome.state = "unchanged"
            if (origin.uid, origin.sequence) != (found.uid, found.sequence):
                event_origins.change(conn, origin.id, uid=found.uid, sequence=found.sequence)
            return
        if origin.uid == found.uid and found.sequence < origin.sequence:
            outcome.state = "older"
            return
        if kept_digest(conn, row.id) != origin.kept:
            outcome.state = "changed_here"
            return
        before = described_of(row)
        said = replace(said, rsvp_mode=before.rsvp_mode, language=said.language or before.language)
        publishing.change_unit(conn, self._server, self._target.account_id, row.id, said, quiet=True)
        moved = _put_changes(conn, row.id, found.changes)
        if moved:
            publishing.occurrences_changed(conn, self._server, row.id, moved, quiet=True)
        event_origins.change(conn, origin.id, kept=kept_digest(conn, row.id), **_columns(found))
        called_off = said.status == "cancelled" and before.status != "cancelled"
        outcome.state = "cancelled" if called_off else "changed"

    def _removed(
        self, conn: Connection, outcome: Outcome, origin: OriginRow, found: Found, said: Described
    ) -> None:
        """It was deleted here: a subscription does not bring it back, who reads it again by hand does."""
        if self._target.feed_id is not None:
            outcome.state = "removed_here"
            return
        event_origins.remove(conn, [origin.id])
        self._taken.discard(origin.id)
        self._add(conn, outcome, found, said, series.spans_of(said.schedule))


class _Origins:
    """What is known of a chunk from earlier readings."""

    def __init__(self, conn: Connection, target: Target, chunk: Sequence[Found], uids: set[str]) -> None:
        rows = event_origins.known(
            conn, target.account_id, target.feed_id,
            uids={one.uid for one in chunk}, marks={one.mark for one in chunk},
        )  # fmt: skip
        self._by_uid: dict[str, OriginRow] = {}
        self._by_mark: dict[str, list[OriginRow]] = {}
        for row in rows:
            if row.uid:
                self._by_uid.setdefault(row.uid, row)
            # What is still called what it was is another one.
            if not row.uid or row.uid not in uids:
                self._by_mark.setdefault(row.mark, []).append(row)
        self.here = event_origins.uids_here(conn, {one.uid for one in chunk})

    def match(self, found: Found, taken: set[int]) -> OriginRow | None:
        """The row of this very event."""
        row = self._by_uid.get(found.uid) if found.uid else None
        if row is not None:
            return None if row.id in taken else row
        return next((one for one in self._by_mark.get(found.mark, ()) if one.id not in taken), None)


def _columns(found: Found) -> dict[str, Any]:
    return {
        "uid": found.uid,
        "mark": found.mark,
        "sequence": found.sequence,
        "said": found.digest(),
        "seen_at": now_ms(),
    }


def kept_digest(conn: Connection, post_id: int) -> str:
    """A digest of an event as it is here."""
    row = events.by_id(conn, post_id)
    assert row is not None
    changed = [
        Change(key=one.key, starts=str(one.starts_at), minutes=one.ends_at // 60_000, note=one.note, cancelled=one.status == "cancelled")
        for one in event_origins.occurrences_changed(conn, post_id)
    ]  # fmt: skip
    return digest_of(described_of(row), changed)


def _put_changes(conn: Connection, post_id: int, changes: Sequence[Change]) -> list[OccurrenceRow]:
    """Make single occurrences what the source says of them, and all others what the schedule says; those that are different
    now, as they were."""
    wanted = {one.key: one for one in changes}
    row = events.by_id(conn, post_id)
    assert row is not None
    said = described_of(row)
    spans = {key: (begins, ends) for key, begins, ends in series.spans_of(said.schedule)}
    put: list[OccurrenceRow] = []
    for one in events.occurrences(conn, post_id):
        begins, ends = spans.get(one.key, (one.starts_at, one.ends_at))
        change, status = wanted.get(one.key), "scheduled"
        if change is not None:
            lasts = change.minutes * 60_000 or ends - begins
            if change.starts:
                begins = series.instant(series.moment(change.starts), row.zone)
            ends = begins + lasts
            status = "cancelled" if change.cancelled else "moved"
        columns = {
            "status": status, "starts_at": begins, "ends_at": ends, "note": change.note if change else "",
        }  # fmt: skip
        if any(getattr(one, name) != value for name, value in columns.items()):
            events.moved(conn, post_id, one.id, **columns)
            put.append(one)
    return put
