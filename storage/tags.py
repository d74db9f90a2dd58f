"""Hashtags as members use them: followed, featured on a profile; and how much each is used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BindParameter,
    Connection,
    Row,
    Select,
    bindparam,
    delete,
    exists,
    func,
    literal,
    select,
    union_all,
)

from storage.hot import Hot, insert_row
from storage.paging import Window
from storage.tables import featured_tag, hashtag, post, post_tag, tag_follow
from storage.types import DAY_MS, ID_BITS_WITHIN_MS, AnyOf, id_floor, new_id

SUGGESTED_FROM_POSTS: Final = 500
DAY_OF_IDS: Final = DAY_MS << ID_BITS_WITHIN_MS

# Attributes are the table's columns.
TagRow = Any


class Use(NamedTuple):
    """How often a hashtag was used in public on one day, a number counted from 1970 UTC, and by how many."""

    tag_id: int
    day: int
    uses: int
    accounts: int


class Featured(NamedTuple):
    """A hashtag on a profile, and what there is of it in the account's posts."""

    id: int
    key: str
    name: str
    posts_count: int
    last_post_id: int | None


def put(conn: Connection, key: str, name: str) -> TagRow:
    """The hashtag with this folded key; used by nobody yet, if there was none."""
    found = by_keys(conn, [key])
    if not found:
        insert_row(conn, hashtag, {"id": new_id(), "key": key, "name": name}, unless_there=True)
        found = by_keys(conn, [key])
    return found[0]


def by_keys(conn: Connection, keys: Sequence[str]) -> list[TagRow]:
    """Those that exist."""
    return list(conn.execute(select(hashtag).where(hashtag.c.key.in_(list(keys)))))


def by_id(conn: Connection, tag_id: int) -> TagRow | None:
    return conn.execute(select(hashtag).where(hashtag.c.id == tag_id)).first()


def is_open(conn: Connection, tag_id: int) -> bool:
    """Whether anybody can see the hashtag in use, or somebody follows or features it: one that is used among some alone is
    for others as if it were not."""
    used = (
        select(post_tag.c.tag_id)
        .join(post, post.c.id == post_tag.c.post_id)
        .where(post_tag.c.tag_id == tag_id, post.c.visibility.in_(["public", "unlisted"]))
    )
    for query in (
        used,
        select(tag_follow.c.tag_id).where(tag_follow.c.tag_id == tag_id),
        select(featured_tag.c.tag_id).where(featured_tag.c.tag_id == tag_id),
    ):
        if conn.execute(query.limit(1)).first() is not None:
            return True
    return False


# -- how much they are used


def _select_uses() -> Select[Any]:
    day = (post.c.id // bindparam("day_of_ids", type_=post.c.id.type)).label("day")
    return (
        select(post_tag.c.tag_id, day, func.count(), func.count(post.c.account_id.distinct()))
        .join(post, post.c.id == post_tag.c.post_id)
        .where(
            AnyOf(post_tag.c.tag_id, bindparam("ids")),
            post_tag.c.post_id >= bindparam("first_id"),
            post.c.visibility.concat("") == "public",
            post.c.deleted_at.is_(None),
        )
        .group_by(post_tag.c.tag_id, day)
    )


_uses: Hot[Use] = Hot(_select_uses, Use._make)


def uses(conn: Connection, tag_ids: Iterable[int], *, days: int, now: int) -> list[Use]:
    """How much these hashtags were used on each of the last `days` days (UTC), today among them."""
    ids = list(tag_ids)
    if not ids:
        return []
    first_id = id_floor((now // DAY_MS - days + 1) * DAY_MS)
    return _uses.run(conn, ids=ids, first_id=first_id, day_of_ids=DAY_OF_IDS)


# -- who follows and features them


def _select_standing() -> Any:
    account_id: BindParameter[int] = bindparam("account_id")
    ids: BindParameter[Any] = bindparam("ids")
    return union_all(
        select(literal("following").label("what"), tag_follow.c.tag_id).where(
            tag_follow.c.account_id == account_id, AnyOf(tag_follow.c.tag_id, ids)
        ),
        select(literal("featuring"), featured_tag.c.tag_id).where(
            featured_tag.c.account_id == account_id, AnyOf(featured_tag.c.tag_id, ids)
        ),
    )


_standing: Hot[tuple[str, int]] = Hot(_select_standing, tuple)


def standing(conn: Connection, account_id: int, tag_ids: Iterable[int]) -> set[tuple[str, int]]:
    """("following" or "featuring", tag) for those of these hashtags that a member follows or features."""
    return set(_standing.run(conn, account_id=account_id, ids=list(tag_ids)))


def follow(conn: Connection, account_id: int, tag_id: int) -> bool:
    """False when it was followed already."""
    row = {"id": new_id(), "account_id": account_id, "tag_id": tag_id}
    return insert_row(conn, tag_follow, row, unless_there=True)


def unfollow(conn: Connection, account_id: int, tag_id: int) -> None:
    conn.execute(
        delete(tag_follow).where(tag_follow.c.account_id == account_id, tag_follow.c.tag_id == tag_id)
    )


def count_followed(conn: Connection, account_id: int) -> int:
    """How many hashtags a member follows."""
    query = select(func.count()).select_from(tag_follow).where(tag_follow.c.account_id == account_id)
    return conn.scalar(query) or 0


def followed(conn: Connection, account_id: int, window: Window) -> list[Row[Any]]:
    """(id of the follow as relation_id, columns of the hashtag…)."""
    query = (
        select(tag_follow.c.id.label("relation_id"), hashtag)
        .join(hashtag, hashtag.c.id == tag_follow.c.tag_id)
        .where(tag_follow.c.account_id == account_id)
    )
    return window.rows(conn, query, tag_follow.c.id)


# -- on profiles


def featured(conn: Connection, account_id: int) -> list[Featured]:
    """The hashtags on a profile, the most used first, with what there is of each in the account's open posts."""
    used = (
        select(post_tag.c.tag_id, post.c.id)
        .join(post, post.c.id == post_tag.c.post_id)
        .where(
            post.c.account_id == account_id,
            post.c.visibility.in_(["public", "unlisted"]),
            post.c.deleted_at.is_(None),
            post_tag.c.tag_id.in_(
                select(featured_tag.c.tag_id).where(featured_tag.c.account_id == account_id)
            ),
        )
        .subquery()
    )
    count = func.count(used.c.id)
    query = (
        select(featured_tag.c.id, hashtag.c.key, featured_tag.c.name, count, func.max(used.c.id))
        .join(hashtag, hashtag.c.id == featured_tag.c.tag_id)
        .join(used, used.c.tag_id == featured_tag.c.tag_id, isouter=True)
        .where(featured_tag.c.account_id == account_id)
        .group_by(featured_tag.c.id, hashtag.c.key, featured_tag.c.name)
        .order_by(count.desc(), featured_tag.c.id)
    )
    return [Featured._make(row) for row in conn.execute(query)]


def feature(conn: Connection, account_id: int, tag_id: int, name: str) -> int | None:
    """The id of the entry; None when the hashtag was on the profile already."""
    row_id = new_id()
    row = {"id": row_id, "account_id": account_id, "tag_id": tag_id, "name": name}
    return row_id if insert_row(conn, featured_tag, row, unless_there=True) else None


def unfeature(
    conn: Connection, account_id: int, *, row_id: int | None = None, tag_id: int | None = None
) -> bool:
    """Take a hashtag off a profile, found by its entry or by itself; False when it was not there."""
    which = featured_tag.c.id == row_id if row_id is not None else featured_tag.c.tag_id == tag_id
    return bool(
        conn.execute(delete(featured_tag).where(featured_tag.c.account_id == account_id, which)).rowcount
    )


def suggested(conn: Connection, account_id: int, *, limit: int) -> list[TagRow]:
    """The hashtags that an account used most in its latest posts and does not feature."""
    latest = (
        select(post.c.id)
        .where(
            post.c.account_id == account_id,
            post.c.visibility.in_(["public", "unlisted"]),
            post.c.deleted_at.is_(None),
        )
        .order_by(post.c.id.desc())
        .limit(SUGGESTED_FROM_POSTS)
        .subquery()
    )
    query = (
        select(hashtag)
        .join(post_tag, post_tag.c.tag_id == hashtag.c.id)
        .join(latest, latest.c.id == post_tag.c.post_id)
        .where(
            ~exists().where(featured_tag.c.account_id == account_id, featured_tag.c.tag_id == hashtag.c.id)
        )
        .group_by(hashtag.c.id, hashtag.c.key, hashtag.c.name)
        .order_by(func.count().desc(), hashtag.c.key)
        .limit(limit)
    )
    return list(conn.execute(query))
