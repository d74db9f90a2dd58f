"""What is new, in one mail a day or a week: at eight in the morning where the member is, weekly ones on Mondays.

Each digest tells of one stretch of time, which begins where the one before ended, and of nothing that the member has read
here meanwhile. When there is nothing to tell, none is sent. What is in one is collected in `fedserver.digest_contents`.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from email.message import EmailMessage
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection

from fedserver import digest_contents, mail_codes, settings
from fedserver.config import Config
from fedserver.context import Server
from fedserver.digest_contents import Contents
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan_many
from fedserver.mail_compose import Envelope, compose
from fedserver.mail_out import hand_over
from storage import mail_preferences, users
from storage.types import now_ms

RHYTHMS: Final = ("daily", "weekly", "off")
LOCAL_HOUR: Final = 8
MONDAY: Final = 0
LOOK_SECONDS: Final = 300.0
AT_ONCE: Final = 500
LONGEST_MS: Final = 31 * 86_400_000
"""A server that was off for a year does not tell of all of it."""


def next_due(after_ms: int, zone: str, rhythm: str, hour: int = LOCAL_HOUR) -> int | None:
    """When the next digest is due, at this hour by the clock there, in ms; None for who wants none."""
    if rhythm == "off":
        return None
    place = _zone(zone)
    local = datetime.fromtimestamp(after_ms / 1000, place)
    day = local.date()
    while True:
        # The same hour by the clock on the wall, whether or not it was put forward.
        due = datetime.combine(day, time(hour), place)
        if due > local and (rhythm == "daily" or day.weekday() == MONDAY):
            return int(due.timestamp() * 1000)
        day += timedelta(days=1)


def set_rhythm(conn: Connection, account_id: int, rhythm: str, now: int) -> None:
    """A member wants digests at this rhythm from now on; what was before is not told."""
    member = users.by_id(conn, account_id)
    zone = member.time_zone if member is not None else "UTC"
    mail_preferences.change(
        conn,
        account_id,
        rhythm=rhythm,
        digest_due_at=next_due(now, zone, rhythm),
        digest_until_at=None if rhythm == "off" else now,
    )


def move(conn: Connection, account_id: int, now: int) -> None:
    """A member lives in another time zone from now on."""
    member, preference = users.by_id(conn, account_id), mail_preferences.get(conn, account_id)
    if member is not None and preference is not None and preference.digest_due_at is not None:
        due_at = next_due(now, member.time_zone, preference.rhythm)
        mail_preferences.change(conn, account_id, digest_due_at=due_at)


def plan_due(conn: Connection, now: int | None = None) -> None:
    """Plan the digests that are due, and note when the next are; also for members who have come to have groups since.
    A chore."""
    now = now_ms() if now is None else now
    newcomers = mail_preferences.without_due(conn, limit=AT_ONCE)
    mail_preferences.enrol(
        conn, [(one.account_id, next_due(now, one.time_zone, one.rhythm)) for one in newcomers], now
    )
    due = mail_preferences.due(conn, now, limit=AT_ONCE)
    plan_many(
        conn,
        "mail_digest",
        [
            (
                {
                    "account_id": one.account_id,
                    "since": max(one.digest_until_at or 0, now - LONGEST_MS),
                    "until": now,
                },
                f"{one.account_id} {now}",
            )
            for one in due
        ],
    )
    mail_preferences.put_due(
        conn, [(one.account_id, next_due(now, one.time_zone, one.rhythm)) for one in due], now
    )


@handles("mail_digest", attempts_max=10)
async def mail_digest(server: Server, payload: dict[str, Any]) -> None:
    """Write and send one digest, unless there is nothing to tell."""
    message = await server.db.read(
        written, server.config, payload["account_id"], payload["since"], payload["until"]
    )
    await hand_over(server.mail, message)


def written(conn: Connection, config: Config, account_id: int, since: int, until: int) -> EmailMessage | None:
    """The digest of what happened after `since`, up to `until` (ms); None if there is nothing to tell, or nobody."""
    member = users.by_id(conn, account_id)
    preference = mail_preferences.get(conn, account_id)
    if member is None or not member.is_let_in or preference is None or preference.rhythm == "off":
        return None
    contents = digest_contents.collect(
        conn, config, account_id, since, until, wants_groups=preference.wants_groups
    )
    if not contents.has_any:
        return None
    title = settings.in_force(conn, config).title
    end_url = mail_codes.link(config, preference, "end_digest")
    envelope = Envelope(
        to=member.email,
        message_id=f"digest.{account_id}.{until}",
        kind="digest",
        unsubscribe_url=end_url,
        archive_url=f"{config.origin}/groups",
    )
    place = _zone(member.time_zone)
    values = {
        "summary": summary(contents, preference.rhythm),
        "contents": contents,
        "polls": [(one, _day(one.closes_at, place)) for one in contents.polls],
        "username": member.username,
        "rhythm": preference.rhythm,
    }
    return compose(config, title, "digest", envelope, values)


def summary(contents: Contents, rhythm: str) -> str:
    """The subject behind the network's name: the two or three things there are most of."""
    counted = [
        (contents.replies_count, "answer to you", "answers to you"),
        (contents.mentions_count, "mention of you", "mentions of you"),
        (contents.new_threads_count, "new discussion", "new discussions"),
        (contents.answers_count, "new answer", "new answers"),
        (contents.requests_count, "request to join", "requests to join"),
        (len(contents.polls), "poll", "polls"),
        (contents.newcomers_count, "new member", "new members"),
    ]
    words = [f"{count} {one if count == 1 else many}" for count, one, many in counted if count]
    return f"{', '.join(words[:3])} {'today' if rhythm == 'daily' else 'this week'}"


def _day(at_ms: int | None, place: ZoneInfo) -> str:
    if at_ms is None:
        return ""
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(place)
    return f"{local:%A}, {local.day} {local:%B}, {local:%H:%M}"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
