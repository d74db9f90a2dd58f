"""An event as other software describes it: FEP-8a8e, Mobilizon, Gancio, the WordPress Event Bridge, PieFed, Hubzilla."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from activitypub.names import NAMESPACE
from activitypub.values import first, flag, number, objects_of, one_or_many, parse_time, string
from activitypub.vocabulary.parts import web_address

OCCURRENCES_MAX: Final = 200
LINKS_MAX: Final = 20
LINE_CHARS_MAX: Final = 300
_STATUS: Final = {
    "eventscheduled": "scheduled",
    "eventtentative": "tentative",
    "eventpostponed": "postponed",
    "eventrescheduled": "rescheduled",
    "eventmovedonline": "moved-online",
    "eventcancelled": "cancelled",
    "confirmed": "scheduled",
    "tentative": "tentative",
    "cancelled": "cancelled",
}
_JOIN_MODE: Final = {
    "free": "free",
    "restricted": "approval",
    "invite": "invite",
    "external": "external",
    "none": "none",
}
_LAST_START: Final = datetime.max.replace(tzinfo=UTC) - timedelta(hours=1)
_ADDRESS: Final = ("streetAddress", "postalCode", "addressLocality", "addressRegion", "addressCountry")


class Occurrence(msgspec.Struct, frozen=True, kw_only=True):
    """One time that a series takes place."""

    start: datetime
    end: datetime
    status: str = "scheduled"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What a document says of an event beside the post. ``links`` are (name, address) of pages. ``zone`` is an IANA name, or "". ``join_mode`` is free, approval, invite,
    external or none. ``place`` has ``name``, schema.org's names of an address, ``latitude`` and ``longitude``."""

    start: datetime
    end: datetime
    zone: str = ""
    place: dict[str, Any] = {}
    online: bool = False
    join_mode: str = "free"
    external_url: str = ""
    capacity: int | None = None
    participants: int | None = None
    status: str = "scheduled"
    occurrences: tuple[Occurrence, ...] = ()
    links: tuple[tuple[str, str], ...] = ()


def read_event(document: dict[str, Any]) -> Event | None:
    """The event in a normalised document; None without a time at which it begins. Times without a zone count as UTC, one that
    does not say when it ends lasts an hour."""
    start = _time(document.get("startTime"))
    if start is None:
        return None
    end = _time(document.get("endTime"))
    if end is None or end <= start:
        end = min(start, _LAST_START) + timedelta(hours=1)
    place, virtual = _places(document)
    status = (
        string(document.get("eventStatus"))
        or string(document.get("status"))
        or string(document.get("ical:status"))
    )
    mode, external = _signing_up(document)
    return Event(
        start=start,
        end=end,
        zone=string(document.get("timezone")) or "",
        place=place,
        online=bool(flag(document.get("isOnline"))) or virtual,
        join_mode=mode,
        external_url=external,
        capacity=number(document.get("maximumAttendeeCapacity")) or None,
        participants=_participants(document),
        status=_STATUS.get(
            (status or "").rpartition(":")[2].rpartition("/")[2].rpartition("#")[2].lower(), "scheduled"
        ),
        occurrences=_occurrences(document),
        links=_links(document),
    )


def _links(document: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Name and address of the pages that are attached under a name: ``Website`` (Mobilizon), and what came out of it."""
    found = (
        (string(one.get("name")) or "", web_address(first(one.get("href"))))
        for one in objects_of(document, "attachment")
        if one.get("type") == "Link"
    )
    return tuple((name[:LINE_CHARS_MAX], href) for name, href in found if name and href)[:LINKS_MAX]


def _participants(document: dict[str, Any]) -> int | None:
    """How many come: Mobilizon's number, or the size of FEP-8a8e's collection."""
    counted = number(document.get("participantCount"))
    attendees = first(document.get("attendees"))
    if counted is None and type(attendees) is dict:
        return number(attendees.get("totalItems"))
    return counted


def _signing_up(document: dict[str, Any]) -> tuple[str, str]:
    """How one comes in, and where if elsewhere. Whom an event leads to itself need not sign up."""
    mode = (string(document.get("joinMode")) or "free").rpartition(":")[2].rpartition("/")[2].lower()
    external = web_address(first(document.get("externalParticipationUrl"))) or ""
    if mode == "external" and external and external in (document.get("id"), first(document.get("url"))):
        return "none", ""
    return _JOIN_MODE.get(mode, "free"), external


def _time(value: Any) -> datetime | None:
    found = parse_time(first(value))
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found


def _places(document: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Where it is, and whether one of the places is nowhere."""
    virtual, place = False, dict[str, Any]()
    for one in one_or_many(document.get("location")):
        if type(one) is str:
            place = place or {"name": one[:LINE_CHARS_MAX]}
        elif type(one) is dict:
            # Gancio says of what is online where others have an address.
            if "VirtualLocation" in (one.get("type"), _address_type(one)):
                virtual = True
            else:
                place = place or _place(one)
    return place, virtual


def _address_type(one: dict[str, Any]) -> Any:
    address = first(one.get("address"))
    return address.get("type") if type(address) is dict else None


def _place(one: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"name": (string(one.get("name")) or "")[:LINE_CHARS_MAX]}
    address = first(one.get("address"))
    if type(address) is dict:
        for name in _ADDRESS:
            value = first(address.get(name))
            if type(value) is dict:
                value = value.get("name")
            if type(value) is str:
                found[name] = value[:LINE_CHARS_MAX]
    elif type(address) is str:
        found["streetAddress"] = address[:LINE_CHARS_MAX]
    latitude, longitude = first(one.get("latitude")), first(one.get("longitude"))
    if _is_number(latitude) and _is_number(longitude) and abs(latitude) <= 90 and abs(longitude) <= 180:
        found |= {"latitude": float(latitude), "longitude": float(longitude)}
    return found


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _occurrences(document: dict[str, Any]) -> tuple[Occurrence, ...]:
    found: list[Occurrence] = []
    for name in ("series", "net:series", f"{NAMESPACE}series"):
        for one in objects_of(document, name):
            start, end = _time(one.get("schema:startDate")), _time(one.get("schema:endDate"))
            if start is not None and end is not None and end > start and len(found) < OCCURRENCES_MAX:
                status = string(one.get("net:status")) or "scheduled"
                found.append(
                    Occurrence(
                        start=start,
                        end=end,
                        status=status if status in ("moved", "cancelled") else "scheduled",
                    )
                )
    return tuple(found)
