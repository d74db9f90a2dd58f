"""Collections of other servers, and members in them (FEP-7aa9).

What arrives is acted on in units; what must be fetched for it (a collection nobody here knows, the consent of
somebody in one) is fetched by job. Nobody is shown in a collection without their consent: a member's own is asked
for by a `FeatureRequest`, others' is read at the address that the item names.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from sqlalchemy import Connection

from activitypub.errors import Malformed, ProtocolError, Unsupported
from activitypub.identifiers import same_origin
from activitypub.values import types_of
from activitypub.vocabulary import read_collection
from activitypub.vocabulary.featured import (
    ITEMS_MAX,
    FeaturedCollection,
    Item,
    read_authorization,
    read_featured_collection,
    read_featured_item,
)
from fedserver import collections as own
from fedserver import notifications
from fedserver.content.html import sanitise_bio
from fedserver.content.links import tag_key
from fedserver.content.text import clean_line, language_tag
from fedserver.context import Server
from fedserver.errors import BadAnswer, TooLarge, Unreachable
from fedserver.federation import fetch
from fedserver.federation import publish_collections as told
from fedserver.federation.acting import Dropped, Incoming
from fedserver.federation.actors import instant, usable_uri
from fedserver.federation.fetch import Document
from fedserver.jobs.handlers import handles
from fedserver.jobs.plan import plan
from storage import accounts, collections, posts
from storage.accounts import AccountRow
from storage.collections import CollectionRow, ItemRow
from storage.types import new_id, now_ms

log = logging.getLogger("fedserver.federation")

COLLECTIONS_OF_ONE_MAX: Final = 50
LANGUAGE_CHARS_MAX: Final = 16


# -- what arrives


def on_feature_request(conn: Connection, incoming: Incoming) -> None:
    """Somebody wants to put a member into a collection of theirs."""
    activity = incoming.activity
    member = incoming.local_account(conn, activity.object_id)
    instrument = activity.instrument
    uri = instrument if isinstance(instrument, str) else (instrument or {}).get("id")
    if not isinstance(uri, str) or not usable_uri(uri) or not same_origin(uri, incoming.actor.uri):
        raise Dropped("it names no collection of its actor's")
    known = collections.by_uri(conn, uri)
    if known is not None:
        if known.account_id != incoming.actor.id:
            raise Dropped("the collection is somebody else's")
        _answer(conn, incoming.server, incoming.actor, member, known, incoming.uri)
        return
    payload = {
        "collection_uri": uri,
        "owner_id": incoming.actor.id,
        "member_id": member.id,
        "request_uri": incoming.uri,
    }
    plan(conn, "answer_feature_request", payload, key=incoming.uri)


def on_add(conn: Connection, incoming: Incoming) -> bool:
    """Whether an Add is about a collection of its actor's; then it is acted on."""
    activity, actor = incoming.activity, incoming.actor
    if actor.collections_uri and activity.target == actor.collections_uri:
        if activity.embedded is None:
            raise Dropped("only an address was sent")
        store(conn, actor, read_featured_collection(activity.embedded))
        return True
    row = _theirs(conn, incoming)
    if row is None:
        return False
    if len(collections.all_items(conn, row.id)) >= ITEMS_MAX:
        raise Dropped("too many are featured")
    if activity.embedded is None:
        if activity.object_id is not None:
            _plan_item(conn, row, activity.object_id)
    else:
        store_item(conn, row, read_featured_item(activity.embedded))
    return True


def on_remove(conn: Connection, incoming: Incoming) -> bool:
    """Whether a Remove is about a collection of its actor's; then it is acted on."""
    activity, actor = incoming.activity, incoming.actor
    if actor.collections_uri and activity.target == actor.collections_uri:
        gone = collections.by_uri(conn, activity.object_id) if activity.object_id else None
        if gone is not None and gone.account_id == actor.id:
            collections.remove(conn, gone.id)
        return True
    row = _theirs(conn, incoming)
    if row is None:
        return False
    item = collections.item_with(conn, collection_id=row.id, uri=activity.object_id or "")
    if item is not None:
        collections.remove_item(conn, item.id)
    return True


def on_update(conn: Connection, incoming: Incoming) -> None:
    """A collection says something else of itself, or features others."""
    if incoming.activity.embedded is None:
        raise Dropped("only an address was sent")
    store(conn, incoming.actor, read_featured_collection(incoming.activity.embedded))


def answered(conn: Connection, incoming: Incoming, *, accepted: bool) -> bool:
    """Whether an Accept or Reject answers a member's FeatureRequest; then it is acted on. Raises Dropped."""
    activity, actor = incoming.activity, incoming.actor
    item = collections.item_with(conn, request_uri=activity.object_id) if activity.object_id else None
    row = collections.by_id(conn, item.collection_id) if item is not None else None
    if item is None or row is None or not row.local:
        return False
    if item.account_id != actor.id:
        raise Dropped("it answers a question that was put to somebody else")
    if not accepted:
        if item.state == "accepted":
            told.item_removed(conn, incoming.server.publish, row, item)
        collections.change_item(conn, item.id, state="rejected")
        return True
    approval_uri = activity.result
    if approval_uri is None or not usable_uri(approval_uri) or not same_origin(approval_uri, actor.uri):
        raise Dropped("it names no consent of its actor's")
    if item.state == "pending":
        collections.change_item(conn, item.id, state="accepted", approval_uri=approval_uri)
        agreed = collections.item(conn, item.id)
        assert agreed is not None
        told.item_added(conn, incoming.server.publish, row, agreed)
    return True


def authorization_deleted(conn: Connection, incoming: Incoming) -> bool:
    """Whether a Delete takes back consent that its actor gave to a collection."""
    uri = incoming.activity.object_id
    item = (
        collections.item_with(conn, approval_uri=uri, account_id=incoming.actor.id)
        if uri is not None
        else None
    )
    row = collections.by_id(conn, item.collection_id) if item is not None else None
    if item is None or row is None:
        return False
    if not row.local:
        collections.remove_item(conn, item.id)
    elif item.state == "accepted":
        collections.change_item(conn, item.id, state="revoked")
        told.item_removed(conn, incoming.server.publish, row, item)
    return True


def _theirs(conn: Connection, incoming: Incoming) -> CollectionRow | None:
    """The collection of the actor's that is added to or removed from."""
    target = incoming.activity.target
    row = collections.by_uri(conn, target) if target is not None else None
    return row if row is not None and row.account_id == incoming.actor.id and not row.local else None


# -- keeping them


def store(conn: Connection, owner: AccountRow, found: FeaturedCollection) -> CollectionRow:
    """Keep what a collection says now, and whom it features. Raises Malformed for one that is not its owner's."""
    if (
        found.attributed_to != owner.uri
        or not same_origin(found.id, owner.uri)
        or not usable_uri(found.id)
        or not owner.domain
    ):
        raise Malformed("a collection that is not its owner's")
    now = now_ms()
    language = language_tag(found.language or "") or ""
    topic = found.topic or ""
    key = tag_key(topic)
    values: dict[str, Any] = {
        "url": found.url if found.url is not None and same_origin(found.url, found.id) else found.id,
        "name": clean_line(found.name),
        "description": _summary(found),
        "language": language if len(language) <= LANGUAGE_CHARS_MAX else "",
        "sensitive": found.sensitive,
        "discoverable": found.discoverable,
        "tag_id": posts.tag_ids(conn, {key: clean_line(topic)})[key] if key.isalnum() else None,
    }
    known = collections.by_uri(conn, found.id)
    if known is None:
        collection_id = new_id()
        collections.add(
            conn, collection_id, uri=found.id, account_id=owner.id, local=False,
            created_at=min(instant(found.published) or now, now), updated_at=now, **values,
        )  # fmt: skip
    elif known.account_id != owner.id:
        raise Malformed("a collection that is somebody else's")
    else:
        collection_id = known.id
        changed = {name for name, value in values.items() if getattr(known, name) != value}
        collections.change(conn, collection_id, updated_at=now, **values)
    row = collections.by_id(conn, collection_id)
    assert row is not None
    kept = set(found.item_uris)
    for item in collections.all_items(conn, collection_id):
        # One without an address was agreed to here, and its owner has not shown it yet.
        if item.uri and item.uri not in kept:
            collections.remove_item(conn, item.id)
    for position, one in enumerate(found.items, 1):
        if isinstance(one, str):
            _plan_item(conn, row, one, position)
        else:
            store_item(conn, row, one, position)
    if known is not None and changed & own.SIGNIFICANT:
        own.notify_of_change(conn, row)
    return row


def store_item(conn: Connection, row: CollectionRow, item: Item, position: int = 0) -> None:
    """Keep whom a collection features: a member who has agreed here; anybody else once their consent was read."""
    if not same_origin(item.id, row.uri) or not usable_uri(item.id):
        return
    known = collections.item_with(conn, collection_id=row.id, uri=item.id)
    featured = accounts.by_uri(conn, item.featured)
    if featured is not None and not featured.domain:
        agreed = collections.item_of(conn, row.id, featured.id)
        if agreed is not None and agreed.state == "accepted" and agreed.uri != item.id:
            collections.change_item(conn, agreed.id, uri=item.id)
        return
    approval_uri = item.authorization
    if approval_uri is None or not usable_uri(approval_uri) or not same_origin(approval_uri, item.featured):
        return
    if known is not None and (known.object_uri, known.approval_uri) == (item.featured, approval_uri):
        if position and known.position != position:
            collections.change_item(conn, known.id, position=position)
        return
    if known is not None:
        collections.remove_item(conn, known.id)
    item_id = collections.add_item(
        conn, row.id, state="pending", position=position, uri=item.id, object_uri=item.featured,
        approval_uri=approval_uri,
    )  # fmt: skip
    plan(conn, "verify_featured_item", {"item_id": item_id}, key=str(item_id))


def _plan_item(conn: Connection, row: CollectionRow, uri: str, position: int = 0) -> None:
    known = collections.item_with(conn, collection_id=row.id, uri=uri)
    if known is None and same_origin(uri, row.uri):
        payload = {"collection_id": row.id, "uri": uri, "position": position}
        plan(conn, "fetch_featured_item", payload, key=uri)


def _summary(found: FeaturedCollection) -> str:
    try:
        return sanitise_bio(found.summary_html or "")
    except TooLarge:
        return ""


# -- members in collections elsewhere


def _answer(
    conn: Connection,
    server: Server,
    owner: AccountRow,
    member: AccountRow,
    row: CollectionRow,
    request_uri: str,
) -> None:
    """Agree for a member, by their settings, or not; who has left a collection once does not come back."""
    known = collections.item_of(conn, row.id, member.id)
    if known is not None and known.state == "accepted":
        told.answered(conn, server.publish, member, owner, request_uri, known.approval_uri)
        return
    if (known is not None and known.state == "revoked") or not own.may_feature(conn, owner.id, member):
        told.answered(conn, server.publish, member, owner, request_uri, None)
        return
    if known is not None:
        collections.remove_item(conn, known.id)
    item_id = new_id()
    approval_uri = server.uris.feature_authorization(item_id)
    collections.add_item(
        conn, row.id, item_id=item_id, account_id=member.id, state="accepted", object_uri=member.uri,
        request_uri=request_uri, approval_uri=approval_uri,
    )  # fmt: skip
    notifications.notify(conn, member.id, "added_to_collection", owner.id, collection_id=row.id)
    told.answered(conn, server.publish, member, owner, request_uri, approval_uri)


@handles("answer_feature_request")
async def answer_feature_request(server: Server, payload: dict[str, Any]) -> None:
    """Fetch the collection that a member is to be in, and answer."""
    collection_id = await collection(server, payload["collection_uri"])

    def unit(conn: Connection) -> None:
        people = accounts.by_ids(conn, [payload["owner_id"], payload["member_id"]])
        owner, member = people.get(payload["owner_id"]), people.get(payload["member_id"])
        row = collections.by_id(conn, collection_id) if collection_id is not None else None
        if owner is None or member is None or row is None or row.account_id != owner.id:
            return
        _answer(conn, server, owner, member, row, payload["request_uri"])

    await server.db.write(unit)


# -- asking


async def collection(server: Server, uri: str) -> int | None:
    """The collection with this id, fetched if it is not known; None if it is none. Raises Unreachable."""
    known = await server.db.read(collections.by_uri, uri)
    if known is not None:
        return int(known.id)
    if server.uris.is_local(uri):
        return None
    return await believe(server, await fetch.document(server, uri))


async def believe(server: Server, found: Document) -> int | None:
    """Keep a fetched collection; None for what is none. Raises Unreachable."""
    if "FeaturedCollection" not in types_of(found.json):
        return None
    try:
        read = read_featured_collection(found.json)
    except ProtocolError as error:
        log.info("A collection cannot be read: %s (%s)", found.uri, error)
        return None
    owner_id = await fetch.account(server, read.attributed_to)

    def unit(conn: Connection) -> int | None:
        owner = accounts.by_id(conn, owner_id) if owner_id is not None else None
        if owner is None or owner.suspended_at is not None:
            return None
        try:
            return int(store(conn, owner, read).id)
        except Malformed as error:
            log.info("A collection cannot be kept: %s (%s)", found.uri, error)
            return None

    return await server.db.write(unit)


@handles("fetch_collections_of", attempts_max=2)
async def fetch_collections_of(server: Server, payload: dict[str, Any]) -> None:
    """Read the collections of an account that somebody here has begun to follow."""
    row = await server.db.read(accounts.by_id, payload["account_id"])
    if row is None or not row.collections_uri or row.deleted_at is not None:
        return
    try:
        page = read_collection((await fetch.document(server, row.collections_uri)).json)
        if page.first_page is not None:
            page = page.first_page
        elif page.first is not None and same_origin(page.first, row.uri):
            page = read_collection((await fetch.document(server, page.first)).json)
    except (BadAnswer, ProtocolError) as error:
        log.info("The collections of %s cannot be read: %s", row.uri, error)
        return
    for one in page.items[:COLLECTIONS_OF_ONE_MAX]:
        if isinstance(one, dict):
            await server.db.write(_store_embedded, row.id, one)
        elif same_origin(one, row.uri):
            await collection(server, one)


def _store_embedded(conn: Connection, account_id: int, document: dict[str, Any]) -> None:
    owner = accounts.by_id(conn, account_id)
    try:
        if owner is not None:
            store(conn, owner, read_featured_collection(document))
    except (Malformed, Unsupported) as error:
        log.info("A collection of %s cannot be kept: %s", account_id, error)


@handles("fetch_tagged_collection", attempts_max=3)
async def fetch_tagged_collection(server: Server, payload: dict[str, Any]) -> None:
    """Fetch a collection that a post links to."""
    try:
        collection_id = await collection(server, payload["uri"])
    except BadAnswer as error:
        log.info("A collection cannot be read: %s (%s)", payload["uri"], error)
        return
    if collection_id is not None:
        await server.db.write(collections.add_tagged, payload["post_id"], collection_id)


@handles("fetch_featured_item", attempts_max=3)
async def fetch_featured_item(server: Server, payload: dict[str, Any]) -> None:
    """Read an item of which a collection named the address alone."""
    try:
        item = read_featured_item((await fetch.document(server, payload["uri"])).json)
    except (BadAnswer, ProtocolError) as error:
        log.info("An item of a collection cannot be read: %s (%s)", payload["uri"], error)
        return

    def unit(conn: Connection) -> None:
        row = collections.by_id(conn, payload["collection_id"])
        if row is not None:
            store_item(conn, row, item, payload["position"])

    await server.db.write(unit)


@handles("verify_featured_item")
async def verify_featured_item(server: Server, payload: dict[str, Any]) -> None:
    """Read the consent of somebody whom a collection features; without it they are not shown."""

    def load(conn: Connection) -> tuple[ItemRow, CollectionRow] | None:
        item = collections.item(conn, payload["item_id"])
        row = collections.by_id(conn, item.collection_id) if item is not None else None
        return (item, row) if item is not None and row is not None else None

    found = await server.db.read(load)
    if found is None or found[0].state != "pending":
        return
    item, row = found
    try:
        consent = read_authorization((await fetch.document(server, item.approval_uri)).json)
        account_id = await fetch.account(server, item.object_uri)
    except (BadAnswer, ProtocolError) as error:
        if isinstance(error, BadAnswer) and error.status is not None and error.status >= 500:
            raise Unreachable(reason="status", status=error.status) from error
        await server.db.write(lambda conn: collections.change_item(conn, item.id, state="rejected"))
        return
    allowed = consent.allows(featured=item.object_uri, collection=row.uri)

    def settle(conn: Connection) -> None:
        if account_id is None or not allowed:
            collections.change_item(conn, item.id, state="rejected")
        elif collections.item_of(conn, row.id, account_id) is None:
            collections.change_item(conn, item.id, state="accepted", account_id=account_id)

    await server.db.write(settle)
