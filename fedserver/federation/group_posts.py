"""What people of other servers post and do in groups, here and elsewhere: which group a new post belongs to, whether it
may, and what a group of ours hands on.

Into a group of ours a post comes by its rules, as if it were written here; one elsewhere decides itself
(`fedserver.federation.group_places`).
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

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
from storage.accounts import AccountRow
from storage.groups import GroupRow
from storage.posts import PostRow
from storage.types import now_ms

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
        if not belongs(post, via, parent) or not _is_readable(post, via, incoming.actor):
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
    if place is None or place.group.domain or not _is_readable(post, place.group, incoming.actor):
        return Placed()
    standing = rules.standing_of(conn, place.group.account_id, incoming.actor.id)
    if not rules.is_known_to(place.group, standing):
        return Placed()
    why = rules.refusal(action, place.group, standing, thread=place.thread)
    return Placed(place) if why is None else Placed(None, place.group, why)


def _group_named(conn: Connection, incoming: Incoming, post: Post) -> GroupRow | None:
    """The group of ours that a post is for: its audience, or the first that it is addressed to or names."""
    is_local = incoming.server.uris.is_local
    for uri in dict.fromkeys(addressees(post)):
        row = accounts.by_uri(conn, uri) if is_local(uri) else None
        group = None if row is None else groups.by_id(conn, row.id)
        if group is not None:
            return group
    return None


def _is_readable(post: Post, group: GroupRow, author: AccountRow) -> bool:
    """Whether who reads in the group may read the post: not what is for the author's followers, or for single people."""
    return (
        group.access != "public" or post.visibility(author.followers_uri or None) in visibility.FOR_EVERYBODY
    )


# -- handing on


def hand_on(conn: Connection, incoming: Incoming, group_id: int | None, topic: str) -> None:
    """A group of ours hands on what somebody elsewhere did in it; what a group elsewhere handed on is not ours to."""
    group = groups.by_id(conn, group_id) if incoming.group is None else None
    if group is not None and not group.domain:
        incoming.server.publish.handed_on(conn, group, _as_received(incoming), topic=topic)


def _as_received(incoming: Incoming) -> Document:
    """The activity, value for value (FEP-1b12 "The Announce wrapper"): a proof inside covers it."""
    document: Document = parse_json(incoming.said.body)
    if incoming.object_document is None:
        return document
    # Only the object is its origin's word; of the activity the parts that we have acted on.
    activity = incoming.activity
    return {
        "@context": document.get("@context", []),
        "id": activity.id,
        "type": activity.type,
        "actor": activity.actor_uri,
        "to": list(activity.to),
        "cc": list(activity.cc),
        "object": document,
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


def is_banned(conn: Connection, row: PostRow) -> bool:
    """Whether the author of a post is banned from the group of ours that it is in."""
    group = groups.by_id(conn, row.group_id)
    return group is not None and not group.domain and groups.is_banned(conn, group.account_id, row.account_id)


def note_closed(conn: Connection, incoming: Incoming, row: PostRow, post: Post) -> None:
    """A group elsewhere hands on a thread that takes no answers: before there was Lock, locks were told so (Lemmy)."""
    thread = group_threads.by_id(conn, row.id) if incoming.group is not None else None
    if thread is not None and not post.comments_enabled and thread.locked_at is None:
        group_threads.change(conn, row.id, locked_at=now_ms())
