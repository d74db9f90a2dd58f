"""Fill a library with what was found elsewhere: a chunk is one unit, quietly, and what has come once does not come again.

A work is known from one import to the next by what its source calls it, and by a digest of what the source said of it. When
that changes, and nobody has changed the resource here since, it is changed here too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec
from sqlalchemy import Connection

from fedserver.beside import VISIBILITIES
from fedserver.context import Server
from fedserver.errors import FedError, Invalid, NotFound
from fedserver.resources.identifiers import doi_address
from fedserver.resources.importing import doubles
from fedserver.resources.importing.doubles import Known, Match, Shelf
from fedserver.resources.importing.gathering import checked
from fedserver.resources.importing.receipts import Found, Note, Read, Receipt
from fedserver.resources.keeping import title_key
from fedserver.resources.publishing import (
    Imported,
    NewVersion,
    checked_version,
    described_of,
    publish_unit,
    renew_unit,
)
from fedserver.resources.records import Described, encode
from fedserver.resources.terms import with_addresses
from storage import resources, users

CHUNK: Final = 50
FOUND_MAX: Final = 20_000
"""Of one run."""

State = Literal["added", "changed", "unchanged", "there", "changed_here", "older", "twice", "refused"]
STATES: Final[tuple[State, ...]] = (
    "added", "changed", "unchanged", "there", "changed_here", "older", "twice", "refused",
)  # fmt: skip


class Outcome(msgspec.Struct, kw_only=True):
    """What became of one work: `changed_here` since it came in, so it stays as it is; `twice` in what was read; `older` than
    the version that is here. `id` and `url` are the resource's, once it is there."""

    title: str
    state: State
    receipt: Receipt
    id: str | None = None
    url: str | None = None
    why: str = ""


@dataclass(slots=True)
class Report:
    """What became of a run: a number for each state, each work, and what in the source was no resource."""

    outcomes: list[Outcome] = field(default_factory=list)
    left_out: list[Note] = field(default_factory=list)
    repaired: list[Note] = field(default_factory=list)

    def count(self, state: State) -> int:
        return sum(one.state == state for one in self.outcomes)


class _Undone(Exception):
    """A dry run: everything was done, and nothing is kept."""


async def fill(
    server: Server,
    member_name: str,
    read: Read,
    *,
    visibility: str = "public",
    dry_run: bool = False,
    told: Callable[[int, int], None] | None = None,
) -> Report:
    """Bring what was found into the library, as resources of this member; `told` hears how many of how many are through.

    Raises NotFound (the member), Invalid (the visibility, too many).
    """
    if visibility not in VISIBILITIES:
        raise Invalid({"visibility": "must be public, unlisted or members"})
    if len(read.found) > FOUND_MAX:
        raise Invalid({}, f"At most {FOUND_MAX:,} resources are brought in at a time.")
    account_id = await server.db.read(_member, member_name)
    report = Report(left_out=read.left_out, repaired=read.repaired)
    break_circles(read.found)
    run = _Run(server, account_id, visibility, dry_run=dry_run)
    for begin in range(0, len(read.found), CHUNK):
        report.outcomes += await run.take(read.found[begin : begin + CHUNK])
        if told is not None:
            told(len(report.outcomes), len(read.found))
    return report


def _member(conn: Connection, name: str) -> int:
    row = users.by_name(conn, name.removeprefix("@"))
    if row is None or row.deleted_at is not None or row.suspended_at is not None:
        raise NotFound(f"There is no member named {name[:60]!r} here.")
    return int(row.account_id)


class _Run:
    """A run while it is under way. Of a dry one it is remembered what would be there by now."""

    def __init__(self, server: Server, account_id: int, visibility: str, *, dry_run: bool) -> None:
        self._server, self._account_id, self._visibility = server, account_id, visibility
        self._dry_run = dry_run
        self._sources: set[str] = set()
        self._would_be: list[Known] = []

    async def take(self, chunk: Sequence[Found]) -> list[Outcome]:
        """One chunk, in one unit."""
        outcomes: list[Outcome] = []
        added: list[Known] = []
        sources = set(self._sources)

        def unit(conn: Connection) -> None:
            outcomes.clear()
            added.clear()
            self._sources = set(sources)
            shelf = doubles.look(conn, chunk, self._account_id)
            for one in self._would_be:
                shelf.add(one)
            outcomes.extend(self._one(conn, shelf, found, added) for found in chunk)
            if self._dry_run:
                raise _Undone

        try:
            await self._server.db.write(unit)
        except _Undone:
            self._would_be += added
            for one in outcomes:
                if one.state == "added":
                    one.id = one.url = None
        return outcomes

    def _one(self, conn: Connection, shelf: Shelf, found: Found, added: list[Known]) -> Outcome:
        outcome = Outcome(title=found.described.title, state="refused", receipt=found.receipt)
        if found.source_uri and found.source_uri in self._sources:
            outcome.state = "twice"
            return outcome
        self._sources.add(found.source_uri)
        try:
            described, version = checked(found), checked_version(found.version)
            # As it is published, so that what is there can be compared with it.
            described = with_addresses(self._server.library.terms_now(conn), described)
        except FedError as error:
            outcome.why = str(error)
            return outcome
        matches = shelf.matches(found)
        found.receipt.doubles = [one.double() for one in matches if one.by != "source"]
        savepoint = conn.begin_nested()
        try:
            known = next((one for one in matches if one.sure), None)
            if known is not None:
                self._known(conn, outcome, known, found, described, version)
            else:
                self._new(conn, outcome, found, described, version)
                one = _as_known(outcome, found, described, version, self._account_id)
                shelf.add(one)
                added.append(one)
        except FedError as error:
            savepoint.rollback()
            outcome.state, outcome.why = "refused", str(error)
        else:
            savepoint.commit()
        return outcome

    def _new(
        self, conn: Connection, outcome: Outcome, found: Found, described: Described, version: NewVersion
    ) -> None:
        post_id = publish_unit(
            conn,
            self._server,
            self._account_id,
            described,
            visibility=self._visibility,
            version=version,
            imported=Imported(found.source_uri, digest_of(described, version)),
            at_ms=instant_of(described.issued),
        )
        outcome.state = "added"
        outcome.id, outcome.url = str(post_id), self._server.uris.resource(post_id)

    def _known(
        self,
        conn: Connection,
        outcome: Outcome,
        match: Match,
        found: Found,
        described: Described,
        version: NewVersion,
    ) -> None:
        known = match.known
        outcome.id, outcome.url = str(known.id), known.url
        if match.by != "source" or known.account_id != self._account_id or not known.source_digest:
            outcome.state = "there"
            return
        digest = digest_of(described, version)
        row = resources.by_id(conn, known.id)
        if known.source_digest == digest or row is None:
            outcome.state = "unchanged"
        elif known.withdrawn or _changed_here(known, described_of(row)):
            outcome.state = "changed_here"
        elif described.doi != known.doi and _is_older(described.issued, known.details.issued):
            outcome.state = "older"
        else:
            renew_unit(
                conn, self._server, self._account_id, known.id, described, version,
                Imported(found.source_uri, digest),
            )  # fmt: skip
            outcome.state = "changed"


def digest_of(described: Described, version: NewVersion) -> str:
    """What a source said, in a form that can be compared: of the description, of all of it, and the number of the version."""
    parts = [
        encode(described),
        encode([version.number, version.notes, version.doi, [(one.url, one.name) for one in version.links]]),
    ]
    return f"{_digest(parts[:1])} {_digest(parts)} {version.number}"


def _digest(parts: Sequence[bytes]) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]


def _changed_here(known: Known, described: Described) -> bool:
    said, _, rest = known.source_digest.partition(" ")
    number = rest.partition(" ")[2]
    return _digest([encode(described)]) != said or known.version != number


def _is_older(one: str, other: str) -> bool:
    return len(one) == len(other) == 10 and one < other


def instant_of(issued: str) -> int | None:
    """The beginning of that day, month or year in UTC, in ms; None where it is not known or before 1970."""
    if not issued:
        return None
    whole = issued + "-01-01"[len(issued) - 10 :] if len(issued) < 10 else issued
    at_ms = int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp() * 1000)
    return at_ms if at_ms > 0 else None


def _as_known(
    outcome: Outcome, found: Found, described: Described, version: NewVersion, account_id: int
) -> Known:
    return Known(
        id=int(outcome.id or 0),
        url=outcome.url or "",
        title=described.title,
        title_key=title_key(described.title),
        account_id=account_id,
        source_uri=found.source_uri,
        source_digest="",
        doi=described.doi,
        page_url=described.url,
        version=version.number,
        withdrawn=False,
        details=described.details(),
        ours=True,
    )


def break_circles(found: Sequence[Found]) -> None:
    """Works of a source that are said to be made from each other, in a circle: the step that closes it is left out."""
    by_address: dict[str, int] = {}
    for at, one in enumerate(found):
        said = one.described
        for address in (said.url, doi_address(said.doi) if said.doi else "", one.source_uri):
            if address:
                by_address.setdefault(address, at)
    state = [0] * len(found)  # 0 not seen, 1 on the way, 2 done
    for start in range(len(found)):
        if state[start]:
            continue
        state[start] = 1
        way = [(start, iter(list(found[start].described.based_on)))]
        while way:
            at, rest = way[-1]
            source = next(rest, None)
            if source is None:
                state[at] = 2
                way.pop()
                continue
            to = by_address.get(source.uri)
            if to is None or state[to] == 2:
                continue
            if state[to] == 1:
                _leave_out_source(found[at], source.uri)
            else:
                state[to] = 1
                way.append((to, iter(list(found[to].described.based_on))))


def _leave_out_source(one: Found, uri: str) -> None:
    said = one.described
    kept = tuple(source for source in said.based_on if source.uri != uri)
    one.described = msgspec.structs.replace(said, based_on=kept)
    one.receipt.note("left_out", "based_on", f"{uri} is said to be made from this very work, in a circle.")
