"""Fetching what was said before we listened: the posts above an answer, the rest of a thread, an author's latest.

Everything here is bounded, because what is fetched names what to fetch next and strangers write it: fetches, items
and depth for each run, one run for each thread in a while. Nobody is told of posts that are found this way.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection

from activitypub.errors import ProtocolError
from activitypub.identifiers import same_origin
from activitypub.values import id_of, normalise, parse_json
from activitypub.vocabulary import Collection, read_collection
from fedserver.context import Server
from fedserver.errors import Unreachable
from fedserver.federation import fetch, group_places
from fedserver.federation.documents import OPEN
from fedserver.jobs.plan import plan
from storage import accounts, interactions, posts, timelines
from storage import relationships as stored_relationships
from storage.posts import PostRow

log = logging.getLogger("fedserver.backfill")

ANCESTORS_MAX: Final = 20
FETCHES_MAX: Final = 50
ITEMS_MAX: Final = 500
DEPTH_MAX: Final = 10
THREAD_EVERY_SECONDS: Final = 900
PAGES_MAX: Final = 5
LATEST_MAX: Final = 20
PINS_MAX: Final = 10


class Budget:
    """How much one run may still ask for."""

    def __init__(self, fetches: int = FETCHES_MAX, items: int = ITEMS_MAX) -> None:
        self.fetches = fetches
        self.items = items

    def spend(self) -> bool:
        """Take one fetch; False when there are none left."""
        self.fetches -= 1
        return self.fetches >= 0


async def ancestors(server: Server, post_id: int) -> int:
    """Fetch what a post answers, and what that answers, upwards; how many were new."""
    found = 0
    row: PostRow | None = await server.db.read(posts.by_id, post_id)
    for _ in range(ANCESTORS_MAX):
        if row is None or not row.in_reply_to_uri:
            break
        parent = await server.db.read(posts.by_uri, row.in_reply_to_uri)
        if parent is None:
            try:
                # One run counts all its steps: a post on the way does not begin a run of its own.
                parent_id = await fetch.post(server, row.in_reply_to_uri, climbs=False)
            except Unreachable as error:
                log.info("The thread above %s ends: %s", row.uri, error.reason)
                break
            if parent_id is None:
                break
            found += 1
            parent = await server.db.read(posts.by_id, parent_id)
        row = parent
    return found


async def thread(server: Server, post_id: int) -> int:
    """Fetch what is known elsewhere of a post's thread: its context (FEP-f228), else the replies of its posts.

    At most one run for each thread in 15 minutes; how many posts were new.
    """
    row = await server.db.read(posts.by_id, post_id)
    if row is None or row.visibility not in OPEN:
        return 0
    waiting = f"thread {row.thread_id}"
    if server.peers.must_wait(waiting):
        return 0
    server.peers.wait(waiting, THREAD_EVERY_SECONDS / server.config.testing.time_scale)
    await ancestors(server, post_id)
    budget = Budget()
    found = 0
    row = await server.db.read(posts.by_id, post_id)
    if row is None:
        return 0
    if row.context_uri and not server.uris.is_local(row.context_uri):
        found += await _posts_in(server, row.context_uri, budget)
    found = found or await _answers(server, row, budget)
    if found:
        await server.db.write(group_places.thread_found, row.thread_id)
    return found


async def _answers(server: Server, row: PostRow, budget: Budget) -> int:
    """Fetch what answers the posts of a thread, and what answers that."""
    found = 0
    root = await server.db.read(posts.by_id, row.thread_id) or row
    waiting_posts = deque([(root.uri, 0)])
    seen = {root.uri}
    while waiting_posts and budget.fetches > 0:
        uri, depth = waiting_posts.popleft()
        collection_uri = await server.db.read(_replies_of, uri)
        if collection_uri is None or depth >= DEPTH_MAX or not same_origin(collection_uri, uri):
            continue
        for item in await items_of(server, collection_uri, budget):
            if item in seen:
                continue
            seen.add(item)
            found += await fetch_one(server, item, budget)
            waiting_posts.append((item, depth + 1))
    return found


async def opened(server: Server, post_id: int) -> None:
    """A member reads a post: if it is another server's, have the rest of its thread fetched behind their back.

    Plans a job at most once in 15 minutes, and otherwise costs a look into memory.
    """
    waiting = f"opened {post_id}"
    if server.peers.must_wait(waiting):
        return
    server.peers.wait(waiting, THREAD_EVERY_SECONDS / server.config.testing.time_scale)
    row = await server.db.read(posts.by_id, post_id)
    if row is None or row.local or row.visibility not in OPEN:
        return
    if not server.peers.must_wait(f"thread {row.thread_id}"):
        await server.db.write(plan, "fetch_thread", {"post_id": row.id}, key=str(row.thread_id))


def _replies_of(conn: Connection, uri: str) -> str | None:
    """The replies collection that a post's own document names."""
    row = posts.by_uri(conn, uri)
    body = posts.source(conn, row.id) if row is not None and not row.local else None
    if body is None:
        return None
    try:
        document: Any = normalise(parse_json(bytes(body)))
    except ProtocolError:
        return None
    if "actor" in document and isinstance(document.get("object"), dict):
        document = document["object"]
    return id_of(document.get("replies"))


async def latest_of(server: Server, account_id: int) -> int:
    """After the first follow of an account: its pinned and latest open posts, so that its profile is not empty."""
    row = await server.db.read(accounts.by_id, account_id)
    if row is None or not row.domain or row.deleted_at is not None:
        return 0
    waiting = f"latest {account_id}"
    if server.peers.must_wait(waiting):
        return 0
    server.peers.wait(waiting, 24 * 3_600 / server.config.testing.time_scale)
    budget = Budget(fetches=LATEST_MAX + PINS_MAX + PAGES_MAX, items=LATEST_MAX + PINS_MAX)
    found = 0
    for collection_uri, limit, pins in (
        (row.featured_uri, PINS_MAX, True),
        (row.outbox_uri, LATEST_MAX, False),
    ):
        if not collection_uri:
            continue
        for item in (await items_of(server, collection_uri, budget))[:limit]:
            if not same_origin(item, row.uri):
                continue
            found += await fetch_one(server, item, budget)
            if pins:
                await server.db.write(_pin, account_id, item)
    await server.db.write(into_homes, account_id)
    return found


def _pin(conn: Connection, account_id: int, uri: str) -> None:
    row = posts.by_uri(conn, uri)
    if row is not None and row.account_id == account_id:
        interactions.put_pin(conn, account_id, row.id)


def into_homes(conn: Connection, author_id: int) -> None:
    """What was fetched of an account comes into the home timelines of those who follow it."""
    for member_id in stored_relationships.local_follower_ids(conn, author_id):
        timelines.fill_home(conn, member_id, author_id)


# -- steps


async def _posts_in(server: Server, collection_uri: str, budget: Budget) -> int:
    found = 0
    for item in await items_of(server, collection_uri, budget):
        found += await fetch_one(server, item, budget)
    return found


async def fetch_one(server: Server, uri: str, budget: Budget) -> int:
    """Fetch one post from its own origin; 1 if it is new and was had."""
    if server.uris.is_local(uri) or await server.db.read(posts.by_uri, uri) is not None:
        return 0
    if not budget.spend():
        return 0
    try:
        return 1 if await fetch.post(server, uri) is not None else 0
    except Unreachable as error:
        log.info("Not to be had: %s (%s)", uri, error.reason)
        return 0


async def items_of(
    server: Server,
    uri: str,
    budget: Budget,
    reads: Callable[[str | dict[str, Any]], str | None] | None = None,
) -> list[str]:
    """The ids in a collection, or what it `reads` from an item: of its first pages, all of one origin, each page once."""
    found: dict[str, None] = {}
    pages: set[str] = set()
    next_page: str | None = uri
    while next_page is not None and next_page not in pages and len(pages) < PAGES_MAX and budget.spend():
        pages.add(next_page)
        try:
            answer = await fetch.raw_document(server, next_page)
            page = read_collection(answer.json)
        except (Unreachable, ProtocolError) as error:
            log.info("A list cannot be read: %s (%s)", next_page, error)
            break
        if not same_origin(answer.uri, uri):
            break
        for item in (*page.items, *(page.first_page.items if page.first_page else ())):
            post_uri = (reads or _post_uri)(item)
            if post_uri is not None and budget.items > 0 and post_uri not in found:
                found[post_uri] = None
                budget.items -= 1
        next_page = following(page)
        if next_page is not None and not same_origin(next_page, uri):
            break
    return list(found)


def following(page: Collection) -> str | None:
    """The page that comes after this one, or is the first of this collection."""
    if page.first_page is not None:
        return page.first_page.next
    return page.next or (page.first if not page.items else None)


def _post_uri(item: str | dict[str, Any]) -> str | None:
    """The post an item stands for: itself, or what a Create in an outbox is about."""
    if isinstance(item, str):
        return item
    if item.get("type") == "Create":
        return id_of(item.get("object"))
    if item.get("type") == "Announce":
        return None
    return id_of(item)
