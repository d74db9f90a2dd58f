"""What a page of a group's thread shows beside its cards: three statements, whatever there is on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from storage import accounts, cards, group_threads, posts, previews
from storage.cards import Batch, Card, Content, PostLine, QuoteCard
from storage.groups import TopicRow
from storage.hot import Together
from storage.types import now_ms

_hanging: Final = Together(
    cards.MARKS,
    cards.POLLS,
    posts.MEDIA,
    previews.BY_IDS,
    group_threads.DISLIKES,
    group_threads.TOPICS,
)


@dataclass(frozen=True, slots=True)
class ThreadPage:
    """`batch` has what a page shows of posts, and nobody else needs: texts, pictures, people, also those who are answered.
    `against` says by post how many vote against it, and whether the viewer does; `topics` are those of the thread."""

    batch: Batch
    against: Mapping[int, tuple[int, bool]]
    topics: list[TopicRow]


def complete(
    conn: Connection,
    found: list[Card],
    viewer_id: int | None,
    quotes: Mapping[int, QuoteCard],
    *,
    thread_id: int,
) -> ThreadPage:
    """All that goes with these cards and their `quotes`."""
    lines: dict[int, PostLine] = {card.post.id: card.post for card in found}
    lines |= {
        one.quoted.id: one.quoted
        for one in quotes.values()
        if one.quoted is not None and one.quoted_author is not None
    }
    ids = list(lines)
    threads: dict[int, list[int]] = {}
    for line in lines.values():
        threads.setdefault(line.thread_id, []).append(line.id)
    marks, polls, media, linked, dislikes, topics = _hanging.run(
        conn, viewer_id=viewer_id or 0, ids=ids, threads=list(threads), post_ids=ids, thread_ids=[thread_id], now=now_ms(),
        preview_ids=[line.preview_id for line in lines.values() if line.preview_id is not None],
    )  # fmt: skip
    pictures = posts.by_post(media)
    texts = cards.TEXTS.run(conn, ids=ids)
    people = {line.account_id for line in lines.values()}
    people |= {
        line.in_reply_to_account_id for line in lines.values() if line.in_reply_to_account_id is not None
    }
    batch = Batch(
        found,
        None if viewer_id is None else cards.standing_from(marks, threads),
        cards.polls_from(polls),
        post_bodies={},
        contents={row.id: Content(row, media=pictures.get(row.id, ())) for row in texts},
        account_bodies={},
        profiles=accounts.by_ids(conn, people),
        moved={},
        viewer_id=viewer_id,
        quotes=quotes,
        previews={row.id: row for row in linked},
    )
    return ThreadPage(batch, group_threads.dislikes_from(dislikes), topics)
