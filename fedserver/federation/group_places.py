"""What is in a group elsewhere: the group says so, by handing it on or listing it, but only of what its author addressed to
it or wrote as an answer there. So nobody's posts come under a stranger's moderation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select

from activitypub.errors import ProtocolError
from activitypub.values import normalise, parse_json
from activitypub.vocabulary import Post, read_post
from fedserver import visibility
from fedserver.groups import posting
from storage import accounts, group_threads, groups, posts
from storage.groups import GroupRow
from storage.posts import PostRow
from storage.tables import post as post_table


def addressees(post: Post) -> Iterator[str]:
    """Whom a post is for, its group first."""
    yield from post.audience
    yield from post.to
    yield from post.cc
    yield from (mention.href for mention in post.mentions)
    if post.wall_of is not None:
        yield post.wall_of


def belongs(post: Post, group: GroupRow, parent: PostRow | None) -> bool:
    """Whether its author has posted this in the group: it names it as its audience; or, if it names none, addresses it,
    or answers what is in it."""
    if post.audience:
        return set(post.audience) == {group.uri}
    if parent is not None and parent.group_id == group.account_id:
        return True
    addressed = set(addressees(post))
    return group.uri in addressed or bool(group.followers_uri and group.followers_uri in addressed)


def put_in(conn: Connection, row: PostRow, group: GroupRow) -> bool:
    """A known post turns out to be in a group elsewhere, and so does what it answers. Whether it is in it."""
    if row.group_id is not None:
        return bool(row.group_id == group.account_id)
    if row.boost_of_id is not None or row.visibility not in visibility.FOR_EVERYBODY:
        return False
    parent = posts.by_id(conn, row.in_reply_to_id)
    if parent is not None and not put_in(conn, parent, group):
        return False
    # Of what our members begin the group is known from the beginning; their answers belong where they answer.
    said = None if row.local else _as_said(conn, row)
    if parent is None and (said is None or not belongs(said, group, None)):
        return False
    if said is not None and said.audience and not belongs(said, group, None):
        return False
    added = posts.put_into_group(conn, row.id, group.account_id)
    changed = posts.by_id(conn, row.id)
    if changed is None or changed.group_id != group.account_id:
        return False
    if added:
        posting.arrived(conn, changed, group, quietly=True)
    return True


def root_found(conn: Connection, row: PostRow) -> None:
    """A post has been fetched whose answers were here before it: if they are in a group elsewhere, so is it."""
    query = select(post_table.c.group_id).where(
        post_table.c.thread_id == row.thread_id, post_table.c.group_id.is_not(None)
    )
    for group_id in set(conn.scalars(query)):
        group = groups.by_id(conn, group_id)
        if group is not None and group.domain and put_in(conn, row, group):
            return


def thread_found(conn: Connection, thread_id: int) -> None:
    """More of a thread was fetched: in a group elsewhere, what answers in it is in the group."""
    thread = group_threads.by_id(conn, thread_id)
    group = None if thread is None else groups.by_id(conn, thread.group_id)
    if group is None or not group.domain:
        return
    for post_id in posts.ids_of_thread(conn, thread_id):
        row = posts.by_id(conn, post_id)
        if row is not None and row.group_id is None:
            put_in(conn, row, group)


def _as_said(conn: Connection, row: PostRow) -> Post | None:
    """What another server sent of a post, read again."""
    body = posts.source(conn, row.id)
    try:
        document: Any = normalise(parse_json(bytes(body or b"")))
        if "actor" in document and isinstance(document.get("object"), dict):
            document = document["object"]
        return read_post(document, author=_uri_of_author(conn, row))
    except ProtocolError:
        return None


def _uri_of_author(conn: Connection, row: PostRow) -> str | None:
    author = accounts.by_id(conn, row.account_id)
    return None if author is None else str(author.uri)
