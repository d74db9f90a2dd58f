"""A reader as strict as PieFed's, which looks keys up without asking whether they are there.

Written after what PieFed accepts and refuses on the wire, not after its code.
"""

from __future__ import annotations

from typing import Any, Final

from tests.peers.shapes import (
    Check,
    Refused,
    Shape,
    Unknown,
    either,
    flag,
    has_shape,
    kind_of,
    list_of,
    object_of,
    one_of,
    shape_of,
    text,
    time,
    url,
)

__all__ = ["EVENT_KEYS", "Refused", "Unknown", "parse"]

EVENT_KEYS: Final = (
    "startTime", "endTime", "timezone", "maximumAttendeeCapacity", "participantCount", "onlineLink", "joinMode",
    "externalParticipationUrl", "anonymousParticipation", "isOnline", "buyTicketsLink", "feeCurrency", "feeAmount",
)  # fmt: skip
"""What an event must say, be it null."""


def parse(document: Any) -> str:
    """The kind of a document that can be read. Raises Refused for a known kind in another shape, Unknown for others."""
    kind = kind_of(document)
    shape = _SHAPES.get(kind)
    if shape is None:
        raise Unknown(kind)
    has_shape(document, kind, shape)
    missing = [name for name in EVENT_KEYS if name not in document] if kind == "Event" else []
    if missing:
        raise Refused(f"Event: has no {', '.join(missing)}")
    return kind


def _number(value: Any) -> None:
    if type(value) not in (int, float) or value < 0:
        raise Refused("is no number")


def _document(*kinds: str) -> Check:
    def check(value: Any) -> None:
        if parse(value) not in kinds:
            raise Refused(f"is a {value['type']}, not one of {', '.join(kinds)}")

    return check


_uris = list_of(url)
_image = object_of(url=url)
_TEXT: dict[str, Check] = {
    "content": text, "name": text, "cc": _uris, "mediaType": text, "published": time, "updated": time, "audience": url,
    "language": object_of(identifier=text), "tag": list_of(object_of(type=text)), "image": _image, "sensitive": flag,
    "attachment": list_of(object_of(type=text)), "source": object_of(content=text, mediaType=text), "inReplyTo": url,
}  # fmt: skip
_POST: Final = {"id": url, "attributedTo": url, "to": _uris}
_EVENT: dict[str, Check] = {
    "endTime": time, "timezone": text, "maximumAttendeeCapacity": _number, "participantCount": _number, "onlineLink": url,
    "joinMode": text, "externalParticipationUrl": url, "anonymousParticipation": flag, "isOnline": flag,
    "buyTicketsLink": url, "feeCurrency": text, "feeAmount": _number,
}  # fmt: skip
_CHOICES = list_of(object_of(name=text))
_ACTOR: dict[str, Check] = {
    "id": url, "preferredUsername": text, "inbox": url,
    "publicKey": object_of(id=url, owner=url, publicKeyPem=text),
}  # fmt: skip
_DONE: dict[str, Check] = {"id": url, "actor": url}


def _activity(subject: Check, **optional: Check) -> Shape:
    return shape_of({**_DONE, "object": subject}, {"to": _uris, "cc": _uris, "audience": url, **optional})


_SHAPES: dict[str, Shape] = {
    **dict.fromkeys(("Page", "Article", "Note", "Video"), shape_of(_POST, _TEXT)),
    "Event": shape_of({**_POST, "name": text, "startTime": time}, {**_TEXT, **_EVENT}),
    "Question": shape_of({**_POST, "endTime": time}, {**_TEXT, "oneOf": _CHOICES, "anyOf": _CHOICES}),
    **dict.fromkeys(("Person", "Group", "Service", "Feed"), shape_of(_ACTOR, {"name": text, "outbox": url})),
    "OrderedCollection": shape_of({"id": url}, {"totalItems": _number, "orderedItems": list_of(either(url, object_of(id=url)))}),
    **dict.fromkeys(
        ("Create", "Update"), _activity(_document("Page", "Article", "Note", "Video", "Event", "Question", "Person", "Group"))
    ),
    **dict.fromkeys(("Like", "Dislike", "Follow", "Join", "Leave"), _activity(url)),
    **dict.fromkeys(("Add", "Remove"), _activity(either(url, object_of(type=one_of("Group"), id=url)), target=either(url, object_of(id=url)))),
    "Delete": _activity(either(url, object_of(id=url))),
    **dict.fromkeys(("Accept", "Reject"), _activity(either(url, object_of(id=url)))),
    "Undo": _activity(_document("Like", "Dislike", "Follow", "Delete")),
    "Announce": _activity(
        either(url, _document("Create", "Update", "Delete", "Like", "Dislike", "Add", "Remove", "Announce"))
    ),
}  # fmt: skip
