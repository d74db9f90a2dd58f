"""What people of other servers say to what events of ours ask and tell them: votes in the poll, answers to direct notes.

Units, called with activities that are their actor's own (`authenticate`).
"""

from __future__ import annotations

from msgspec.structs import replace
from sqlalchemy import Connection

from activitypub.vocabulary import Post
from fedserver.events import asking, notes
from fedserver.federation.acting import Dropped, Incoming
from storage import event_keys


def answered(conn: Connection, incoming: Incoming, post: Post) -> Post | None:
    """The post as it is to be kept, None when it was a vote, or asked for no more notes. What answers the poll answers the event,
    which alone is known here; what answers a note stands by itself. Raises Dropped for a vote that does not count.
    """
    uris = incoming.server.uris
    name = None if post.in_reply_to is None else uris.parse(post.in_reply_to)
    if name is not None and name.kind == "event_question":
        if not post.is_vote or post.name is None:
            return replace(post, in_reply_to=uris.event(name.value))
        event_id = int(name.value) if name.value.isdigit() and len(name.value) < 19 else 0
        if not asking.receive_vote(conn, incoming.server, incoming.actor, event_id, post.name):
            raise Dropped("the vote does not count")
        return None
    if name is not None and name.kind == "event_note":
        if not notes.says_stop(post.content_html):
            return replace(post, in_reply_to=None)
        event_keys.silence(conn, incoming.actor.id)
        return None
    return post


def asks_what_the_event_does(post: Post) -> bool:
    """Whether this is the poll of an event elsewhere: members answer to the event itself, whose status has the same poll."""
    return (
        post.kind == "Question" and post.in_reply_to is not None and post.id == f"{post.in_reply_to}/question"
    )
