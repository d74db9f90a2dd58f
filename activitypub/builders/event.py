"""Events: the keys that an ``Event`` has beside those of a post, and joining and leaving one.

The names are those of FEP-8a8e and of Mobilizon, which Gancio and the WordPress Event Bridge share. PieFed fails on a key that
is missing, so all are always there. Nothing here has a place for the link to join.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from activitypub.jsonld import ACTIVITY_CONTEXT

_STATUS: Final = {
    "scheduled": "EventScheduled",
    "tentative": "EventTentative",
    "postponed": "EventPostponed",
    "rescheduled": "EventRescheduled",
    "moved-online": "EventMovedOnline",
    "cancelled": "EventCancelled",
}
# RFC 5545 §3.8.1.11, as Mobilizon reads it.
_ICAL_STATUS: Final = {"tentative": "TENTATIVE", "postponed": "TENTATIVE", "cancelled": "CANCELLED"}
# Mobilizon knows these four alone. Where nobody needs to sign up the page of the event is where one would.
_JOIN_MODE: Final = {
    "free": "free", "approval": "restricted", "invite": "invite", "external": "external", "none": "external",
}  # fmt: skip
_CATEGORY: Final = {
    "call": "NETWORKING",
    "workshop": "WORKSHOPS_SKILL_SHARING",
    "course": "LEARNING",
    "webinar": "LEARNING",
    "office-hours": "NETWORKING",
    "cowork": "NETWORKING",
    "conference": "SCIENCE_TECH",
    "meetup": "NETWORKING",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OccurrenceFields:
    """One time that a series takes place; ``status`` is scheduled, moved or cancelled."""

    uri: str
    start: datetime
    end: datetime
    status: str = "scheduled"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFields:
    """What an event says beside its post. ``start`` and ``end`` carry the zone's offset; ``place`` has the names of schema.org's
    PostalAddress beside ``name``, ``latitude``, ``longitude``. ``occurrences`` are those of a series, ``url`` is its page."""

    uri: str
    url: str
    start: datetime
    end: datetime
    zone: str
    kind: str
    status: str
    rsvp_mode: str
    attendees: str
    organizers: Sequence[str]
    place: Mapping[str, Any]
    online: bool = False
    tool: str = ""
    external_url: str = ""
    capacity: int | None = None
    going: int = 0
    language: str = ""
    cost: str = ""
    occurrences: Sequence[OccurrenceFields] = ()


def event(fields: EventFields) -> dict[str, Any]:
    """The keys of an event beside those of its post."""
    remaining = None if fields.capacity is None else max(0, fields.capacity - fields.going)
    document: dict[str, Any] = {
        "startTime": fields.start.isoformat(),
        "endTime": fields.end.isoformat(),
        "timezone": fields.zone,
        "displayEndTime": True,
        "location": _location(fields),
        "joinMode": _JOIN_MODE[fields.rsvp_mode],
        "externalParticipationUrl": (fields.url if fields.rsvp_mode == "none" else fields.external_url)
        or None,
        "maximumAttendeeCapacity": fields.capacity,
        "remainingAttendeeCapacity": remaining,
        "participantCount": fields.going,
        "attendees": fields.attendees,
        "organizers": {
            "type": "Collection",
            "totalItems": len(fields.organizers),
            "items": list(fields.organizers),
        },
        "eventStatus": _STATUS[fields.status],
        "status": _ICAL_STATUS.get(fields.status, "CONFIRMED"),
        "category": _CATEGORY.get(fields.kind, "MEETING"),
        "inLanguage": fields.language or None,
        "isOnline": fields.online,
        "anonymousParticipationEnabled": False,
        "anonymousParticipation": False,
        "onlineLink": None,
        "buyTicketsLink": None,
        "feeCurrency": None,
        "feeAmount": 0,
    }
    if fields.occurrences:
        document["series"] = [
            {
                "@type": "net:Occurrence",
                "@id": one.uri,
                "schema:startDate": one.start.isoformat(),
                "schema:endDate": one.end.isoformat(),
                "net:status": one.status,
            }
            for one in fields.occurrences
        ]
    return document


def _location(fields: EventFields) -> dict[str, Any] | None:
    place = {name: value for name, value in fields.place.items() if value not in ("", None)}
    if not place:
        if not fields.online:
            return None
        return {"type": "VirtualLocation", "name": fields.tool or "Online"}
    address_names = ("streetAddress", "postalCode", "addressLocality", "addressRegion", "addressCountry")
    document: dict[str, Any] = {
        "type": "Place",
        "name": place.get("name") or place.get("addressLocality", ""),
    }
    address = {name: place[name] for name in address_names if name in place}
    if address:
        # Mobilizon wants every name of an address.
        document["address"] = {"type": "PostalAddress", **dict.fromkeys(address_names), **address}
    if "latitude" in place:
        document |= {"latitude": place["latitude"], "longitude": place["longitude"]}
    return document


def join(uri: str, *, actor: str, event: str, organizer: str) -> dict[str, Any]:
    """Somebody wants to come (FEP-8a8e, Mobilizon)."""
    return _activity("Join", uri, actor, event, [organizer])


def leave(uri: str, *, actor: str, event: str, organizer: str) -> dict[str, Any]:
    """Somebody does not come after all."""
    return _activity("Leave", uri, actor, event, [organizer])


def join_answer(kind: str, uri: str, *, actor: str, join_uri: str, joiner: str, event: str) -> dict[str, Any]:
    """``Accept``, ``TentativeAccept`` (they wait for a seat) or ``Reject`` of a Join, which is inside (Mobilizon knows no other
    way)."""
    inner = {"type": "Join", "id": join_uri, "actor": joiner, "object": event}
    return _activity(kind, uri, actor, inner, [joiner])


def _activity(kind: str, uri: str, actor: str, what: Any, to: list[str]) -> dict[str, Any]:
    return {"@context": ACTIVITY_CONTEXT, "id": uri, "type": kind, "actor": actor, "object": what, "to": to}
