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
    await server.db.write(tell_unit, payload["post_id"])
    after_id: int | None = 0
    while after_id is not None:
        after_id = await server.db.write(mailing.plan_some, payload["post_id"], after_id)


def tell_unit(conn: Connection, post_id: int) -> None:
    """Notify them: the first unit of `tell_subscribers`, in a number of statements that does not depend on theirs."""
    row = posts.by_id(conn, post_id)
    if row is None or row.group_id is None or row.deleted_at is not None:
        return
    named = {one.id for one in posts.mentioned(conn, [row.id]).get(row.id, [])}
    heard = subscriptions.heard_by(conn, row.group_id, row.thread_id)
    # Who is named has heard of it already.
    wanting = [one.account_id for one in heard if one.level == "all" and one.account_id not in named]
    readers = visibility.who_may_see(conn, row, wanting)
    notifications.notify_each_of_post(conn, readers, row.account_id, row.id, row.thread_id)
