"""Invitations to events of other servers (FEP-8a8e). Friendica and Hubzilla announce their events with them, too.

Units, called with activities that are their actor's own (`authenticate`).
"""

from __future__ import annotations

from sqlalchemy import Connection

from activitypub.activities import activity_kind
from activitypub.vocabulary.post import post_kind
from fedserver import notifications, visibility
from fedserver.federation import posts as arriving_posts
from fedserver.federation.acting import Dropped, Incoming
from storage import accounts, posts


def on_invite(conn: Connection, incoming: Incoming) -> None:
    """Somebody asks members here to come to an event of theirs: it is known from now on, and whoever is named hears of it."""
    activity = incoming.activity
    embedded = activity.embedded
    if (
        embedded is not None
        and "type" in embedded
        and (activity_kind(embedded) or post_kind(embedded) != "Event")
    ):
        raise Dropped("nobody is invited to that here")
    asked = _asked(conn, incoming)
    whole = embedded is not None and "startTime" in embedded
    if whole and posts.by_uri(conn, activity.object_id or "") is None:
        arriving_posts.on_create(conn, incoming)
    elif not asked:
        raise Dropped("it is about nobody here")
    row = incoming.post(conn, activity.object_id)
    if row.kind != "event":
        raise Dropped("it is about no event")
    if row.account_id != incoming.actor.id:
        raise Dropped("the event is somebody else's")
    for account_id in sorted(visibility.who_may_see(conn, row, asked)):
        notifications.notify(
            conn, account_id, "mention", row.account_id, post_id=row.id, thread_id=row.thread_id
        )


def _asked(conn: Connection, incoming: Incoming) -> list[int]:
    """The members who are named, as the target or among those to whom it is."""
    activity = incoming.activity
    named = dict.fromkeys(uri for uri in (activity.target, *activity.to) if uri is not None)
    found = (accounts.by_uri(conn, uri) for uri in named if incoming.server.uris.is_local(uri))
    return [row.id for row in found if row is not None and row.actor_type != "Group"]
