"""What a group elsewhere has pinned and lately shown, fetched when members join it or somebody looks at it.

Every post is asked of its own origin; that the group lists it is what its Announce would have said.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection

from activitypub.identifiers import same_origin
from activitypub.values import first, id_of
from fedserver import interactions
from fedserver.context import Server
from fedserver.federation import backfill, group_places
from fedserver.jobs.plan import plan
from storage import accounts, group_threads, groups, posts
from storage import interactions as stored_interactions
from storage.groups import GroupRow
from storage.types import new_id

EVERY_SECONDS: Final = 900
LATEST_MAX: Final = 40
PINS_MAX: Final = 10


async def looked_at(server: Server, group: GroupRow) -> None:
    """A member looks at a group: of one elsewhere the latest is fetched behind their back, at most once in 15 minutes."""
    waiting = f"looked at {group.account_id}"
    if not group.domain or server.peers.must_wait(waiting):
        return
    server.peers.wait(waiting, EVERY_SECONDS / server.config.testing.time_scale)
    await server.db.write(plan, "fetch_posts_of", {"account_id": group.account_id}, key=str(group.account_id))


async def latest(server: Server, group: GroupRow) -> int:
    """Fetch what a group has pinned and lately shown; how many posts were new. At most one run in 15 minutes."""
    waiting = f"latest {group.account_id}"
    if not group.domain or server.peers.must_wait(waiting):
        return 0
    server.peers.wait(waiting, EVERY_SECONDS / server.config.testing.time_scale)
    outbox_uri = await server.db.read(_outbox_of, group.account_id)
    budget = backfill.Budget(
        fetches=LATEST_MAX + PINS_MAX + 2 * backfill.PAGES_MAX, items=LATEST_MAX + PINS_MAX
    )
    found = 0
    for uri, limit, pins in ((group.featured_uri, PINS_MAX, True), (outbox_uri, LATEST_MAX, False)):
        if not uri or not same_origin(uri, group.uri):
            continue
        listed = _Listed()
        for item in (await backfill.items_of(server, uri, budget, listed.post_uri))[:limit]:
            found += await backfill.fetch_one(server, item, budget)
            await server.db.write(_put_listed, group.account_id, item, listed.shown_by.get(item), pins)
    await server.db.write(backfill.into_homes, group.account_id)
    return found


class _Listed:
    """Reads the items of a group's collections, and keeps which Announce showed a post."""

    def __init__(self) -> None:
        self.shown_by: dict[str, str] = {}

    def post_uri(self, item: str | dict[str, Any]) -> str | None:
        """The post an item stands for: itself; what a Create or an Announce is about, also one within the other, as
        Lemmy lists them."""
        if isinstance(item, str):
            return item
        inner = item
        while inner.get("type") in ("Announce", "Create", "Update"):
            subject = first(inner.get("object"))
            if not isinstance(subject, dict):
                inner = {"id": subject}
                break
            inner = subject
        if "actor" in inner and "object" in inner:
            return None  # a vote, or what a moderator did
        uri = id_of(inner)
        announce = id_of(item.get("id")) if item.get("type") == "Announce" else None
        if uri is not None and announce is not None:
            self.shown_by.setdefault(uri, announce)
        return uri


def _outbox_of(conn: Connection, group_id: int) -> str:
    row = accounts.by_id(conn, group_id)
    return "" if row is None else str(row.outbox_uri)


def _put_listed(conn: Connection, group_id: int, uri: str, announce_uri: str | None, pinned: bool) -> None:
    row, group = posts.by_uri(conn, uri), groups.by_id(conn, group_id)
    if row is None or group is None or not group_places.put_in(conn, row, group):
        return
    if group_threads.by_id(conn, row.id) is None:
        return
    if pinned:
        stored_interactions.put_pin(conn, group_id, row.id)
    known = stored_interactions.boost_between(conn, group_id, row.id)
    usable = announce_uri is not None and same_origin(announce_uri, group.uri)
    if known is None and usable and announce_uri is not None and posts.by_uri(conn, announce_uri) is None:
        changed = posts.by_id(conn, row.id)
        assert changed is not None
        interactions.add_group_boost(
            conn, changed, group_id, boost_id=new_id(row.created_at), uri=announce_uri, local=False
        )
