"""Quotes where posts are shown: which of them a viewer sees, and what they could quote themselves.

A quote never shows more than the viewer might see without it: the quoted post is there only when
`fedserver.visibility` lets them see it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

from sqlalchemy import Connection

from fedserver import visibility
from storage import cards, quotes
from storage.cards import VIEWER, Batch, Card, Held, PostLine, QuoteCard
from storage.hot import Hot
from storage.quotes import Policy
from storage.types import now_ms

Approval = Literal["automatic", "manual", "denied", "unknown"]

# The usual policies, told at a glance: flags are slow.
_FOR_ALL: Final = frozenset({0, int(Policy.PUBLIC)})
_AUTOMATIC: Final = (Policy.PUBLIC, Policy.FOLLOWERS, Policy.FOLLOWING)
_ASKED: Final = (Policy.ASKED_PUBLIC, Policy.ASKED_FOLLOWERS, Policy.ASKED_FOLLOWING)
_SHOWN_BEHIND: Final = frozenset({"blocked_account", "blocked_domain", "muted_account"})

_of_member: Hot[Any] = Hot(
    lambda: quotes.select_shown(lambda table: visibility.predicate(VIEWER, table), member=True).where(
        quotes.of_these()
    ),
    quotes.shown_of,
    packed=True,
)
_of_anybody: Hot[Any] = Hot(
    lambda: quotes.select_shown(lambda table: visibility.predicate(None, table), member=False).where(
        quotes.of_these()
    ),
    quotes.shown_of,
    packed=True,
)


# -- a list


def complete(conn: Connection, found: list[Card], viewer_id: int | None, held: Held) -> Batch:
    """`cards.complete` with what these posts quote: two statements more at the most, and none without quotes."""
    lines = _lines(found)
    shown = _shown(conn, lines, viewer_id)
    batch = cards.complete(conn, found, viewer_id, held, shown)
    if viewer_id is not None:
        lines += [
            one.quoted for one in shown.values() if one.quoted is not None and one.quoted_author is not None
        ]
        batch.ties = _ties(conn, lines, viewer_id)
    return batch


def shown_in(conn: Connection, found: Iterable[Card], viewer_id: int | None) -> dict[int, QuoteCard]:
    """What these posts quote, and what is quoted there in turn: one statement, and none without quotes."""
    return _shown(conn, _lines(found), viewer_id)


def _shown(conn: Connection, lines: Iterable[PostLine], viewer_id: int | None) -> dict[int, QuoteCard]:
    ids = [line.id for line in lines if line.quote_uri]
    if not ids:
        return {}
    if viewer_id is None:
        rows = dict(_of_anybody.run(conn, ids=ids))
    else:
        rows = dict(_of_member.run(conn, ids=ids, viewer_id=viewer_id, now=now_ms()))
    shown = {post_id: rows[post_id] for post_id in ids if post_id in rows}
    # What a quoted post quotes in turn is named, not shown.
    inner = {one.quoted.id for one in shown.values() if one.quoted is not None and one.quoted.quote_uri}
    return {post_id: rows[post_id]._replace(quoted_author=None) for post_id in inner & rows.keys()} | shown


def _lines(found: Iterable[Card]) -> list[PostLine]:
    return [line for card in found for line in (card.post, card.original) if line is not None]


def _ties(conn: Connection, lines: Iterable[PostLine], viewer_id: int) -> frozenset[tuple[int, int]]:
    authors = {line.account_id for line in lines if depends_on_ties(line) and line.account_id != viewer_id}
    return quotes.ties(conn, viewer_id, authors) if authors else frozenset()


def depends_on_ties(line: PostLine) -> bool:
    """Whether some may quote this post, and not everybody."""
    return line.quote_policy not in _FOR_ALL and not line.quote_policy & Policy.PUBLIC


# -- one quote, one post


@dataclass(frozen=True, slots=True)
class Shown:
    """A quote for one viewer: the word of the client API for how it stands, and what is quoted if it may be shown.

    That is also there for the three states (`blocked_account`, …) in which a client hides it behind a button.
    """

    state: str
    quoted: PostLine | None


def shown(one: QuoteCard, *, rewriting: bool = False) -> Shown | None:
    """What the viewer gets of a quote; None where it is as if there were none, because nobody was asked.

    Who is `rewriting` a post of their own gets what may be seen however the quote stands.
    """
    if one.state != quotes.ACCEPTED:
        if one.legacy:
            return None
        seen = rewriting and one.hidden != "unauthorized"
        return Shown(one.state, one.quoted if seen else None)
    if one.quoted is None:
        return Shown("deleted", None)
    if one.hidden and one.hidden not in _SHOWN_BEHIND:
        return Shown(one.hidden, None)
    return Shown(one.hidden or one.state, one.quoted)


def approval(line: PostLine, batch: Batch) -> Approval:
    """Whether the viewer could quote this post."""
    viewer_id = batch.viewer_id
    if viewer_id is None or line.visibility in ("direct", "group"):
        return "denied"
    if line.account_id == viewer_id:
        return "automatic"
    if line.visibility not in visibility.FOR_EVERYBODY:
        return "denied"
    author_id = line.account_id
    return allowed(
        line.quote_policy,
        follows=(viewer_id, author_id) in batch.ties,
        is_followed=(author_id, viewer_id) in batch.ties,
    )


@lru_cache(256)
def allowed(policy: int, *, follows: bool, is_followed: bool) -> Approval:
    """What a policy says to somebody who follows its author, or is followed by them, or neither."""
    holds = (True, follows, is_followed)
    if any(bit & policy and held for bit, held in zip(_AUTOMATIC, holds, strict=True)):
        return "automatic"
    if any(bit & policy and held for bit, held in zip(_ASKED, holds, strict=True)):
        return "manual"
    return "unknown" if policy & (Policy.OTHERS | Policy.ASKED_OTHERS) else "denied"


@lru_cache(256)
def words(policy: int) -> Mapping[str, tuple[str, ...]]:
    """A policy in the words of the client API: those under `automatic`, and under `manual`."""
    names = ("public", "followers", "following", "unsupported_policy")
    return {
        "automatic": tuple(
            name for bit, name in zip((*_AUTOMATIC, Policy.OTHERS), names, strict=True) if bit & policy
        ),
        "manual": tuple(
            name for bit, name in zip((*_ASKED, Policy.ASKED_OTHERS), names, strict=True) if bit & policy
        ),
    }
