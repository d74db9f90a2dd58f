"""What people of other servers post and do in groups, here and elsewhere: which group a new post belongs to, whether it
may, and what a group of ours hands on.

Into a group of ours a post comes by its rules, as if it were written here; one elsewhere decides itself
(`fedserver.federation.group_places`).
"""

from __future__ import annotations

import logging
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection

from activitypub.names import AS2
from activitypub.values import parse_json
from activitypub.vocabulary import Post
from fedserver import visibility
from fedserver.federation.acting import Dropped, Incoming
from fedserver.federation.documents import Document
from fedserver.federation.group_places import addressees, belongs, put_in
from fedserver.groups import posting, rules
from fedserver.groups.posting import Place
from fedserver.groups.rules import Action
from storage import accounts, group_threads, groups
from storage.groups import GroupRow
from storage.posts import PostRow
from storage.types import now_ms

log = logging.getLogger("fedserver.federation")

# Of one account by one group, as far as this process has seen: four a minute write, vote and edit with a will.
HANDED_ON_AN_HOUR_MAX: Final = 240

encoded = msgspec.json.Encoder().encode


class Placed(NamedTuple):
    """Where a post belongs (None: in no group), or the group of ours that refuses it, and why."""

    place: Place | None = None
    refused_by: GroupRow | None = None
    why: str = ""


def place_of(conn: Connection, incoming: Incoming, post: Post, parent: PostRow | None) -> Placed:
    """The group that a new post belongs to."""
    via = incoming.group
    if via is not None:
        if parent is not None and not put_in(conn, parent, via):
            return Placed()
        if not belongs(post, via, parent) or not _is_readable(incoming, post, via):
            return Placed()
        thread = group_threads.by_id(conn, parent.thread_id) if parent is not None else None
        return Placed(Place(via, thread))
    if post.in_reply_to is None:
        named = _group_named(conn, incoming, post)
        place = None if named is None else Place(named)
        action = Action.START
    else:
        # Who answers somebody's post elsewhere and names a group does not put it there.
        place = posting.place_of_answer(conn, parent) if parent is not None else None
        action = Action.REPLY
    if place is None or place.group.domain or not _is_readable(incoming, post, place.group):
        return Placed()
    if post.audience and place.group.uri not in post.audience:
        return Placed()
    standing = rules.standing_of(conn, place.group.account_id, incoming.actor.id)
    if not rules.is_known_to(place.group, standing):
        return Placed()
    why = rules.refusal(action, place.group, standing, thread=place.thread)
    return Placed(place) if why is None else Placed(None, place.group, why)


def too_much(group: GroupRow) -> str:
    """What an account is told of which a group takes no more for a while."""
    return f"You have done more in {group.display_name or group.username} within an hour than it hands on. Try again later."


def _group_named(conn: Connection, incoming: Incoming, post: Post) -> GroupRow | None:
    """The group of ours that a post is for: its audience, or the first that it is addressed to or names."""
    is_local = incoming.server.uris.is_local
    for uri in dict.fromkeys(addressees(post)):
        row = accounts.by_uri(conn, uri) if is_local(uri) else None
        group = None if row is None else groups.by_id(conn, row.id)
        if group is not None:
            return group
    return None


def _is_readable(incoming: Incoming, post: Post, group: GroupRow) -> bool:
    """Whether who reads in the group may read the post: not what is for the author's followers, or for single people.
    Where only members read, its author has addressed the group; to name it is not enough."""
    if group.access == "public":
        return post.visibility(incoming.actor.followers_uri or None) in visibility.FOR_EVERYBODY
    uris = incoming.server.uris
    followers = group.followers_uri if group.domain else uris.group_uris(group.username).followers
    addressed = {*post.to, *post.cc, *post.audience}
    return group.uri in addressed or bool(followers and followers in addressed)


# -- handing on


def hand_on(conn: Connection, incoming: Incoming, group_id: int | None, topic: str) -> None:
    """A group of ours hands on what somebody elsewhere did in it; what a group elsewhere handed on is not ours to. What is
    too much of one account counts here and goes no further."""
    group = groups.by_id(conn, group_id) if incoming.group is None else None
    if group is None or group.domain:
        return
    # A post was counted when it came, and is deleted once: as often as it was handed on.
    if incoming.activity.type not in ("Create", "Delete") and not takes_more(conn, incoming, group):
        log.info("Not handed on in %s, being too much of %s", group.uri, incoming.actor.uri)
        return
    incoming.server.publish.handed_on(conn, group, _as_received(incoming), topic=topic)


def takes_more(conn: Connection, incoming: Incoming, group: GroupRow) -> bool:
    """Count one more activity of its actor's in a group of ours, and whether the group hands on so many: each is a request
    to every server with members there. Those who moderate it are not counted."""
    server = incoming.server
    limit = int(HANDED_ON_AN_HOUR_MAX * max(1.0, server.config.rate_limit_factor))
    if server.peers.allow(f"by {incoming.actor.uri} in {group.uri}", limit=limit, seconds=3600):
        return True
    return rules.standing_of(conn, group.account_id, incoming.actor.id).moderates


def _as_received(incoming: Incoming) -> Document:
    """The activity, value for value (FEP-1b12 "The Announce wrapper"): a proof inside covers it."""
    # Of what is gone there is no document: its origin has said so with a status.
    document: Document = parse_json(incoming.said.body) if incoming.said.body else {}
    if document and incoming.object_document is None:
        return document
    # Only the object is its origin's word; of the activity the parts that we have acted on.
    activity = incoming.activity
    return {
        "@context": document.get("@context", AS2),
        "id": activity.id,
        "type": activity.type,
        "actor": activity.actor_uri,
        "to": list(activity.to),
        "cc": list(activity.cc),
        "object": document or activity.object_id,
    }


# -- what others may do with a post of a group


def check_vote(conn: Connection, incoming: Incoming, row: PostRow, action: Action) -> None:
    """Raise Dropped unless whoever votes may, by the rules of a group here, or because one elsewhere says so."""
    group = groups.by_id(conn, row.group_id)
    if group is None:
        return
    if group.domain:
        # Sent to the author alone, it counts when the group hands it on; a like of our own post counts at once.
        if incoming.group is None and not row.local:
            return
        if incoming.group is not None and incoming.group.account_id != group.account_id:
            raise Dropped("the post is of another group")
        return
    standing = rules.standing_of(conn, group.account_id, incoming.actor.id)
    why = rules.refusal(action, group, standing)
    if incoming.group is not None or why is not None:
        raise Dropped(why or "the post is of another group")


def check_edit(conn: Connection, incoming: Incoming, row: PostRow, post: Post) -> None:
    """Raise Dropped for an edit in a group of ours by somebody who may say nothing there any more, or of a post that is
    not for the group any more."""
    group = groups.by_id(conn, row.group_id) if posting.is_in_group(row) else None
    if group is None or group.domain:
        return
    why = rules.refusal(Action.VOTE, group, rules.standing_of(conn, group.account_id, row.account_id))
    if why is not None:
        raise Dropped(why)
    if not _is_readable(incoming, post, group):
        raise Dropped("it is not for the group any more")


def note_closed(conn: Connection, incoming: Incoming, row: PostRow, post: Post) -> None:
    """A group elsewhere hands on a thread that takes no answers: before there was Lock, locks were told so (Lemmy)."""
    thread = group_threads.by_id(conn, row.id) if incoming.group is not None else None
    if thread is not None and not post.comments_enabled and thread.locked_at is None:
        group_threads.change(conn, row.id, locked_at=now_ms())
