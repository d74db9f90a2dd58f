"""A search among many posts, measured against a page of a timeline."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from typing import Final

from sqlalchemy import Connection, select

from activitypub.identifiers import Uris
from bench.load import Cost, expect, measure
from bench.report import Row
from bench.workloads import READS, WARM_UP, Bench
from storage import search, tables
from storage.hot import insert_rows
from storage.types import new_id, now_ms

POSTS: Final = 100_000
RARE: Final = "onepercent"
_WORDS: Final = 20_000
_WORDS_IN_ONE: Final = 30
_AT_ONCE: Final = 2_000


async def searches(bench: Bench, add_archive: Callable[[], None]) -> AsyncIterator[Row]:
    """A word that stands in one of a hundred of 100,000 posts."""
    base, reader = bench.server.base, bench.bearer("reader")
    await asyncio.to_thread(add_archive)

    async def cost(url: str) -> Cost:
        async def send(_: int) -> None:
            await expect(await bench.http.get(url, headers=reader), 200)

        await measure(send, WARM_UP, bench.server.processes)
        return await measure(send, READS, bench.server.processes)

    page = await cost(f"{base}/api/v1/timelines/home?limit=20")
    found = await cost(f"{base}/api/v2/search?q={RARE}&type=statuses&limit=20")
    yield Row(
        bench.database,
        "search, a word in 1 % of 100,000 posts",
        found.cpu_ms / page.cpu_ms,
        3,
        cpu_ms=found.cpu_ms,
        unit="x a home timeline",
    )


def add_archive(conn: Connection, uris: Uris) -> None:
    """Public posts of members, older than all others, with words as a language has them."""
    authors = list(conn.scalars(select(tables.account.c.id).where(tables.account.c.username.like("author%"))))
    chance = random.Random(1)
    words = [f"word{number}" for number in range(_WORDS)]
    began = now_ms() - 400 * 86_400_000
    for first in range(0, POSTS, _AT_ONCE):
        rows, texts = [], []
        for number in range(first, first + _AT_ONCE):
            at = began + number * 60_000
            post_id = new_id(at)
            text = " ".join(chance.choices(words, k=_WORDS_IN_ONE))
            texts.append(text if number % 100 else f"{text} {RARE}")
            rows.append(
                {
                    "id": post_id,
                    "uri": uris.post(post_id),
                    "url": uris.post(post_id),
                    "account_id": authors[number % len(authors)],
                    "kind": "note",
                    "visibility": "public",
                    "content_html": f"<p>{texts[-1]}</p>",
                    "thread_id": post_id,
                    "local": True,
                    "created_at": at,
                }
            )
        insert_rows(conn, tables.post, rows)
        for row, text in zip(rows, texts, strict=True):
            search.put_new_post(conn, row["id"], [text], [search.mark("by", row["account_id"])])
