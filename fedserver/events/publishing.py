"""Members announce events, change them, move or cancel single occurrences.

An event is a post with more beside it: `fedserver.posts` writes the post and sets in motion what a post does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from msgspec.structs import replace
from sqlalchemy import Connection

from activitypub.identifiers import Uris
from fedserver import posts
from fedserver.beside import check_visibility, draft_of, provider
from fedserver.content.links import keyword_tags
from fedserver.content.text import clean_text
from fedserver.context import Server
from fedserver.errors import Invalid, NotFound
from fedserver.events import (
    asking,
    keeping,
    noting,
    organising,
    outputs,
    reminding,
    saying,
    seats,
    series,
    telling,
)
from fedserver.events.checking import CAPACITY_MAX, YEARS, checked
from fedserver.events.reading import described_of
from fedserver.events.records import Described
from fedserver.viewer import Member
from storage import events, group_threads
from storage import posts as stored_posts
from storage.events import EventRow, OccurrenceRow, RsvpRow
from storage.posts import PostRow
from storage.signals import signal
from storage.types import now_ms

NOTE_CHARS_MAX: Final = 500
_MATERIAL: Final = ("schedule", "place", "online", "status")
"""What those who go have to know when it changes."""


class _Beside:
    """What an event is beside its post; see `fedserver.posts.Beside`."""

    def __init__(self, server: Server, said: Described, provider: str) -> None:
        self._server, self._said, self._provider = server, said, provider
        self._spans = series.spans_of(said.schedule)

    def address(self, uris: Uris, post_id: int) -> str | None:
        return uris.event(post_id)

    def says(self, html: str) -> Mapping[str, Any]:
        return {"kind": keeping.KIND, "content_html": saying.whole_html(self._said, html, self._spans)}

    def hashtags(self) -> Mapping[str, str]:
        return keyword_tags(self._said.keywords)

    def concerned(self, conn: Connection) -> Collection[int]:
        return ()

    def differs(self, conn: Connection, row: PostRow) -> bool:
        known = events.by_id(conn, row.id)
        return known is None or described_of(known) != replace(
            self._said, join_url=known.join_url if self._said.join_url is None else self._said.join_url
        )

    def put(self, conn: Connection, row: PostRow, html: str) -> None:
        uid = f"{row.id}@{self._server.config.domain}"
        keeping.put(conn, row, self._said, html, provider=self._provider, uid=uid)


# -- announcing and changing


async def publish(
    server: Server,
    member: Member,
    said: Described,
    *,
    visibility: str = "public",
    group_id: int | None = None,
    idempotency_key: str | None = None,
) -> int:
    """Announce an event; its post's id. Raises Invalid (by field), NotFound (group), Forbidden."""
    kept = checked(said)
    check_visibility(visibility)
    await posts.find_strangers(server, draft_of(kept))

    def unit(conn: Connection) -> int:
        return publish_unit(
            conn,
            server,
            member.account_id,
            kept,
            visibility=visibility,
            group_id=group_id,
            app_id=member.app_id,
            idempotency_key=idempotency_key,
        )

    return await server.db.write(unit)


def publish_unit(
    conn: Connection,
    server: Server,
    account_id: int,
    said: Described,
    *,
    visibility: str = "public",
    group_id: int | None = None,
    app_id: int | None = None,
    idempotency_key: str | None = None,
    at_ms: int | None = None,
    quiet: bool = False,
) -> int:
    """The unit of `publish`, for imports too; `said` is as `checked` gives it. `quiet` and `at_ms` are as
    `fedserver.posts.create_unit` has them."""
    _check_resources(conn, account_id, said)
    beside = _Beside(server, said, provider(conn, server))
    draft = draft_of(
        said, visibility=visibility, group_id=group_id, app_id=app_id, idempotency_key=idempotency_key
    )
    post_id = posts.create_unit(conn, server, account_id, draft, beside=beside, at_ms=at_ms, quiet=quiet)
    if not quiet:
        asking.refresh(conn, server, post_id)
    row = stored_posts.by_id(conn, post_id) if quiet and group_id is not None else None
    if row is not None and row.group_id is not None:
        # It can be answered there, though the group tells nobody of it.
        group_threads.add(conn, row.id, row.group_id, row.title, row.created_at)
        group_threads.read_up_to(conn, account_id, row.id, row.id)
    return post_id


async def change(server: Server, member: Member, post_id: int, said: Described) -> None:
    """Say something else of an event of one's own: those who go hear of what matters to them.

    Raises Invalid (by field), NotFound, Forbidden.
    """
    kept = checked(said)
    await posts.find_strangers(server, draft_of(kept))
    await server.db.write(change_unit, server, member.account_id, post_id, kept)


def change_unit(
    conn: Connection, server: Server, account_id: int, post_id: int, said: Described, *, quiet: bool = False
) -> None:
    """The unit of `change`. What is changed `quiet`ly, because it was read elsewhere, is told to nobody but those who go."""
    organising.organised(conn, post_id, account_id)
    # So that nobody answers to a limit that is about to change.
    known = events.locked(conn, [one.id for one in events.occurrences(conn, post_id)])
    row = organising.organised(conn, post_id, account_id)
    before = described_of(row)
    _check_resources(conn, account_id, said, before)
    material = any(getattr(before, name) != getattr(said, name) for name in _MATERIAL)
    beside = _Beside(server, said, provider(conn, server))
    if material:
        # Before the edit is told, so that documents and calendars carry it.
        events.change(conn, post_id, sequence=row.sequence + 1)
    concerned = events.answers_of_those_who_go(conn, [one.id for one in known])
    quiet = quiet and not concerned
    asked = asking.document(conn, server, post_id)
    if not posts.edit_unit(conn, server, account_id, post_id, draft_of(said), beside=beside, quiet=quiet):
        return
    for one in events.occurrences(conn, post_id):
        if one.waiting_count:
            seats.promote(conn, server, one.id)
    if material:
        _tell_changed(conn, server, post_id, concerned)
        if not quiet:
            noting.changed(conn, server, post_id, before)
    if said.join_url is not None and said.join_url != row.join_url:
        telling.link_changed(conn, post_id)
    if not quiet:
        asking.refresh(conn, server, post_id, before=asked)


def _tell_changed(conn: Connection, server: Server, post_id: int, concerned: Sequence[RsvpRow]) -> None:
    row = events.by_id(conn, post_id)
    assert row is not None
    telling.tell(conn, server, row, "changed", concerned)


# -- single occurrences


@dataclass(frozen=True, slots=True)
class OccurrenceChange:
    """What is different about one occurrence; None leaves it as it is. `starts` is wall time in the event's zone, `note` says
    why (plain text)."""

    starts: str | None = None
    minutes: int | None = None
    cancelled: bool | None = None
    capacity: int | None = None
    note: str | None = None


async def change_occurrence(
    server: Server, member: Member, post_id: int, key: str, change: OccurrenceChange
) -> None:
    """Move or cancel one occurrence of an event of one's own, or bring it back; those who go hear of it.

    Raises Invalid, NotFound, Forbidden.
    """
    await server.db.write(_change_occurrence, server, member.account_id, post_id, key, change)


def _change_occurrence(
    conn: Connection, server: Server, account_id: int, post_id: int, key: str, change: OccurrenceChange
) -> None:
    row = organising.organised(conn, post_id, account_id)
    known = events.occurrence_by_key(conn, post_id, key)
    if known is None:
        raise NotFound("This event does not take place then.")
    (found,) = events.locked(conn, [known.id])
    columns = _occurrence_columns(row, found, change)
    if all(getattr(found, name) == value for name, value in columns.items()):
        return
    events.moved(conn, post_id, found.id, **columns)
    occurrences_changed(conn, server, post_id, [found])


def occurrences_changed(
    conn: Connection, server: Server, post_id: int, before: Sequence[OccurrenceRow], *, quiet: bool = False
) -> None:
    """Occurrences have been moved or cancelled, or brought back, that were as in `before`: those who go hear of it. A unit;
    `quiet` as for `change_unit`."""
    row = events.by_id(conn, post_id)
    assert row is not None
    events.change(conn, post_id, sequence=row.sequence + 1, changed_at=now_ms())
    stored_posts.change(conn, post_id, edited_at=now_ms())
    concerned = events.answers_of_those_who_go(conn, [one.id for one in before])
    _tell_changed(conn, server, post_id, concerned)
    reminding.moved(conn, before)
    for one in events.occurrences_by_ids(conn, [one.id for one in before]):
        telling.plan_due(conn, one)
        seats.promote(conn, server, one.id)
    if concerned or not quiet:
        asking.refresh(conn, server, post_id)
        server.publish.post_updated(conn, post_id)
        for one in before:
            noting.occurrence_changed(conn, server, post_id, one)
    signal(conn, "event", str(post_id))
    signal(conn, "status.update", str(post_id))


def _occurrence_columns(row: EventRow, found: OccurrenceRow, change: OccurrenceChange) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    problems: dict[str, str] = {}
    if change.starts is not None or change.minutes is not None:
        minutes = (found.ends_at - found.starts_at) // 60_000 if change.minutes is None else change.minutes
        if not 0 < minutes <= 60 * 24 * 60:
            problems["minutes"] = "must be a number of minutes"
        try:
            wall = change.starts or series.wall_time(found.starts_at, row.zone).isoformat(timespec="minutes")
            moment = series.moment(wall)
            if not YEARS[0] <= moment.year <= YEARS[1]:
                raise ValueError
            starts_at = series.instant(moment, row.zone)
        except ValueError:
            problems["starts"] = "must be a day and time such as 2027-03-12T15:00, without a zone"
        else:
            columns |= {"starts_at": starts_at, "ends_at": starts_at + minutes * 60_000, "status": "moved"}
    if change.cancelled is not None:
        moved = found.status == "moved" or "status" in columns
        columns["status"] = "cancelled" if change.cancelled else "moved" if moved else "scheduled"
    if change.capacity is not None:
        if not 1 <= change.capacity <= CAPACITY_MAX:
            problems["capacity"] = f"must be a number of people, at most {CAPACITY_MAX:,}"
        columns["capacity"] = change.capacity
    if change.note is not None:
        columns["note"] = clean_text(change.note)[:NOTE_CHARS_MAX]
    if problems:
        raise Invalid(problems)
    return columns


# -- parts


def _check_resources(
    conn: Connection, account_id: int, said: Described, before: Described | None = None
) -> None:
    """Raise Invalid where the agenda names, for the first time, a resource that its organiser does not see."""
    named = set(outputs.of_agenda(said.agenda)) - set(outputs.of_agenda(before.agenda if before else ()))
    if named - set(outputs.linked(conn, account_id, named)):
        raise Invalid({"agenda": "names a resource that is not in the library"})
