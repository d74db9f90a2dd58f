"""Collections of accounts that others recommend, and consent to be in one (FEP-7aa9)."""

from datetime import datetime
from typing import Any, Final

import msgspec

from activitypub.errors import Malformed, Unsupported
from activitypub.identifiers import same_origin
from activitypub.values import (
    flag,
    id_of,
    language_of,
    objects_of,
    one_or_many,
    parse_time,
    string,
    text_of,
    types_of,
)
from activitypub.vocabulary.parts import page_address, web_address

ITEMS_MAX: Final = 150
NAME_CHARS_MAX: Final = 256
SUMMARY_CHARS_MAX: Final = 2_048


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody in a collection: the actor, and the address of the consent."""

    id: str
    featured: str
    authorization: str | None = None
    published: datetime | None = None


class FeaturedCollection(msgspec.Struct, frozen=True, kw_only=True):
    """A collection as another server describes it. ``summary_html`` is not sanitised; ``topic`` is a hashtag
    without ``#``. Items that only an address was sent of are in ``item_uris``, in the order of all.
    """

    id: str
    attributed_to: str
    name: str
    url: str | None = None
    summary_html: str | None = None
    language: str | None = None
    topic: str | None = None
    sensitive: bool = False
    discoverable: bool = False
    published: datetime | None = None
    updated: datetime | None = None
    items: tuple[Item | str, ...] = ()

    @property
    def item_uris(self) -> tuple[str, ...]:
        """The addresses of all items."""
        return tuple(one if isinstance(one, str) else one.id for one in self.items)


class Authorization(msgspec.Struct, frozen=True, kw_only=True):
    """That ``featured`` agrees to be in ``collection``."""

    id: str
    featured: str
    collection: str

    def allows(self, *, featured: str, collection: str) -> bool:
        """Whether it is this actor's consent to this collection, from the actor's own origin (FEP-fe34)."""
        return self.featured == featured and self.collection == collection and same_origin(self.id, featured)


def read_featured_collection(document: dict[str, Any]) -> FeaturedCollection:
    """The collection in a normalised document. Raises ``Unsupported`` for what is none, ``Malformed`` without id, owner
    or name. At most ``ITEMS_MAX`` items are kept."""
    if "FeaturedCollection" not in types_of(document):
        raise Unsupported("the document is no FeaturedCollection")
    uri, owner = web_address(document.get("id")), web_address(document.get("attributedTo"))
    name = text_of(document, "name")
    if uri is None or owner is None or name is None:
        raise Malformed("a FeaturedCollection without id, owner or name")
    summary = text_of(document, "summary")
    topic = next(objects_of(document, "topic"), {})
    return FeaturedCollection(
        id=uri,
        attributed_to=owner,
        name=name[:NAME_CHARS_MAX],
        url=page_address(document.get("url")),
        summary_html=summary[:SUMMARY_CHARS_MAX] if summary else None,
        language=language_of(document, "summary"),
        topic=(string(topic.get("name")) or "").removeprefix("#") or None,
        sensitive=flag(document.get("sensitive")) or False,
        discoverable=flag(document.get("discoverable")) or False,
        published=parse_time(document.get("published")),
        updated=parse_time(document.get("updated")),
        items=_items(document),
    )


def read_featured_item(document: dict[str, Any]) -> Item:
    """The item in a normalised document. Raises ``Unsupported`` for what is none, ``Malformed`` for half of one."""
    if "FeaturedItem" not in types_of(document):
        raise Unsupported("the document is no FeaturedItem")
    uri, featured = web_address(document.get("id")), web_address(document.get("featuredObject"))
    if uri is None or featured is None:
        raise Malformed("a FeaturedItem that does not say who is featured")
    return Item(
        id=uri,
        featured=featured,
        authorization=web_address(document.get("featureAuthorization")),
        published=parse_time(document.get("published")),
    )


def read_authorization(document: dict[str, Any]) -> Authorization:
    """The consent in a normalised document. Raises ``Unsupported`` for what is none, ``Malformed`` for half of one."""
    if "FeatureAuthorization" not in types_of(document):
        raise Unsupported("the document is no FeatureAuthorization")
    uri = id_of(document.get("id"))
    featured, collection = id_of(document.get("interactionTarget")), id_of(document.get("interactingObject"))
    if uri is None or featured is None or collection is None:
        raise Malformed("a FeatureAuthorization that does not say who may feature whom")
    return Authorization(id=uri, featured=featured, collection=collection)


def _items(document: dict[str, Any]) -> tuple[Item | str, ...]:
    found: list[Item | str] = []
    for one in one_or_many(document.get("orderedItems"))[:ITEMS_MAX]:
        if isinstance(one, str):
            uri = web_address(one)
            if uri is not None:
                found.append(uri)
            continue
        try:
            found.append(read_featured_item(one))
        except (Malformed, Unsupported):
            continue
    return tuple(found)
