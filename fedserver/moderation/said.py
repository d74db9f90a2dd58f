"""What a decision does to what somebody said: posts shown behind a warning, deleted, and who is kept out of a group.

Steps for units that have asked who may. To other servers and in a group's log it is this server that acts: which
moderator it was is nobody's business outside.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from fedserver import posts as own_posts
from fedserver.context import Server
from fedserver.groups import members, moderation
from storage import accounts, groups, posts
from storage.posts import PostRow
from storage.signals import signal


def mark(conn: Connection, server: Server, rows: Sequence[PostRow]) -> None:
    """Show these posts behind a warning, whatever their author says."""
    for row in rows:
        if not row.sensitive:
            _set(conn, server, row, marked=True)


def unmark(conn: Connection, server: Server, post_ids: Sequence[int]) -> None:
    """Show posts again as their author marked them, unless everything of the author is marked."""
    for row in posts.by_ids(conn, post_ids).values():
        author = accounts.by_id(conn, row.account_id)
        if (
            row.deleted_at is None
            and row.marked_sensitive
            and author is not None
            and not author.sensitized_at
        ):
            _set(conn, server, row, marked=False)


def _set(conn: Connection, server: Server, row: PostRow, *, marked: bool) -> None:
    posts.change(conn, row.id, sensitive=marked, marked_sensitive=marked)
    signal(conn, "status.update", str(row.id))
    if row.local:
        server.publish.post_refreshed(conn, row.id)


def delete(conn: Connection, server: Server, rows: Sequence[PostRow]) -> None:
    """Delete these posts here and, as far as they are ours or in a group of ours, elsewhere."""
    for row in rows:
        group = None if row.group_id is None else groups.by_id(conn, row.group_id)
        if group is not None and not group.domain:
            moderation.remove_unit(conn, server, group, row, server.keys.instance_account_id)
            continue
        if row.local:
            server.publish.post_deleted(conn, row)
        own_posts.erase(conn, row)


def ban(conn: Connection, server: Server, group_id: int, account_id: int, expires_at: int | None) -> None:
    """Keep somebody out of a group of this server. Raises Forbidden for those who look after the group."""
    group = groups.by_id(conn, group_id)
    if group is not None:
        itself = server.keys.instance_account_id
        members.ban_unit(conn, server, group, itself, account_id, reason="", expires_at=expires_at)


def unban(conn: Connection, server: Server, group_id: int, account_id: int) -> None:
    """They may come back."""
    group = groups.by_id(conn, group_id)
    if group is not None:
        members.unban_unit(conn, server, group, server.keys.instance_account_id, account_id)
