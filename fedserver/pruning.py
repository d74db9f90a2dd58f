"""Let go of what is only kept for a while: copies of other servers' media, and their posts that nobody here has made
anything of. Nothing of a member's is touched, and what goes comes again when somebody looks for it.

Every night, and by `fedserver prune`; what would go can be seen before.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection

from fedserver import erasing, settings
from fedserver import posts as own_posts
from fedserver.config import Config
from fedserver.context import Server
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from storage import pruning, remote_files
from storage import settings as stored_settings
from storage.database import Database
from storage.types import DAY_MS, now_ms

HOUR: Final = 3
HOURS_MAX: Final = 6
HOSTS_SHOWN: Final = 20
LAST: Final = "last_pruning"  # no name of `fedserver.settings`: nobody sets it


class Acting(Protocol):
    """What pruning needs: a server, or a command beside it."""

    @property
    def config(self) -> Config: ...

    @property
    def db(self) -> Database: ...


class Report(msgspec.Struct, kw_only=True):
    """What has gone, or would: numbers of posts and files, bytes of files, posts by the server they are of (most first).
    `at` is in ms since 1970; `media_before` and `posts_before` are None for what is kept for ever."""

    at: int
    media_before: int | None
    posts_before: int | None
    files: int = 0
    bytes: int = 0
    posts: int = 0
    hosts: list[tuple[str, int]] = []


async def preview(here: Acting, *, media_days: int | None = None, post_days: int | None = None) -> Report:
    """What `prune` would let go. Days are those of the settings unless given; 0 keeps for ever."""
    report = await here.db.read(_report, here.config, media_days, post_days)
    if report.media_before is not None:
        report.files, report.bytes = await here.db.read(pruning.old_copies, report.media_before)
    if report.posts_before is not None:
        hosts: Counter[str] = Counter()
        after_id = 0
        while found := await here.db.read(pruning.old_posts, report.posts_before, after_id):
            after_id = found[-1].id
            going = await here.db.read(_going, found, report.posts_before)
            hosts.update(one.host for one in going)
        _count(report, hosts)
    return report


async def prune(here: Acting, *, media_days: int | None = None, post_days: int | None = None) -> Report:
    """Let go of it, in small steps, and remember how much it was."""
    report = await here.db.read(_report, here.config, media_days, post_days)
    if report.media_before is not None:
        report.files, report.bytes = await here.db.read(pruning.old_copies, report.media_before)
        await erasing.in_steps(here, remote_files.forget_older, report.media_before)
    if report.posts_before is not None:
        hosts: Counter[str] = Counter()
        after_id = 0
        while found := await here.db.read(pruning.old_posts, report.posts_before, after_id):
            after_id = found[-1].id
            going = await here.db.read(_going, found, report.posts_before)
            for start in range(0, len(going), erasing.POSTS_PER_UNIT):
                some = going[start : start + erasing.POSTS_PER_UNIT]
                await erasing.in_steps(here, _forget_some, some, report.posts_before, hosts)
        _count(report, hosts)
    await here.db.write(stored_settings.put, LAST, msgspec.to_builtins(report))
    return report


def last(conn: Connection) -> Report | None:
    """What went the last time; a unit."""
    found: Any = stored_settings.stored(conn).get(LAST)
    return None if found is None else msgspec.convert(found, Report)


def _report(conn: Connection, config: Config, media_days: int | None, post_days: int | None) -> Report:
    now, chosen = now_ms(), settings.in_force(conn, config)

    def before(days: int) -> int | None:
        return now - int(days * DAY_MS / config.testing.time_scale) if days else None

    return Report(
        at=now,
        media_before=before(chosen.remote_media_days if media_days is None else media_days),
        posts_before=before(chosen.remote_post_days if post_days is None else post_days),
    )


def _count(report: Report, hosts: Counter[str]) -> None:
    report.posts = hosts.total()
    report.hosts = hosts.most_common(HOSTS_SHOWN)


def _going(conn: Connection, found: list[pruning.Old], before_ms: int) -> list[pruning.Old]:
    threads = {one.thread_id for one in found}
    kept = pruning.kept_threads(conn, threads, before_ms, pruning.needed(conn))
    return [one for one in found if one.thread_id not in kept]


def _forget_some(conn: Connection, some: list[pruning.Old], before_ms: int, gone: Counter[str]) -> bool:
    """A part of what may go, unless somebody has made something of it meanwhile; whether there is more."""
    hosts = {one.id: one.host for one in some}
    rows = pruning.by_ids(conn, [one.id for one in _going(conn, some, before_ms)])
    took: list[int] = []

    def take_away(conn: Connection, row: Any) -> None:
        own_posts.forget(conn, row)
        took.append(row.id)

    more = erasing.take_away_some(conn, rows, take_away)
    gone.update(hosts[post_id] for post_id in took)
    return more


def plan_nightly(config: Config, conn: Connection) -> None:
    """For the chore: have it done at three in the morning, as the settings' time zone has it."""
    now = datetime.now(ZoneInfo(settings.in_force(conn, config).time_zone))
    due = now.replace(hour=HOUR, minute=0, second=0, microsecond=0)
    if due <= now:
        due += timedelta(days=1)
    plan(conn, "prune", {}, key="prune", not_before_ms=int(due.timestamp() * 1000))


@handles("prune", timeout_seconds=HOURS_MAX * 3600)
async def nightly(server: Server, _: dict[str, Any]) -> None:
    """Do it."""
    await prune(server)
