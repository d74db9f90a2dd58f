"""A reader as strict as Lemmy's: what its typed structs would refuse is refused here, with the field's name.

Written after what Lemmy accepts and refuses on the wire, not after its code: unknown keys are passed over, known ones must
have one shape. `parse` is what deserialising would say, `verify` what it checks afterwards of whose group a thing is in.
"""

from __future__ import annotations

from typing import Any

from tests.peers.shapes import (
    PUBLIC,
    Check,
    Refused,
    Shape,
    Unknown,
    either,
    flag,
    has_shape,
    kind_of,
    list_of,
    many,
    object_of,
    one_of,
    shape_of,
    text,
    time,
    url,
)

__all__ = ["Refused", "Unknown", "parse", "verify"]


def parse(document: Any) -> str:
    """The kind of a document that can be read. Raises Refused for a known kind in another shape, Unknown for others."""
    kind = kind_of(document)
    shape = _SHAPES.get(kind)
    if kind == "Note" and document.get("inReplyTo") is None:
        # Private messages are told from threads by being to nobody else.
        shape = _PAGE if PUBLIC in many(document.get("to")) else _PRIVATE_MESSAGE
    if shape is None:
        raise Unknown(kind)
    has_shape(document, kind, shape)
    return kind


def verify(document: dict[str, Any], group_uri: str) -> None:
    """Raise Refused unless whatever is posted or done in it belongs to this group."""
    audience = document.get("audience")
    addressed = many(document.get("to")) + many(document.get("cc"))
    if audience is not None and audience != group_uri:
        raise Refused("audience: is not the group")
    if document.get("type") in _IN_GROUP and group_uri not in (*addressed, audience):
        raise Refused("to, cc: do not have the group")
    inner = document.get("object")
    if isinstance(inner, dict):
        verify(inner, group_uri)


def _document(*kinds: str) -> Check:
    def check(value: Any) -> None:
        if parse(value) not in kinds:
            raise Refused(f"is a {value['type']}, not one of {', '.join(kinds)}")

    return check


def _attachment(value: Any) -> None:
    if not isinstance(value, dict):
        raise Refused("is no object")
    if value.get("type") == "Link":
        object_of(href=url, mediaType_=text)(value)
    elif value.get("type") in ("Image", "Document"):
        object_of(url=url, name_=text)(value)
    else:
        raise Refused(f"has the type {value.get('type')!r}")


_media_type = one_of("text/html", "text/markdown")
_language = object_of(identifier=text, name=text)
_source = either(object_of(content=text, mediaType=one_of("text/markdown")), text)
_image = object_of(type=one_of("Image"), url=url)
_key = object_of(id=text, owner=url, publicKeyPem=text)
_uris = list_of(url, or_one=True)
_tags = list_of(object_of(type=text))
_nobody = one_of()


# -- shapes of documents

_TEXT: dict[str, Check] = {
    "cc": _uris, "mediaType": _media_type, "source": _source, "published": time, "updated": time, "audience": url,
    "language": _language, "tag": _tags, "attachment": list_of(_attachment), "context": url,
}  # fmt: skip
_PAGE = shape_of(
    {"id": url, "attributedTo": either(url, list_of(object_of(type=text, id=url))), "to": _uris},
    {**_TEXT, "inReplyTo": _nobody, "name": text, "content": text, "sensitive": flag, "image": _image},
)
_NOTE = shape_of(
    {"id": url, "attributedTo": url, "to": _uris, "content": text, "inReplyTo": url},
    {**_TEXT, "distinguished": flag},
)
_PRIVATE_MESSAGE = shape_of(
    {"id": url, "attributedTo": url, "to": _uris, "content": text},
    {"mediaType": _media_type, "source": _source, "published": time, "updated": time},
)
_ACTOR: dict[str, Check] = {
    "name": text, "summary": text, "source": _source, "icon": _image, "image": _image, "outbox": url,
    "endpoints": object_of(sharedInbox=url), "published": time, "updated": time, "tag": _tags,
}  # fmt: skip
_GROUP = shape_of(
    {"id": url, "preferredUsername": text, "inbox": url, "followers": url, "publicKey": _key, "outbox": url},
    {
        **_ACTOR, "attributedTo": either(url, list_of(object_of(type=text, id=url))), "featured": url,
        "postingRestrictedToMods": flag, "sensitive": flag, "language": list_of(_language), "description": text,
    },
)  # fmt: skip
_PERSON = shape_of({"id": url, "preferredUsername": text, "inbox": url, "publicKey": _key}, _ACTOR)
_ABOUT: dict[str, Check] = {"to": _uris, "cc": _uris, "audience": url}
_DONE: dict[str, Check] = {"id": url, "actor": url}
_POSTS = ("Page", "Article", "Note", "Video", "Event", "ChatMessage")
_IN_GROUP = ("Page", "Article", "Create", "Lock", "Add", "Remove", "Block")


def _activity(subject: Check, **more: Check) -> Shape:
    required = {name: check for name, check in more.items() if not name.endswith("_")}
    optional = {name.rstrip("_"): check for name, check in more.items() if name.endswith("_")}
    return shape_of({**_DONE, "object": subject, **required}, {**_ABOUT, **optional})


_UNDONE = ("Like", "Dislike", "Block", "Delete", "Lock", "Follow")
_VOTE = _activity(url)
_SHAPES: dict[str, Shape] = {
    **dict.fromkeys(("Page", "Article", "Video", "Event"), _PAGE),
    "Note": _NOTE,
    "ChatMessage": _PRIVATE_MESSAGE,
    "Tombstone": shape_of({"id": url}, {}),
    "Group": _GROUP,
    **dict.fromkeys(("Person", "Service", "Organization"), _PERSON),
    "Application": shape_of({"id": url, "inbox": url, "publicKey": _key}, _ACTOR),
    **dict.fromkeys(("Create", "Update"), _activity(_document(*_POSTS, "Group", "Person"), to=_uris)),
    "Delete": _activity(either(url, _document("Tombstone")), to=_uris, summary_=text, removeData_=flag),
    "Undo": _activity(_document(*_UNDONE)),
    "Like": _VOTE,
    "Dislike": _VOTE,
    "Lock": _activity(url, to=_uris, summary_=text),
    "Warn": _activity(url, to=_uris, summary_=text),
    "Add": _activity(url, to=_uris, target=url),
    "Remove": _activity(url, to=_uris, target=url),
    "Block": _activity(url, to=_uris, target=url, removeData_=flag, summary_=text, endTime_=time, expires_=time),
    "Follow": _activity(url),
    "Accept": _activity(_document("Follow")),
    "Reject": _activity(_document("Follow")),
    "Announce": _activity(
        either(
            url,
            _document("Create", "Update", "Delete", "Undo", "Like", "Dislike", "Lock", "Add", "Remove", "Block"),
        ),
        to=_uris,
    ),
    "OrderedCollection": shape_of(
        {"id": url}, {"orderedItems": list_of(either(url, _document(*_POSTS, "Announce", "Create")))}
    ),
    "Collection": shape_of({"id": url}, {"items": list_of(url)}),
}  # fmt: skip
