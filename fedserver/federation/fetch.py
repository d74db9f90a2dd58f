"""Asking other servers for what they say themselves: documents, accounts, posts. Fetched is the surest proof.

A document is believed when it came with an ActivityPub media type from the origin that its own id names (FEP-fe34):
else its id is asked for, once. Everything is signed, by the instance actor unless a member's eyes are needed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from sqlalchemy import Connection

from activitypub.activities import activity_kind
from activitypub.discovery import Handle, parse_handle
from activitypub.errors import Malformed, ProtocolError
from activitypub.identifiers import host_of, same_origin, without_fragment
from activitypub.signatures import PrivateKey, Scheme, sign_request
from activitypub.values import id_of, normalise, types_of
from activitypub.vocabulary import Post, read_actor, read_post
from activitypub.vocabulary.actor import actor_kind
from fedserver.context import Server
from fedserver.errors import BadAnswer, Refused, TooLarge, Unreachable
from fedserver.federation import actors, group_actors, group_places, remote_posts
from fedserver.federation.policy import check_outgoing
from fedserver.jobs.plan import plan
from storage import accounts, emojis, inbox, instances, posts
from storage.types import now_ms

log = logging.getLogger("fedserver.fetch")

GONE_STATUSES: Final = frozenset({404, 410})
# What a reader that knows only the other format of signatures answers.
_OTHER_KNOCK: Final = frozenset({400, 401, 403})
STALE_MS: Final = 24 * 3_600_000
DEAD_AFTER_MS: Final = 7 * 24 * 3_600_000
MISSED_SECONDS: Final = 60  # what was not there is not asked for again so soon


@dataclass(frozen=True, slots=True)
class Document:
    """A believed document: normalised for reading, and its bytes as they came."""

    uri: str
    json: dict[str, Any]
    body: bytes


# -- documents


async def document(server: Server, uri: str, *, as_account_id: int | None = None) -> Document:
    """The document with this id, from its origin. Raises Unreachable; BadAnswer with status 404 or 410 if it is gone.

    `as_account_id` is the member whose eyes are needed for what only some may see.
    """
    key = server.keys.instance_rsa()
    if as_account_id is not None:
        key = await server.db.read(server.keys.rsa, as_account_id)
    found = await _fetched(server, uri, key)
    claimed = id_of(found.json.get("id"))
    if claimed is None:
        raise BadAnswer("The other server's answer does not say what it is.", reason="json")
    if claimed in (uri, found.uri) and same_origin(claimed, found.uri):
        return Document(claimed, found.json, found.body)
    found = await _fetched(server, claimed, key)
    if id_of(found.json.get("id")) != claimed or not same_origin(claimed, found.uri):
        raise BadAnswer("The other server's answer is about something else.", reason="json")
    return Document(claimed, found.json, found.body)


async def raw_document(server: Server, uri: str) -> Document:
    """What this address answers, whatever it says it is: a key's own document has another id (WIRE 2).

    Its `uri` is the address that answered. Raises Unreachable.
    """
    return await _fetched(server, uri, server.keys.instance_rsa())


async def _fetched(server: Server, uri: str, key: PrivateKey) -> Document:
    uri = without_fragment(uri)
    host = host_of(uri)
    if host is None or server.uris.is_local(uri):
        raise Refused("This is not an address of another server.", reason="url")
    await check_outgoing(server, host)
    remembered = await server.db.read(instances.scheme_of, host)
    order: list[tuple[Scheme, bool]] = [("cavage", True), ("rfc9421", True)]
    if remembered == "rfc9421":
        order.reverse()
    if "?" in uri:
        order.append(("cavage", False))
    for number, (scheme, with_query) in enumerate(order, 1):
        try:
            answer = await server.http.get_json(uri, sign=_signer(key, scheme, with_query))
            return Document(answer.url, normalise(answer.json), answer.body)
        except BadAnswer as error:
            if error.status not in _OTHER_KNOCK or error.reason != "status" or number == len(order):
                raise
        except Malformed as error:
            raise BadAnswer("The other server's answer cannot be used.", reason="json") from error
    raise AssertionError("unreachable")


def _signer(key: PrivateKey, scheme: Scheme, with_query: bool) -> Any:
    def sign(method: str, url: str, body: bytes) -> Mapping[str, str]:
        return sign_request(scheme, method, url, body or None, key, time.time(), with_query=with_query)

    return sign


# -- accounts


async def account(server: Server, uri: str, *, refresh: bool = False) -> int | None:
    """The account with this actor URI; fetched when it is not known, or with `refresh`. None if it is none or gone.

    Raises Unreachable when its server does not answer, or not with an actor whose handle is its own.
    """
    if server.uris.is_local(uri):
        row = await server.db.read(accounts.by_uri, uri)
        return None if row is None else int(row.id)
    async with server.peers.alone(f"account:{uri}"):
        row = await server.db.read(accounts.by_uri, uri)
        if row is not None and (row.deleted_at is not None or not refresh):
            return int(row.id) if row.deleted_at is None else None
        if row is None and await server.db.read(inbox.is_buried, uri):
            return None
        missed = f"missed:{uri}"
        if row is None and server.peers.must_wait(missed):
            return None
        try:
            found = await document(server, uri)
        except BadAnswer as error:
            if error.status not in GONE_STATUSES or error.reason != "status":
                raise
            server.peers.wait(missed, MISSED_SECONDS)
            if row is not None:
                await server.db.write(_account_missing, row.id, error.status == 410)
            return None
        return await _believe_account(server, found)


async def _believe_account(server: Server, found: Document) -> int | None:
    """Keep an actor whose document is believed, once its handle is confirmed."""
    try:
        actor = read_actor(found.json)
        host = host_of(actor.id)
        if host is None:
            raise Malformed("an actor without usable id")
        known = await server.db.read(accounts.by_uri, actor.id)
        if known is not None and known.deleted_at is not None:
            return None
        if known is None:
            await actors.greet(server, host)
        elif known.username.lower() == actor.preferred_username.lower() and known.fetched_at is not None:
            remote = actors.row_of(actor, Handle(known.username, known.domain))
            if await server.db.read(_shares_a_key, known.id, remote):
                return await server.db.write(_store_account, remote, actor.moved_to, False)
            log.warning("The keys of %s are all new; its handle is confirmed again.", actor.id)
        remote = actors.row_of(actor, await actors.confirmed_handle(server, actor))
    except ProtocolError as error:
        raise BadAnswer("The other server's answer is no account we can use.", reason="json") from error
    return await server.db.write(_store_account, remote, actor.moved_to, known is None)


def _shares_a_key(conn: Connection, account_id: int, remote: accounts.RemoteAccount) -> bool:
    known = {row.public_key for row in accounts.keys_of(conn, account_id)}
    return bool(known & {key.public_key for key in remote.keys})


def _store_account(
    conn: Connection, remote: accounts.RemoteAccount, moved_to: str | None, is_new: bool
) -> int:
    target = accounts.by_uri(conn, moved_to) if moved_to else None
    if instances.rules(conn, remote.host).rejects_media:
        remote = replace(remote, avatar_url="", avatar_alt="", header_url="", header_alt="", emojis=[])
    account_id = accounts.upsert_remote(conn, remote)
    emojis.see(conn, remote.host, remote.emojis)
    row = accounts.by_id(conn, account_id)
    # A move itself needs a Move; a document alone only takes back or shows what we already know.
    if row is not None and target is not None and remote.uri in target.also_known_as:
        accounts.change(conn, account_id, moved_to_id=target.id)
    if remote.group is not None:
        group_actors.keep(conn, account_id, remote.group)
    if is_new:
        plan(conn, "describe_instance", {"host": remote.host}, key=remote.host)
        rule = instances.rule_covering(conn, remote.host)
        if rule is not None and rule.policy == "limit":
            accounts.change(conn, account_id, limited_at=rule.rule_at)
    return account_id


def _account_missing(conn: Connection, account_id: int, gone: bool) -> None:
    """410 ends an account at once; 404 when it has been so for a week."""
    row = accounts.by_id(conn, account_id)
    if row is None or row.deleted_at is not None:
        return
    now = now_ms()
    if gone or (row.gone_since_at is not None and row.gone_since_at < now - DEAD_AFTER_MS):
        plan(conn, "erase_account", {"account_id": account_id}, key=str(account_id))
    elif row.gone_since_at is None:
        accounts.change(conn, account_id, gone_since_at=now)


async def account_by_handle(
    server: Server, username: str, domain: str, *, refresh: bool = False
) -> int | None:
    """The account of a handle, asked of its host by WebFinger. None if there is none of that name.

    What is known is taken as it is for a day, unless with `refresh`. Raises Unreachable when the host does not answer.
    """
    if domain.lower() in ("", server.config.domain, server.uris.host):
        row = await server.db.read(accounts.local, username)
        return None if row is None else int(row.id)
    try:
        asked = parse_handle(f"{username}@{domain}")
    except Malformed:
        return None
    row = await server.db.read(accounts.by_handle, asked.username, asked.host)
    fresh = row is not None and row.fetched_at is not None and row.fetched_at > now_ms() - STALE_MS
    if row is not None and fresh and not refresh:
        return int(row.id) if row.deleted_at is None else None
    try:
        jrd = await actors.webfinger(server, asked)
    except BadAnswer as error:
        if error.status in GONE_STATUSES:
            return None
        raise
    account_id = await account(server, jrd.self_uri, refresh=row is not None)
    if account_id is None:
        return None
    row = await server.db.read(accounts.by_id, account_id)
    # A host can name whomever it likes; only the handle that the actor itself confirms is shown.
    if row is None:
        return None
    confirmed = Handle(row.username, row.domain)
    return account_id if confirmed.is_same(asked) or confirmed.is_same(jrd.subject) else None


async def refresh_account(server: Server, account_id: int) -> None:
    """Read an actor's document anew. Raises Unreachable."""
    row = await server.db.read(accounts.by_id, account_id)
    if row is not None and row.domain and row.deleted_at is None:
        await account(server, row.uri, refresh=True)


# -- posts


async def post(server: Server, uri: str, *, viewer_id: int | None = None, climbs: bool = True) -> int | None:
    """The post with this id; fetched and stored when it is not known. None if it is none, or gone.

    Nobody is told of a post that was fetched. `viewer_id` is the member who asks: with their eyes a post for
    followers can be read. Unless it `climbs`, what it answers is left to the caller, who counts. Raises
    Unreachable.
    """
    row = await server.db.read(posts.by_uri, uri)
    if row is not None:
        return int(row.id)
    if server.uris.is_local(uri):
        return None
    async with server.peers.alone(f"post:{uri}"):
        row = await server.db.read(posts.by_uri, uri)
        if row is not None:
            return int(row.id)
        missed = f"missed:{uri}" if viewer_id is None else f"missed:{uri} {viewer_id}"
        if server.peers.must_wait(missed) or await server.db.read(inbox.is_buried, uri):
            return None
        try:
            found = await document(server, uri, as_account_id=viewer_id)
        except BadAnswer as error:
            if error.reason != "status" or error.status is None or error.status >= 500:
                raise
            server.peers.wait(missed, MISSED_SECONDS)
            return None
        return await store(server, found, depth=1 if climbs else 0, climbs=climbs)


async def store(server: Server, found: Document, *, depth: int = 0, climbs: bool = True) -> int | None:
    """Keep a fetched post; None for what is none. A Create is read as its object.

    With `depth` the post it answers is fetched too, if that is quick to have; the rest of the thread comes by job.
    """
    if activity_kind(found.json) in ("Create", "Update"):
        inner = id_of(found.json.get("object"))
        if inner is None or inner == found.uri or not same_origin(inner, found.uri):
            return None
        found = await document(server, inner)
    try:
        value = read_post(found.json)
    except ProtocolError as error:
        log.info("What was fetched is no post: %s (%s)", found.uri, error)
        return None
    author_id = await account(server, value.attributed_to)
    if author_id is None:
        return None
    if depth and value.in_reply_to is not None:
        try:
            await _parent(server, value.in_reply_to, depth - 1)
        except Unreachable as error:
            log.info("The post that is answered cannot be had: %s (%s)", value.in_reply_to, error.reason)
    try:
        return await server.db.write(_store_post, value, author_id, found.body, climbs)
    except (ProtocolError, TooLarge) as error:
        log.info("A fetched post cannot be kept: %s (%s)", found.uri, error)
        return None


async def _parent(server: Server, uri: str, depth: int) -> None:
    if server.uris.is_local(uri) or await server.db.read(posts.by_uri, uri) is not None:
        return
    if not await server.db.read(inbox.is_buried, uri):
        await store(server, await document(server, uri), depth=depth)


def _store_post(conn: Connection, value: Post, author_id: int, body: bytes, climbs: bool) -> int | None:
    known = posts.by_uri(conn, value.id)
    if known is not None:
        return int(known.id)
    author = accounts.by_id(conn, author_id)
    if author is None or author.suspended_at is not None:
        return None
    if inbox.is_buried(conn, value.id, inbox.by_author(author.uri, value.id)):
        return None
    parent = remote_posts.parent_of(conn, value, author)
    row = remote_posts.insert(conn, value, author, body, parent=parent)
    accounts.posted(conn, author.id, row.created_at)
    if posts.adopt_orphans(conn, row):
        group_places.root_found(conn, row)
    if climbs and parent is None and value.in_reply_to is not None:
        plan(conn, "fetch_ancestors", {"post_id": row.id}, key=str(row.id))
    return int(row.id)


# -- whatever a member typed


async def resolve(
    server: Server, address_or_handle: str, *, viewer_id: int | None = None
) -> tuple[Literal["account", "post", "collection"], int] | None:
    """The account, post or collection that a handle or an address means, asked of its server if need be; None for nothing.

    Raises Unreachable.
    """
    text = address_or_handle.strip()
    if not text.lower().startswith(("https://", "http://")):
        try:
            handle = parse_handle(text)
        except Malformed:
            return None
        account_id = await account_by_handle(server, handle.username, handle.host)
        return None if account_id is None else ("account", account_id)
    known = await server.db.read(_known, text)
    if known is not None or server.uris.is_local(text):
        return known
    try:
        found = await document(server, text, as_account_id=viewer_id)
    except BadAnswer as error:
        if error.reason == "status" and error.status is not None and error.status < 500:
            return None
        raise
    if actor_kind(found.json) is not None:
        account_id = await account(server, found.uri)
        return None if account_id is None else ("account", account_id)
    if await server.db.read(inbox.is_buried, found.uri):
        return None
    if "FeaturedCollection" in types_of(found.json):
        from fedserver.federation import featured

        collection_id = await featured.believe(server, found)
        return None if collection_id is None else ("collection", collection_id)
    post_id = await store(server, found, depth=1)
    return None if post_id is None else ("post", post_id)


def _known(conn: Connection, address: str) -> tuple[Literal["account", "post"], int] | None:
    row = accounts.by_uri(conn, address)
    if row is not None:
        return None if row.deleted_at is not None else ("account", row.id)
    found = posts.by_uri_or_url(conn, address)
    return None if found is None else ("post", found.id)
