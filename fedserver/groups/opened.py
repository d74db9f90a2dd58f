"""A thread that somebody opens: what it is, and its posts in the order of the conversation, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from fedserver import filters, quoted
from fedserver import threads as conversations
from fedserver.context import Server
from fedserver.errors import Invalid, NotFound
from fedserver.federation import backfill
from fedserver.groups import rules, threads
from fedserver.groups.rules import Standing
from fedserver.groups.threads import ThreadLine
from fedserver.rendered import Shelf
from storage import group_threads, subscriptions
from storage.cards import Batch, Card
from storage.groups import GroupRow, TopicRow

POSTS_MAX: Final = 100  # of a page


@dataclass(frozen=True, slots=True)
class Within:
    """A post within a thread. `depth` is 0 for the first, 1 for an answer to it; `against` are the votes against it."""

    card: Card
    depth: int
    against: int = 0
    is_voted_against: bool = False  # by the viewer


@dataclass(frozen=True, slots=True)
class Opened:
    """A thread and some of its posts. `batch` has all that is needed to show them, and begins with the thread's first
    post. `after` is the cursor of what follows, 0 at the end. `level` is how the viewer hears of it, None: as of what is
    around it."""

    group: GroupRow
    standing: Standing
    line: ThreadLine
    topics: list[TopicRow]
    posts: list[Within]
    after: int
    batch: Batch
    level: str | None = None


async def show(
    server: Server, viewer_id: int | None, thread_id: int, shelf: Shelf, *, after: int = 0, limit: int = 40
) -> Opened:
    """A page of a thread's posts below the one with the id `after`, or from the beginning; `limit` may be 0.

    A fixed number of statements, however long the thread is. Raises NotFound, Forbidden, Invalid.
    """
    found = await server.db.read(show_unit, viewer_id, thread_id, shelf, after=after, limit=limit)
    if viewer_id is not None:
        if limit:
            await backfill.opened(server, thread_id)
        await filters.applied(server, viewer_id, found.batch)
    return found


def show_unit(
    conn: Connection,
    viewer_id: int | None,
    thread_id: int,
    shelf: Shelf,
    *,
    after: int = 0,
    limit: int = POSTS_MAX,
) -> Opened:
    """The unit of `show`."""
    thread, group = rules.thread_for(conn, thread_id, viewer_id)
    standing = rules.standing_of(conn, group.account_id, viewer_id)
    line = threads.lines_unit(conn, viewer_id, [thread_id]).get(thread.post_id)
    if line is None:
        raise NotFound
    posts = conversations.whole_unit(conn, viewer_id, thread_id)
    first = posts[0][0]
    start = 0
    if after:
        start = next((place for place, (card, _) in enumerate(posts, 1) if card.post.id == after), 0)
        if not start:
            raise Invalid({"after": "is no post of this discussion"})
    shown = posts[start : start + limit]
    rest = len(posts) > start + limit and bool(limit)
    cards = [card for card, _ in shown]
    batch = quoted.complete(conn, cards if first in cards else [first, *cards], viewer_id, shelf)
    against = group_threads.dislikes_of(conn, [card.post.id for card in cards], viewer_id)
    return Opened(
        group,
        standing,
        line,
        threads.topics_of(conn, [line]).get(thread_id, []),
        [Within(card, depth, *against.get(card.post.id, (0, False))) for card, depth in shown],
        cards[-1].post.id if rest else 0,
        batch,
        None if viewer_id is None else subscriptions.level_of(conn, viewer_id, "thread", thread_id),
    )
