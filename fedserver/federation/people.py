"""What others do to people: Follow and its answers, Block, Move, changes and ends of actors, pins.

Units, called with activities that are their actor's own (`authenticate`).
"""

from __future__ import annotations

import json
from typing import Final

from sqlalchemy import Connection, delete, update

from activitypub.activities import activity_kind
from activitypub.values import id_of
from fedserver import erasing, relationships, remote_media
from fedserver import posts as own_posts
from fedserver.federation import featured, group_moderation, joining, partners, quotes
from fedserver.federation.acting import Dropped, Incoming, Missing
from fedserver.jobs.plan import plan
from storage import accounts, belongings, inbox, interactions, posts
from storage import relationships as stored
from storage.signals import signal
from storage.tables import (
    account,
    account_key,
)
from storage.types import now_ms

MOVE_EVERY_MS: Final = 7 * 24 * 3_600_000
PINS_MAX: Final = 20
_TRACES_PER_UNIT: Final = 100
_FOLLOWERS_PER_UNIT: Final = 50


# -- following


def on_follow(conn: Connection, incoming: Incoming) -> None:
    """Somebody wants to follow a member."""
    if inbox.is_buried(conn, incoming.activity.id):
        raise Dropped("it was taken back before")
    target = incoming.local_account(conn, incoming.activity.object_id)
    if target.actor_type == "Application":
        raise Dropped("the server itself is not followed")
    relationships.receive_follow(conn, incoming.server.publish, incoming.actor, target, incoming.uri)


def on_accept(conn: Connection, incoming: Incoming) -> None:
    """A member may follow, quote, or feature; or a server is a partner. A follow is found by its id, else by the pair: some
    answer with another."""
    if partners.answered(conn, incoming, accepted=True):
        return
    if quotes.answered(conn, incoming, accepted=True) or featured.answered(conn, incoming, accepted=True):
        return
    if joining.answered(conn, incoming, "Accept"):
        return
    uri, follower_id = _follow_meant(conn, incoming)
    if not relationships.receive_accept(conn, uri, incoming.actor.id, follower_id):
        raise Dropped("nobody here asked for it")
    payload = {"account_id": incoming.actor.id}
    plan(conn, "fetch_posts_of", payload, key=str(incoming.actor.id))
    if incoming.actor.collections_uri:
        plan(conn, "fetch_collections_of", payload, key=str(incoming.actor.id))


def on_reject(conn: Connection, incoming: Incoming) -> None:
    """A member may not follow, quote or feature, or no longer; or a server is no partner."""
    if partners.answered(conn, incoming, accepted=False):
        return
    if quotes.answered(conn, incoming, accepted=False) or featured.answered(conn, incoming, accepted=False):
        return
    if joining.answered(conn, incoming, "Reject"):
        return
    uri, follower_id = _follow_meant(conn, incoming)
    if not relationships.receive_reject(conn, uri, incoming.actor.id, follower_id):
        raise Dropped("nobody here asked for it")


def _follow_meant(conn: Connection, incoming: Incoming) -> tuple[str | None, int | None]:
    embedded = incoming.activity.embedded
    follower = None
    if embedded is not None:
        if activity_kind(embedded) not in (None, "Follow"):
            raise Dropped("it answers no Follow")
        follower_uri = id_of(embedded.get("actor"))
        if follower_uri is not None and incoming.server.uris.is_local(follower_uri):
            follower = accounts.by_uri(conn, follower_uri)
    return incoming.activity.object_id, None if follower is None else follower.id


def undo_follow(conn: Connection, incoming: Incoming, uri: str | None, target_uri: str | None) -> bool:
    """Whether there was such a follow."""
    row = stored.follow_by_uri(conn, uri) if uri is not None else None
    if row is not None and row.account_id == incoming.actor.id:
        target_id = row.target_id
    else:
        target = accounts.by_uri(conn, target_uri) if target_uri is not None else None
        if target is None:
            return False
        target_id = target.id
    if not relationships.receive_undo_follow(conn, incoming.actor.id, target_id):
        return False
    if uri is not None:
        inbox.bury(conn, uri, "undone", former_type="Follow")
    return True


def undo_accept(conn: Connection, incoming: Incoming, uri: str | None, target_uri: str | None) -> bool:
    """Some take back an Accept where others send Reject."""
    if partners.undo_accept(conn, incoming, uri, target_uri):
        return True
    return relationships.receive_reject(conn, target_uri, incoming.actor.id)


# -- blocking


def on_block(conn: Connection, incoming: Incoming) -> None:
    """Somebody blocks a member, who is not told."""
    if inbox.is_buried(conn, incoming.activity.id):
        raise Dropped("it was taken back before")
    if group_moderation.is_ban(incoming):
        group_moderation.on_ban(conn, incoming)
        return
    target = incoming.local_account(conn, incoming.activity.object_id)
    relationships.receive_block(conn, incoming.server.publish, incoming.actor.id, target.id, incoming.uri)


def undo_block(conn: Connection, incoming: Incoming, uri: str | None, target_uri: str | None) -> bool:
    """Whether there was such a block."""
    row = stored.block_by_uri(conn, uri) if uri is not None else None
    if row is not None and row.account_id == incoming.actor.id:
        return relationships.receive_undo_block(conn, incoming.actor.id, row.target_id)
    target = accounts.by_uri(conn, target_uri) if target_uri is not None else None
    return target is not None and relationships.receive_undo_block(conn, incoming.actor.id, target.id)


# -- moving


def on_move(conn: Connection, incoming: Incoming) -> None:
    """An actor moves to another, which must name it among its aliases; members follow it there by job."""
    activity, actor = incoming.activity, incoming.actor
    if activity.object_id != actor.uri or activity.target in (None, actor.uri):
        raise Dropped("it moves somebody else")
    if actor.moved_at is not None and actor.moved_at > now_ms() - MOVE_EVERY_MS:
        raise Dropped("it moved less than a week ago")
    target = incoming.account(conn, activity.target, refresh=True)
    if actor.uri not in json.loads(target.also_known_as):
        raise Dropped("the new account does not name the old one")
    accounts.change(conn, actor.id, moved_to_id=target.id, moved_at=now_ms())
    plan(conn, "move_followers", {"from_id": actor.id, "to_id": target.id}, key=str(actor.id))


# -- what an actor says of itself


def on_update_actor(conn: Connection, incoming: Incoming) -> None:
    """An actor has changed: its own server is asked, so that nobody can push a key (SIG-17)."""
    uri = incoming.activity.object_id
    if uri is None or uri != incoming.actor.uri:
        raise Dropped("it changes somebody else")
    fetched_at = incoming.actor.fetched_at or 0
    # Sent many times, it is read once: what we read after it arrived says it already.
    if uri not in incoming.asked and fetched_at < incoming.arrived_at:
        raise Missing("account", uri, refresh=True)


def on_delete_actor(conn: Connection, incoming: Incoming) -> None:
    """An actor has deleted itself."""
    actor_id = incoming.actor.id
    close_account(conn, actor_id)
    plan(conn, "erase_account", {"account_id": actor_id}, key=str(actor_id))


def close_account(conn: Connection, account_id: int) -> None:
    """An account elsewhere is gone: nobody sees it from now on; its rows go by job. Its id stays taken."""
    row = accounts.by_id(conn, account_id)
    if row is None or not row.domain or row.deleted_at is not None:
        return
    now = now_ms()
    accounts.change(conn, account_id, deleted_at=now, suspended_at=row.suspended_at or now)
    conn.execute(delete(account_key).where(account_key.c.account_id == account_id))
    inbox.bury(conn, row.uri, "account", former_type=row.actor_type, for_good=True)
    plan(conn, "give_up_seats", {"account_id": account_id}, key=str(account_id))


def erase_some(conn: Connection, account_id: int) -> bool:
    """Take away a part of what a closed account left behind; whether there is more. For `erasing.in_steps`."""
    follows = stored.some_with(conn, account.c.id == account_id, _FOLLOWERS_PER_UNIT)
    for row in erasing.while_short(follows):
        if row.account_id == account_id:
            relationships.receive_undo_follow(conn, row.account_id, row.target_id)
        else:
            relationships.receive_reject(conn, row.uri, row.target_id)
    if follows:
        return True
    rows = belongings.posts(conn, account_id, limit=erasing.POSTS_PER_UNIT)
    if erasing.erase_some(conn, rows, own_posts.erase) or len(rows) == erasing.POSTS_PER_UNIT:
        return True
    if belongings.remove_traces(conn, account_id, _TRACES_PER_UNIT):
        return True
    remote_media.forget_of_account(conn, account_id)
    conn.execute(
        update(account)
        .where(account.c.id == account_id)
        .values(
            display_name="", note_html="", fields="[]", emojis="[]", avatar_url="", avatar_alt="",
            header_url="", header_alt="", also_known_as="[]",
        )
    )  # fmt: skip
    signal(conn, "account", str(account_id))
    return False


# -- pins


def on_add(conn: Connection, incoming: Incoming) -> None:
    """An actor pins a post of its own, or recommends somebody; it is the owner of its collections alone."""
    if featured.on_add(conn, incoming):
        return
    if group_moderation.is_about_group(conn, incoming):
        group_moderation.on_add(conn, incoming)
        return
    _check_featured(incoming)
    row = incoming.post(conn, incoming.activity.object_id)
    if row.account_id != incoming.actor.id:
        raise Dropped("the post is somebody else's")
    if len(interactions.pinned(conn, incoming.actor.id)) >= PINS_MAX:
        raise Dropped("too many pins")
    interactions.put_pin(conn, incoming.actor.id, row.id)


def on_remove(conn: Connection, incoming: Incoming) -> None:
    """An actor unpins a post of its own, or recommends somebody no longer."""
    if featured.on_remove(conn, incoming):
        return
    if group_moderation.is_about_group(conn, incoming):
        group_moderation.on_remove(conn, incoming)
        return
    _check_featured(incoming)
    uri = incoming.activity.object_id
    row = posts.by_uri(conn, uri) if uri is not None else None
    if row is not None:
        interactions.remove_pin(conn, incoming.actor.id, row.id)


def _check_featured(incoming: Incoming) -> None:
    if not incoming.actor.featured_uri or incoming.activity.target != incoming.actor.featured_uri:
        raise Dropped("the collection is not its actor's")
