"""Joining and leaving events across servers: Join, Leave, and what is answered (FEP-8a8e, Mobilizon).

Units, called with activities that are their actor's own (`authenticate`).
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from activitypub.activities import activity_kind
from activitypub.values import id_of
from fedserver.events import answers
from fedserver.federation.acting import Dropped, Incoming
from storage import events, inbox, posts
from storage.types import now_ms

LATE_MS: Final = 3_600_000
"""A Leave may overtake its Join: one that comes so long after the Leave has been left already."""
_STATES: Final = {"Accept": "in", "TentativeAccept": "waiting", "Reject": "refused"}


def on_join(conn: Connection, incoming: Incoming) -> None:
    """Somebody of another server wants to come to an event of ours. What is not for them to ask is answered with Reject; an
    event to which nobody signs up here with Ignore, as FEP-8a8e wants it."""
    if inbox.is_buried(conn, incoming.activity.id):
        raise Dropped("it was taken back before")
    uri = incoming.activity.object_id
    post = posts.by_uri(conn, uri) if uri is not None else None
    row = events.by_id(conn, post.id) if post is not None and post.local else None
    if row is None:
        raise Dropped("it is about no event of ours")
    publish = incoming.server.publish
    if _had_left(conn, incoming, row.uri):
        publish.join_refused(conn, row, incoming.actor.id, incoming.uri, kind="Reject")
        return
    if row.rsvp_mode in ("external", "none"):
        publish.join_refused(conn, row, incoming.actor.id, incoming.uri, kind="Ignore")
        return
    kept = answers.receive_join(conn, incoming.server, row.id, incoming.actor.id, incoming.uri)
    states = {one.state for one in kept}
    if not states:
        publish.join_refused(conn, row, incoming.actor.id, incoming.uri, kind="Reject")
    elif "in" in states:
        publish.join_answered(conn, row, kept[0], "in")
    elif "waiting" in states:
        publish.join_answered(conn, row, kept[0], "waiting")


def on_leave(conn: Connection, incoming: Incoming) -> None:
    """Somebody of another server does not come after all. When they have never said that they would, their Join may be on
    its way, and is late by now."""
    uri = incoming.activity.object_id
    post = posts.by_uri(conn, uri) if uri is not None else None
    if post is None or not post.local or events.by_id(conn, post.id) is None:
        raise Dropped("it is about no event of ours")
    if answers.receive_leave(conn, incoming.server, post.id, incoming.actor.id):
        return
    if answers.has_answered(conn, post.id, incoming.actor.id):
        raise Dropped("its actor had left already")
    inbox.bury(conn, inbox.by_author(incoming.actor.uri, post.uri), "undone", former_type="Join")


def _had_left(conn: Connection, incoming: Incoming, event_uri: str) -> bool:
    """Whether the Leave of this Join has come before it; a later Join counts."""
    left = inbox.by_author(incoming.actor.uri, event_uri)
    found = inbox.tombstone_of(conn, left)
    return found is not None and inbox.unbury(conn, left, "undone") and found.created_at > now_ms() - LATE_MS


def undo_join(conn: Connection, incoming: Incoming, uri: str | None, target: str | None) -> bool:
    """Take a Join back, which is to leave; whether there was one. That it was is remembered: the Join may be sent again."""
    joined = [one for one in events.answers_by_uri(conn, uri) if one.account_id == incoming.actor.id]
    post = posts.by_uri(conn, target) if target is not None else None
    event_id = events.event_of_answer(conn, joined[0].id) if joined else post.id if post is not None else None
    if event_id is None or not answers.receive_leave(conn, incoming.server, event_id, incoming.actor.id):
        return False
    if uri is not None:
        inbox.bury(conn, uri, "undone", former_type="Join")
    return True


def answered(conn: Connection, incoming: Incoming, kind: str) -> bool:
    """Whether this answers a Join of a member of ours; their answer then stands as the organiser's server says."""
    activity = incoming.activity
    embedded = activity.embedded
    if embedded is not None and activity_kind(embedded) not in (None, "Join"):
        return False
    found = events.answers_by_uri(conn, activity.object_id)
    if not found and embedded is not None:
        found = events.answers_by_uri(conn, id_of(embedded))
    if not found:
        return False
    for rsvp in found:
        if not events.organises(conn, rsvp.id, incoming.actor.id):
            raise Dropped("it is about somebody else's event")
        if rsvp.answer == "going":
            events.change_answer(conn, rsvp.id, state=_STATES[kind])
            events.count_anew(conn, rsvp.occurrence_id)
    return True


def on_tentative_accept(conn: Connection, incoming: Incoming) -> None:
    """A member waits for a seat at an event elsewhere."""
    if not answered(conn, incoming, "TentativeAccept"):
        raise Dropped("nobody here asked for it")
