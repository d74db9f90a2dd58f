"""Direct posts of one thread among the same people, as each member among them sees them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, delete, func, select, update

from storage.hot import insert_rows
from storage.paging import Window
from storage.tables import conversation, conversation_post, post
from storage.types import new_id

# Attributes are the table's columns.
ConversationRow = Row[Any]

_LATEST: Final = (
    select(func.max(conversation_post.c.post_id))
    .where(conversation_post.c.conversation_id == conversation.c.id)
    .scalar_subquery()
)


class Place(NamedTuple):
    """Where a post belongs for one member: to what they have with these `others` in this thread."""

    account_id: int
    thread_id: int
    others: tuple[int, ...]
    post_id: int
    unread: bool

    @property
    def participants(self) -> str:
        """As the table has them."""
        return json.dumps(sorted(self.others), separators=(",", ":"))


def others_in(row: ConversationRow) -> list[int]:
    """The other people in a conversation."""
    return [int(one) for one in json.loads(row.participants)]


def put(conn: Connection, places: Sequence[Place]) -> list[tuple[int, int]]:
    """Put posts where they belong, in a handful of statements whatever their number; a post that is there stays.

    (account id, conversation id) of every conversation that has changed.
    """
    if not places:
        return []
    keys = {(one.account_id, one.thread_id, one.participants) for one in places}
    insert_rows(
        conn,
        conversation,
        [
            {"id": new_id(), "account_id": account_id, "thread_id": thread_id, "participants": participants}
            for account_id, thread_id, participants in sorted(keys)
        ],
        unless_there=True,
    )
    query = select(conversation).where(
        conversation.c.account_id.in_({one.account_id for one in places}),
        conversation.c.thread_id.in_({one.thread_id for one in places}),
    )
    ids = {(row.account_id, row.thread_id, row.participants): row.id for row in conn.execute(query)}
    linked = select(conversation_post.c.conversation_id, conversation_post.c.post_id).where(
        conversation_post.c.post_id.in_({one.post_id for one in places})
    )
    there = {(row.conversation_id, row.post_id) for row in conn.execute(linked)}
    changed: dict[int, tuple[int, bool]] = {}
    links = []
    for one in places:
        conversation_id = ids[one.account_id, one.thread_id, one.participants]
        if (conversation_id, one.post_id) not in there:
            links.append({"conversation_id": conversation_id, "post_id": one.post_id})
            changed[conversation_id] = (one.account_id, one.unread)
    insert_rows(conn, conversation_post, links)
    for unread in (False, True):
        concerned = [one for one, (_, is_unread) in changed.items() if is_unread == unread]
        if concerned:
            conn.execute(
                update(conversation)
                .where(conversation.c.id.in_(concerned))
                .values(last_post_id=_LATEST, unread=unread)
            )
    return [(account_id, conversation_id) for conversation_id, (account_id, _) in changed.items()]


def take_out(conn: Connection, post_id: int) -> None:
    """A post is about to go: its conversations end with the one before, and those without another go, too."""
    concerned = list(
        conn.scalars(
            select(conversation_post.c.conversation_id).where(conversation_post.c.post_id == post_id)
        )
    )
    if concerned:
        conn.execute(delete(conversation_post).where(conversation_post.c.post_id == post_id))
        _settle(conn, concerned)


def rethread(conn: Connection, thread_id: int) -> None:
    """Posts have moved into this thread: what was a conversation of its own is one with what there is."""
    moved = conn.execute(
        select(conversation.c.id, conversation.c.account_id, conversation.c.participants)
        .join(conversation_post, conversation_post.c.conversation_id == conversation.c.id)
        .join(post, post.c.id == conversation_post.c.post_id)
        .where(post.c.thread_id == thread_id, conversation.c.thread_id != thread_id)
        .distinct()
    ).all()
    for row in moved:
        target = conn.scalar(
            select(conversation.c.id).where(
                conversation.c.account_id == row.account_id,
                conversation.c.thread_id == thread_id,
                conversation.c.participants == row.participants,
            )
        )
        mine = conversation.c.id == row.id
        if target is None:
            conn.execute(update(conversation).where(mine).values(thread_id=thread_id))
            continue
        conn.execute(
            update(conversation_post)
            .where(
                conversation_post.c.conversation_id == row.id,
                conversation_post.c.post_id.not_in(
                    select(conversation_post.c.post_id).where(conversation_post.c.conversation_id == target)
                ),
            )
            .values(conversation_id=target)
        )
        conn.execute(delete(conversation).where(mine))
        _settle(conn, [target])


def _settle(conn: Connection, conversation_ids: Sequence[int]) -> None:
    conn.execute(
        update(conversation).where(conversation.c.id.in_(conversation_ids)).values(last_post_id=_LATEST)
    )
    conn.execute(
        delete(conversation).where(
            conversation.c.id.in_(conversation_ids), conversation.c.last_post_id.is_(None)
        )
    )


def listed(conn: Connection, account_id: int, window: Window) -> list[ConversationRow]:
    """A page of a member's conversations, by the last post of each."""
    query = select(conversation).where(
        conversation.c.account_id == account_id, conversation.c.last_post_id.is_not(None)
    )
    return window.rows(conn, query, conversation.c.last_post_id)


def by_id(conn: Connection, account_id: int, conversation_id: int) -> ConversationRow | None:
    """Only the member's own."""
    return conn.execute(
        select(conversation).where(
            conversation.c.id == conversation_id, conversation.c.account_id == account_id
        )
    ).first()


def mark(conn: Connection, account_id: int, conversation_id: int, *, unread: bool) -> None:
    """Read, or to be read again."""
    conn.execute(
        update(conversation)
        .where(conversation.c.id == conversation_id, conversation.c.account_id == account_id)
        .values(unread=unread)
    )


def remove(conn: Connection, account_id: int, conversation_id: int) -> bool:
    """Forget a conversation, not its posts. Whether it was the member's."""
    gone = conn.execute(
        delete(conversation).where(
            conversation.c.id == conversation_id, conversation.c.account_id == account_id
        )
    )
    return bool(gone.rowcount)
