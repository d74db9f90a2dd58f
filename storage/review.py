"""What moderators decided about hashtags, and about links, publishers and posts that many look at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from storage import kept_out
from storage.hot import insert_row
from storage.paging import Window
from storage.tables import account, hashtag, post, post_tag, trend_review
from storage.types import id_floor, now_ms

# Attributes are the tables' columns.
TagRow = Row[Any]


def tags(conn: Connection, window: Window) -> list[TagRow]:
    """Every hashtag that has been used, the newest first."""
    return window.rows(conn, select(hashtag), hashtag.c.id)


def tag(conn: Connection, tag_id: int) -> TagRow | None:
    return conn.execute(select(hashtag).where(hashtag.c.id == tag_id)).first()


def change_tag(conn: Connection, tag_id: int, **columns: Any) -> None:
    """Set columns, and remember that somebody has looked at the hashtag."""
    conn.execute(update(hashtag).where(hashtag.c.id == tag_id).values(reviewed_at=now_ms(), **columns))


def most_used_tags(conn: Connection, since_ms: int, offset: int, limit: int) -> list[TagRow]:
    """Hashtags of public posts since this instant, those that most accounts used first, decided about or not."""
    used = func.count(post.c.account_id.distinct())
    query = (
        select(hashtag)
        .join(post_tag, post_tag.c.tag_id == hashtag.c.id)
        .join(post, post.c.id == post_tag.c.post_id)
        .join(account, account.c.id == post.c.account_id)
        .where(
            post.c.id >= id_floor(since_ms),
            post.c.visibility == "public",
            post.c.deleted_at.is_(None),
            kept_out.shows(account),
        )
        .group_by(hashtag.c.id)
        .order_by(used.desc(), hashtag.c.id.desc())
    )
    return list(conn.execute(query.offset(offset).limit(limit)))


def decisions(conn: Connection, kind: str, subjects: Iterable[str]) -> dict[str, bool]:
    """What was decided about those of these (kind: link, publisher, post) that somebody decided about."""
    wanted = list(subjects)
    if not wanted:
        return {}
    query = select(trend_review.c.subject, trend_review.c.allowed).where(
        trend_review.c.kind == kind, trend_review.c.subject.in_(wanted)
    )
    return {row.subject: bool(row.allowed) for row in conn.execute(query)}


def rejected(conn: Connection, offset: int, limit: int) -> Sequence[Any]:
    """(kind, subject, decided_at) of what was rejected, decided last first."""
    query = select(trend_review.c.kind, trend_review.c.subject, trend_review.c.decided_at)
    query = query.where(~trend_review.c.allowed)
    query = query.order_by(trend_review.c.decided_at.desc(), trend_review.c.kind, trend_review.c.subject)
    return conn.execute(query.offset(offset).limit(limit)).all()


def decide(conn: Connection, kind: str, subject: str, *, allowed: bool, by_id: int) -> bool | None:
    """Remember a decision; the one before, if there was one."""
    before = decisions(conn, kind, [subject]).get(subject)
    values = {"allowed": allowed, "decided_by_id": by_id, "decided_at": now_ms()}
    if before is None:
        insert_row(conn, trend_review, {"kind": kind, "subject": subject, **values}, unless_there=True)
    else:
        conn.execute(
            update(trend_review)
            .where(trend_review.c.kind == kind, trend_review.c.subject == subject)
            .values(**values)
        )
    return before
