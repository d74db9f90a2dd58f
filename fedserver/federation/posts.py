"""What others do with posts, theirs and ours: Create, Update, Delete, Announce, Like, votes, and taking it back.

Units, called with activities that are their actor's own (`authenticate`).
"""

# Long because what arrives of a post, new, edited or deleted, is believed, stored and told by the same steps.

# Long because what is done with a post and how that is taken back are told side by side.

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from activitypub.activities import activity_kind
from activitypub.audience import visibility_of
from activitypub.identifiers import same_origin
from activitypub.values import id_of
from activitypub.vocabulary import Post, read_post
from fedserver import interactions, visibility
from fedserver import posts as own_posts
from fedserver import quotes as own_quotes
from fedserver.events import arriving as arriving_events
from fedserver.federation import (
    asked,
    featured,
    group_moderation,
    group_places,
    group_posts,
    joining,
    library,
    partners,
    people,
    quotes,
    remote_posts,
    remote_quotes,
)
from fedserver.federation.acting import Dropped, Incoming, Missing
from fedserver.federation.actors import instant
from fedserver.groups import posting, refusals, removals, voting
from fedserver.groups.rules import Action
from fedserver.jobs.plan import plan
from fedserver.opportunities import arriving as arriving_opportunities
from fedserver.opportunities.keeping import KIND as OPPORTUNITY
from fedserver.resources import arriving, publishing
from storage import accounts, inbox, posts, relationships
from storage import interactions as stored_interactions
from storage.posts import PostRow
from storage.signals import signal
from storage.types import now_ms

RECENT_MS: Final = 7 * 24 * 3_600_000  # an Update of something younger that we do not know is news
_LIKES: Final = frozenset({"Like", "EmojiReact"})


# -- Create


def on_create(conn: Connection, incoming: Incoming) -> None:
    """A new post, or a vote in a poll of ours."""
    activity = incoming.activity
    if activity.object_id is not None and (
        inbox.is_buried(conn, activity.id) or _was_deleted(conn, incoming, activity.object_id)
    ):
        raise Dropped("it was deleted before")
    post, body = _embedded_post(incoming)
    if post is None:
        _fetch_whole(conn, incoming)
        return
    if asked.asks_what_the_event_does(post):
        raise Dropped("members answer to the event itself")
    kept = asked.answered(conn, incoming, post)
    if kept is None or _vote(conn, incoming, kept):
        return
    post = kept
    known = posts.by_uri(conn, post.id)
    if known is not None and incoming.group is not None:
        group_places.put_in(conn, known, incoming.group)
        return
    if known is not None:
        raise Dropped("it is known")
    _check_addressing(incoming, post)
    _store(conn, incoming, post, body)


def _embedded_post(incoming: Incoming) -> tuple[Post | None, bytes]:
    """The post sent inside (or confirmed by its origin) and its bytes; None when only its address was sent.

    FEP-fe34: the object is trusted with the activity when it has the same owner. Raises Dropped for another's.
    """
    activity = incoming.activity
    document = incoming.object_document
    if document is not None:
        # Discourse addresses nobody in what it serves, and says in the activity around it whom it is for.
        post = read_post(document.json, to=activity.to, cc=activity.cc)
        body = document.body
    elif activity.embedded is not None and set(activity.embedded) - {"id", "type"}:
        post = read_post(activity.embedded, author=activity.actor_uri, to=activity.to, cc=activity.cc)
        body = incoming.said.body
    else:
        return None, b""
    if post.attributed_to != incoming.actor.uri:
        raise Dropped("the post is somebody else's")
    remote_posts.check(post, incoming.actor)
    return post, body


def _fetch_whole(conn: Connection, incoming: Incoming) -> None:
    """Only an address came: read it with the eyes of a follower, since it may not be for everybody."""
    uri = incoming.activity.object_id
    if uri is None or not same_origin(uri, incoming.actor.uri):
        raise Dropped("it names no post of its actor")
    readers = relationships.local_follower_ids(conn, incoming.actor.id)
    if not readers:
        raise Dropped("nobody here follows its author")
    known = posts.by_uri(conn, uri)
    if known is not None and uri not in incoming.asked:
        raise Dropped("it is known")
    row = incoming.post(conn, uri, viewer_id=readers[0])
    if row.account_id != incoming.actor.id:
        raise Dropped("the post is somebody else's")
    _tell(conn, row)


def _tell(conn: Connection, row: PostRow) -> None:
    """A post that was fetched for a Create is news all the same. Storing it has counted it already."""
    accounts.add_to_counts(conn, row.account_id, posts=-1)
    own_posts.distribute(conn, row)


def _check_addressing(incoming: Incoming, post: Post) -> None:
    if not post.to and not post.cc and not incoming.activity.to and not incoming.activity.cc:
        raise Dropped("it is addressed to nobody")


def _store(conn: Connection, incoming: Incoming, post: Post, body: bytes) -> None:
    actor = incoming.actor
    parent = remote_posts.parent_of(conn, post, actor, among=incoming.group)
    place, refused_by, why = group_posts.place_of(conn, incoming, post, parent)
    concerns_us = _concerns_us(conn, incoming, post, parent)
    if place is None and refused_by is None and incoming.group is None and not concerns_us:
        raise Dropped("it concerns nobody here")
    if _asks_for_parent(conn, incoming, post):
        assert post.in_reply_to is not None
        raise Missing("post", post.in_reply_to, optional=True)
    if incoming.group is not None and place is None:
        raise Dropped("it is not of the group")
    if (
        place is not None
        and not place.group.domain
        and not group_posts.takes_more(conn, incoming, place.group)
    ):
        refused_by, why = place.group, group_posts.too_much(place.group)
        place = None
    if refused_by is not None:
        refusals.tell(conn, incoming.server, refused_by, actor, post.id, why)
        # Outside the group only what is no answer in it has a place here.
        if post.in_reply_to is not None or not concerns_us:
            return
    row = remote_posts.insert(conn, post, actor, body, parent=parent, place=place)
    own_posts.distribute(conn, row)
    if place is not None:
        changed = posts.by_id(conn, row.id)
        assert changed is not None
        posting.begun(conn, incoming.server, changed, place)
        group_posts.note_closed(conn, incoming, changed, post)
        group_posts.hand_on(conn, incoming, place.group.account_id, row.uri)
    if post.in_reply_to is not None and (parent is None or parent.in_reply_to_uri) and not _is_whole(parent):
        plan(conn, "fetch_ancestors", {"post_id": row.id}, key=str(row.id))


def _is_whole(parent: PostRow | None) -> bool:
    return parent is not None and (parent.in_reply_to_id is not None or not parent.in_reply_to_uri)


def _asks_for_parent(conn: Connection, incoming: Incoming, post: Post) -> bool:
    uri = post.in_reply_to
    return (
        uri is not None
        and uri not in incoming.asked
        and not incoming.server.uris.is_local(uri)
        and posts.by_uri(conn, uri) is None
        and not inbox.is_buried(conn, uri)
    )


def _concerns_us(conn: Connection, incoming: Incoming, post: Post, parent: PostRow | None) -> bool:
    """WIRE 5.10: somebody here follows the author, is addressed, or is answered (or who they follow is); or a partner shares
    it."""
    if library.is_shared(conn, incoming.actor, post):
        return True
    if relationships.has_local_followers(conn, incoming.actor.id):
        return True
    is_local = incoming.server.uris.is_local
    addressed = (accounts.by_uri(conn, uri) for uri in (*post.to, *post.cc) if is_local(uri))
    if any(row is not None and row.actor_type != "Group" for row in addressed):
        return True
    if parent is None:
        return False
    return bool(parent.local) or relationships.has_local_followers(conn, parent.account_id)


def _vote(conn: Connection, incoming: Incoming, post: Post) -> bool:
    """A Note with a name that answers a poll of ours is a vote, whatever else is in it; whether it was one."""
    if not post.is_vote or post.in_reply_to is None or not incoming.server.uris.is_local(post.in_reply_to):
        return False
    question = posts.by_uri(conn, post.in_reply_to)
    if question is None or question.id not in posts.polls_of(conn, [question.id]):
        return False
    assert post.name is not None
    counted = interactions.receive_vote(
        conn, incoming.server.publish, incoming.actor, question, post.name, post.id
    )
    if not counted:
        raise Dropped("the vote does not count")
    return True


# -- Update


def on_update(conn: Connection, incoming: Incoming) -> None:
    """An edit, or new counts of a poll; of what is not known and recent, news."""
    activity = incoming.activity
    post, body = _embedded_post(incoming)
    if post is None:
        raise Dropped("only an address was sent")
    row = posts.by_uri(conn, post.id)
    if row is None:
        if asked.asks_what_the_event_does(post):
            raise Dropped("members answer to the event itself")
        published = instant(post.published) or 0
        is_news = published >= now_ms() - RECENT_MS or library.is_shared(conn, incoming.actor, post)
        if _was_deleted(conn, incoming, post.id) or not is_news:
            raise Dropped("it is about a post that is not known here")
        _check_addressing(incoming, post)
        _store(conn, incoming, post, body)
        return
    if row.account_id != incoming.actor.id or row.local:
        raise Dropped("the post is somebody else's")
    said_at = instant(post.updated) or instant(activity.updated)
    if said_at is not None and row.edited_at is not None and said_at < row.edited_at:
        raise Dropped("a later edit is known")
    group_posts.check_edit(conn, incoming, row, post)
    kept = remote_posts.as_kept(conn, post, incoming.actor.host)
    remote_quotes.changed(conn, incoming.server, row, kept)
    changed = edit(conn, row, kept, body)
    group_posts.note_closed(conn, incoming, row, post)
    if changed:
        group_posts.hand_on(conn, incoming, row.group_id, row.uri)


def edit(conn: Connection, row: PostRow, post: Post, body: bytes) -> bool:
    """Store what a known post says now: counts alone leave no trace, words do. Whether either changed."""
    before = _poll_as_shown(conn, row.id)
    counted = post.poll is None or remote_posts.count_poll(conn, row.id, post.poll)
    if counted and not _says_something_new(conn, row, post):
        posts.put_source(conn, row.id, body)
        posts.change(conn, row.id, fetched_at=now_ms())
        signal(conn, "status.update", str(row.id))
        return post.poll is not None and _poll_as_shown(conn, row.id) != before
    own_posts.keep_revision(conn, row)
    changed = remote_posts.change(conn, row, post, body)
    if arriving.changed(conn, row, changed, post):
        publishing.tell_users(conn, changed)
    elif "event" in (row.kind, changed.kind):
        arriving_events.put(conn, changed, post)
    elif OPPORTUNITY in (row.kind, changed.kind):
        arriving_opportunities.put(conn, changed, post)
    if post.poll is not None and not counted:
        remote_posts.put_poll(conn, row.id, post.poll)
    own_posts.edited(conn, changed)
    return True


def _poll_as_shown(conn: Connection, post_id: int) -> Any:
    poll = posts.polls_of(conn, [post_id]).get(post_id)
    if poll is None:
        return None
    votes = [one.votes_count for one in posts.poll_options_of(conn, [post_id])[post_id]]
    return votes, poll.voters_count, poll.expires_at, poll.closed_at


def _says_something_new(conn: Connection, row: PostRow, post: Post) -> bool:
    said = remote_posts.texts(post)
    if any(getattr(row, name) != value for name, value in said.items()):
        return True
    if arriving.differs(conn, row, post):
        return True
    if row.kind == "event" and arriving_events.differs(conn, row, post):
        return True
    if row.kind == OPPORTUNITY and arriving_opportunities.differs(conn, row, post):
        return True
    shown = [(one.remote_url, one.description) for one in posts.media_of(conn, [row.id]).get(row.id, [])]
    return shown != remote_posts.files_of(post)


# -- Delete


def on_delete(conn: Connection, incoming: Incoming) -> None:
    """The author's own post is gone. What is not known is remembered, in case its Create comes later."""
    uri = incoming.activity.object_id
    if uri is None:
        raise Dropped("it names no post")
    if quotes.stamp_deleted(conn, incoming) or featured.authorization_deleted(conn, incoming):
        return
    row = posts.by_uri(conn, uri)
    own = inbox.by_author(incoming.actor.uri, uri)
    if row is None:
        if not same_origin(uri, incoming.actor.uri):
            raise Dropped("the post is somebody else's")
        if incoming.how != "group":
            # Whose it is nobody knows: it counts for what they wrote themselves.
            inbox.bury(conn, own, "deleted", former_type=incoming.activity.object_type or "")
        return
    if incoming.how == "group" or row.account_id != incoming.actor.id or row.local:
        group_moderation.on_removal(conn, incoming, row)
    elif row.boost_of_id is not None:
        interactions.remove_boost(conn, row)
    else:
        group_posts.hand_on(conn, incoming, row.group_id, row.uri)
        if row.group_id is not None:
            inbox.bury(conn, own, removals.OWN, for_good=True)
        own_posts.erase(conn, row)


def _was_deleted(conn: Connection, incoming: Incoming, uri: str) -> bool:
    return inbox.is_buried(conn, uri, inbox.by_author(incoming.actor.uri, uri))


# -- QuoteRequest


def on_quote_request(conn: Connection, incoming: Incoming) -> None:
    """Somebody wants to quote a post of ours: the policy of the post answers at once (FEP-044f)."""
    activity, actor = incoming.activity, incoming.actor
    target = incoming.known_post(conn, activity.object_id)
    if not target.local or target.boost_of_id is not None or not visibility.may_see(conn, target, actor.id):
        raise Dropped("it is about no post of ours that its actor may see")
    uri = id_of(activity.instrument)
    if uri is None or not same_origin(uri, actor.uri):
        raise Dropped("it names no post of its actor's")
    publish = incoming.server.publish
    if own_quotes.may_quote(conn, target, actor.id) == "automatic":
        row = _quoting_post(conn, incoming, uri, target.account_id)
        if own_quotes.answer(conn, incoming.server, actor, target, row, incoming.uri):
            return
    publish.quote_refused(conn, target, actor.id, incoming.uri, uri)


def _quoting_post(conn: Connection, incoming: Incoming, uri: str, reader_id: int) -> PostRow:
    """The post that quotes, as it was sent inside or as the quoted author can read it; news if it was not known."""
    row = posts.by_uri(conn, uri)
    if row is None and _was_deleted(conn, incoming, uri):
        raise Dropped("the post was deleted before")
    embedded = incoming.activity.instrument
    if row is None and isinstance(embedded, dict) and set(embedded) - {"id", "type"}:
        post = read_post(embedded)
        remote_posts.check(post, incoming.actor)
        _check_addressing(incoming, post)
        body = msgspec.json.encode(embedded)
        row = remote_posts.insert(
            conn, post, incoming.actor, body, parent=remote_posts.parent_of(conn, post, incoming.actor)
        )
        own_posts.distribute(conn, row)
        return row
    row = incoming.post(conn, uri, viewer_id=reader_id)
    if row.account_id != incoming.actor.id:
        raise Dropped("the post is somebody else's")
    if uri in incoming.asked:
        _tell(conn, row)
    return row


# -- Announce


def on_boost(conn: Connection, incoming: Incoming, uri: str | None) -> None:
    """A boost. Of what was sent inside only the address counts; its own server is asked (CVE-2024-23832)."""
    activity, actor = incoming.activity, incoming.actor
    known = None if uri is None else posts.by_uri(conn, uri)
    followed = relationships.has_local_followers(conn, actor.id)
    if not followed and not (known is not None and known.local):
        raise Dropped("it concerns nobody here")
    row = incoming.post(conn, uri)
    if row.boost_of_id is not None or not visibility.may_see(conn, row, actor.id):
        raise Dropped("it cannot be boosted")
    author = accounts.by_id(conn, row.account_id)
    if author is None or author.suspended_at is not None:
        raise Dropped("its author is not shown here")
    boosted = interactions.receive_boost(
        conn,
        actor,
        row,
        uri=incoming.uri,
        shown_to=_shown_to(incoming),
        created_at=min(instant(activity.published) or now_ms(), now_ms()),
    )
    if boosted is None:
        raise Dropped("it cannot be boosted")


def _shown_to(incoming: Incoming) -> str:
    activity = incoming.activity
    if not activity.to and not activity.cc:
        return "public"
    return str(visibility_of(activity.to, activity.cc, incoming.actor.followers_uri or None))


# -- Like


def on_like(conn: Connection, incoming: Incoming) -> None:
    """A like, or an emoji reaction, which counts as one (FEP-c0e0)."""
    if inbox.is_buried(conn, incoming.activity.id):
        raise Dropped("it was taken back before")
    row = incoming.known_post(conn, incoming.activity.object_id)
    if stored_interactions.like_by_uri(conn, incoming.uri) is not None:
        raise Dropped("it is known")
    if row.group_id is not None:
        group_posts.check_vote(conn, incoming, row, Action.VOTE)
    if interactions.receive_like(conn, incoming.actor, row, incoming.uri, among=incoming.group is not None):
        group_posts.hand_on(conn, incoming, row.group_id, row.uri)


def on_dislike(conn: Connection, incoming: Incoming) -> None:
    """A vote against a post of a group that counts them; elsewhere there is no such thing."""
    if inbox.is_buried(conn, incoming.activity.id):
        raise Dropped("it was taken back before")
    row = incoming.known_post(conn, incoming.activity.object_id)
    if row.group_id is None:
        raise Dropped("it is about a post outside groups")
    group_posts.check_vote(conn, incoming, row, Action.DOWNVOTE)
    if voting.receive_downvote(conn, incoming.actor.id, row, incoming.uri):
        group_posts.hand_on(conn, incoming, row.group_id, row.uri)


# -- Undo


def on_undo(conn: Connection, incoming: Incoming) -> None:
    """Take back what the actor did: found by its id, else by what it was and to whom (WIRE 8)."""
    activity, actor = incoming.activity, incoming.actor
    embedded = activity.embedded
    uri = activity.object_id
    if embedded is not None and id_of(embedded.get("actor")) not in (None, actor.uri):
        raise Dropped("it takes back what somebody else did")
    if uri is not None and not same_origin(uri, actor.uri):
        raise Dropped("it takes back what somebody else did")
    kind = activity_kind(embedded) if embedded is not None else None
    if uri is not None and kind is None:
        kind = _kind_of(conn, actor.id, uri)
    target = id_of(embedded.get("object")) if embedded is not None else None
    if incoming.how == "group" and kind not in _OF_MODERATORS:
        raise Dropped("nobody but the group says so")
    undo = _UNDONE.get(kind or "")
    undone = undo is not None and undo(conn, incoming, uri, target)
    if not undone:
        if uri is None or incoming.how == "group":
            raise Dropped("it takes back nothing that is known")
        inbox.bury(conn, uri, "undone", former_type=kind or "")


def _kind_of(conn: Connection, actor_id: int, uri: str) -> str | None:
    for kind, row in (
        ("Like", stored_interactions.like_by_uri(conn, uri)),
        ("Follow", relationships.follow_by_uri(conn, uri)),
        ("Block", relationships.block_by_uri(conn, uri)),
        ("Announce", posts.by_uri(conn, uri)),
    ):
        if row is not None:
            return kind if row.account_id == actor_id else None
    return None


def _undo_like(conn: Connection, incoming: Incoming, uri: str | None, target: str | None) -> bool:
    liked = stored_interactions.like_by_uri(conn, uri) if uri is not None else None
    if liked is not None and liked.account_id == incoming.actor.id:
        row = posts.by_id(conn, liked.post_id)
    else:
        row = posts.by_uri(conn, target) if target is not None else None
    if row is None:
        return False
    # Lemmy takes a vote against a post back as if it had been one for it.
    voted = interactions.receive_undo_like(conn, incoming.actor.id, row)
    if not voted and not voting.receive_take_back(conn, incoming.actor.id, row):
        return False
    if uri is not None:
        inbox.bury(conn, uri, "undone", former_type="Like")
    group_posts.hand_on(conn, incoming, row.group_id, row.uri)
    return True


def _undo_dislike(conn: Connection, incoming: Incoming, uri: str | None, target: str | None) -> bool:
    row = posts.by_uri(conn, target) if target is not None else None
    if row is None or not voting.receive_take_back(conn, incoming.actor.id, row):
        return False
    if uri is not None:
        inbox.bury(conn, uri, "undone", former_type="Dislike")
    group_posts.hand_on(conn, incoming, row.group_id, row.uri)
    return True


def _undo_announce(conn: Connection, incoming: Incoming, uri: str | None, target: str | None) -> bool:
    row: Any = posts.by_uri(conn, uri) if uri is not None else None
    if row is None and target is not None:
        boosted = posts.by_uri(conn, target)
        row = boosted and stored_interactions.boost_between(conn, incoming.actor.id, boosted.id)
    if row is None or row.account_id != incoming.actor.id or row.boost_of_id is None:
        return False
    interactions.remove_boost(conn, row)
    inbox.bury(conn, row.uri, "undone", former_type="Announce")
    return True


def _undo_block(conn: Connection, incoming: Incoming, uri: str | None, target: str | None) -> bool:
    if incoming.group is not None or group_moderation.is_ban(incoming):
        return group_moderation.undo_ban(conn, incoming, uri, target)
    return people.undo_block(conn, incoming, uri, target)


_Undo = Callable[[Connection, Incoming, str | None, str | None], bool]
_UNDONE: Final[dict[str, _Undo]] = {
    **dict.fromkeys(_LIKES, _undo_like),
    "Announce": _undo_announce,
    "Dislike": _undo_dislike,
    "Follow": people.undo_follow,
    "Join": joining.undo_join,
    "Block": _undo_block,
    "Accept": people.undo_accept,
    "Offer": partners.undo_offer,
    "Delete": group_moderation.undo_removal,
    "Lock": group_moderation.undo_lock,
}
_OF_MODERATORS: Final = frozenset({"Block", "Delete", "Lock"})
