"""Filters of members: their keywords, and the posts they name. What they match is `fedserver.filters`'."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select, update

from storage.hot import Hot
from storage.tables import filter_keyword, filter_post, post_filter
from storage.types import AnyOf, new_id


@dataclass(frozen=True, slots=True)
class Keyword:
    """Words to look for, as typed."""

    id: int
    filter_id: int
    keyword: str
    whole_word: bool


@dataclass(frozen=True, slots=True)
class FilteredPost:
    """A post that a filter names."""

    id: int
    filter_id: int
    post_id: int


@dataclass(frozen=True, slots=True, eq=False)
class Filter:
    """A filter of a member as it was read. `action` is warn, hide or blur; `expires_at` None for never."""

    id: int
    title: str
    contexts: tuple[str, ...]
    action: str
    expires_at: int | None
    keywords: list[Keyword] = field(default_factory=list)
    posts: list[FilteredPost] = field(default_factory=list)


def of_account(conn: Connection, account_id: int) -> list[Filter]:
    """Every filter of a member, oldest first, with what is in it: three statements, one when there are none."""
    return _completed(conn, select(post_filter).where(post_filter.c.account_id == account_id))


def of_accounts(conn: Connection, account_ids: Sequence[int]) -> dict[int, list[Filter]]:
    """The same for several members at once, an empty list for those who have none."""
    found: dict[int, list[Filter]] = {account_id: [] for account_id in account_ids}
    owners = {row.id: row.account_id for row in _owners.run(conn, account_ids=list(account_ids))}
    if owners:
        for one in _completed(conn, select(post_filter).where(post_filter.c.id.in_(owners))):
            found[owners[one.id]].append(one)
    return found


_owners: Hot[Any] = Hot(
    lambda: select(post_filter.c.id, post_filter.c.account_id).where(
        AnyOf(post_filter.c.account_id, bindparam("account_ids"))
    )
)


def by_id(conn: Connection, account_id: int, filter_id: int) -> Filter | None:
    """Only the member's own."""
    query = select(post_filter).where(post_filter.c.id == filter_id, post_filter.c.account_id == account_id)
    found = _completed(conn, query)
    return found[0] if found else None


def _completed(conn: Connection, query: Select[Any]) -> list[Filter]:
    found = {
        row.id: Filter(row.id, row.title, tuple(json.loads(row.contexts)), row.action, row.expires_at)
        for row in conn.execute(query.order_by(post_filter.c.id))
    }
    if not found:
        return []
    for row in conn.execute(
        select(filter_keyword).where(filter_keyword.c.filter_id.in_(found)).order_by(filter_keyword.c.id)
    ):
        found[row.filter_id].keywords.append(_keyword(row))
    for row in conn.execute(
        select(filter_post).where(filter_post.c.filter_id.in_(found)).order_by(filter_post.c.id)
    ):
        found[row.filter_id].posts.append(FilteredPost(row.id, row.filter_id, row.post_id))
    return list(found.values())


def count(conn: Connection, account_id: int) -> int:
    """How many filters a member has."""
    query = select(func.count()).select_from(post_filter).where(post_filter.c.account_id == account_id)
    return conn.scalar(query) or 0


def add(
    conn: Connection,
    account_id: int,
    *,
    title: str,
    contexts: Sequence[str],
    action: str,
    expires_at: int | None,
) -> int:
    """A new filter without keywords; its id."""
    filter_id = new_id()
    conn.execute(
        insert(post_filter).values(
            id=filter_id,
            account_id=account_id,
            title=title,
            contexts=json.dumps(list(contexts)),
            action=action,
            expires_at=expires_at,
        )
    )
    return filter_id


def change(conn: Connection, filter_id: int, columns: Mapping[str, Any]) -> None:
    """Set some of title, contexts (a list), action, expires_at."""
    values = dict(columns)
    if "contexts" in values:
        values["contexts"] = json.dumps(list(values["contexts"]))
    if values:
        conn.execute(update(post_filter).where(post_filter.c.id == filter_id).values(**values))


def remove(conn: Connection, filter_id: int) -> None:
    """With everything in it."""
    conn.execute(delete(post_filter).where(post_filter.c.id == filter_id))


# -- keywords


def keyword(conn: Connection, account_id: int, keyword_id: int) -> Keyword | None:
    """Only the member's own."""
    query = (
        select(filter_keyword)
        .join(post_filter, post_filter.c.id == filter_keyword.c.filter_id)
        .where(filter_keyword.c.id == keyword_id, post_filter.c.account_id == account_id)
    )
    row = conn.execute(query).first()
    return None if row is None else _keyword(row)


def count_keywords(conn: Connection, account_id: int) -> int:
    """How many keywords a member has in all filters."""
    query = (
        select(func.count())
        .select_from(filter_keyword)
        .join(post_filter, post_filter.c.id == filter_keyword.c.filter_id)
        .where(post_filter.c.account_id == account_id)
    )
    return conn.scalar(query) or 0


def add_keyword(conn: Connection, filter_id: int, text: str, *, whole_word: bool) -> Keyword:
    """Another keyword of a filter."""
    keyword_id = new_id()
    conn.execute(
        insert(filter_keyword).values(id=keyword_id, filter_id=filter_id, keyword=text, whole_word=whole_word)
    )
    return Keyword(keyword_id, filter_id, text, whole_word)


def change_keyword(conn: Connection, keyword_id: int, **columns: Any) -> None:
    """Set keyword or whole_word."""
    if columns:
        conn.execute(update(filter_keyword).where(filter_keyword.c.id == keyword_id).values(**columns))


def remove_keyword(conn: Connection, keyword_id: int) -> None:
    conn.execute(delete(filter_keyword).where(filter_keyword.c.id == keyword_id))


def _keyword(row: Any) -> Keyword:
    return Keyword(row.id, row.filter_id, row.keyword, bool(row.whole_word))


# -- posts


def filtered_post(conn: Connection, account_id: int, row_id: int) -> FilteredPost | None:
    """Only the member's own."""
    query = (
        select(filter_post)
        .join(post_filter, post_filter.c.id == filter_post.c.filter_id)
        .where(filter_post.c.id == row_id, post_filter.c.account_id == account_id)
    )
    row = conn.execute(query).first()
    return None if row is None else FilteredPost(row.id, row.filter_id, row.post_id)


def add_post(conn: Connection, filter_id: int, post_id: int) -> FilteredPost:
    """Have a filter name a post, which it must not do yet."""
    row_id = new_id()
    conn.execute(insert(filter_post).values(id=row_id, filter_id=filter_id, post_id=post_id))
    return FilteredPost(row_id, filter_id, post_id)


def remove_post(conn: Connection, row_id: int) -> None:
    conn.execute(delete(filter_post).where(filter_post.c.id == row_id))
