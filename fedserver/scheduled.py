"""Posts that are published at an instant their author has chosen.

Everything is checked when a post is scheduled, and again when it is published. The job that publishes it is
planned in the unit that keeps it; that it is forgotten and posted in one unit makes it one post, however often the
job runs. What cannot be published when its time has come stays, with the reason, and its author is told by mail.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, insert

from fedserver import posts
from fedserver.context import Server
from fedserver.errors import FedError, Invalid, NotFound
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.mail import plan_mail
from fedserver.posts import Draft
from fedserver.viewer import Member
from storage import scheduled, users
from storage.media import MediaRow
from storage.paging import Window
from storage.scheduled import ScheduledRow
from storage.tables import idempotency
from storage.types import DAY_MS, now_ms

SOONEST_MS: Final = 300_000
TOTAL_MAX: Final = 300
DAILY_MAX: Final = 25
INSTANT_MAX: Final = 253_370_764_799_000  # the end of the year 9998, which every time zone has

_read_draft: Final = msgspec.json.Decoder(Draft).decode


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A post to come. `problem` says why it was not published when its time had come; "" while it waits."""

    id: int
    draft: Draft
    scheduled_at: int
    problem: str
    media: list[MediaRow]


def instant_of(text: str, zone: tzinfo = UTC) -> int:
    """An instant as it is written (ISO 8601), in ms; without a zone it is in this one. Raises Invalid."""
    try:
        moment = datetime.fromisoformat(text.strip())
        at_ms = int((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise Invalid({"scheduled_at": "is not a date and time such as 2026-12-05T12:33:01Z"}) from error
    return min(at_ms, INSTANT_MAX)


async def add(server: Server, member: Member, draft: Draft, at_ms: int) -> int:
    """Have a post published at this instant, five minutes from now at the soonest; the id of what is scheduled.

    With the draft's `idempotency_key` used within the last hour, the id of what was made then: scheduled, or
    published by now. Raises what `posts.create` raises.
    """
    posts.check(draft)
    return await server.db.write(_add, member.account_id, draft, at_ms)


def _add(conn: Connection, account_id: int, draft: Draft, at_ms: int) -> int:
    now = now_ms()
    key = draft.idempotency_key
    if key:
        earlier = posts.posted_before(conn, account_id, key, now)
        if earlier is not None:
            return earlier
    _check_instant(conn, account_id, at_ms)
    if scheduled.count(conn, account_id) >= TOTAL_MAX:
        raise Invalid({}, f"Validation failed: You have exceeded the limit of {TOTAL_MAX} scheduled posts")
    posts.check_unit(conn, account_id, draft)
    scheduled_id = scheduled.add(
        conn,
        account_id,
        draft=msgspec.json.encode(replace(draft, idempotency_key=None)),
        scheduled_at=at_ms,
        media_ids=list(dict.fromkeys(draft.media_ids)),
    )
    if key:
        conn.execute(
            insert(idempotency).values(account_id=account_id, key=key, post_id=scheduled_id, created_at=now)
        )
    _plan(conn, scheduled_id, at_ms)
    return scheduled_id


async def one(server: Server, member: Member, scheduled_id: int) -> Scheduled:
    """One of the member's. Raises NotFound."""
    return await server.db.read(_one, member.account_id, scheduled_id)


async def page(server: Server, member: Member, window: Window) -> list[Scheduled]:
    """The member's, those written last first."""

    def unit(conn: Connection) -> list[Scheduled]:
        return _read(conn, scheduled.page(conn, member.account_id, window))

    return await server.db.read(unit)


async def move(server: Server, member: Member, scheduled_id: int, at_ms: int) -> Scheduled:
    """Have it published at another instant. Raises NotFound, Invalid."""

    def unit(conn: Connection) -> Scheduled:
        found = _one(conn, member.account_id, scheduled_id)
        if at_ms != found.scheduled_at or found.problem:
            _check_instant(conn, member.account_id, at_ms, but_id=scheduled_id)
            scheduled.change(conn, scheduled_id, scheduled_at=at_ms, problem="")
            _plan(conn, scheduled_id, at_ms)
        return _one(conn, member.account_id, scheduled_id)

    return await server.db.write(unit)


async def remove(server: Server, member: Member, scheduled_id: int) -> None:
    """Do not publish it. Raises NotFound."""

    def unit(conn: Connection) -> None:
        _one(conn, member.account_id, scheduled_id)
        scheduled.remove(conn, scheduled_id)

    await server.db.write(unit)


def _one(conn: Connection, account_id: int, scheduled_id: int) -> Scheduled:
    row = scheduled.own(conn, account_id, scheduled_id)
    if row is None:
        raise NotFound("Record not found")
    return _read(conn, [row])[0]


def _read(conn: Connection, rows: list[ScheduledRow]) -> list[Scheduled]:
    media = scheduled.media_of(conn, [row.id for row in rows])
    return [
        Scheduled(row.id, _read_draft(row.draft), row.scheduled_at, row.problem, media.get(row.id, []))
        for row in rows
    ]


def _check_instant(conn: Connection, account_id: int, at_ms: int, *, but_id: int = 0) -> None:
    if at_ms < now_ms() + SOONEST_MS:
        text = "must be at least five minutes in the future"
        raise Invalid({"scheduled_at": text}, f"Validation failed: Scheduled at {text}")
    day = at_ms - at_ms % DAY_MS
    that_day = scheduled.count(conn, account_id, since_ms=day, until_ms=day + DAY_MS, but_id=but_id)
    if that_day >= DAILY_MAX:
        raise Invalid(
            {}, f"Validation failed: You have exceeded the limit of {DAILY_MAX} scheduled posts for that day"
        )


# -- its time has come


def _plan(conn: Connection, scheduled_id: int, at_ms: int) -> None:
    plan(
        conn, "publish_scheduled", {"scheduled_id": scheduled_id}, key=f"{scheduled_id}:{at_ms}",
        not_before_ms=at_ms,
    )  # fmt: skip


@handles("publish_scheduled", attempts_max=10)
async def publish(server: Server, payload: dict[str, Any]) -> None:
    """Publish what is due; nothing happens if it was moved, deleted or published already."""
    scheduled_id: int = payload["scheduled_id"]
    row = await server.db.read(scheduled.by_id, scheduled_id)
    if row is None or row.scheduled_at > now_ms() or row.problem:
        return
    await posts.find_strangers(server, _read_draft(row.draft))
    try:
        await server.db.write(_publish, server, scheduled_id)
    except FedError as error:
        await server.db.write(_keep, scheduled_id, str(error))


def _publish(conn: Connection, server: Server, scheduled_id: int) -> None:
    row = scheduled.by_id(conn, scheduled_id)
    if row is None or row.scheduled_at > now_ms() or not scheduled.remove(conn, scheduled_id):
        return
    member = users.by_id(conn, row.account_id)
    if member is None or not member.is_let_in:
        raise NotFound("Your account could not be used at that time.")
    draft = _read_draft(row.draft)
    scheduled.published(conn, scheduled_id, posts.create_unit(conn, server, row.account_id, draft))


def _keep(conn: Connection, scheduled_id: int, problem: str) -> None:
    row = scheduled.by_id(conn, scheduled_id)
    if row is None or row.problem:
        return
    scheduled.change(conn, scheduled_id, problem=problem)
    plan_mail(
        conn,
        row.account_id,
        "scheduled_failed",
        {"problem": problem, "text": _read_draft(row.draft).text[:500]},
    )
