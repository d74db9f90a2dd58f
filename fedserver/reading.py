"""Posts for people to read: everything a page shows of a list of them, in batched statements.

What may be seen was decided by `fedserver.timelines`, whose batches `fedserver.page_cards` turns into cards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from fedserver import feeds, filters, quoted, threads, timelines
from fedserver.config import Config
from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.federation import backfill
from fedserver.filters import Filters
from fedserver.page_cards import PostCard, cards_of
from fedserver.rendered import Shelf
from fedserver.timelines import AccountPosts, Batch, Window
from fedserver.viewer import Viewer

__all__ = ["AccountPosts", "Leaf", "Reply", "ThreadView", "Window"]

NOTHING_HELD: Final = Shelf(0, 0, 0, 0)
"""Pages show names and texts, not the JSON that a shelf holds, so everything is fetched."""
INDENT_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class Leaf:
    """One page of a list of posts. `newer` and `older` are the cursors of its ends, None where nothing follows."""

    cards: list[PostCard]
    newer: int | None
    older: int | None


@dataclass(frozen=True, slots=True)
class Reply:
    """A post below another; `depth` counts from 1 and stops at `INDENT_MAX`."""

    card: PostCard
    depth: int


@dataclass(frozen=True, slots=True)
class ThreadView:
    """A post with what comes before it, from the first down, and what was answered, depth first."""

    before: list[PostCard]
    card: PostCard
    replies: list[Reply]
    indexable: bool
    """Whether search engines may list the post: its author says so, and it is for everybody."""


# -- what pages ask


async def home(server: Server, account_id: int, window: Window) -> Leaf:
    """A member's home timeline."""

    mine = await filters.of_member(server, account_id)

    def unit(conn: Connection) -> Leaf:
        batch = filters.marked(mine, timelines.home_unit(conn, account_id, window, NOTHING_HELD))
        cards = cards_of(conn, server.config, account_id, batch, "home")
        return _leaf(cards, window, [card.post.id for card in batch.cards])

    return await server.db.read(unit)


async def public(server: Server, viewer: Viewer, window: Window, *, local: bool) -> Leaf:
    """What was posted for everybody, here (`local`) or here and elsewhere. Raises Unauthorized."""
    sides = await feeds.sides(server, viewer, "live", local=local)
    if sides is None:
        return Leaf([], None, None)
    mine = await _filters(server, viewer)

    def unit(conn: Connection) -> Leaf:
        batch = timelines.public_unit(
            conn,
            viewer.account_id,
            window,
            NOTHING_HELD,
            local=sides.only_local,
            remote=sides.only_remote,
            only_media=False,
        )
        filters.marked(mine, batch)
        cards = cards_of(conn, server.config, viewer.account_id, batch, "public")
        return _leaf(cards, window, [card.post.id for card in batch.cards])

    return await server.db.read(unit)


async def of_account(
    server: Server, viewer: Viewer, account_id: int, window: Window, wanted: AccountPosts
) -> Leaf:
    """An account's posts, newest first. Raises NotFound."""

    mine = await _filters(server, viewer)

    def unit(conn: Connection) -> Leaf:
        viewer_id = viewer.account_id
        batch = timelines.of_account_unit(conn, viewer_id, account_id, window, NOTHING_HELD, wanted)
        cards = cards_of(conn, server.config, viewer_id, filters.marked(mine, batch), "account")
        return _leaf(cards, window, [card.post.id for card in batch.cards])

    return await server.db.read(unit)


async def pinned(server: Server, viewer: Viewer, account_id: int) -> list[PostCard]:
    """What an account shows at the top of its profile."""
    batch = await timelines.pinned(server, viewer.account_id, account_id, NOTHING_HELD)
    return await server.db.read(cards_of, server.config, viewer.account_id, batch, "account")


async def tagged(server: Server, viewer: Viewer, name: str, window: Window) -> Leaf:
    """Public posts with a hashtag, as typed without ``#``. Raises Unauthorized."""
    sides = await feeds.sides(server, viewer, "topic")
    if sides is None:
        return Leaf([], None, None)
    batch = await timelines.by_tag(
        server,
        viewer.account_id,
        window,
        NOTHING_HELD,
        any_of=[name],
        local=sides.only_local,
        remote=sides.only_remote,
    )
    cards = await server.db.read(cards_of, server.config, viewer.account_id, batch, "public")
    return _leaf(cards, window, [card.post.id for card in batch.cards])


async def liked(server: Server, account_id: int, window: Window) -> Leaf:
    """What a member liked, the last one first."""
    ids, batch = await timelines.liked(server, account_id, window, NOTHING_HELD)
    return _leaf(await server.db.read(cards_of, server.config, account_id, batch), window, ids)


async def bookmarked(server: Server, account_id: int, window: Window) -> Leaf:
    """What a member keeps for themselves, the last one first."""
    ids, batch = await timelines.bookmarked(server, account_id, window, NOTHING_HELD)
    return _leaf(await server.db.read(cards_of, server.config, account_id, batch), window, ids)


async def one(server: Server, viewer: Viewer, post_id: int) -> PostCard:
    """A single post. Raises NotFound when the viewer may not see it."""

    def unit(conn: Connection) -> PostCard:
        found = cards(conn, server.config, viewer.account_id, [post_id])
        if not found:
            raise NotFound
        return found[0]

    return await server.db.read(unit)


async def some(server: Server, viewer: Viewer, post_ids: Sequence[int]) -> list[PostCard]:
    """Those of these posts that the viewer may see, in this order."""
    return await server.db.read(cards, server.config, viewer.account_id, post_ids)


async def thread(server: Server, viewer: Viewer, post_id: int) -> ThreadView:
    """A post and all that was said around it; for a member, more of it may be fetched afterwards. Raises NotFound.

    What was written by people whom the viewer blocks or mutes, or is hidden by a filter, is left out, the post itself
    excepted.
    """
    mine = await _filters(server, viewer)

    def unit(conn: Connection) -> ThreadView:
        viewer_id = viewer.account_id
        around = threads.found_unit(conn, viewer_id, post_id)
        lines = [*around.ancestors, around.focus, *around.descendants]
        batch = filters.marked(mine, quoted.complete(conn, lines, viewer_id, NOTHING_HELD))
        # Whoever opens a post wants to read it.
        batch.filtered = {one: matches for one, matches in batch.filtered.items() if one != post_id}
        shown = cards_of(conn, server.config, viewer_id, batch, "thread")
        found = {card.id: card for card in shown}
        focus = found.get(post_id)
        if focus is None:
            raise NotFound
        before = [found[card.post.id] for card in around.ancestors if card.post.id in found]
        depth = {post_id: 0}
        replies: list[Reply] = []
        for line in around.descendants:
            depth[line.post.id] = depth.get(line.post.in_reply_to_id or 0, 0) + 1
            if line.post.id in found:
                replies.append(Reply(found[line.post.id], min(depth[line.post.id], INDENT_MAX)))
        author = batch.profiles[focus.author.id]
        indexable = bool(author.indexable) and focus.local and focus.visibility == "public"
        return ThreadView(before, focus, replies, indexable)

    view = await server.db.read(unit)
    if viewer.account_id is not None:
        await backfill.opened(server, post_id)
    return view


async def of_batch(server: Server, viewer: Viewer, batch: Batch) -> list[PostCard]:
    """The posts of a batch that was fetched with `NOTHING_HELD`, such as those a search found."""
    return await server.db.read(cards_of, server.config, viewer.account_id, batch)


def cards(conn: Connection, config: Config, viewer_id: int | None, post_ids: Sequence[int]) -> list[PostCard]:
    """Those of these posts that the viewer may see, in this order: for units."""
    return cards_of(conn, config, viewer_id, timelines.batch_of(conn, viewer_id, post_ids, NOTHING_HELD))


async def _filters(server: Server, viewer: Viewer) -> Filters | None:
    return None if viewer.account_id is None else await filters.of_member(server, viewer.account_id)


# -- making cards


def cursors(window: Window, ids: Sequence[int]) -> tuple[int | None, int | None]:
    """Where the newer and the older page of a list begin, None where there is none."""
    if not ids:
        return None, None
    full = len(ids) >= window.limit
    newest = window.max_id is None and (window.min_id is None or not full)
    return None if newest else ids[0], ids[-1] if full or window.ascending else None


def _leaf(found: list[PostCard], window: Window, ids: Sequence[int]) -> Leaf:
    newer, older = cursors(window, ids)
    return Leaf(found, newer, older)
