"""Members who want to hear of every post in a group, a topic or a thread hear of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from fedserver import notifications, visibility
from fedserver.context import Server
from fedserver.groups import mailing
from fedserver.jobs.handlers import handles
from storage import posts, subscriptions


@handles("tell_subscribers")
async def tell_subscribers(server: Server, payload: dict[str, Any]) -> None:
    """Notify whoever hears of all, and plan their mails: the handler of the job that each new post in a group plans."""
    await server.db.write(_tell, payload["post_id"])
    after_id: int | None = 0
    while after_id is not None:
        after_id = await server.db.write(mailing.plan_some, payload["post_id"], after_id)


def _tell(conn: Connection, post_id: int) -> None:
    row = posts.by_id(conn, post_id)
    if row is None or row.group_id is None or row.deleted_at is not None:
        return
    named = {one.id for one in posts.mentioned(conn, [row.id]).get(row.id, [])}
    for one in subscriptions.heard_by(conn, row.group_id, row.thread_id):
        # Who is named has heard of it already.
        if (
            one.level == "all"
            and one.account_id not in named
            and visibility.may_see(conn, row, one.account_id)
        ):
            notifications.notify(
                conn, one.account_id, "status", row.account_id, post_id=row.id, thread_id=row.thread_id
            )
