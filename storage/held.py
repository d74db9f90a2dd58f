"""Posts that are held until a moderator has looked at them, and how far new members have come. What is held is kept as
what is scheduled: it is no post, so nothing that reads posts can come across it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, exists, func, insert, select, update

from storage.paging import Window
from storage.tables import account, follow, media, post, scheduled_post
from storage.types import new_id

HeldRow = Row[Any]
"""A row of `scheduled_post`."""


def keep(
    conn: Connection, account_id: int, *, draft: bytes, held_for: str, media_ids: Sequence[int], now: int
) -> int:
    """Keep a draft (JSON); its id. What the member has written word for word before is kept once."""
    text = draft.decode()
    known = conn.scalar(
        select(scheduled_post.c.id).where(
            scheduled_post.c.account_id == account_id,
            scheduled_post.c.draft == text,
            scheduled_post.c.held_for != "",
        )
    )
    if known is not None:
        return int(known)
    held_id = new_id()
    conn.execute(
        insert(scheduled_post).values(
            id=held_id, account_id=account_id, draft=text, scheduled_at=now, held_for=held_for
        )
    )
    for position, media_id in enumerate(media_ids):
        conn.execute(
            update(media)
            .where(media.c.id == media_id, media.c.account_id == account_id, media.c.post_id.is_(None))
            .values(scheduled_id=held_id, position=position)
        )
    return held_id


def by_id(conn: Connection, held_id: int) -> HeldRow | None:
    query = select(scheduled_post).where(scheduled_post.c.id == held_id, scheduled_post.c.held_for != "")
    return conn.execute(query).first()


def page(conn: Connection, window: Window, *, account_id: int | None = None) -> list[HeldRow]:
    """What is held, the newest first; of one member where `account_id` says whose."""
    query = select(scheduled_post).where(scheduled_post.c.held_for != "")
    if account_id is not None:
        query = query.where(scheduled_post.c.account_id == account_id)
    return window.rows(conn, query, scheduled_post.c.id)


def count_of(conn: Connection, account_id: int) -> int:
    """How much of a member's is held."""
    query = select(func.count()).where(
        scheduled_post.c.held_for != "", scheduled_post.c.account_id == account_id
    )
    return int(conn.scalar(query) or 0)


def was_answered(conn: Connection, account_id: int, since_ms: int) -> bool:
    """Whether somebody else has answered a post of theirs after this instant."""
    theirs, answer = post.alias("theirs"), post.alias("answer")
    query = (
        select(answer.c.id)
        .join_from(theirs, answer, answer.c.in_reply_to_id == theirs.c.id)
        .where(
            theirs.c.account_id == account_id,
            answer.c.account_id != account_id,
            answer.c.created_at > since_ms,
        )
    )
    return bool(conn.scalar(select(exists(query))))


def posted_since(conn: Connection, account_id: int, since_ms: int) -> list[int]:
    """When a member has posted after this instant, the first first."""
    query = select(post.c.created_at).where(
        post.c.account_id == account_id, post.c.boost_of_id.is_(None), post.c.id > new_id(since_ms)
    )
    return list(conn.scalars(query.order_by(post.c.created_at)))


def strangers(conn: Connection, account_id: int, others: Sequence[int]) -> int:
    """How many of these accounts do not follow the member, groups aside."""
    if not others:
        return 0
    following = exists().where(
        follow.c.account_id == account.c.id, follow.c.target_id == account_id, follow.c.accepted.is_(True)
    )
    query = select(func.count()).select_from(account)
    return int(
        conn.scalar(query.where(account.c.id.in_(others), account.c.actor_type != "Group", ~following)) or 0
    )
