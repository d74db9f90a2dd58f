"""A post among those before and after it, as a viewer may see them, in very few statements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, case, literal_column, select

from fedserver import filters, quoted, visibility
from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.federation import backfill
from fedserver.rendered import Shelf
from storage import cards
from storage.cards import VIEWER, Batch, Card
from storage.hot import Hot
from storage.relationships import hides
from storage.tables import mute, post
from storage.types import now_ms

THREAD_POSTS_MAX: Final = 4_000
ANCESTORS_SHOWN_TO_STRANGERS: Final = 40
DESCENDANTS_SHOWN_TO_STRANGERS: Final = 60
SHOWN: Final = 2  # of the last column of a thread's rows


@dataclass(frozen=True, slots=True)
class Found:
    """A post, what comes before it, from the first down, and after it, depth first."""

    focus: Card
    ancestors: list[Card]
    descendants: list[Card]


@dataclass(frozen=True, slots=True)
class Thread:
    """What comes before a post and after it, with what is needed to show that."""

    ancestors: list[Card]
    descendants: list[Card]
    batch: Batch


def _select_thread(visible: cards.Visible) -> Select[Any]:
    """Every post of the thread that the post is in, with a last column: 0 what may not be seen, 1 what the viewer
    does not want to see, 2 the rest."""
    one = post.alias("one")
    thread = select(one.c.thread_id).where(one.c.id == bindparam("post_id")).scalar_subquery()
    now = bindparam("now", type_=mute.c.expires_at.type)
    hidden = hides(VIEWER, cards.AUTHOR.c.id, cards.AUTHOR.c.domain, now)
    seen = case(
        (~visible(post), literal_column("0")), (hidden, literal_column("1")), else_=literal_column("2")
    )
    return (
        cards.select_all_cards(seen)
        .where(post.c.thread_id == thread, post.c.deleted_at.is_(None))
        .order_by(post.c.id)
        .limit(THREAD_POSTS_MAX)
    )


def _prepared(viewer_id: Any) -> Hot[Any]:
    def visible(table: Any) -> Any:
        return visibility.predicate(viewer_id, table)

    return Hot(
        lambda: _select_thread(visible),
        lambda row: (cards.card_of(row), row[-1]),
        packed=True,
        gap=cards.ORIGINAL_COLUMNS,
    )


_thread: Final = _prepared(VIEWER)
_thread_public: Final = _prepared(None)


def around_unit(conn: Connection, viewer_id: int | None, post_id: int, shelf: Shelf) -> Thread:
    """A post's surroundings, in four statements at most when everything has been rendered before. Raises NotFound."""
    found = found_unit(conn, viewer_id, post_id, shelf)
    shown = [*found.ancestors, *found.descendants]
    return Thread(found.ancestors, found.descendants, quoted.complete(conn, shown, viewer_id, shelf))


def found_unit(conn: Connection, viewer_id: int | None, post_id: int, shelf: Shelf | None = None) -> Found:
    """A post and its surroundings, in one statement.

    Posts the viewer may not see, or does not want to, are left out; what hangs below one of them stays. The post
    itself is shown to whoever may see it. Raises NotFound.
    """
    by_id = _rows(conn, viewer_id, post_id, shelf)
    start = by_id.get(post_id)
    if start is None or not start[1]:
        raise NotFound
    above = _above(by_id, start[0])
    below = _below(by_id, post_id)
    if viewer_id is None:
        above, below = (
            above[-ANCESTORS_SHOWN_TO_STRANGERS:],
            below[:DESCENDANTS_SHOWN_TO_STRANGERS],
        )
    return Found(start[0], above, below)


def _above(by_id: dict[int, tuple[Card, int]], card: Card) -> list[Card]:
    found: list[Card] = []
    parent_id = card.post.in_reply_to_id
    while parent_id is not None and parent_id in by_id and len(found) < len(by_id):
        parent, seen = by_id[parent_id]
        if seen == SHOWN:
            found.append(parent)
        parent_id = parent.post.in_reply_to_id
    return found[::-1]


def _below(by_id: dict[int, tuple[Card, int]], post_id: int) -> list[Card]:
    return [card for card, _ in _walked(by_id, post_id)]


def _walked(by_id: dict[int, tuple[Card, int]], post_id: int) -> list[tuple[Card, int]]:
    """What is shown of what is below a post, depth first, each with how deep it is: 1 for an answer to the post."""
    children: dict[int, list[int]] = {}
    for card, _ in by_id.values():
        if card.post.in_reply_to_id is not None:
            children.setdefault(card.post.in_reply_to_id, []).append(card.post.id)
    found: list[tuple[Card, int]] = []
    stack = [(one, 1) for one in children.pop(post_id, [])[::-1]]
    while stack:
        one, depth = stack.pop()
        card, seen = by_id[one]
        if seen == SHOWN:
            found.append((card, depth))
        stack.extend((below, depth + 1) for below in children.pop(one, [])[::-1])
    return found


def whole_unit(conn: Connection, viewer_id: int | None, post_id: int) -> list[tuple[Card, int]]:
    """A post with all below it that the viewer may and wants to see, depth first, each with how deep it is: 0 for the
    post itself. One statement. Raises NotFound."""
    by_id = _rows(conn, viewer_id, post_id, None)
    start = by_id.get(post_id)
    if start is None or not start[1]:
        raise NotFound
    return [(start[0], 0), *_walked(by_id, post_id)]


def _rows(
    conn: Connection, viewer_id: int | None, post_id: int, shelf: Shelf | None
) -> dict[int, tuple[Card, int]]:
    met = None if shelf is None else shelf.thread_rows
    parameters = {"post_id": post_id, "viewer_id": viewer_id or 0, "now": now_ms()}
    rows = (_thread_public if viewer_id is None else _thread).run(conn, met, **parameters)
    return {row[0].post.id: row for row in rows}


async def around(server: Server, viewer_id: int | None, post_id: int, shelf: Shelf) -> Thread:
    """What comes before and after a post; for a member, more of it may be fetched afterwards. Raises NotFound."""
    found = await server.db.read(around_unit, viewer_id, post_id, shelf)
    if viewer_id is not None:
        await backfill.opened(server, post_id)
        await filters.applied(server, viewer_id, found.batch)
    return found
