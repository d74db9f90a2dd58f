"""A reader as strict as Mobilizon's, of events and what people do about them.

Written after what Mobilizon accepts and refuses on the wire, not after its code: an event has one author and one place, words
from fixed lists, and an answer to a Join says which.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from tests.peers.shapes import (
    PUBLIC,
    Check,
    Refused,
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

__all__ = ["Refused", "Unknown", "banner_of", "parse", "visibility_of", "website_of"]


def parse(document: Any, *, joins: Collection[str] = ()) -> str:
    """The kind of a document that can be read; `joins` are the ids of what this server has asked for. Raises Refused for a
    known kind in another shape, Unknown for others."""
    kind = kind_of(document)
    shape = _SHAPES.get(kind)
    if shape is None:
        raise Unknown(kind)
    has_shape(document, kind, shape)
    if kind in ("Accept", "Reject"):
        inner = document["object"]
        if isinstance(inner, dict):
            parse(inner)
        elif inner not in joins:
            raise Refused(f"{kind}.object: is neither embedded nor known")
    return kind


def visibility_of(event: dict[str, Any]) -> str:
    """Whom Mobilizon shows an event to."""
    return "public" if PUBLIC in many(event.get("to")) else "unlisted"


def website_of(event: dict[str, Any]) -> str | None:
    """The address that Mobilizon shows beside an event: the link that is named so."""
    links = (one for one in event.get("attachment", []) if one["type"] == "Link")
    return next(
        (one["href"] for one in links if (one.get("name"), one.get("mediaType")) == ("Website", "text/html")),
        None,
    )


def banner_of(event: dict[str, Any]) -> str | None:
    """The picture above an event: the document that is named so."""
    found = (one for one in event.get("attachment", []) if one["type"] == "Document")
    return next((one["url"] for one in found if one.get("name") == "Banner"), None)


def _no_draft(value: Any) -> None:
    flag(value)
    if value:
        raise Refused("is a draft")


def _number(value: Any) -> None:
    if type(value) is not int or value < 0:
        raise Refused("is no number of people")


def _coordinate(value: Any) -> None:
    if type(value) not in (int, float):
        raise Refused("is no number")


def _embedded(*kinds: str) -> Check:
    def check(value: Any) -> None:
        if parse(value) not in kinds:
            raise Refused(f"is a {value['type']}, not one of {', '.join(kinds)}")

    return check


_uris = list_of(url, or_one=True)
_address = object_of(
    streetAddress_=text, postalCode_=text, addressLocality_=text, addressRegion_=text, addressCountry_=text
)
_place = object_of(
    name_=text, address_=either(_address, text), latitude_=_coordinate, longitude_=_coordinate, url_=url
)
_TEXT: dict[str, Check] = {
    "content": text, "published": time, "updated": time, "to": _uris, "cc": _uris, "attachment": list_of(object_of(type=text)),
    "tag": list_of(object_of(type=text, name=text, href=url)), "inLanguage": text, "draft": _no_draft, "url": url,
}  # fmt: skip
_EVENT = shape_of(
    {"id": url, "attributedTo": url, "name": text, "startTime": time, "to": _uris},
    {
        **_TEXT, "actor": url, "endTime": time, "location": either(text, _place), "timezone": text, "isOnline": flag,
        "joinMode": one_of("free", "restricted", "invite", "external"), "externalParticipationUrl": url,
        "status": one_of("CONFIRMED", "TENTATIVE", "CANCELLED"), "ical:status": one_of("CONFIRMED", "TENTATIVE", "CANCELLED"),
        "maximumAttendeeCapacity": _number, "remainingAttendeeCapacity": _number, "participantCount": _number,
        "anonymousParticipationEnabled": flag, "commentsEnabled": flag, "category": text, "mediaType": one_of("text/html"),
    },
)  # fmt: skip
_ACTOR = shape_of(
    {
        "id": url, "preferredUsername": text, "inbox": url,
        "publicKey": object_of(id=url, owner=url, publicKeyPem=text),
    },
    {"name": text, "summary": text, "outbox": url, "followers": url, "endpoints": object_of(sharedInbox_=url)},
)  # fmt: skip
_DONE: dict[str, Check] = {"id": url, "actor": url}
_SHAPES = {
    "Event": _EVENT,
    "Article": shape_of({"id": url, "actor": url, "attributedTo": url, "name": text}, _TEXT),
    "Note": shape_of({"id": url, "attributedTo": url, "content": text}, _TEXT),
    **dict.fromkeys(("Person", "Group", "Application", "Service", "Organization"), _ACTOR),
    "Create": shape_of({**_DONE, "object": _embedded("Event", "Note", "Article")}, {"to": _uris, "cc": _uris}),
    "Update": shape_of({**_DONE, "object": _embedded("Event", "Note", "Article", "Person", "Group")}, {}),
    "Join": shape_of({**_DONE, "object": url}, {"participationMessage": text}),
    "Leave": shape_of({**_DONE, "object": url}, {}),
    "Follow": shape_of({**_DONE, "object": url}, {}),
    "Invite": shape_of({**_DONE, "object": url, "target": url}, {}),
    **dict.fromkeys(("Accept", "Reject"), shape_of({**_DONE, "object": either(url, _embedded("Join", "Follow"))}, {})),
}  # fmt: skip
