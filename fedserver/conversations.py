"""Direct posts as conversations: what a member has with the same people in one thread, and the list of all of them.

A post joins the sender's conversation, and that of everybody who is told of it (`fedserver.notifications`): what a
member has blocked, muted or has held back is in none until they let it through.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, bindparam

from fedserver import filters, quoted, timelines, visibility
from fedserver.context import Server
from fedserver.errors import NotFound
from fedserver.rendered import Shelf
from fedserver.viewer import Member
from storage import accounts, cards, conversations, posts
from storage.cards import VIEWER, Batch, Card, Page
from storage.conversations import Place
from storage.paging import Window
from storage.posts import PostRow
from storage.relationships import hides
from storage.signals import signal
from storage.tables import mention, mute, post
from storage.types import now_ms


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation of a member: rows of the others (of the member where there are none), and its last post if it
    can be shown. `last_post_id` is the cursor."""

    id: int
    unread: bool
    people: list[Row[Any]]
    last_post_id: int
    card: Card | None


@dataclass(frozen=True, slots=True)
class Conversations:
    """A page of conversations, the last spoken in first, with what is needed to show them."""

    conversations: list[Conversation]
    batch: Batch


# -- what a direct post sets in motion


def told(
    conn: Connection, row: PostRow, named: Iterable[Any], heard: Iterable[int], *, new: bool = True
) -> None:
    """A direct post is there: put it where its author, if it is `new` and they are a member, and the members who
    were told of it (`heard`) find it. `named` are the rows of `posts.mentioned`."""
    everybody = _everybody(row, named)
    places = [_place(row, one, everybody, unread=True) for one in heard if one != row.account_id]
    if new and row.local:
        places.append(_place(row, row.account_id, everybody, unread=False))
    _put(conn, places)


def caught_up(conn: Connection, account_id: int, post_ids: Sequence[int]) -> None:
    """A member lets through direct posts that were held back."""
    rows = posts.by_ids(conn, post_ids)
    named = posts.mentioned(conn, post_ids)
    _put(
        conn,
        [
            _place(row, account_id, _everybody(row, named.get(row.id, ())), unread=True)
            for row in rows.values()
        ],
    )


def erased(conn: Connection, row: PostRow) -> None:
    """A direct post is about to go."""
    conversations.take_out(conn, row.id)


def rethreaded(conn: Connection, row: PostRow) -> None:
    """Answers that were there before this direct post have come into its thread."""
    conversations.rethread(conn, row.thread_id)


def _everybody(row: PostRow, named: Iterable[Any]) -> set[int]:
    return {row.account_id, *(one.id for one in named if not one.silent)}


def _place(row: PostRow, account_id: int, everybody: set[int], *, unread: bool) -> Place:
    return Place(account_id, row.thread_id, tuple(everybody - {account_id}), row.id, unread)


def _put(conn: Connection, places: Sequence[Place]) -> None:
    for account_id, conversation_id in conversations.put(conn, places):
        signal(conn, f"conversation:{account_id}", str(conversation_id))


# -- what members do with them


async def listed(server: Server, member: Member, window: Window, shelf: Shelf) -> Conversations:
    """The member's conversations."""

    def unit(conn: Connection) -> Conversations:
        return _completed(
            conn, member.account_id, conversations.listed(conn, member.account_id, window), shelf
        )

    return await _filtered(server, member.account_id, await server.db.read(unit))


async def one(server: Server, account_id: int, conversation_id: int, shelf: Shelf) -> Conversations:
    """One of a member's conversations, for streams too. Raises NotFound."""

    def unit(conn: Connection) -> Conversations:
        return _one(conn, account_id, conversation_id, shelf)

    return await _filtered(server, account_id, await server.db.read(unit))


async def mark(
    server: Server, member: Member, conversation_id: int, shelf: Shelf, *, unread: bool
) -> Conversations:
    """The conversation is read, or to be read again; as it is now. Raises NotFound."""

    def unit(conn: Connection) -> Conversations:
        conversations.mark(conn, member.account_id, conversation_id, unread=unread)
        return _one(conn, member.account_id, conversation_id, shelf)

    return await _filtered(server, member.account_id, await server.db.write(unit))


async def remove(server: Server, member: Member, conversation_id: int) -> None:
    """Take a conversation off the list; its posts stay, and a new one brings it back. Raises NotFound."""
    if not await server.db.write(conversations.remove, member.account_id, conversation_id):
        raise NotFound("Record not found")


def _one(conn: Connection, account_id: int, conversation_id: int, shelf: Shelf) -> Conversations:
    row = conversations.by_id(conn, account_id, conversation_id)
    if row is None:
        raise NotFound("Record not found")
    found = _completed(conn, account_id, [row], shelf)
    if not found.conversations:
        raise NotFound("Record not found")
    return found


def _completed(
    conn: Connection, account_id: int, rows: Sequence[conversations.ConversationRow], shelf: Shelf
) -> Conversations:
    batch = timelines.batch_of(conn, account_id, [one.last_post_id for one in rows], shelf)
    by_post = {card.post.id: card for card in batch.cards}
    others = {one.id: conversations.others_in(one) or [account_id] for one in rows}
    there = accounts.by_ids(conn, {one for ids in others.values() for one in ids})
    people = {one: row for one, row in there.items() if visibility.may_know(conn, row, account_id)}
    found = [
        Conversation(
            one.id,
            bool(one.unread),
            [people[other] for other in others[one.id] if other in people],
            one.last_post_id,
            by_post.get(one.last_post_id),
        )
        for one in rows
        if not people.keys().isdisjoint(others[one.id])
    ]
    return Conversations(found, batch)


async def _filtered(server: Server, account_id: int, found: Conversations) -> Conversations:
    await filters.applied(server, account_id, found.batch)
    return found


# -- the same posts as a timeline


_NAMED: Final = mention.alias("named")  # the predicate of visibility asks the table itself


def _visible(table: Any) -> Any:
    return visibility.predicate(VIEWER, table)


def _select_sent() -> Select[Any]:
    return cards.select_cards(_visible).where(post.c.account_id == VIEWER, post.c.visibility == "direct")


def _select_received() -> Select[Any]:
    now = bindparam("now", type_=mute.c.expires_at.type)
    return (
        cards.select_cards(_visible)
        .join(_NAMED, _NAMED.c.post_id == post.c.id)
        .where(
            _NAMED.c.account_id == VIEWER,
            post.c.visibility == "direct",
            post.c.account_id != VIEWER,
            ~hides(VIEWER, cards.AUTHOR.c.id, cards.AUTHOR.c.domain, now),
        )
    )


_sent = Page(_select_sent, post.c.id)
_received = Page(_select_received, _NAMED.c.post_id)


async def direct(server: Server, member: Member, window: Window, shelf: Shelf) -> Batch:
    """Every direct post that the member wrote or that names them, newest first."""

    def unit(conn: Connection) -> Batch:
        found = _sent.run(conn, window, viewer_id=member.account_id)
        found += _received.run(conn, window, viewer_id=member.account_id, now=now_ms())
        found.sort(key=lambda card: card.post.id, reverse=True)
        page = found[-window.limit :] if window.ascending else found[: window.limit]
        return quoted.complete(conn, page, member.account_id, shelf)

    return await filters.applied(server, member.account_id, await server.db.read(unit))
