"""What a poll does by itself: tell its counts elsewhere from time to time, and end."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from fedserver import notifications
from fedserver.context import Server
from fedserver.federation.publish import Publisher
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from storage import posts
from storage.signals import signal
from storage.types import now_ms

# Followers elsewhere are told new counts this often at the most.
COUNTS_EVERY_MS = 180_000


def plan_end(conn: Connection, post_id: int, expires_at: int | None) -> None:
    """Have the poll closed when its time is over. Planned again, it is still closed once."""
    if expires_at is not None:
        plan(
            conn, "close_poll", {"post_id": post_id}, key=f"{post_id}:{expires_at}", not_before_ms=expires_at
        )


def counts_changed(conn: Connection, publish: Publisher, post_id: int, counted_at: int | None) -> None:
    """Somebody voted in a poll of ours: tell the counts elsewhere now, or when the next telling is due."""
    now = now_ms()
    due_at = (counted_at or 0) + int(COUNTS_EVERY_MS / publish.time_scale)
    if due_at <= now:
        _tell(conn, publish, post_id)
    else:
        plan(conn, "poll_counts", {"post_id": post_id}, key=str(post_id), not_before_ms=due_at)


@handles("poll_counts")
async def tell_counts(server: Server, payload: dict[str, Any]) -> None:
    """Send followers elsewhere the counts that have changed since they last heard."""
    await server.db.write(_tell, server.publish, payload["post_id"])


def _tell(conn: Connection, publish: Publisher, post_id: int) -> None:
    if posts.by_id(conn, post_id) is not None:
        posts.poll_counted(conn, post_id, now_ms())
        publish.poll_counted(conn, post_id)


@handles("close_poll")
async def close(server: Server, payload: dict[str, Any]) -> None:
    """End a poll whose time is over, and tell those who voted; nothing happens if it was prolonged or is closed."""
    await server.db.write(_close, server.publish, payload["post_id"])


def _close(conn: Connection, publish: Publisher, post_id: int) -> None:
    row = posts.by_id(conn, post_id)
    poll = posts.polls_of(conn, [post_id]).get(post_id)
    if row is None or poll is None or poll.closed_at is not None or (poll.expires_at or 0) > now_ms():
        return
    posts.close_poll(conn, post_id, poll.expires_at)
    for voter_id in posts.voters(conn, post_id):
        notifications.notify(conn, voter_id, "poll", row.account_id, post_id=post_id)
    if row.local:
        notifications.notify_author_of_poll(conn, row.account_id, post_id)
        publish.poll_counted(conn, post_id)
    signal(conn, "status.update", str(post_id))
