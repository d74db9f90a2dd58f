"""Calendars elsewhere that are read again and again, for a group or for the whole server.

A server is asked every so many hours with some chance in it, only for what has changed (ETag, Last-Modified), and less and less
often while it does not answer. What is no longer in a calendar that is otherwise good is taken away here, if it is yet to come: it
is deleted if nobody has taken notice of it, and cancelled otherwise.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection

from fedserver import posts
from fedserver.content.text import clean_line
from fedserver.context import Server
from fedserver.errors import Conflict, FedError, Forbidden, Invalid, NotFound, RateLimited, Unreachable
from fedserver.events import publishing, series
from fedserver.events.importing import asking, filling, ics
from fedserver.events.importing.asking import Asked
from fedserver.events.importing.filling import Report, Target
from fedserver.events.importing.found import Read
from fedserver.events.reading import described_of
from fedserver.groups import rules
from fedserver.groups.rules import Action
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.moderation.permissions import Permission, allows
from fedserver.viewer import Member
from storage import calendar_feeds, event_origins, events, groups
from storage import posts as stored_posts
from storage.calendar_feeds import FeedRow
from storage.types import HOUR_MS, now_ms

log = logging.getLogger("fedserver.calendars")

LOOK_SECONDS: Final = 300.0
HOURS: Final = (1, 168)
LONGEST_MS: Final = 7 * 24 * HOUR_MS
"""Between two tries of what does not answer."""
ASKED_AGAIN_AFTER_MS: Final = 5 * 60_000
FEEDS_MAX: Final = 20
"""For one group, or for the server."""
AT_ONCE: Final = 20
NOTES_MAX: Final = 40
ACTS: Final = ("pause", "resume", "refresh")
_UNREACHABLE: Final = {
    "dns": "There is no such server.", "refused": "The server cannot be reached.", "timeout": "The server did not answer in time.",
    "tls": "The server's certificate is not valid.", "redirects": "The address leads on and on without an end.",
    "too_large": "The calendar is too large.", "blocked_address": "This server may not ask there.",
}  # fmt: skip


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the events of a calendar when it was read last: a number for each state, and what is worth knowing."""

    counts: dict[str, int] = {}
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Feed:
    """A subscription, with how its last reading went."""

    row: FeedRow
    summary: Summary


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be subscribed to; for the whole server without a `group_id`."""

    url: str
    title: str = ""
    zone: str = ""
    hours: int = 6
    group_id: int | None = None


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Summary).decode


# -- looking after them


async def listed(server: Server, member: Member) -> list[Feed]:
    """Those that the member looks after: of groups that they moderate, and for who looks after events those of the server."""

    def unit(conn: Connection) -> list[Feed]:
        mine = [
            row.account_id
            for row in groups.of_member(conn, member.account_id)
            if row.role in ("owner", "moderator")
        ]
        rows = calendar_feeds.listed(
            conn, group_ids=mine, of_server=allows(member.role, Permission.MANAGE_EVENTS)
        )
        return [_feed(row) for row in rows]

    return await server.db.read(unit)


async def show(server: Server, member: Member, feed_id: int) -> Feed:
    """One of them. Raises NotFound."""
    return await server.db.read(lambda conn: _feed(_own(conn, member, feed_id)))


async def subscribe(server: Server, member: Member, wish: Wish) -> Feed:
    """Subscribe to a calendar; it is read at once. Raises Invalid, Forbidden, NotFound, Conflict."""
    url = asking.address(wish.url)
    if not HOURS[0] <= wish.hours <= HOURS[1]:
        raise Invalid({"hours": f"must be a number from {HOURS[0]} to {HOURS[1]}"})
    zone = wish.zone.strip() or "UTC"
    try:
        series.zone(zone)
    except ValueError:
        raise Invalid({"zone": "must be a time zone such as Europe/Stockholm"}) from None

    def unit(conn: Connection) -> Feed:
        _check(conn, member, wish.group_id)
        if calendar_feeds.same(conn, url, wish.group_id) is not None:
            raise Conflict("This calendar is subscribed to already.")
        if calendar_feeds.number(conn, wish.group_id) >= FEEDS_MAX:
            raise Conflict(f"At most {FEEDS_MAX} calendars can be subscribed to.")
        feed_id = calendar_feeds.add(
            conn, account_id=member.account_id, group_id=wish.group_id, url=url, title=clean_line(wish.title)[:200],
            zone=zone, hours=wish.hours,
        )  # fmt: skip
        plan(conn, "read_calendar", {"id": feed_id}, key=str(feed_id))
        return _feed(calendar_feeds.by_id(conn, feed_id))

    return await server.db.write(unit)


async def act(server: Server, member: Member, feed_id: int, what: str) -> Feed:
    """Pause or resume a subscription, or have it read now. Raises NotFound, RateLimited."""

    def unit(conn: Connection) -> Feed:
        row = _own(conn, member, feed_id)
        if what == "pause":
            calendar_feeds.change(conn, feed_id, state="paused")
        else:
            since = now_ms() - (row.asked_at or 0)
            if what == "refresh" and since < ASKED_AGAIN_AFTER_MS:
                raise RateLimited((ASKED_AGAIN_AFTER_MS - since) // 1000, "It was read a moment ago.")
            calendar_feeds.change(conn, feed_id, state="active", due_at=now_ms())
            plan(conn, "read_calendar", {"id": feed_id}, key=str(feed_id))
        return _feed(calendar_feeds.by_id(conn, feed_id))

    return await server.db.write(unit)


async def end(server: Server, member: Member, feed_id: int, *, keep: bool = False) -> None:
    """End a subscription. Its events that are yet to come go with it, unless one `keep`s them. Raises NotFound."""

    def unit(conn: Connection) -> None:
        _own(conn, member, feed_id)
        if not keep:
            for one in event_origins.of_feed(conn, feed_id, ends_after_ms=now_ms()):
                _take_away(conn, server, one)
        calendar_feeds.remove(conn, feed_id)

    await server.db.write(unit)


def _own(conn: Connection, member: Member, feed_id: int) -> FeedRow:
    row = calendar_feeds.by_id(conn, feed_id)
    if row is None:
        raise NotFound
    try:
        _check(conn, member, row.group_id)
    except Forbidden:
        raise NotFound from None
    return row


def _check(conn: Connection, member: Member, group_id: int | None) -> None:
    """Groups' calendars are their moderators' business, those of the server who looks after events. Raises Forbidden, NotFound."""
    if group_id is None:
        if not allows(member.role, Permission.MANAGE_EVENTS):
            raise Forbidden("Only who looks after events subscribes to calendars for the whole server.")
        return
    group, standing = rules.known(conn, group_id, member.account_id)
    if group.domain or not standing.moderates:
        raise Forbidden("Only its moderators subscribe to calendars for a group.")
    rules.check(conn, Action.START, group, member.account_id)


def _feed(row: FeedRow) -> Feed:
    return Feed(row, _decode(row.report))


# -- reading them


def plan_due(conn: Connection) -> None:
    """Have those read that are due. A unit, for the chores."""
    for feed_id in calendar_feeds.due(conn, now_ms(), limit=AT_ONCE):
        plan(conn, "read_calendar", {"id": feed_id}, key=str(feed_id))


@handles("read_calendar", timeout_seconds=900)
async def read_calendar(server: Server, payload: dict[str, Any]) -> None:
    """Read one calendar, if it is still subscribed to."""
    row = await server.db.read(calendar_feeds.by_id, payload["id"])
    if row is None or row.state != "active" or row.due_at > now_ms():
        return
    began = now_ms()
    # A process that dies over a calendar does not take it up again at once.
    await server.db.write(_change, row.id, asked_at=began, due_at=began + HOUR_MS)
    # With the month the stretch goes on of which series without an end are taken.
    etag, last_modified, known = (
        (row.etag, row.last_modified, row.digest) if _same_month(row, began) else ("", "", "")
    )
    try:
        asked = await asking.fetch(server, row.url, etag=etag, last_modified=last_modified)
        if asked.gone:
            await server.db.write(
                _change, row.id, state="paused", problem="The calendar is gone for good (410)."
            )
            return
        body = asked.body
        digest = row.digest if body is None else hashlib.sha256(body).hexdigest()
        if body is None or digest == known:
            await server.db.write(_good, row, asked, digest)
            return
        read = await asyncio.to_thread(ics.read, body, row.url, zone=row.zone)
        await _fill(server, row, asked, digest, read, began)
    except FedError as error:
        log.info("A calendar could not be read: %s (%s)", row.url, error)
        said = _UNREACHABLE.get(error.reason, str(error)) if isinstance(error, Unreachable) else str(error)
        await server.db.write(_bad, row, said)


def _change(conn: Connection, /, feed_id: int, **columns: Any) -> None:
    calendar_feeds.change(conn, feed_id, **columns)


def _same_month(row: FeedRow, now: int) -> bool:
    read, today = (datetime.fromtimestamp((at or 0) / 1000, UTC) for at in (row.read_at, now))
    return (read.year, read.month) == (today.year, today.month)


async def _fill(server: Server, row: FeedRow, asked: Asked, digest: str, read: Read, began: int) -> None:
    target = Target(account_id=row.account_id, group_id=row.group_id, feed_id=row.id, source=row.url)
    report = await filling.fill(server, target, read)

    def unit(conn: Connection) -> None:
        if calendar_feeds.by_id(conn, row.id) is None:
            return
        counts = {name: number for name, number in report.counts().items() if number}
        notes = _notes(report, read)
        if not read.found:
            notes = ("There is no event in it, so nothing was taken away here.", *notes)
        elif read.whole:
            gone = _left(conn, row.id, read, began)
            for one in gone:
                _take_away(conn, server, one)
            if gone:
                counts["removed"] = len(gone)
        calendar_feeds.change(
            conn,
            row.id,
            title=row.title or read.name or row.url[:200],
            report=_encode(Summary(counts=counts, notes=notes)).decode(),
        )
        _good(conn, row, asked, digest)

    await server.db.write(unit)


def _left(conn: Connection, feed_id: int, read: Read, began: int) -> Sequence[Any]:
    """What was not in it this time and is yet to come. What could not be read is still in it."""
    unread = {one.uid for one in read.left_out if one.uid}
    rows = event_origins.not_seen(conn, feed_id, began, ends_after_ms=now_ms())
    return [one for one in rows if one.uid not in unread]


def _take_away(conn: Connection, server: Server, one: Any) -> None:
    """An event is no longer in its calendar."""
    row = events.by_id(conn, one.post_id)
    if row is None or row.status == "cancelled":
        return
    times = events.occurrences(conn, row.id)
    answered = any(time.going_count or time.waiting_count for time in times)
    if row.starts_at > now_ms() and not one.noticed and not answered:
        post = stored_posts.by_id(conn, row.id)
        if post is not None:
            event_origins.remove(conn, [one.id])
            posts.erase(conn, post)
        return
    if row.starts_at > now_ms():
        said = replace(described_of(row), status="cancelled")
        publishing.change_unit(conn, server, row.account_id, row.id, said, quiet=True)
        # Were it in there again, it would take place after all.
        event_origins.change(conn, one.id, said="", kept=filling.kept_digest(conn, row.id))
        return
    # What takes place already has been: only the times to come are off.
    coming = [time for time in times if time.starts_at > now_ms() and time.status != "cancelled"]
    for time in coming:
        events.moved(conn, row.id, time.id, status="cancelled")
    if coming:
        publishing.occurrences_changed(conn, server, row.id, coming, quiet=True)
        event_origins.change(conn, one.id, said="", kept=filling.kept_digest(conn, row.id))


def _notes(report: Report, read: Read) -> tuple[str, ...]:
    notes = [one.sentence for one in read.repaired]
    notes += [f"{one.title}: {one.why}" for one in report.outcomes if one.state == "refused"]
    notes += [f"{one.title}: {one.why}" for one in report.left_out]
    for one in report.outcomes:
        if one.state in ("added", "changed"):
            notes += [f"{one.title}: {note.sentence}" for _, note in one.receipt.all()]
    return tuple(dict.fromkeys(notes))[:NOTES_MAX]


def _good(conn: Connection, row: FeedRow, asked: Asked, digest: str) -> None:
    calendar_feeds.change(
        conn, row.id, etag=asked.etag, last_modified=asked.last_modified, digest=digest, failures=0, problem="",
        read_at=now_ms(), due_at=now_ms() + _spread(row.hours * HOUR_MS),
    )  # fmt: skip


def _bad(conn: Connection, row: FeedRow, said: str) -> None:
    """It is asked again later, and later still each time that it fails."""
    wait = min(row.hours * HOUR_MS * (1 << min(row.failures, 10)), LONGEST_MS)
    calendar_feeds.change(
        conn, row.id, failures=row.failures + 1, problem=said[:500], due_at=now_ms() + _spread(wait)
    )


def _spread(ms: int) -> int:
    """So that what was subscribed to together is not always asked together."""
    return int(ms * random.uniform(1.0, 1.2))  # noqa: S311
