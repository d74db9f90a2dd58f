"""What becomes of posts that moderators elsewhere take out of a group, and of those they put back.

A post of another server is deleted here and fetched again when it is put back. A post of a member of ours is taken out of
a group elsewhere and stays theirs: what another server says does not delete it.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from sqlalchemy import Connection, select

from fedserver.context import Server
from fedserver.errors import Unreachable
from fedserver.federation import fetch, group_places
from fedserver.groups import moderation, posting
from fedserver.groups.rules import Action
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from storage import group_threads, groups, inbox, interactions, posts
from storage.groups import GroupRow
from storage.posts import PostRow
from storage.signals import signal
from storage.tables import group_action, post

log = logging.getLogger("fedserver.groups")

AT_ONCE_MAX: Final = 200
REMOVED: Final = "removed"
OWN: Final = "own"


def remove(
    conn: Connection, server: Server, group: GroupRow, row: PostRow, by_id: int, *, reason: str
) -> None:
    """A moderator elsewhere has removed a post."""
    if group.domain and row.local:
        _take_out(conn, group, row, by_id, reason)
        return
    if not row.local:
        inbox.bury(conn, row.uri, REMOVED, former_type=row.kind.capitalize(), for_good=True)
        inbox.bury(conn, _by(group, row.uri), REMOVED, for_good=True)
    moderation.remove_unit(conn, server, group, row, by_id, reason=reason, tell=False)


def _by(group: GroupRow, uri: str) -> str:
    """Under what is kept that this group removed the post: no other can put it back."""
    return f"{group.uri} {uri}"


def _take_out(conn: Connection, group: GroupRow, row: PostRow, by_id: int, reason: str) -> None:
    thread = group_threads.by_id(conn, row.thread_id)
    posts.change(conn, row.id, group_id=None)
    if thread is not None and thread.post_id == row.id:
        interactions.remove_pin(conn, group.account_id, row.id)
        group_threads.forget(conn, row.id)
        groups.add_to_counts(conn, group.account_id, threads=-1)
    elif thread is not None:
        group_threads.count_anew(conn, thread.post_id)
    groups.note_action(
        conn, group.account_id, by_id, Action.REMOVE, post_id=row.id, account_id=row.account_id,
        title=thread.title if thread is not None else "", reason=reason,
    )  # fmt: skip
    signal(conn, "status.update", str(row.id))


def restore(conn: Connection, group: GroupRow, uri: str) -> bool:
    """Put back what was removed; a post of another server by job, which fetches it. Whether it had been."""
    row = posts.by_uri(conn, uri)
    if row is not None:
        if row.group_id is not None or not row.local or not _was_taken_out(conn, group.account_id, row.id):
            return False
        posts.change(conn, row.id, group_id=group.account_id)
        changed = posts.by_id(conn, row.id)
        assert changed is not None
        posting.arrived(conn, changed, group, quietly=True)
        signal(conn, "status.update", str(row.id))
        return True
    if not inbox.unbury(conn, _by(group, uri), REMOVED) or not inbox.unbury(conn, uri, REMOVED):
        return False
    _plan(conn, group, uri)
    return True


def restore_own(conn: Connection, group: GroupRow, uri: str, author_uri: str) -> bool:
    """Put back what its author deleted: nobody else has, whoever shares a server with them. Whether it had been."""
    own = inbox.by_author(author_uri, uri)
    was_theirs = inbox.unbury(conn, own, OWN)
    if was_theirs:
        inbox.unbury(conn, uri, "deleted")
    # What was not known here was said to be deleted by somebody; what moderators removed stays so.
    if not (inbox.unbury(conn, own, "deleted") or was_theirs) or inbox.is_buried(conn, uri):
        return False
    _plan(conn, group, uri)
    return True


def _plan(conn: Connection, group: GroupRow, uri: str) -> None:
    plan(conn, "restore_post_in_group", {"group_id": group.account_id, "uri": uri}, key=uri)


def _was_taken_out(conn: Connection, group_id: int, post_id: int) -> bool:
    query = select(group_action.c.id).where(
        group_action.c.group_id == group_id,
        group_action.c.post_id == post_id,
        group_action.c.action == Action.REMOVE,
    )
    return conn.execute(query.limit(1)).first() is not None


@handles("restore_post_in_group")
async def restore_post(server: Server, payload: dict[str, Any]) -> None:
    """Fetch a post that moderators have put back into a group, and put it there."""
    try:
        post_id = await fetch.post(server, payload["uri"])
    except Unreachable as error:
        log.info("%s cannot be had any more: %s", payload["uri"], error.reason)
        raise
    if post_id is not None:
        await server.db.write(_put_back, server, payload["group_id"], post_id)


def _put_back(conn: Connection, server: Server, group_id: int, post_id: int) -> None:
    row, group = posts.by_id(conn, post_id), groups.by_id(conn, group_id)
    if row is None or group is None or not group_places.put_in(conn, row, group):
        return
    if not group.domain and not row.in_reply_to_uri:
        changed = posts.by_id(conn, post_id)
        assert changed is not None
        posting.show(conn, server, changed, group)


@handles("remove_posts_in_group")
async def remove_posts(server: Server, payload: dict[str, Any]) -> None:
    """Remove what somebody posted in a group that they were banned from, a part at a time."""
    while await server.db.write(_remove_some, server, payload):
        pass


def _remove_some(conn: Connection, server: Server, payload: dict[str, Any]) -> bool:
    group = groups.by_id(conn, payload["group_id"])
    if group is None:
        return False
    query = (
        select(post)
        .where(
            post.c.account_id == payload["account_id"],
            post.c.group_id == group.account_id,
            post.c.boost_of_id.is_(None),
            post.c.deleted_at.is_(None),
        )
        .order_by(post.c.id)
        .limit(AT_ONCE_MAX)
    )
    rows = list(conn.execute(query))
    for row in rows:
        remove(conn, server, group, row, payload["by_id"], reason="")
    return len(rows) == AT_ONCE_MAX
