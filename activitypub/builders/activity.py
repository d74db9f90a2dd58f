"""Activities, and the collections they end up in.

An embedded object keeps everything but its ``@context``, which moves to the activity around it. ``to``
and ``cc`` of a ``Create`` or ``Update`` are those of its object: many readers look only at the wrapper.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from activitypub.builders.note import tombstone
from activitypub.jsonld import ACTIVITY_CONTEXT, COLLECTION_CONTEXT, POST_CONTEXT, REACTION_CONTEXT
from activitypub.names import PARTNER, PUBLIC
from activitypub.values import format_time

Document = dict[str, Any]


def create(uri: str, post: Document) -> Document:
    """``Create`` by the post's author, with its addressing and time (bridgy-fed#372)."""
    activity = _activity("Create", uri, post["attributedTo"], post, to=post["to"], cc=post["cc"])
    activity["published"] = post["published"]
    return _for_audience(activity, post)


def update(uri: str, post: Document) -> Document:
    """``Update`` of a post with its complete new form."""
    activity = _activity("Update", uri, post["attributedTo"], post, to=post["to"], cc=post["cc"])
    # The time tells one edit from the next; a refresh of poll results has none.
    if "updated" in post:
        activity["published"] = post["updated"]
    return _for_audience(activity, post)


def update_actor(uri: str, actor: Document, cc: Sequence[str] = ()) -> Document:
    """``Update`` of an actor by itself, to the public and, in ``cc``, its followers."""
    return _activity("Update", uri, actor["id"], actor, to=[PUBLIC], cc=cc)


def update_group(uri: str, group: Document, *, actor: str, to: Sequence[str]) -> Document:
    """``Update`` of a group by a moderator of it (FEP-1b12)."""
    return _in_group(_activity("Update", uri, actor, group, to=to, cc=[group["id"]]), group["id"], "")


def delete(
    uri: str,
    *,
    actor: str,
    post: str,
    former_type: str,
    to: Sequence[str],
    cc: Sequence[str] = (),
    deleted: datetime | None = None,
) -> Document:
    """``Delete`` of a post by its author; ``to`` and ``cc`` are those the post had."""
    return _activity(
        "Delete", uri, actor, tombstone(post, former_type=former_type, deleted=deleted), to=to, cc=cc
    )


def delete_actor(uri: str, *, actor: str) -> Document:
    """``Delete`` of an account by itself, to everyone who may have heard of it."""
    return _activity("Delete", uri, actor, actor, to=[PUBLIC])


def undo(uri: str, activity: Document) -> Document:
    """``Undo`` of an earlier activity, which is embedded whole: Mastodon cannot match a bare id."""
    return _activity(
        "Undo", uri, activity["actor"], activity, to=activity.get("to", []), cc=activity.get("cc", [])
    )


def like(uri: str, *, actor: str, post: str, author: str) -> Document:
    """A favourite, sent to the author alone."""
    return _activity("Like", uri, actor, post, to=[author])


def react(
    uri: str, *, actor: str, post: str, author: str, emoji: str, emoji_tag: Document | None = None
) -> Document:
    """An emoji reaction (FEP-c0e0): a ``Like`` with content, so that others count a favourite.

    ``emoji`` is one Unicode emoji, or ``:shortcode:`` together with its ``emoji_tag``.
    """
    activity = _activity("Like", uri, actor, post, to=[author])
    activity["@context"] = REACTION_CONTEXT
    activity["content"] = emoji
    if emoji_tag is not None:
        activity["tag"] = [emoji_tag]
    return activity


def announce(
    uri: str,
    *,
    actor: str,
    post: str,
    published: datetime,
    to: Sequence[str],
    cc: Sequence[str] = (),
) -> Document:
    """A boost. Usually ``to`` is the public and ``cc`` the followers and the author."""
    activity = _activity("Announce", uri, actor, post, to=to, cc=cc)
    activity["published"] = format_time(published)
    return activity


def announce_activity(
    uri: str, *, actor: str, said: Document, to: Sequence[str], cc: Sequence[str] = ()
) -> Document:
    """A group hands on to its members what somebody ``said`` or did in it (FEP-1b12 "The Announce wrapper").

    The activity inside is repeated unchanged, its ``@context`` included: a proof covers it value for value.
    """
    return {
        "@context": ACTIVITY_CONTEXT,
        "id": uri,
        "type": "Announce",
        "actor": actor,
        "to": list(to),
        "cc": list(cc),
        "object": said,
    }


def dislike(uri: str, *, actor: str, post: str, author: str) -> Document:
    """A vote against a post, in groups that count them."""
    return _activity("Dislike", uri, actor, post, to=[author])


def lock(uri: str, *, actor: str, post: str, group: str, to: Sequence[str], reason: str = "") -> Document:
    """A moderator takes no more answers in a thread (FEP-1b12, as Lemmy and PieFed speak it)."""
    return _in_group(_activity("Lock", uri, actor, post, to=to, cc=[group]), group, reason)


def remove_from_group(
    uri: str, *, actor: str, post: str, group: str, to: Sequence[str], reason: str
) -> Document:
    """A moderator takes a post out of a group. The ``summary`` tells it from the author's own ``Delete`` (Lemmy)."""
    return _in_group(_activity("Delete", uri, actor, post, to=to, cc=[group]), group, reason or "removed")


def ban(
    uri: str,
    *,
    actor: str,
    target: str,
    group: str,
    to: Sequence[str],
    reason: str = "",
    end_time: datetime | None = None,
) -> Document:
    """A moderator keeps somebody out of a group (FEP-1b12)."""
    activity = _in_group(_activity("Block", uri, actor, target, to=to, cc=[group]), group, reason)
    activity["target"] = group
    activity["removeData"] = False
    if end_time is not None:
        activity["endTime"] = format_time(end_time)
    return activity


def for_group(activity: Document, group: str) -> Document:
    """The same, said in a group."""
    return _in_group(activity, group, "")


def _in_group(activity: Document, group: str, reason: str) -> Document:
    activity["audience"] = group
    if reason:
        activity["summary"] = reason
    return activity


def follow(uri: str, *, actor: str, target: str) -> Document:
    """A request to follow. For a Mastodon relay ``target`` is the public collection."""
    return _activity("Follow", uri, actor, target, to=[] if target == PUBLIC else [target])


def offer_partnership(uri: str, *, actor: str, other: str, note_html: str = "") -> Document:
    """One server's actor ``Offer``s another's to be partners. Answers embed it without the note."""
    relationship = {"type": "Relationship", "subject": actor, "relationship": PARTNER, "object": other}
    activity = _activity("Offer", uri, actor, relationship, to=[other])
    if note_html:
        activity["content"] = note_html
    return activity


def accept(uri: str, *, actor: str, request: Document, result: str | None = None) -> Document:
    """``Accept`` of what was asked; ``request`` comes from ``echo``. ``result`` is a quote's stamp."""
    activity = _activity("Accept", uri, actor, request, to=[request["actor"]])
    if result is not None:
        activity["result"] = result
    return activity


def reject(uri: str, *, actor: str, request: Document) -> Document:
    """``Reject`` of what was asked, or the removal of what had been accepted."""
    return _activity("Reject", uri, actor, request, to=[request["actor"]])


def echo(uri: str, *, kind: str, actor: str, target: str) -> Document:
    """A received ``Follow`` or the like, as it is put into the answer.

    With its original id, which Misskey matches (misskey#8165), and nothing else: an expanded copy loses
    Takahē, and an id alone loses those that did not keep it.
    """
    return {"id": uri, "type": kind, "actor": actor, "object": target}


def block(uri: str, *, actor: str, target: str) -> Document:
    """A member's block, so that the other server can hide them from each other."""
    return _activity("Block", uri, actor, target, to=[target])


def flag(uri: str, *, instance_actor: str, reported: str, posts: Sequence[str], comment: str) -> Document:
    """A report in the name of the instance: who complained is not told."""
    activity = _activity("Flag", uri, instance_actor, [reported, *posts], to=[reported])
    activity["content"] = comment
    return activity


def move(uri: str, *, actor: str, target: str, followers: str) -> Document:
    """An account moves to ``target``, which must already name it in ``alsoKnownAs``."""
    activity = _activity("Move", uri, actor, actor, to=[followers])
    activity["target"] = target
    return activity


def add(
    uri: str, *, actor: str, item: str | Document, target: str, to: Sequence[str], cc: Sequence[str] = ()
) -> Document:
    """``item`` goes into the collection ``target``: a pin, or a moderator of a group."""
    activity = _activity("Add", uri, actor, item, to=to, cc=cc)
    activity["target"] = target
    return activity


def remove(
    uri: str, *, actor: str, item: str | Document, target: str, to: Sequence[str], cc: Sequence[str] = ()
) -> Document:
    """``item`` leaves the collection ``target``."""
    activity = _activity("Remove", uri, actor, item, to=to, cc=cc)
    activity["target"] = target
    return activity


def quote_request(uri: str, *, actor: str, quoted_post: str, author: str, quoting_post: Document) -> Document:
    """The question whether ``author`` agrees to be quoted (FEP-044f), with the whole quoting post."""
    activity = _activity("QuoteRequest", uri, actor, quoted_post, to=[author])
    activity["@context"] = quoting_post["@context"]
    activity["instrument"] = _without_context(quoting_post)
    return activity


def quote_echo(uri: str, *, actor: str, quoted_post: str, quoting_post: str) -> Document:
    """A ``QuoteRequest`` as it is put into the answer (FEP-044f)."""
    request = echo(uri, kind="QuoteRequest", actor=actor, target=quoted_post)
    return {"@context": POST_CONTEXT, **request, "instrument": quoting_post}


def delete_stamp(uri: str, stamp: Document) -> Document:
    """Consent to be quoted is taken back (FEP-044f): ``Delete`` of the ``QuoteAuthorization``, which is embedded."""
    return _activity("Delete", uri, stamp["attributedTo"], stamp, to=[PUBLIC])


# --- collections ------------------------------------------------------------------------------


def collection(
    uri: str,
    *,
    total: int,
    first: str | None = None,
    last: str | None = None,
    items: Sequence[str | Document] | None = None,
    attributed_to: str | None = None,
) -> Document:
    """An ``OrderedCollection``: with pages (``first``), with all its items, or only counted."""
    document: Document = {"@context": _context(items or ()), "id": uri, "type": "OrderedCollection"}
    if attributed_to is not None:
        document["attributedTo"] = attributed_to
    document["totalItems"] = total
    if first is not None:
        document["first"] = first
    if last is not None:
        document["last"] = last
    if items is not None:
        document["orderedItems"] = [_inside(item) for item in items]
    return document


def collection_page(
    uri: str,
    *,
    part_of: str,
    items: Sequence[str | Document],
    next_page: str | None = None,
    prev_page: str | None = None,
    total: int | None = None,
) -> Document:
    """One ``OrderedCollectionPage``; items are addresses or whole documents."""
    document: Document = {
        "@context": _context(items),
        "id": uri,
        "type": "OrderedCollectionPage",
        "partOf": part_of,
    }
    if total is not None:
        document["totalItems"] = total
    if next_page is not None:
        document["next"] = next_page
    if prev_page is not None:
        document["prev"] = prev_page
    document["orderedItems"] = [_inside(item) for item in items]
    return document


def replies(uri: str, *, items: Sequence[str], next_page: str | None = None) -> Document:
    """The replies of a post: a ``Collection`` with its first page inside, as Mastodon expects it."""
    page: Document = {"type": "CollectionPage", "partOf": uri, "items": list(items)}
    if next_page is not None:
        page["next"] = next_page
    return {"@context": COLLECTION_CONTEXT, "id": uri, "type": "Collection", "first": page}


# --- shared -----------------------------------------------------------------------------------


def _activity(
    kind: str,
    uri: str,
    actor: str,
    subject: str | Document | Sequence[str],
    *,
    to: Sequence[str],
    cc: Sequence[str] = (),
) -> Document:
    context = subject.get("@context", ACTIVITY_CONTEXT) if isinstance(subject, dict) else ACTIVITY_CONTEXT
    document: Document = {
        "@context": context,
        "id": uri,
        "type": kind,
        "actor": actor,
        "to": list(to),
        "cc": list(cc),
    }
    if isinstance(subject, str):
        document["object"] = subject
    else:
        document["object"] = _without_context(subject) if isinstance(subject, dict) else list(subject)
    return document


def _for_audience(activity: Document, post: Document) -> Document:
    if "audience" in post:
        activity["audience"] = post["audience"]
    return activity


def _inside(item: str | Document) -> str | Document:
    return item if isinstance(item, str) else _without_context(item)


def _without_context(document: Document) -> Document:
    return {name: value for name, value in document.items() if name != "@context"}


def _context(items: Sequence[str | Document]) -> Any:
    """The context of the items that need most, or the plain one: each of ours holds those that need less."""
    # An outbox mixes Creates of notes and of resources, which need more, with boosts, which need nothing.
    contexts = [item.get("@context", COLLECTION_CONTEXT) for item in items if isinstance(item, dict)]
    return max(contexts, key=lambda one: 0 if isinstance(one, str) else len(one), default=COLLECTION_CONTEXT)
