"""What groups elsewhere hand on to their members: activities inside an Announce (FEP-1b12), and threads as boosts.

The Announce is the group's, the activity inside is its own actor's and believed only for that actor's word
(`authenticate.by_group`): a group speaks for itself, not for those who post in it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection

from activitypub.activities import activity_kind, read_activity
from activitypub.errors import Malformed
from activitypub.values import first, id_of, normalise, parse_json
from activitypub.vocabulary.actor import actor_kind
from fedserver import interactions
from fedserver.context import Server
from fedserver.federation import group_moderation, group_places, group_posts, people, posts
from fedserver.federation.acting import Dropped, Handler, Incoming, Missing
from fedserver.federation.actors import instant
from fedserver.federation.authenticate import Authenticated, by_group
from storage import accounts, groups, inbox, relationships
from storage import interactions as stored_interactions
from storage import posts as stored_posts
from storage.groups import GroupRow
from storage.posts import PostRow
from storage.types import new_id, now_ms

_HANDLERS: Final[dict[str, Handler]] = {
    "Add": group_moderation.on_add,
    "Block": group_moderation.on_ban,
    "Create": posts.on_create,
    "Delete": posts.on_delete,
    "Dislike": posts.on_dislike,
    "EmojiReact": posts.on_like,
    "Like": posts.on_like,
    "Lock": group_moderation.on_lock,
    "Remove": group_moderation.on_remove,
    "Undo": posts.on_undo,
    "Update": posts.on_update,
}
# What counts although nobody but the group says that its actor did it.
_WITNESSED: Final = frozenset({"Add", "Block", "Delete", "Lock", "Remove", "Undo"})


def on_announce(conn: Connection, incoming: Incoming) -> None:
    """A boost; or, by a group, what somebody did in it."""
    embedded = incoming.activity.embedded
    kind = None if embedded is None else activity_kind(embedded)
    group = groups.by_id(conn, incoming.actor.id)
    if embedded is not None and kind is not None and group is not None:
        _handed_on(conn, incoming, group)
        return
    if kind is not None and kind != "Create":
        raise Dropped("only a group hands on what others do")
    uri = incoming.activity.object_id if kind is None or embedded is None else id_of(embedded.get("object"))
    if inbox.is_buried(conn, incoming.activity.id, uri):
        raise Dropped("it was taken back before")
    if group is not None and uri is not None:
        on_shown(conn, incoming, group, uri)
        return
    posts.on_boost(conn, incoming, uri)


# -- activities


async def believed(server: Server, said: Authenticated) -> Authenticated:
    """The activity inside one of a group, once it is believed. Raises NotTrusted, Malformed, Unreachable."""
    # Read anew: a proof covers what was sent, not what it was normalised to.
    raw = first(parse_json(said.body).get("object"))
    if not isinstance(raw, dict):
        raise Malformed("nothing is inside")
    activity = read_activity(normalise(raw))
    return await by_group(server, said.activity.actor_uri, activity, group_posts.encoded(raw))


def _handed_on(conn: Connection, incoming: Incoming, group: GroupRow) -> None:
    """Act on what a group hands on, as on what its actor sends us."""
    if not relationships.has_local_followers(conn, group.account_id) and not groups.bans_somebody_here(
        conn, group.account_id
    ):
        raise Dropped("nobody here belongs to the group")
    if incoming.inner is None:
        raise Missing("inner", incoming.uri)
    said = incoming.inner
    activity = said.activity
    if activity.audience and set(activity.audience) != {group.uri}:
        raise Dropped("it was said in another group")
    if inbox.is_buried(conn, activity.id):
        raise Dropped("it was taken back before")
    if incoming.server.uris.is_local(activity.actor_uri):
        _came_back(conn, incoming, group, activity.type, activity.object_id)
        return
    if activity.type == "Update" and activity.object_id == group.uri:
        # A moderator has changed what the group says of itself: it is asked.
        _refresh(incoming, group.uri)
        return
    actor = accounts.by_uri(conn, activity.actor_uri)
    if actor is None and activity.actor_uri not in incoming.asked:
        raise Missing("account", activity.actor_uri, optional=said.how == "group")
    if actor is None and said.how == "group":
        actor = incoming.actor  # Whoever it was, the group says so.
    if actor is None or actor.deleted_at is not None:
        raise Dropped("its actor cannot be had")
    if actor.suspended_at is not None:
        raise Dropped("its actor is not heard here")
    through = replace(incoming, said=said, actor=actor, inner=None, group=group)
    _handler_for(through)(conn, through)
    if activity.type == "Create" and activity.object_id is not None:
        row = stored_posts.by_uri(conn, activity.object_id)
        if row is not None:
            show(conn, incoming, row, group)


def _handler_for(through: Incoming) -> Handler:
    activity = through.activity
    if through.how == "group" and activity.type not in _WITNESSED:
        raise Dropped("nobody but the group says so")
    about_actor = activity.embedded is not None and actor_kind(activity.embedded) is not None
    if activity.type == "Update" and (about_actor or activity.object_id == activity.actor_uri):
        return people.on_update_actor
    if activity.type == "Delete" and activity.object_id == activity.actor_uri and through.how != "group":
        return people.on_delete_actor
    handler = _HANDLERS.get(activity.type)
    if handler is None:
        raise Dropped(f"nothing is done about {activity.type[:40]} in a group")
    return handler


def _came_back(conn: Connection, incoming: Incoming, group: GroupRow, kind: str, uri: str | None) -> None:
    """What a member of ours did comes back: it is known. That a thread is in the group now is news to others here."""
    row = stored_posts.by_uri(conn, uri) if kind == "Create" and uri is not None else None
    if row is None:
        raise Dropped("it is our own")
    show(conn, incoming, row, group)


def _refresh(incoming: Incoming, uri: str) -> None:
    if uri not in incoming.asked:
        raise Missing("account", uri, refresh=True)


# -- threads


def on_shown(conn: Connection, incoming: Incoming, group: GroupRow, uri: str) -> None:
    """A group shows a thread to its members, as those understand it that know only boosts; it comes once."""
    known = stored_posts.by_uri(conn, uri)
    followed = relationships.has_local_followers(conn, group.account_id)
    if not followed and not (known is not None and known.local):
        raise Dropped("it concerns nobody here")
    row = incoming.post(conn, uri)
    if group_places.put_in(conn, row, group):
        show(conn, incoming, row, group)
    elif row.in_reply_to_uri:
        raise Dropped("it answers something that is not of the group")
    else:
        posts.on_boost(conn, incoming, uri)


def show(conn: Connection, incoming: Incoming, row: PostRow, group: GroupRow) -> None:
    """The group's boost of a thread, by which it reaches those who belong to the group; answers are in their thread."""
    if row.group_id is None:
        row = stored_posts.by_id(conn, row.id) or row
    if row.group_id != group.account_id or row.in_reply_to_uri or row.boost_of_id is not None:
        return
    if stored_interactions.boost_between(conn, group.account_id, row.id) is not None:
        return
    at_ms = min(instant(incoming.activity.published) or now_ms(), now_ms())
    interactions.add_group_boost(
        conn, row, group.account_id, boost_id=new_id(at_ms), uri=incoming.uri, local=False, at_ms=at_ms
    )


def on_container(conn: Connection, incoming: Incoming) -> bool:
    """A group adds to a collection of its own what was said in it: an activity (FEP-171b) or a post (FEP-400e). That is
    an Announce in other words. Whether it was that."""
    activity = incoming.activity
    group = groups.by_id(conn, incoming.actor.id)
    target: dict[str, Any] | None = activity.target_object
    if group is None or target is None or id_of(target.get("attributedTo")) != incoming.actor.uri:
        return False
    if activity.target in (group.featured_uri, group.moderators_uri):
        return False
    if activity.embedded is not None and activity_kind(activity.embedded) is not None:
        _handed_on(conn, incoming, group)
    elif activity.object_id is not None:
        on_shown(conn, incoming, group, activity.object_id)
    return True
