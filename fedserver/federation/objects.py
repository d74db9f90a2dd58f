"""What other servers may read of ours: actors, posts, collections, as the one who asks may see them.

In secure mode nothing is read without a signature but the instance actor, so that a blocked server cannot read
what it is not sent. What somebody may not see is answered like what does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from activitypub.builders import activity as build
from activitypub.builders import note
from activitypub.errors import SignatureError, SignatureMissing
from activitypub.identifiers import LocalName, Uris
from activitypub.signatures import RequestFacts
from fedserver import settings, visibility
from fedserver.context import Server
from fedserver.errors import Forbidden, NotFound, Unreachable
from fedserver.events import asking, leaving
from fedserver.federation import directories, publish_collections, sync
from fedserver.federation.authenticate import Signer, signer_of
from fedserver.federation.documents import LEAVES, Document
from fedserver.resources import shelves
from storage import (
    accounts,
    collections,
    emojis,
    events,
    inbox,
    partners,
    posts,
    quotes,
    relationships,
)
from storage import shelves as stored_shelves
from storage.accounts import AccountRow
from storage.posts import PostRow

_ACTORS: Final = frozenset({"actor", "group", "instance_actor"})
_OF_ACTORS: Final = frozenset(
    {"outbox", "followers", "following", "featured", "featured_tags", "featured_collections", "moderators"}
)
_encode: Final = msgspec.json.Encoder().encode
_OF_POSTS: Final = frozenset(
    {
        *("post", "resource", "event", "event_attendees", "event_question", "opportunity"),
        *("replies", "likes", "shares"),
    }
)

_OBJECTS: Final[Mapping[str, Callable[[Uris, str], str]]] = {
    "post": Uris.post,
    "resource": Uris.resource,
    "event": Uris.event,
    "event_question": Uris.event_question,
    "opportunity": Uris.opportunity,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a document: what it names, by which query, and who asks (None for nobody we know)."""

    name: LocalName
    query: Mapping[str, str]
    signer: Signer | None

    @property
    def viewer_id(self) -> int | None:
        return None if self.signer is None else self.signer.account_id

    @property
    def is_page(self) -> bool:
        return bool(self.query.get("page"))

    def cursor(self, name: str) -> int | None:
        """An id in the query; NotFound for what is none."""
        text = self.query.get(name)
        if text is None:
            return None
        number = _number(text)
        if number is None:
            raise NotFound
        return number


@dataclass(frozen=True, slots=True)
class Served:
    """A document with its HTTP status (200 or 410). `shared`: the same for everybody who may ask."""

    document: Document | bytes
    status: int = 200
    shared: bool = False


async def read(
    server: Server, uri: str, query: Mapping[str, str], facts: RequestFacts, source_ip: str
) -> Served:
    """The document at `uri` (without its query) for whoever signed the request.

    Raises NotFound, SignatureError (401), Forbidden (a server we refuse), Unreachable.
    """
    name = server.uris.parse(uri)
    if name is None:
        raise NotFound
    signer = await _signer(server, name, facts, source_ip)
    asked = Asked(name, query, signer)
    if name.kind not in _ACTORS:
        return await server.db.read(_served, server, asked)

    async def load() -> Served:
        served = await server.db.read(_served, server, asked)
        return replace(served, document=_encode(served.document))

    # Who somebody is does not depend on who asks, and is asked by every server they write to.
    found: Served = await server.remembered.actors.get(uri, load)
    return found


async def _signer(server: Server, name: LocalName, facts: RequestFacts, source_ip: str) -> Signer | None:
    if not server.config.federates:
        return None
    of_server = name.kind in _ACTORS | _OF_ACTORS and not name.value
    current = await settings.current(server)
    if current.federation_mode == "closed":
        raise Forbidden("This server does not federate.")
    if of_server:
        # Never asks who reads it: two servers that must first read each other's actor would wait for ever.
        return None
    secure = current.secure_mode or current.federation_mode == "allowlist"
    try:
        signer = await signer_of(server, facts, source_ip)
    except SignatureMissing:
        if secure or name.kind == "followers_synchronization":
            raise
        return None
    except (SignatureError, Unreachable):
        if secure:
            raise
        return None
    if signer.suspended:
        raise Forbidden("This server does not show you anything.")
    return signer


def _served(conn: Connection, server: Server, asked: Asked) -> Served:
    kind = asked.name.kind
    if kind in _ACTORS:
        return _actor(conn, server, asked)
    if kind in _OF_ACTORS:
        return _of_actor(conn, server, asked)
    if kind == "library":
        return _library(conn, server, asked)
    if kind == "directory":
        return _directory(conn, server, asked)
    if kind == "upcoming_events":
        return _upcoming_events(conn, server, asked)
    if kind in _OF_POSTS:
        return _of_post(conn, server, asked)
    if kind == "followers_synchronization":
        row = _account(conn, server, asked)
        if asked.signer is None:
            raise NotFound
        return Served(sync.document(conn, row.id, row.uri, asked.signer.host))
    if kind == "context":
        return _context(conn, server, asked)
    if kind == "activity":
        return _activity(conn, server, asked)
    if kind == "stamp":
        return _stamp(conn, server, asked)
    if kind in ("collection", "collection_item", "feature_authorization"):
        return _collection(conn, server, asked)
    if kind == "shelf":
        return _shelf(conn, server, asked)
    if kind == "emoji":
        return _emoji(conn, server, asked)
    raise NotFound


def _account(conn: Connection, server: Server, asked: Asked, viewer_id: int | None = None) -> AccountRow:
    """The local account that is named, if it is one that others may know of, or (of pages) this member. Raises NotFound."""
    row = _row_of(conn, server, asked.name)
    if row is None or row.domain or row.deleted_at is not None:
        raise NotFound
    # A private group never leaves this server: those who are in it read of it here.
    if row.hidden and (asked.signer is not None or not visibility.may_know(conn, row, viewer_id)):
        raise NotFound
    # Of who is suspended others may know that there is somebody, and nothing more; so may whoever is blocked.
    if asked.name.kind not in _ACTORS:
        viewer = asked.viewer_id
        blocked = viewer is not None and relationships.block_between(conn, row.id, viewer) is not None
        if row.suspended_at is not None or blocked:
            raise NotFound
    return row


def _row_of(conn: Connection, server: Server, name: LocalName) -> AccountRow | None:
    if not name.value:
        return accounts.by_uri(conn, server.uris.instance_actor())
    return accounts.by_handle(conn, name.value, "")


def _actor(conn: Connection, server: Server, asked: Asked) -> Served:
    row = _row_of(conn, server, asked.name)
    if row is not None and row.deleted_at is not None and not row.domain and not row.hidden:
        return Served(note.tombstone(row.uri, former_type=row.actor_type), 410)
    row = _account(conn, server, asked)
    if asked.name.kind == "group" and row.actor_type != "Group":
        raise NotFound
    return Served(server.publish.documents.actor_document(conn, row.id), shared=True)


def _of_actor(conn: Connection, server: Server, asked: Asked) -> Served:
    row = _account(conn, server, asked)
    documents = server.publish.documents
    if asked.name.kind == "featured":
        return Served(documents.featured(conn, row), shared=True)
    if asked.name.kind == "moderators":
        return Served(documents.moderators(conn, row), shared=True)
    if asked.name.kind == "featured_tags":
        return Served(documents.featured_tags(conn, row), shared=True)
    if asked.name.kind == "featured_collections":
        return Served(publish_collections.all_of(conn, server.publish, row, page=asked.is_page), shared=True)
    build_page: Callable[..., Document] = getattr(documents, asked.name.kind)
    return Served(
        build_page(conn, row, page=asked.is_page, max_id=asked.cursor("max_id")),
        shared=asked.name.kind == "outbox",
    )


def _library(conn: Connection, server: Server, asked: Asked) -> Served:
    """The public resources of this server. Of one member there is no such list."""
    if asked.name.value:
        raise NotFound
    before, max_id = asked.cursor("before"), asked.cursor("max_id")
    if (before is None) != (max_id is None):
        raise NotFound
    document = server.publish.documents.library(conn, page=asked.is_page, before=before, max_id=max_id)
    return Served(document, shared=True)


def _directory(conn: Connection, server: Server, asked: Asked) -> Served:
    """Who wants to be found on this server, for partners alone: nobody where the directory is closed."""
    if asked.name.value or asked.signer is None or not partners.is_active(conn, asked.signer.host):
        raise NotFound
    is_open = settings.in_force(conn, server.config).profile_directory
    owner = server.uris.instance_uris()
    page, max_id = asked.is_page, asked.cursor("max_id")
    return Served(directories.collection(conn, owner, is_open=is_open, page=page, max_id=max_id))


def _upcoming_events(conn: Connection, server: Server, asked: Asked) -> Served:
    """What is to come on this server, or in a group that anybody may read."""
    row = _account(conn, server, asked)
    if not server.publish.documents.lists_events(conn, row):
        raise NotFound
    begins, min_id = asked.cursor("begins"), asked.cursor("min_id")
    found = leaving.upcoming(
        conn,
        server.publish.documents.actor_uris(row),
        row.id if row.actor_type == "Group" else None,
        page=asked.is_page,
        begins=begins or 0,
        min_id=min_id or 0,
    )
    return Served(found, shared=True)


def _emoji(conn: Connection, server: Server, asked: Asked) -> Served:
    row = emojis.own(conn, asked.name.value)
    if row is None or row.disabled:
        raise NotFound
    return Served(server.publish.documents.emoji_document(row), shared=True)


def _post(conn: Connection, server: Server, asked: Asked) -> PostRow:
    """The local post that is named, if whoever asks may see it. Raises NotFound."""
    post_id = _number(asked.name.value)
    row = None if post_id is None else posts.by_id(conn, post_id)
    if row is None or not row.local or row.visibility not in LEAVES or row.boost_of_id is not None:
        raise NotFound
    if not visibility.may_see(conn, row, asked.viewer_id):
        raise NotFound
    return row


def _of_post(conn: Connection, server: Server, asked: Asked) -> Served:
    documents = server.publish.documents
    if asked.name.kind in _OBJECTS:
        grave = inbox.tombstone_of(conn, _OBJECTS[asked.name.kind](server.uris, asked.name.value))
        if grave is not None:
            return Served(note.tombstone(grave.uri, former_type=grave.former_type or "Note"), 410)
    row = _post(conn, server, asked)
    shared = row.visibility in visibility.FOR_EVERYBODY
    if asked.name.kind == "event_question":
        question = asking.document(conn, server, row.id)
        if question is None:
            raise NotFound
        return Served(question, shared=shared)
    if asked.name.kind in _OBJECTS:
        return Served(documents.post_document(conn, row.id), shared=shared)
    if asked.name.kind == "event_attendees":
        # Who they are is theirs to tell.
        going = sum(one.going_count for one in events.occurrences(conn, row.id))
        uri = server.uris.event_attendees(row.id)
        return Served(build.collection(uri, total=going), shared=shared)
    if asked.name.kind == "replies":
        page = documents.replies(conn, row.id, page=asked.is_page, min_id=asked.cursor("min_id"))
        return Served(page, shared=shared)
    build_counts: Callable[[PostRow], Document] = (
        documents.likes if asked.name.kind == "likes" else documents.shares
    )
    return Served(build_counts(row), shared=shared)


def _context(conn: Connection, server: Server, asked: Asked) -> Served:
    thread_id = _number(asked.name.value)
    if thread_id is None:
        raise NotFound
    page = server.publish.documents.context(
        conn, thread_id, page=asked.is_page, min_id=asked.cursor("min_id")
    )
    return Served(page, shared=True)


def _activity(conn: Connection, server: Server, asked: Asked) -> Served:
    """A boost that may be seen, or a follow for those two whom it concerns."""
    uri = server.uris.activity(asked.name.value)
    row = posts.by_uri(conn, uri)
    if row is not None and row.local and visibility.may_see(conn, row, asked.viewer_id):
        boosted = posts.by_id(conn, row.boost_of_id) if row.boost_of_id is not None else None
        if boosted is not None and boosted.visibility in visibility.FOR_EVERYBODY:
            document = server.publish.documents.post_document(conn, row.id)
            return Served(document, shared=row.visibility in visibility.FOR_EVERYBODY)
    follow = relationships.follow_by_uri(conn, uri)
    if follow is not None and asked.viewer_id in (follow.account_id, follow.target_id):
        people: Any = accounts.by_ids(conn, [follow.account_id, follow.target_id])
        me, them = people[follow.account_id], people[follow.target_id]
        return Served(build.follow(uri, actor=me.uri, target=them.uri))
    raise NotFound


def _stamp(conn: Connection, server: Server, asked: Asked) -> Served:
    """A member's consent to a quote (FEP-044f), for those who may see what is quoted; 410 once it was taken back."""
    quote = quotes.by_id(conn, _number(asked.name.value) or 0)
    quoted = posts.by_id(conn, quote.quoted_id or 0) if quote is not None else None
    if quote is None or quoted is None or not visibility.may_see(conn, quoted, asked.viewer_id):
        raise NotFound
    uri = server.uris.stamp(quote.id)
    if quote.state == "revoked" and quote.stamp_uri == uri:
        return Served(note.tombstone(uri, former_type="QuoteAuthorization"), 410)
    document = server.publish.documents.stamp(conn, quote)
    if document is None or document["id"] != uri:
        raise NotFound
    return Served(document, shared=quoted.visibility in visibility.FOR_EVERYBODY)


def _collection(conn: Connection, server: Server, asked: Asked) -> Served:
    """A member's collection, an item of it, or a member's consent to be in somebody's (FEP-7aa9)."""
    number = _number(asked.name.value) or 0
    item = None if asked.name.kind == "collection" else collections.item(conn, number)
    row = collections.by_id(conn, number if item is None else item.collection_id)
    if row is None or (item is None) != (asked.name.kind == "collection"):
        raise NotFound
    if item is not None and item.state != "accepted":
        raise NotFound
    viewer_id = asked.viewer_id
    if viewer_id is not None and relationships.block_between(conn, row.account_id, viewer_id) is not None:
        raise NotFound
    if item is not None and asked.name.kind == "feature_authorization":
        featured = accounts.by_id(conn, item.account_id)
        if featured is None or featured.domain or featured.suspended_at is not None:
            raise NotFound
        return Served(publish_collections.authorization(server.publish, row, item), shared=True)
    owner = accounts.by_id(conn, row.account_id)
    if not row.local or owner is None or owner.suspended_at is not None:
        raise NotFound
    if item is not None:
        return Served(publish_collections.item_document(item), shared=True)
    return Served(publish_collections.document(conn, server.publish, row, owner=owner), shared=True)


def _shelf(conn: Connection, server: Server, asked: Asked) -> Served:
    """A public shelf; of what is on it, what is for everybody."""
    number = _number(asked.name.value) or 0
    row = stored_shelves.by_id(conn, number, visibility.of_shelves(asked.viewer_id))
    owner = accounts.by_id(conn, row.account_id) if row is not None else None
    if row is None or owner is None or not row.local or row.visibility != "public":
        raise NotFound
    page = asked.cursor("page")
    return Served(shelves.document(conn, server.uris, row, owner, page=page), shared=True)


def _number(text: str) -> int | None:
    """An id as it stands in an address; None for what is none or too large to be one."""
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        return None
    return int(text) if int(text) < 1 << 63 else None


# -- where people are led, and who can be written to


async def page_of(server: Server, uri: str, viewer_id: int | None) -> str:
    """The page that shows to people what this address names. Raises NotFound."""
    name = server.uris.parse(uri)
    if name is None:
        raise NotFound
    return await server.db.read(_page_of, server, Asked(name, {}, None), viewer_id)


def _page_of(conn: Connection, server: Server, asked: Asked, viewer_id: int | None) -> str:
    kind = asked.name.kind
    if kind == "instance_actor":
        return server.uris.instance_uris().page
    if kind in ("actor", "group"):
        return str(_account(conn, server, asked, viewer_id).url)
    post_id = _number(asked.name.value)
    if (kind in _OBJECTS or kind == "context") and post_id is not None:
        row = posts.by_id(conn, post_id)
        if row is not None and row.local and visibility.may_see(conn, row, viewer_id):
            return str(row.url)
    raise NotFound


async def has_inbox(server: Server, path: str) -> bool:
    """Whether the inbox at this path is one of ours."""
    name = server.uris.parse(server.uris.origin + path)
    if name is None or name.kind != "inbox":
        return False
    row = await server.db.read(_row_of, server, name)
    return row is not None and not row.domain and row.deleted_at is None and not row.hidden
