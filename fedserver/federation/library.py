"""Libraries and calendars of partners: what they share is kept here although nobody follows its authors, read once from the
beginning and later from where it was left (of a calendar all that is to come); and what becomes of it when they are partners
no longer.

Each run reads a few pages and plans the next, so that it can be interrupted, and their server has pauses.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from sqlalchemy import Connection

from activitypub.errors import ProtocolError
from activitypub.identifiers import same_origin
from activitypub.names import PUBLIC
from activitypub.values import id_of, parse_time
from activitypub.vocabulary import Post, read_collection, read_post
from fedserver import posts as own_posts
from fedserver.context import Server
from fedserver.errors import TooLarge, Unreachable
from fedserver.federation import backfill, directories, fetch, remote_posts
from fedserver.federation.actors import instant
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from fedserver.opportunities import arriving as opportunities
from fedserver.resources import arriving, keeping
from storage import accounts, inbox, partners, posts
from storage.accounts import AccountRow
from storage.partners import PartnerRow
from storage.types import now_ms

log = logging.getLogger("fedserver.library")

# By the names that a server's actor gives them.
COLLECTIONS: Final = ("resources", "upcomingEvents")
RESOURCES_MAX: Final = 5_000
PAGES_MAX: Final = 1_000
PAGES_A_RUN: Final = 5
ITEMS_A_PAGE_MAX: Final = 200
# No fewer than the items of a page, or one page of what cannot be had would never end.
FETCHES_A_RUN_MAX: Final = 200
PAUSE_SECONDS: Final = 0.2
NEXT_RUN_SECONDS: Final = 20
# What was changed so shortly before the last reading is looked at again.
OVERLAP_MS: Final = 3_600_000
LET_GO_PER_UNIT: Final = 50


def is_shared(conn: Connection, author: AccountRow, post: Post) -> bool:
    """Whether a post is here because its server is a partner: a public resource, event or opportunity of theirs."""
    if not (_is_resource(post) or _is_event(post) or _is_opportunity(post)) or PUBLIC not in post.to:
        return False
    return bool(author.domain) and partners.is_active(conn, author.host)


def _is_resource(post: Post) -> bool:
    return arriving.kind_of(post) == keeping.KIND


def _is_event(post: Post) -> bool:
    return post.kind == "Event" and post.event is not None


def _is_opportunity(post: Post) -> bool:
    return opportunities.kind_of(post) is not None


def plan_reading(conn: Connection) -> None:
    """A chore: what has not come by itself is read from every partner's library, calendar and directory."""
    for row in partners.listed(conn, ["active"]):
        begin_reading(conn, row)
        directories.plan_reading(conn, row)


def begin_reading(conn: Connection, row: PartnerRow) -> None:
    """Have what a partner shares read."""
    for what in COLLECTIONS:
        plan(conn, "read_library", {"partner_id": row.id, "what": what}, key=_key(row.id, what))


def _key(partner_id: int, what: str) -> str:
    return str(partner_id) if what == "resources" else f"{partner_id}:{what}"


class _Run:
    """How far a reading has come: the page that is next, the instant it began at, how much it has read."""

    def __init__(self, payload: dict[str, Any]) -> None:
        self.what: str = payload.get("what", "resources")
        self.url: str | None = payload.get("url")
        self.began_at: int = payload.get("began_at") or now_ms()
        self.items: int = payload.get("items", 0)
        self.pages: int = payload.get("pages", 0)
        self.fetches = 0

    @property
    def may_go_on(self) -> bool:
        return self.items < RESOURCES_MAX and self.pages < PAGES_MAX

    def payload(self, partner_id: int) -> dict[str, Any]:
        return {
            "partner_id": partner_id, "what": self.what, "url": self.url, "began_at": self.began_at, "items": self.items,
            "pages": self.pages,
        }  # fmt: skip


@handles("read_library", timeout_seconds=600.0)
async def read_library(server: Server, payload: dict[str, Any]) -> None:
    """Read some pages of a partner's library or calendar, and plan to read the next. Raises Unreachable to try again."""
    row = await server.db.read(partners.by_id, payload["partner_id"])
    if row is None or row.state != "active":
        return
    run = _Run(payload)
    if run.url is None:
        run.url = await _collection_of(server, row, run.what)
    for _ in range(PAGES_A_RUN):
        if run.url is None or not run.may_go_on:
            break
        if run.pages:
            await asyncio.sleep(PAUSE_SECONDS / server.config.testing.time_scale)
        if not await _read_page(server, row, run):
            break
    await server.db.write(_leave_off, row.id, run, server.config.testing.time_scale)


def _leave_off(conn: Connection, partner_id: int, run: _Run, time_scale: float) -> None:
    row = partners.by_id(conn, partner_id)
    if row is None or row.state != "active":
        return
    if run.url is None or not run.may_go_on:
        if run.what == "resources":
            partners.change(conn, row, library_read_at=run.began_at)
        return
    later = now_ms() + int(NEXT_RUN_SECONDS * 1000 / time_scale)
    plan(conn, "read_library", run.payload(partner_id), key=_key(partner_id, run.what), not_before_ms=later)


async def _collection_of(server: Server, row: PartnerRow, what: str) -> str | None:
    """The collection that a partner's actor names; None for one without a library, or calendar."""
    found = await fetch.document(server, row.uri)
    uri = id_of(found.json.get(what))
    return uri if uri is not None and same_origin(uri, row.uri) else None


async def _read_page(server: Server, row: PartnerRow, run: _Run) -> bool:
    """Take what is new on a page; `run` then stands at the next, or nowhere. False if the page is to be read again, since
    enough was fetched in this run."""
    assert run.url is not None
    answer = await fetch.raw_document(server, run.url)
    if not same_origin(answer.uri, row.uri):
        run.url = None
        return True
    try:
        page = read_collection(answer.json)
    except ProtocolError as error:
        log.info("A library cannot be read: %s (%s)", run.url, error)
        run.url = None
        return True
    items = [*page.items, *(page.first_page.items if page.first_page else ())][:ITEMS_A_PAGE_MAX]
    # A calendar is in the order of what is to come, so that what is new may be anywhere in it.
    read_at = row.library_read_at if run.what == "resources" else None
    since = None if read_at is None else read_at - OVERLAP_MS
    is_old = bool(items) and since is not None
    for item in items:
        if run.fetches >= FETCHES_A_RUN_MAX:
            return False
        is_old = await _take(server, row, run, item, since) and is_old
    run.items += len(items)
    run.pages += 1
    following = backfill.following(page)
    ends = is_old or following == run.url or not same_origin(following, row.uri)
    run.url = None if ends else following
    return True


async def _take(
    server: Server, row: PartnerRow, run: _Run, item: str | dict[str, Any], since: int | None
) -> bool:
    """Fetch what an item of a library or calendar names, unless it is known as it is; whether it was so before `since`."""
    uri = id_of(item)
    if uri is None or not same_origin(uri, row.uri):
        return False
    said_at = instant(parse_time(item.get("updated"))) if isinstance(item, dict) else None
    known = await server.db.read(posts.by_uri, uri)
    # Without an instant what is known is taken to be as it was.
    changed = said_at is not None and known is not None and said_at > (known.edited_at or known.created_at)
    if known is None or changed:
        run.fetches += 1
        await asyncio.sleep(PAUSE_SECONDS / server.config.testing.time_scale)
        try:
            await _fetch(server, row.host, uri)
        except Unreachable as error:
            log.info("Not to be had: %s (%s)", uri, error.reason)
    return since is not None and (known is not None if said_at is None else said_at < since)


async def _fetch(server: Server, host: str, uri: str) -> None:
    """Keep what a resource or event of a partner's says now. Raises Unreachable."""
    if await server.db.read(inbox.is_buried, uri):
        return
    found = await fetch.document(server, uri)
    try:
        post = read_post(found.json)
    except ProtocolError:
        return
    if post.id != uri or not (_is_resource(post) or _is_event(post)) or PUBLIC not in post.to:
        return
    if await server.db.read(posts.by_uri, uri) is not None:
        await server.db.write(_changed, host, post, found.body)
    elif post.resource is None or post.resource.withdrawn is None:
        await fetch.store(server, found, climbs=False)


def _changed(conn: Connection, host: str, post: Post, body: bytes) -> None:
    """Something known says something else by now: its Update has not come."""
    from fedserver.federation import posts as incoming

    row = posts.by_uri(conn, post.id)
    author = None if row is None else accounts.by_id(conn, row.account_id)
    if row is None or row.local or author is None or author.uri != post.attributed_to:
        return
    try:
        remote_posts.check(post, author)
        incoming.edit(conn, row, remote_posts.as_kept(conn, post, host), body)
    except (ProtocolError, TooLarge) as error:
        log.info("What has changed cannot be kept: %s (%s)", post.id, error)


# -- parting


@handles("let_go_of_library", timeout_seconds=600.0)
async def let_go_of_library(server: Server, payload: dict[str, Any]) -> None:
    """Remove what is here of a library and a calendar only because their server was a partner."""
    while await server.db.write(_let_some_go, payload["host"]):
        pass


def _let_some_go(conn: Connection, host: str) -> bool:
    if partners.is_active(conn, host):
        return False
    found = partners.kept_only_for(conn, host, limit=LET_GO_PER_UNIT)
    for row in found:
        own_posts.erase(conn, row)
        # It was not deleted: if they are partners again, or somebody looks it up, it may come back.
        inbox.unbury(conn, row.uri, "deleted")
    return len(found) == LET_GO_PER_UNIT
