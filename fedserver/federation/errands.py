"""The planned work of federation: what an incoming activity sets in motion and nobody should wait for."""

from __future__ import annotations

import logging
from typing import Any, Final

from sqlalchemy import Connection, select

from activitypub.errors import ProtocolError
from activitypub.identifiers import host_of
from activitypub.vocabulary import read_collection
from fedserver import erasing
from fedserver import relationships as own_relationships
from fedserver.context import Server
from fedserver.errors import BadAnswer, FedError, Forbidden, Refused
from fedserver.federation import actors, backfill, fetch, group_backfill, people, sync
from fedserver.jobs.handlers import handles
from storage import accounts, groups, relationships
from storage.tables import account, follow
from storage.types import new_id

log = logging.getLogger("fedserver.federation")

THREAD_SECONDS: Final = 600.0
STRAYS_MAX: Final = 1_000


@handles("refresh_account")
async def refresh_account(server: Server, payload: dict[str, Any]) -> None:
    """Read an actor's document anew."""
    await fetch.refresh_account(server, payload["account_id"])


@handles("describe_instance", attempts_max=2)
async def describe_instance(server: Server, payload: dict[str, Any]) -> None:
    """Ask a server that is new to us what it runs."""
    try:
        await actors.describe_instance(server, payload["host"])
    except BadAnswer as error:
        log.info("%s does not say what it runs (%s).", payload["host"], error.reason)


@handles("erase_account", timeout_seconds=THREAD_SECONDS)
async def erase_account(server: Server, payload: dict[str, Any]) -> None:
    """Take away what an account elsewhere that is gone has left here, a part at a time."""
    await server.db.write(people.close_account, payload["account_id"])
    await erasing.in_steps(server, people.erase_some, payload["account_id"])


@handles("fetch_ancestors", timeout_seconds=THREAD_SECONDS, attempts_max=2)
async def fetch_ancestors(server: Server, payload: dict[str, Any]) -> None:
    """Fetch the posts above one that answers something unknown."""
    await backfill.ancestors(server, payload["post_id"])


@handles("fetch_thread", timeout_seconds=THREAD_SECONDS, attempts_max=1)
async def fetch_thread(server: Server, payload: dict[str, Any]) -> None:
    """Fetch the rest of a thread that somebody has opened."""
    await backfill.thread(server, payload["post_id"])


@handles("fetch_posts_of", timeout_seconds=THREAD_SECONDS, attempts_max=2)
async def fetch_posts_of(server: Server, payload: dict[str, Any]) -> None:
    """Fetch the latest posts of an account that somebody here has begun to follow, or of a group."""
    group = await server.db.read(groups.by_id, payload["account_id"])
    if group is not None:
        await group_backfill.latest(server, group)
    else:
        await backfill.latest_of(server, payload["account_id"])


# -- moves


@handles("move_followers", timeout_seconds=THREAD_SECONDS)
async def move_followers(server: Server, payload: dict[str, Any]) -> None:
    """The members who follow the old account follow the new one instead, each in a unit."""
    for member_id in await server.db.read(relationships.local_follower_ids, payload["from_id"]):
        try:
            await server.db.write(_follow_on, server, member_id, payload["from_id"], payload["to_id"])
        except FedError as error:  # blocked, or gone: this member stays behind, the others go on
            log.info("Member %d does not follow on: %s", member_id, error)


def _follow_on(conn: Connection, server: Server, member_id: int, from_id: int, to_id: int) -> None:
    if member_id != to_id:
        try:
            own_relationships.follow_unit(conn, server, member_id, to_id, {})
        except Forbidden:
            log.info("Member %d may not follow the account that somebody moved to.", member_id)
    own_relationships.unfollow_unit(conn, server.publish, member_id, from_id)


# -- followers synchronisation (FEP-8fcf)


@handles("synchronise_followers", attempts_max=2)
async def synchronise_followers(server: Server, payload: dict[str, Any]) -> None:
    """Somebody elsewhere counts other followers here than we do: ask for the list, and settle it.

    The list is believed when it gives the digest that came with the post. Members who are not on it follow no
    longer; for those on it who do not follow, the other server is told.
    """
    author = await server.db.read(accounts.by_id, payload["account_id"])
    if author is None or author.deleted_at is not None:
        return
    ours = await server.db.read(_members_following, author.id)
    if sync.digest_of(ours) == payload["digest"]:
        return
    try:
        answer = await fetch.raw_document(server, payload["url"])
        items = read_collection(answer.json).item_ids
    except ProtocolError as error:
        raise Refused("The list of followers cannot be read.", reason="json") from error
    if host_of(answer.uri) != author.host or sync.digest_of(items) != payload["digest"]:
        return
    await server.db.write(_settle, server, author.id, set(items))


def _members_following(conn: Connection, author_id: int) -> list[str]:
    query = (
        select(account.c.uri)
        .join(follow, follow.c.account_id == account.c.id)
        .where(follow.c.target_id == author_id, follow.c.accepted, account.c.domain == "")
    )
    return list(conn.scalars(query))


def _settle(conn: Connection, server: Server, author_id: int, theirs: set[str]) -> None:
    ours = set(_members_following(conn, author_id))
    for uri, row in accounts.by_uris(conn, ours - theirs).items():
        log.info("%s does not count %s among its followers.", author_id, uri)
        own_relationships.receive_reject(conn, None, author_id, row.id)
    strays = sorted(theirs - ours)[:STRAYS_MAX]
    for row in accounts.by_uris(conn, strays).values():
        if row.domain or relationships.follow_between(conn, row.id, author_id) is not None:
            continue
        # There is nothing of ours to undo, so a follow is made for as long as it takes to say so.
        follow_id = new_id()
        made = relationships.add_follow(
            conn, row.id, author_id, server.uris.activity(follow_id), follow_id=follow_id
        )
        server.publish.follow_undone(conn, made)
        relationships.remove_follow(conn, follow_id)
