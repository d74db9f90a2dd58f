"""Quotes: which post quotes which and how that stands, what must be known to show one, who may quote a post."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntFlag
from typing import Any, Final, Literal

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    case,
    delete,
    exists,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from storage import cards
from storage.cards import VIEWER, AccountLine, PostLine, QuoteCard
from storage.hot import Hot
from storage.paging import Window
from storage.relationships import keeps_out, mutes
from storage.tables import account, block, follow, mute, post, quote
from storage.types import AnyOf, new_id

QuoteRow = Row[Any]
State = Literal["pending", "accepted", "rejected", "revoked"]

ACCEPTED: Final = "accepted"


class Policy(IntFlag):
    """Who may quote a post, as `post.quote_policy` keeps it: at once, or when the author has agreed (`ASKED_…`).

    `OTHERS` are named by the author's server in a way that we cannot judge.
    """

    PUBLIC = 1
    FOLLOWERS = 2
    FOLLOWING = 4
    OTHERS = 8
    ASKED_PUBLIC = 16
    ASKED_FOLLOWERS = 32
    ASKED_FOLLOWING = 64
    ASKED_OTHERS = 128


# -- one quote


def of_post(conn: Connection, post_id: int) -> QuoteRow | None:
    """What this post quotes."""
    return conn.execute(select(quote).where(quote.c.post_id == post_id)).first()


def of_posts(conn: Connection, post_ids: Iterable[int]) -> dict[int, QuoteRow]:
    """The same for several, by the post that quotes."""
    wanted = set(post_ids)
    if not wanted:
        return {}
    return {row.post_id: row for row in conn.execute(select(quote).where(quote.c.post_id.in_(wanted)))}


def by_id(conn: Connection, quote_id: int) -> QuoteRow | None:
    return conn.execute(select(quote).where(quote.c.id == quote_id)).first()


def by_request(conn: Connection, request_uri: str) -> QuoteRow | None:
    """The quote that was asked for by this QuoteRequest."""
    return conn.execute(select(quote).where(quote.c.request_uri == request_uri)).first()


def by_stamp(conn: Connection, stamp_uri: str, quoted_account_id: int) -> QuoteRow | None:
    """The quote that this stamp of the quoted author's allows."""
    query = select(quote).where(
        quote.c.stamp_uri == stamp_uri, quote.c.quoted_account_id == quoted_account_id
    )
    return conn.execute(query).first()


def add(conn: Connection, *, state: State, quote_id: int | None = None, **columns: Any) -> QuoteRow:
    """A new quote; `columns` are those of the table. An accepted one is counted."""
    quote_id = quote_id or new_id()
    conn.execute(insert(quote).values(id=quote_id, state=state, **columns))
    if state == ACCEPTED:
        _count(conn, columns.get("quoted_id"), 1)
    row = by_id(conn, quote_id)
    assert row is not None
    return row


def change(conn: Connection, row: QuoteRow, **columns: Any) -> QuoteRow:
    """Set columns; the count of the quoted post follows the state."""
    conn.execute(update(quote).where(quote.c.id == row.id).values(**columns))
    changed = by_id(conn, row.id)
    assert changed is not None
    if (row.state, row.quoted_id) != (changed.state, changed.quoted_id):
        if row.state == ACCEPTED:
            _count(conn, row.quoted_id, -1)
        if changed.state == ACCEPTED:
            _count(conn, changed.quoted_id, 1)
    return changed


def remove(conn: Connection, row: QuoteRow) -> None:
    """The post quotes nothing any more."""
    if row.state == ACCEPTED:
        _count(conn, row.quoted_id, -1)
    conn.execute(delete(quote).where(quote.c.id == row.id))


def _count(conn: Connection, post_id: int | None, delta: int) -> None:
    if post_id is not None:
        changed = case((post.c.quotes_count + delta > 0, post.c.quotes_count + delta), else_=0)
        conn.execute(update(post).where(post.c.id == post_id).values(quotes_count=changed))


# -- those of a post


def page(conn: Connection, quoted_id: int, window: Window) -> list[Row[Any]]:
    """(relation_id, post_id) of the accepted quotes of a post."""
    query = select(quote.c.id.label("relation_id"), quote.c.post_id).where(
        quote.c.quoted_id == quoted_id, quote.c.state == ACCEPTED
    )
    return window.rows(conn, query, quote.c.id)


def by_members(conn: Connection, quoted_id: int) -> list[QuoteRow]:
    """The accepted quotes of a post by members of this server."""
    query = (
        select(quote)
        .join(account, account.c.id == quote.c.account_id)
        .where(quote.c.quoted_id == quoted_id, quote.c.state == ACCEPTED, account.c.domain == "")
    )
    return list(conn.execute(query))


def length_above(conn: Connection, uri: str, at_most: int) -> int:
    """How many quotes lead to the post with this URI, one of another; counted up to `at_most`."""
    for length in range(at_most):
        above = conn.scalar(
            select(post.c.uri)
            .join(quote, quote.c.post_id == post.c.id)
            .where(quote.c.quoted_uri == uri)
            .limit(1)
        )
        if above is None:
            return length
        uri = above
    return at_most


# -- what a list needs


_QUOTED: Final = post.alias("quoted")
_AUTHOR: Final = account.alias("quoted_author")


def select_shown(visible: cards.Visible, *, member: bool, viewer: Any = VIEWER) -> Select[Any]:
    """The columns of `shown_of` for posts that quote something; which ones, the caller says.

    `visible` says what whoever looks may see: a `member` (parameter ``now``, and the id as `viewer`) or
    anybody.
    """
    hidden: list[tuple[ColumnElement[bool], str]] = [(_QUOTED.c.id.is_(None), "")]
    if member:
        hidden.append((_QUOTED.c.account_id == viewer, ""))
    hidden.append((~visible(_QUOTED), "unauthorized"))
    if member:
        now = bindparam("now", type_=mute.c.expires_at.type)
        hidden += [
            (keeps_out(viewer, _AUTHOR.c.domain), "blocked_domain"),
            (
                exists().where(block.c.account_id == viewer, block.c.target_id == _AUTHOR.c.id),
                "blocked_account",
            ),
            (mutes(viewer, _AUTHOR.c.id, now), "muted_account"),
        ]
    return (
        select(
            quote.c.post_id,
            quote.c.state,
            quote.c.legacy,
            case(
                *((condition, literal_column(f"'{word}'")) for condition, word in hidden),
                else_=literal_column("''"),
            ),
            *(_QUOTED.c[name] for name in PostLine._fields),
            *(_AUTHOR.c[name] for name in AccountLine._fields),
        )
        .join_from(quote, _QUOTED, _QUOTED.c.id == quote.c.quoted_id, isouter=True)
        .join(_AUTHOR, _AUTHOR.c.id == _QUOTED.c.account_id, isouter=True)
    )


def of_these() -> ColumnElement[bool]:
    """Where one of the posts ``ids`` quotes, or a post that one of them quotes."""
    outer = quote.alias("outer_quote")
    ids: BindParameter[Any] = bindparam("ids")
    within = select(outer.c.quoted_id).where(AnyOf(outer.c.post_id, ids))
    return or_(AnyOf(quote.c.post_id, ids), quote.c.post_id.in_(within))


def shown_of(values: Any) -> tuple[int, QuoteCard]:
    """The post that quotes and its `QuoteCard`, of the columns of `select_shown`."""
    post_id, state, legacy, hidden, *line = values
    if line[0] is None:
        return post_id, QuoteCard(state, bool(legacy), hidden, None, None)
    width = len(PostLine._fields)
    return post_id, QuoteCard(
        state, bool(legacy), hidden, PostLine._make(line[:width]), AccountLine._make(line[width:])
    )


_ties: Final[Hot[Any]] = Hot(
    lambda: select(follow.c.account_id, follow.c.target_id).where(
        follow.c.accepted,
        or_(
            (follow.c.account_id == VIEWER) & AnyOf(follow.c.target_id, bindparam("ids")),
            (follow.c.target_id == VIEWER) & AnyOf(follow.c.account_id, bindparam("ids")),
        ),
    ),
    tuple,
)


def ties(conn: Connection, viewer_id: int, author_ids: Iterable[int]) -> frozenset[tuple[int, int]]:
    """Who follows whom between the viewer and these: (follower, followed)."""
    return frozenset(_ties.run(conn, viewer_id=viewer_id, ids=list(author_ids)))
