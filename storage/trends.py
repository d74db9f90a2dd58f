"""What is talked about at present: who used which hashtag and link, which posts found readers; and the result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from storage import kept_out
from storage.tables import account, hashtag, post, post_tag, preview, trend
from storage.tags import DAY_OF_IDS
from storage.types import id_floor


def _open_posts(since_ms: int) -> tuple[Any, ...]:
    """Public posts since then of accounts that are neither limited nor suspended, newest by id."""
    return (
        post.c.id >= id_floor(since_ms),
        post.c.visibility == "public",
        post.c.kind != "boost",
        post.c.deleted_at.is_(None),
        kept_out.shows(account),
        account.c.limited_at.is_(None),
    )


def tag_uses(conn: Connection, since_ms: int) -> Sequence[Any]:
    """``(subject_id, account_id, last_post_id)``: each account once for each hashtag that may be shown."""
    query = (
        select(
            post_tag.c.tag_id.label("subject_id"),
            post.c.account_id,
            func.max(post.c.id).label("last_post_id"),
        )
        .join_from(post, account, account.c.id == post.c.account_id)
        .join(post_tag, post_tag.c.post_id == post.c.id)
        .join(hashtag, hashtag.c.id == post_tag.c.tag_id)
        .where(*_open_posts(since_ms), hashtag.c.usable, hashtag.c.listable)
        .where(hashtag.c.trendable.is_(None) | hashtag.c.trendable)
        .group_by(post_tag.c.tag_id, post.c.account_id)
    )
    return conn.execute(query).all()


def link_uses(conn: Connection, since_ms: int) -> Sequence[Any]:
    """``(subject_id, account_id, last_post_id, url)``: each account once for each page it linked to."""
    query = (
        select(
            post.c.preview_id.label("subject_id"),
            post.c.account_id,
            preview.c.url,
            func.max(post.c.id).label("last_post_id"),
        )
        .join_from(post, account, account.c.id == post.c.account_id)
        .join(preview, preview.c.id == post.c.preview_id)
        .where(*_open_posts(since_ms), ~post.c.sensitive)
        .group_by(post.c.preview_id, post.c.account_id, preview.c.url)
    )
    return conn.execute(query).all()


def posts_read(conn: Connection, since_ms: int, least: int) -> Sequence[Any]:
    """``(id, reactions)``: posts that answer nobody, of people who want to be found, liked and boosted that often."""
    reactions = post.c.likes_count + post.c.boosts_count
    query = (
        select(post.c.id, reactions.label("reactions"))
        .join(account, account.c.id == post.c.account_id)
        .where(*_open_posts(since_ms), reactions >= least)
        .where(~post.c.sensitive, post.c.in_reply_to_uri == "", account.c.discoverable)
    )
    return conn.execute(query).all()


def put(conn: Connection, kind: str, scores: Sequence[tuple[int, float]]) -> None:
    """Replace what was computed before by (subject id, score)."""
    conn.execute(delete(trend).where(trend.c.kind == kind))
    if scores:
        rows = [{"kind": kind, "subject_id": one, "score": score} for one, score in scores]
        conn.execute(insert(trend), rows)


def listed(conn: Connection, kind: str, *, limit: int, offset: int) -> list[int]:
    """Ids of what is talked about most, the first first."""
    query = select(trend.c.subject_id).where(trend.c.kind == kind)
    ordered = query.order_by(trend.c.score.desc(), trend.c.subject_id.desc())
    return list(conn.scalars(ordered.limit(limit).offset(offset)))


def tags_by_id(conn: Connection, tag_ids: Iterable[int]) -> dict[int, Row[Any]]:
    """Hashtags by id."""
    return {row.id: row for row in conn.execute(select(hashtag).where(hashtag.c.id.in_(list(tag_ids))))}


def link_days(conn: Connection, preview_ids: Sequence[int], *, since_ms: int) -> Sequence[Any]:
    """``(preview_id, day, uses, accounts)``: public posts that link to these pages, by days since 1970."""
    day = post.c.id // DAY_OF_IDS
    query = (
        select(
            post.c.preview_id,
            day.label("day"),
            func.count().label("uses"),
            func.count(post.c.account_id.distinct()).label("accounts"),
        )
        .where(post.c.preview_id.in_(preview_ids), post.c.id >= id_floor(since_ms))
        .where(post.c.visibility == "public", post.c.deleted_at.is_(None))
        .group_by(post.c.preview_id, day)
    )
    return conn.execute(query).all()
