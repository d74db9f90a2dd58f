"""Collections and their pages, in every form that is really served."""

from typing import Any, Final

import msgspec

from activitypub.errors import Malformed, Unsupported
from activitypub.names import COLLECTION_PAGE_TYPES, COLLECTION_TYPES
from activitypub.values import id_of, number, one_or_many, type_of, types_of
from activitypub.vocabulary.parts import web_address

ITEMS_MAX: Final = 2000


class Collection(msgspec.Struct, frozen=True, kw_only=True):
    """A collection or one page of it. ``items`` are addresses or whole objects, as they came.

    ``first_page`` is the first page when it was sent inside; ``first`` its address when it was not.
    ``total`` is ``None`` when the server does not tell. ``id`` may be missing on an inline page.
    """

    kind: str
    id: str | None = None
    ordered: bool = False
    total: int | None = None
    items: tuple[str | dict[str, Any], ...] = ()
    first: str | None = None
    first_page: "Collection | None" = None
    last: str | None = None
    next: str | None = None
    prev: str | None = None
    part_of: str | None = None
    attributed_to: str | None = None

    @property
    def is_page(self) -> bool:
        return self.kind in COLLECTION_PAGE_TYPES

    @property
    def item_ids(self) -> tuple[str, ...]:
        """The addresses of the items; an item without one is passed over."""
        uris = (id_of(item) for item in self.items)
        return tuple(uri for uri in uris if uri is not None)


def read_collection(document: dict[str, Any] | list[Any]) -> Collection:
    """The collection in a normalised document, or in a bare list of items.

    Raises ``Unsupported`` for a document that is no collection and ``Malformed`` for one that names
    neither itself, nor items, nor a page. At most ``ITEMS_MAX`` items are kept.
    """
    if isinstance(document, list):
        return Collection(kind="Collection", items=_items(document))
    kind = collection_kind(document)
    if kind is None:
        raise Unsupported(f"{type_of(document)} is not a collection")
    uri = web_address(document.get("id"))
    # FEP test documents and real servers mix the two names, so both are read whatever the type says.
    items = _items([*one_or_many(document.get("orderedItems")), *one_or_many(document.get("items"))])
    first = document.get("first")
    first_page = None
    if type(first) is dict and collection_kind(first) is not None:
        first_page = read_collection(first)
    collection = Collection(
        kind=kind,
        id=uri,
        ordered=kind.startswith("Ordered"),
        total=number(document.get("totalItems")),
        items=items,
        first=web_address(first) if first_page is None else first_page.id,
        first_page=first_page,
        last=web_address(document.get("last")),
        next=web_address(document.get("next")),
        prev=web_address(document.get("prev")),
        part_of=web_address(document.get("partOf")),
        attributed_to=web_address(document.get("attributedTo")),
    )
    if (
        uri is None
        and not items
        and collection.first is None
        and first_page is None
        and collection.total is None
    ):
        raise Malformed("a collection without id, items or pages")
    return collection


def collection_kind(document: dict[str, Any]) -> str | None:
    """The collection type of a document, or ``None`` if it is something else."""
    return next((kind for kind in types_of(document) if kind in COLLECTION_TYPES), None)


def _items(values: list[Any]) -> tuple[str | dict[str, Any], ...]:
    return tuple(item for item in values[:ITEMS_MAX] if type(item) is dict or (type(item) is str and item))
