"""Activities as others send them, and what any document says at a glance.

``read_activity`` is what the inbox works with; ``describe`` is for logs, reports and tests. Who may
say what is not decided here.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from activitypub.audience import Visibility, visibility_of
from activitypub.errors import Malformed, Unsupported
from activitypub.identifiers import Origin, origin_of
from activitypub.names import ACTIVITY_TYPES
from activitypub.values import first, flag, id_of, ids_of, one_or_many, parse_time, text_of, type_of, types_of
from activitypub.vocabulary.actor import actor_kind
from activitypub.vocabulary.collection import collection_kind
from activitypub.vocabulary.parts import web_address


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """One activity. ``object`` is as it came: an object, an address, or ``None``.

    ``object_ids`` are all addresses when there are several, as in a ``Flag``; ``object_id`` and
    ``object_type`` are of the first. ``origin`` is the origin of ``actor_uri``.
    ``removes_data`` asks to remove what somebody posted, together with a ban (Lemmy).
    ``moved_from`` is the ActivityStreams property ``origin``, which only some activities have.
    """

    type: str
    actor_uri: str
    origin: Origin
    id: str | None = None
    object: dict[str, Any] | str | None = None
    object_id: str | None = None
    object_type: str | None = None
    object_ids: tuple[str, ...] = ()
    target: str | None = None
    target_object: dict[str, Any] | None = None
    moved_from: str | None = None
    result: str | None = None
    instrument: dict[str, Any] | str | None = None
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    published: datetime | None = None
    updated: datetime | None = None
    end_time: datetime | None = None
    content: str | None = None
    summary: str | None = None
    removes_data: bool = False

    @property
    def embedded(self) -> dict[str, Any] | None:
        """The object when it was sent inside, ``None`` when only its address was."""
        return self.object if isinstance(self.object, dict) else None


def read_activity(document: dict[str, Any], *, signer_uri: str | None = None) -> Activity:
    """The activity in a normalised document.

    Raises ``Unsupported`` for a document that is no activity and ``Malformed`` without an actor with a
    usable address; ``signer_uri`` is the actor of a ``FeatureRequest`` that names none, as Mastodon's do.
    An activity of an unknown type is read too: its reader drops it (WIRE: 202).
    """
    kind = activity_kind(document)
    if kind is None:
        raise Unsupported(f"{type_of(document)} is not an activity")
    actor_uri = web_address(first(document.get("actor")))
    if actor_uri is None and is_unnamed_request(document):
        actor_uri = signer_uri
    origin = None if actor_uri is None else origin_of(actor_uri)
    if actor_uri is None or origin is None:
        raise Malformed(f"{kind} without actor")
    subject = first(document.get("object"))
    target = first(document.get("target"))
    instrument = first(document.get("instrument"))
    return Activity(
        type=kind,
        actor_uri=actor_uri,
        origin=origin,
        id=web_address(document.get("id")),
        object=subject if isinstance(subject, str | dict) else None,
        object_id=id_of(subject),
        object_type=type_of(subject),
        object_ids=ids_of(document, "object"),
        target=id_of(target),
        target_object=target if isinstance(target, dict) else None,
        moved_from=id_of(document.get("origin")),
        result=id_of(document.get("result")),
        instrument=instrument if isinstance(instrument, str | dict) else None,
        to=ids_of(document, "to", "bto"),
        cc=ids_of(document, "cc", "bcc"),
        audience=ids_of(document, "audience"),
        published=parse_time(document.get("published")),
        updated=parse_time(document.get("updated")),
        # Lemmy before 0.20 wrote the end of a ban as "expires".
        end_time=parse_time(document.get("endTime") or document.get("expires")),
        content=text_of(document, "content") or text_of(document, "_misskey_reaction"),
        summary=text_of(document, "summary"),
        removes_data=flag(document.get("removeData")) or False,
    )


def is_unnamed_request(document: dict[str, Any]) -> bool:
    """Whether this asks for something without saying who asks: it is whoever signs it."""
    return "actor" not in document and activity_kind(document) == "FeatureRequest"


def activity_kind(document: dict[str, Any]) -> str | None:
    """The activity type of a document, or ``None`` if it is something else.

    A type nobody knows is an activity when it has an actor and an object (FEP-2277).
    """
    types = types_of(document)
    for kind in types:
        if kind in ACTIVITY_TYPES and (kind != "Activity" or len(types) == 1):
            return kind
    if types and "actor" in document and "object" in document and "attributedTo" not in document:
        return types[0]
    return None


# --- any document at a glance -----------------------------------------------------------------


class Description(NamedTuple):
    """What a document says at a glance.

    ``kind`` is ``activity actor object collection webfinger nodeinfo`` or ``unknown``. ``type``
    is its type, for an activity followed by those inside, as in ``Announce/Create/Note``. ``actor`` is
    who acts, is described or wrote. ``text`` is the first of content, summary and name of the innermost
    object that is described.
    """

    kind: str
    type: str | None
    actor: str | None
    object_id: str | None
    visibility: Visibility | None
    text: str | None


def describe(document: dict[str, Any]) -> Description:
    """Any normalised document at a glance; never raises."""
    chain = list(_chain(document))
    types = [name for name in (_kind(link) for link in chain) if name is not None]
    if activity_kind(document) is not None:
        to, cc = _addressees(chain)
        subject = first(document.get("object"))
        return Description(
            "activity",
            "/".join(types),
            id_of(document.get("actor")),
            id_of(subject),
            visibility_of(to, cc) if to or cc else None,
            next((text for text in map(_text, reversed(chain)) if text is not None), None),
        )
    kind = types[0] if types else None
    if actor_kind(document) is not None:
        uri = id_of(document.get("id"))
        return Description("actor", kind, uri, uri, None, _text(document))
    author = id_of(document.get("attributedTo")) or id_of(document.get("actor"))
    if collection_kind(document) is not None:
        return Description("collection", kind, author, id_of(document.get("id")), None, _text(document))
    if kind is not None:
        to, cc = _addressees([document])
        visibility = visibility_of(to, cc) if to or cc else None
        return Description("object", kind, author, id_of(document), visibility, _text(document))
    return Description(
        _untyped_kind(document), None, author, id_of(document.get("id")), None, _text(document)
    )


def _chain(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The document, and while it is an activity, the object inside it."""
    node: Any = document
    while type(node) is dict:
        yield node
        if activity_kind(node) is None:
            return
        node = first(node.get("object"))


def _kind(document: dict[str, Any]) -> str | None:
    return activity_kind(document) or actor_kind(document) or collection_kind(document) or type_of(document)


def _addressees(chain: list[dict[str, Any]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    for link in chain:
        to, cc = ids_of(link, "to", "bto"), ids_of(link, "cc", "bcc")
        if to or cc:
            return to, cc
    return (), ()


def _text(document: dict[str, Any]) -> str | None:
    return text_of(document, "content") or text_of(document, "summary") or text_of(document, "name")


def _untyped_kind(document: dict[str, Any]) -> str:
    if "links" in document and ("subject" in document or "aliases" in document):
        return "webfinger"
    if type(document.get("software")) is dict and "version" in document:
        return "nodeinfo"
    links = one_or_many(document.get("links"))
    if any(type(link) is dict and "nodeinfo" in str(link.get("rel")) for link in links):
        return "nodeinfo"
    return "unknown"
