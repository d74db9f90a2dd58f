"""Votes against posts of groups, where a group counts them. Votes for a post are likes; whoever casts one takes the other back.

The ``receive_…`` functions are units: the inbox calls them once it knows that the sender may say so.
"""

from __future__ import annotations

from sqlalchemy import Connection

from activitypub.builders import activity
from fedserver import interactions
from fedserver.context import Server
from fedserver.errors import Forbidden, NotFound
from fedserver.groups import rules
from fedserver.groups.rules import Action
from fedserver.viewer import Member
from storage import group_threads, groups
from storage.posts import PostRow
from storage.signals import signal
from storage.types import new_id


async def downvote(server: Server, member: Member, post_id: int) -> None:
    """Vote against a post of a group; twice is as once. Raises NotFound, Forbidden."""
    await server.db.write(downvote_unit, server, member.account_id, post_id)


def downvote_unit(conn: Connection, server: Server, account_id: int, post_id: int) -> None:
    """The unit of `downvote`."""
    row = interactions.seen(conn, post_id, account_id)
    group = groups.by_id(conn, row.group_id)
    if group is None:
        raise Forbidden("Votes against a post are counted in groups only.")
    rules.check(conn, Action.DOWNVOTE, group, account_id)
    if group_threads.dislike_between(conn, account_id, row.id) is not None:
        return
    interactions.unlike_unit(conn, server, account_id, row.id)
    _put(conn, row, account_id, server.uris.activity(new_id()))
    vote = group_threads.dislike_between(conn, account_id, row.id)
    server.publish.reacted(conn, vote, row, activity.dislike, undo=False)


async def take_back(server: Server, member: Member, post_id: int) -> None:
    """Vote against a post no longer; nothing happens when the member did not. Raises NotFound."""
    await server.db.write(take_back_unit, server, member.account_id, post_id)


def take_back_unit(conn: Connection, server: Server, account_id: int, post_id: int) -> None:
    """The unit of `take_back`."""
    row = interactions.seen(conn, post_id, account_id)
    vote = group_threads.dislike_between(conn, account_id, row.id)
    if vote is not None:
        server.publish.reacted(conn, vote, row, activity.dislike, undo=True)
        _remove(conn, row, account_id)


# -- what arrives from elsewhere


def receive_downvote(conn: Connection, account_id: int, row: PostRow, uri: str) -> bool:
    """Somebody elsewhere votes against a post of a group; twice is as once. Whether it is new. Raises NotFound outside groups."""
    if row.group_id is None:
        raise NotFound
    if group_threads.dislike_between(conn, account_id, row.id) is not None:
        return False
    interactions.receive_undo_like(conn, account_id, row)
    _put(conn, row, account_id, uri)
    return True


def receive_take_back(conn: Connection, account_id: int, row: PostRow) -> bool:
    """Whether there was such a vote."""
    if group_threads.dislike_between(conn, account_id, row.id) is None:
        return False
    _remove(conn, row, account_id)
    return True


def _put(conn: Connection, row: PostRow, account_id: int, uri: str) -> None:
    group_threads.add_dislike(conn, account_id, row.id, uri)
    signal(conn, "status.update", str(row.id))


def _remove(conn: Connection, row: PostRow, account_id: int) -> None:
    group_threads.remove_dislike(conn, account_id, row.id)
    signal(conn, "status.update", str(row.id))
