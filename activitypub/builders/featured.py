"""Collections of accounts that somebody recommends, and the consent of whom they feature (FEP-7aa9)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from activitypub.jsonld import FEATURED_CONTEXT
from activitypub.names import PUBLIC
from activitypub.values import format_time

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFields:
    """Somebody in a collection. ``authorization`` is the ``FeatureAuthorization`` they gave."""

    uri: str
    featured: str
    authorization: str
    published: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionFields:
    """What a ``FeaturedCollection`` is built from. ``topic`` is a hashtag as ``(name, href)``."""

    uri: str
    url: str
    attributed_to: str
    name: str
    summary: str
    published: datetime
    updated: datetime
    language: str | None = None
    sensitive: bool = False
    discoverable: bool = True
    topic: tuple[str, str] | None = None
    items: Sequence[ItemFields] = ()


def collection(fields: CollectionFields) -> Document:
    """The collection with whom it features."""
    document: Document = {
        "@context": FEATURED_CONTEXT,
        "id": fields.uri,
        "type": "FeaturedCollection",
        "attributedTo": fields.attributed_to,
        "name": fields.name,
        "url": fields.url,
        "sensitive": fields.sensitive,
        "discoverable": fields.discoverable,
        "published": format_time(fields.published),
        "updated": format_time(fields.updated),
        "totalItems": len(fields.items),
        "orderedItems": [_item(one) for one in fields.items],
    }
    if fields.language is not None:
        document["summaryMap"] = {fields.language: fields.summary}
    else:
        document["summary"] = fields.summary
    if fields.topic is not None:
        name, href = fields.topic
        document["topic"] = {"type": "Hashtag", "name": f"#{name}", "href": href}
    return document


def item(fields: ItemFields) -> Document:
    """One of its items, as a document of its own."""
    return {"@context": FEATURED_CONTEXT, **_item(fields)}


def _item(fields: ItemFields) -> Document:
    return {
        "id": fields.uri,
        "type": "FeaturedItem",
        "featuredObject": fields.featured,
        "featureAuthorization": fields.authorization,
        "published": format_time(fields.published),
    }


def request(uri: str, *, actor: str, featured: str, collection: str) -> Document:
    """The question whether somebody agrees to be featured in a collection."""
    return {
        "@context": FEATURED_CONTEXT,
        "id": uri,
        "type": "FeatureRequest",
        "actor": actor,
        "object": featured,
        "instrument": collection,
        "to": [featured],
        "cc": [],
    }


def authorization(uri: str, *, featured: str, collection: str) -> Document:
    """The consent itself, which anybody can look up at its address."""
    return {
        "@context": FEATURED_CONTEXT,
        "id": uri,
        "type": "FeatureAuthorization",
        "interactingObject": collection,
        "interactionTarget": featured,
    }


def withdrawal(uri: str, *, actor: str, authorization: Document, owner: str) -> Document:
    """``Delete`` of a consent, to everybody who may show its collection."""
    return {
        "@context": FEATURED_CONTEXT,
        "id": uri,
        "type": "Delete",
        "actor": actor,
        "to": [PUBLIC],
        "cc": [owner],
        "object": {name: value for name, value in authorization.items() if name != "@context"},
    }


def update(uri: str, changed: Document, *, cc: Sequence[str]) -> Document:
    """``Update`` of a collection with its complete new form."""
    return {
        "@context": changed["@context"],
        "id": uri,
        "type": "Update",
        "actor": changed["attributedTo"],
        "to": [PUBLIC],
        "cc": list(cc),
        "object": {name: value for name, value in changed.items() if name != "@context"},
    }
