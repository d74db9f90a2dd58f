"""One post with the eyes of each who is told of it, and who of them is shown the very same.

What was read for all (`fedserver.streams.audience.Shown`) becomes the batch that would have been fetched for one
viewer. Two viewers whose `sameness` is equal get the same bytes, so most posts are rendered once.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

from fedserver import quoted
from fedserver.filters import Filters, Match
from fedserver.streams.audience import Shown
from storage.cards import Batch, Card, PollCard, PollOption, PostLine, QuoteCard
from storage.interactions import Standing


@dataclass(frozen=True, slots=True)
class Seen:
    """A post as one viewer sees it, and what of their filters it matches."""

    batch: Batch
    sameness: Hashable
    matches: tuple[Match, ...] = ()


def seen_by(card: Card, shown: Shown, viewer_id: int | None, mine: Filters | None) -> Seen:
    """The post as this viewer sees it; `mine` are their filters. None is somebody we do not know."""
    if viewer_id is None:
        return Seen(shown.batch, None)
    shown_line = card.original or card.post
    standing: dict[int, Standing] = {}
    for post_id in (card.post.id, shown_line.id):
        mark = shown.standing.get((viewer_id, post_id))
        if mark is not None:
            standing[post_id] = mark
    batch = replace(
        shown.batch, cards=[card], standing=standing, viewer_id=viewer_id, ties=shown.ties, filtered={}
    )
    chosen = shown.chosen.get((viewer_id, shown_line.id), frozenset())
    if chosen and shown_line.id in batch.polls:
        batch.polls = {**batch.polls, shown_line.id: _voted(shown, shown_line.id, chosen)}
    batch.quotes = {post_id: _quote(shown, viewer_id, post_id) for post_id in _quotes_within(shown, card)}
    lines = [
        shown_line,
        *(one.quoted for one in batch.quotes.values() if one.quoted is not None),
    ]
    matches = mine.of_card(card, batch) if mine else ()
    filtered = _filtered(card, shown_line, batch, mine, matches) if mine else {}
    batch.filtered = filtered
    sameness = (
        tuple(
            (post_id, one.liked, one.boosted, one.bookmarked, one.pinned, one.muted)
            for post_id, one in standing.items()
        ),
        chosen,
        tuple(one.hidden for one in batch.quotes.values()),
        tuple(quoted.approval(line, batch) for line in lines),
        viewer_id if filtered else None,
    )
    return Seen(batch, sameness, matches)


def _voted(shown: Shown, post_id: int, chosen: frozenset[int]) -> PollCard:
    poll = shown.batch.polls[post_id]
    options = [
        PollOption(one.title, one.votes_count, place in chosen) for place, one in enumerate(poll.options)
    ]
    return replace(poll, options=options)


def _quotes_within(shown: Shown, card: Card) -> list[int]:
    """The posts with a quote among what is shown with this one: itself, what it boosts, what they quote."""
    found: list[int] = []
    waiting = [line for line in (card.post, card.original) if line is not None]
    while waiting:
        line = waiting.pop()
        quote = shown.batch.quotes.get(line.id)
        if quote is None or line.id in found:
            continue
        found.append(line.id)
        if quote.quoted is not None:
            waiting.append(quote.quoted)
    return found


def _quote(shown: Shown, viewer_id: int, post_id: int) -> QuoteCard:
    return shown.batch.quotes[post_id]._replace(hidden=shown.hidden.get((viewer_id, post_id), "unauthorized"))


def _filtered(
    card: Card, shown_line: PostLine, batch: Batch, mine: Filters, matches: tuple[Match, ...]
) -> dict[int, tuple[Match, ...]]:
    found: dict[int, tuple[Match, ...]] = {}
    if matches:
        found[card.post.id] = found[shown_line.id] = matches
    for one in batch.quotes.values():
        if one.quoted is not None and (within := mine.of_quoted(one.quoted, batch)):
            found.setdefault(one.quoted.id, within)
    return found
