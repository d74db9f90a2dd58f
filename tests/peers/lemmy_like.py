"""A reader as strict as Lemmy's: what its typed structs would refuse is refused here, with the field's name.

Written after what Lemmy accepts and refuses on the wire, not after its code: unknown keys are passed over, known ones must
have one shape. `parse` is what deserialising would say, `verify` what it checks afterwards of whose group a thing is in.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
Check = Callable[[Any], None]


class Refused(Exception):
    """The document cannot be read; the text says where and why."""


def parse(document: Any) -> str:
    """The kind of a document that can be read. Raises Refused for a known kind in another shape, Unknown for others."""
    if not isinstance(document, dict):
        raise Refused("it is no object")
    kind = document.get("type")
    if not isinstance(kind, str):
        raise Refused("type: is not one string")
    shape = _SHAPES.get(kind)
    if kind == "Note" and document.get("inReplyTo") is None:
        # Private messages are told from threads by being to nobody else.
        shape = _PAGE if PUBLIC in _many(document.get("to")) else _PRIVATE_MESSAGE
    if shape is None:
        raise Unknown(kind)
    for field, (required, check) in shape.items():
        value = document.get(field)
        if value is None:
            if required:
                raise Refused(f"{kind}.{field}: is missing")
            continue
        try:
            check(value)
        except Refused as error:
            raise Refused(f"{kind}.{field}: {error}") from None
    return kind


class Unknown(Exception):
    """A kind of document that Lemmy does not read at all."""


def verify(document: dict[str, Any], group_uri: str) -> None:
    """Raise Refused unless whatever is posted or done in it belongs to this group."""
    audience = document.get("audience")
    addressed = _many(document.get("to")) + _many(document.get("cc"))
    if audience is not None and audience != group_uri:
        raise Refused("audience: is not the group")
    if document.get("type") in _IN_GROUP and group_uri not in (*addressed, audience):
        raise Refused("to, cc: do not have the group")
    inner = document.get("object")
    if isinstance(inner, dict):
        verify(inner, group_uri)


def _many(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


# -- shapes of values


def _text(value: Any) -> None:
    if not isinstance(value, str):
        raise Refused("is no string")


def _flag(value: Any) -> None:
    if not isinstance(value, bool):
        raise Refused("is neither true nor false")


def _url(value: Any) -> None:
    _text(value)
    if urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc:
        raise Refused(f"is no address: {value!r}")


def _time(value: Any) -> None:
    _text(value)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise Refused(f"is no time: {value!r}") from None
    if moment.tzinfo is None:
        raise Refused("has no zone")


def _one_of(*allowed: str) -> Check:
    def check(value: Any) -> None:
        if value not in allowed:
            raise Refused(f"is {value!r}, not one of {', '.join(allowed)}")

    return check


def _list_of(check: Check, *, or_one: bool = False) -> Check:
    def each(value: Any) -> None:
        if not isinstance(value, list):
            if not or_one:
                raise Refused("is no list")
            value = [value]
        for item in value:
            check(item)

    return each


def _object(**fields: Check) -> Check:
    """An object with these fields, each of which must be there unless its name ends in an underscore."""

    def check(value: Any) -> None:
        if not isinstance(value, dict):
            raise Refused("is no object")
        for name, inner in fields.items():
            key = name.rstrip("_")
            if value.get(key) is None:
                if not name.endswith("_"):
                    raise Refused(f"{key} is missing")
                continue
            inner(value[key])

    return check


def _either(*checks: Check) -> Check:
    def check(value: Any) -> None:
        problems = []
        for one in checks:
            try:
                one(value)
            except (Refused, Unknown) as error:
                problems.append(str(error))
            else:
                return
        raise Refused(" / ".join(problems))

    return check


def _document(*kinds: str) -> Check:
    def check(value: Any) -> None:
        if parse(value) not in kinds:
            raise Refused(f"is a {value['type']}, not one of {', '.join(kinds)}")

    return check


def _attachment(value: Any) -> None:
    if not isinstance(value, dict):
        raise Refused("is no object")
    if value.get("type") == "Link":
        _object(href=_url, mediaType_=_text)(value)
    elif value.get("type") in ("Image", "Document"):
        _object(url=_url, name_=_text)(value)
    else:
        raise Refused(f"has the type {value.get('type')!r}")


_media_type = _one_of("text/html", "text/markdown")
_language = _object(identifier=_text, name=_text)
_source = _either(_object(content=_text, mediaType=_one_of("text/markdown")), _text)
_image = _object(type=_one_of("Image"), url=_url)
_key = _object(id=_text, owner=_url, publicKeyPem=_text)
_uris = _list_of(_url, or_one=True)
_tags = _list_of(_object(type=_text))
_nobody = _one_of()


# -- shapes of documents

_Shape = dict[str, tuple[bool, Check]]


def _shape(required: dict[str, Check], optional: dict[str, Check]) -> _Shape:
    return {name: (True, check) for name, check in required.items()} | {
        name: (False, check) for name, check in optional.items()
    }


_TEXT: dict[str, Check] = {
    "cc": _uris, "mediaType": _media_type, "source": _source, "published": _time, "updated": _time, "audience": _url,
    "language": _language, "tag": _tags, "attachment": _list_of(_attachment), "context": _url,
}  # fmt: skip
_PAGE = _shape(
    {"id": _url, "attributedTo": _either(_url, _list_of(_object(type=_text, id=_url))), "to": _uris},
    {**_TEXT, "inReplyTo": _nobody, "name": _text, "content": _text, "sensitive": _flag, "image": _image},
)
_NOTE = _shape(
    {"id": _url, "attributedTo": _url, "to": _uris, "content": _text, "inReplyTo": _url},
    {**_TEXT, "distinguished": _flag},
)
_PRIVATE_MESSAGE = _shape(
    {"id": _url, "attributedTo": _url, "to": _uris, "content": _text},
    {"mediaType": _media_type, "source": _source, "published": _time, "updated": _time},
)
_ACTOR: dict[str, Check] = {
    "name": _text, "summary": _text, "source": _source, "icon": _image, "image": _image, "outbox": _url,
    "endpoints": _object(sharedInbox=_url), "published": _time, "updated": _time, "tag": _tags,
}  # fmt: skip
_GROUP = _shape(
    {"id": _url, "preferredUsername": _text, "inbox": _url, "followers": _url, "publicKey": _key, "outbox": _url},
    {
        **_ACTOR, "attributedTo": _either(_url, _list_of(_object(type=_text, id=_url))), "featured": _url,
        "postingRestrictedToMods": _flag, "sensitive": _flag, "language": _list_of(_language), "description": _text,
    },
)  # fmt: skip
_PERSON = _shape({"id": _url, "preferredUsername": _text, "inbox": _url, "publicKey": _key}, _ACTOR)
_ABOUT: dict[str, Check] = {"to": _uris, "cc": _uris, "audience": _url}
_DONE: dict[str, Check] = {"id": _url, "actor": _url}
_POSTS = ("Page", "Article", "Note", "Video", "Event", "ChatMessage")
_IN_GROUP = ("Page", "Article", "Create", "Lock", "Add", "Remove", "Block")


def _activity(subject: Check, **more: Check) -> _Shape:
    required = {name: check for name, check in more.items() if not name.endswith("_")}
    optional = {name.rstrip("_"): check for name, check in more.items() if name.endswith("_")}
    return _shape({**_DONE, "object": subject, **required}, {**_ABOUT, **optional})


_UNDONE = ("Like", "Dislike", "Block", "Delete", "Lock", "Follow")
_VOTE = _activity(_url)
_SHAPES: dict[str, _Shape] = {
    **dict.fromkeys(("Page", "Article", "Video", "Event"), _PAGE),
    "Note": _NOTE,
    "ChatMessage": _PRIVATE_MESSAGE,
    "Tombstone": _shape({"id": _url}, {}),
    "Group": _GROUP,
    **dict.fromkeys(("Person", "Service", "Organization"), _PERSON),
    "Application": _shape({"id": _url, "inbox": _url, "publicKey": _key}, _ACTOR),
    **dict.fromkeys(("Create", "Update"), _activity(_document(*_POSTS, "Group", "Person"), to=_uris)),
    "Delete": _activity(_either(_url, _document("Tombstone")), to=_uris, summary_=_text, removeData_=_flag),
    "Undo": _activity(_document(*_UNDONE)),
    "Like": _VOTE,
    "Dislike": _VOTE,
    "Lock": _activity(_url, to=_uris, summary_=_text),
    "Warn": _activity(_url, to=_uris, summary_=_text),
    "Add": _activity(_url, to=_uris, target=_url),
    "Remove": _activity(_url, to=_uris, target=_url),
    "Block": _activity(_url, to=_uris, target=_url, removeData_=_flag, summary_=_text, endTime_=_time, expires_=_time),
    "Follow": _activity(_url),
    "Accept": _activity(_document("Follow")),
    "Reject": _activity(_document("Follow")),
    "Announce": _activity(
        _either(
            _url,
            _document("Create", "Update", "Delete", "Undo", "Like", "Dislike", "Lock", "Add", "Remove", "Block"),
        ),
        to=_uris,
    ),
    "OrderedCollection": _shape(
        {"id": _url}, {"orderedItems": _list_of(_either(_url, _document(*_POSTS, "Announce", "Create")))}
    ),
    "Collection": _shape({"id": _url}, {"items": _list_of(_url)}),
}  # fmt: skip
