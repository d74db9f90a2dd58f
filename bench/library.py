"""A facet search with its counts in a large library, measured against a page of a timeline."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import accumulate
from typing import Any, Final
from urllib.parse import urlencode

from sqlalchemy import Connection, select

from activitypub.identifiers import Uris
from bench.load import Cost, expect, measure
from bench.report import Row
from bench.workloads import READS, WARM_UP, Bench
from fedserver.resources.records import LEVELS, TYPES, Details, Person, Topic, encode
from storage import search, tables
from storage.hot import insert_rows
from storage.types import new_id, now_ms

RESOURCES: Final = 50_000
TOPICS: Final = 400
PEOPLE: Final = 15_000
LICENCES: Final = ("CC-BY-4.0", "CC0-1.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "MIT", "")
LANGUAGES: Final = ("en", "de", "fr", "es", "pt", "it", "nl", "sv", "ar", "ja")
AUDIENCES: Final = ("phd students", "researchers", "trainers", "librarians", "undergraduates", "managers")
_AT_ONCE: Final = 2_000
QUERIES: Final = (
    {},
    {"type": "lesson"},
    {"topic": "http://edamontology.org/topic_0003"},
    {"level": "beginner", "language": "en", "licence": "CC-BY-4.0"},
    {"topic": "http://edamontology.org/topic_0100", "type": "slides"},
    {"author": "Person number 3"},
    {"language": "de", "sort": "used"},
    {"audience": "trainers", "instance": "library3.example", "sort": "updated"},
)
"""What is asked in turn: nothing, one facet, several."""


async def facets(bench: Bench, add_library: Callable[[], None]) -> AsyncIterator[Row]:
    """A page of a choice among 50,000 resources, with the counts of all facets."""
    base, reader = bench.server.base, bench.bearer("reader")
    await asyncio.to_thread(add_library)

    async def cost(urls: Sequence[str]) -> Cost:
        async def send(number: int) -> None:
            await expect(await bench.http.get(urls[number % len(urls)], headers=reader), 200)

        await measure(send, WARM_UP, bench.server.processes)
        return await measure(send, READS, bench.server.processes)

    page = await cost([f"{base}/api/v1/timelines/home?limit=20"])
    listed = await cost([f"{base}/api/v1/resources?{urlencode({**one, 'limit': 20})}" for one in QUERIES])
    counted = await cost([f"{base}/api/v1/resources/facets?{urlencode(one)}" for one in QUERIES])
    both = listed.cpu_ms + counted.cpu_ms
    yield Row(
        bench.database,
        "library, facet search with counts over 50,000 resources",
        both / page.cpu_ms,
        4,
        cpu_ms=both,
        unit="x a home timeline",
    )
    # What is asked for again is remembered until the library changes; here every pair of choices is another one.
    choices = [
        {"topic": f"http://edamontology.org/topic_{number % TOPICS:04}", "type": TYPES[number % len(TYPES)]}
        for number in range(WARM_UP + READS)
    ]
    first = await cost([f"{base}/api/v1/resources/facets?{urlencode(one)}" for one in choices])
    yield Row(
        bench.database,
        "library, counts of a choice that nobody made before",
        first.cpu_ms / page.cpu_ms,
        4,
        cpu_ms=first.cpu_ms,
        unit="x a home timeline",
    )
    words = await cost(
        [f"{base}/api/v1/resources/facets?{urlencode({**one, 'q': 'onepercent'})}" for one in QUERIES]
    )
    yield Row(
        bench.database,
        "library, counts of what has a word of 1 % in it",
        words.cpu_ms / page.cpu_ms,
        4,
        cpu_ms=words.cpu_ms,
        unit="x a home timeline",
    )


def add_library(conn: Connection, uris: Uris) -> None:
    """Resources of members and other servers: a few topics and authors have many, most have few, as in real libraries."""
    accounts = list(
        conn.scalars(select(tables.account.c.id).where(tables.account.c.username.like("author%")))
    )
    chance = random.Random(1)
    topics = _Frequent(chance, [f"http://edamontology.org/topic_{number:04}" for number in range(TOPICS)])
    people = _Frequent(chance, [f"Person number {number}" for number in range(PEOPLE)])
    began = now_ms() - 400 * 86_400_000
    for first in range(0, RESOURCES, _AT_ONCE):
        posts: list[dict[str, Any]] = []
        resources: list[dict[str, Any]] = []
        values: list[dict[str, Any]] = []
        texts: list[str] = []
        for number in range(first, first + _AT_ONCE):
            at = began + number * 600_000
            post_id = new_id(at)
            title = f"Resource {number} about {chance.choice(AUDIENCES)}"
            names, about = people.some(1 + number % 3), topics.some(2)
            details = Details(
                types=(chance.choice(TYPES),),
                authors=tuple(Person(name=one) for one in names),
                licence=chance.choice(LICENCES),
                level=chance.choice(LEVELS),
                audience=(chance.choice(AUDIENCES),),
                topics=tuple(Topic(label=one.rpartition("/")[2], uri=one) for one in about),
            )
            texts.append(title if number % 100 else f"{title} onepercent")
            posts.append(
                {"id": post_id, "uri": uris.resource(post_id), "url": uris.resource(post_id), "kind": "resource",
                 "account_id": accounts[number % len(accounts)], "visibility": "public", "title": title,
                 "summary": "What it is about, in two lines. " * 4, "content_html": f"<p>{title}</p>",
                 "language": chance.choice(LANGUAGES), "thread_id": post_id, "local": True, "created_at": at}
            )  # fmt: skip
            resources.append(
                {"post_id": post_id, "details": encode(details).decode(), "status": "active", "version": "1.0.0",
                 "versions_count": 1, "uses_count": number % 7, "changed_at": at + chance.randrange(10**9)}
            )  # fmt: skip
            found = [
                ("type", details.types[0], ""),
                ("level", details.level, ""),
                ("licence", details.licence, ""),
            ]
            found += [
                ("language", posts[-1]["language"], ""),
                ("instance", f"library{number % 10}.example", ""),
            ]
            found += [("topic", one, one.rpartition("/")[2]) for one in about]
            found += [("audience", details.audience[0], ""), *(("author", one.lower(), one) for one in names)]
            values += [
                {"post_id": post_id, "facet": facet, "value": value, "label": label}
                for facet, value, label in found
                if value
            ]
        insert_rows(conn, tables.post, posts)
        insert_rows(conn, tables.resource, resources)
        insert_rows(conn, tables.resource_facet, values)
        marks = [search.mark("resource")]
        search.put_new_posts(
            conn, [(row["id"], [text], marks) for row, text in zip(posts, texts, strict=True)]
        )


class _Frequent:
    """Words of which the n-th is n times as rare as the first (Zipf)."""

    def __init__(self, chance: random.Random, words: Sequence[str]) -> None:
        self._chance, self._words = chance, words
        self._weights = list(accumulate(1 / number for number in range(1, len(words) + 1)))

    def some(self, count: int) -> list[str]:
        """As many different ones, or fewer."""
        return list(dict.fromkeys(self._chance.choices(self._words, cum_weights=self._weights, k=count)))
