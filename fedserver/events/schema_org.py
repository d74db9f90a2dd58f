"""An event as JSON-LD of schema.org, for search engines and catalogues of training: an Event (Bioschemas' Event 0.3-DRAFT), a
series of them, or of a course or workshop a Course with its CourseInstance (Bioschemas' 1.0-RELEASE of both).

It says what anybody may see: not the link to join, and nothing of those who come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from activitypub.builders.resource import duration
from fedserver.config import Config
from fedserver.events import saying, series
from fedserver.events.reading import OccurrenceRow, Shown
from fedserver.resources.faces.schema_org import CONTEXT, MEDIA_TYPE, in_script, without_nothing

__all__ = ["MEDIA_TYPE", "document", "script"]

PROFILES: Final = "https://bioschemas.org/profiles/"
COURSES: Final = ("course", "workshop")
_TYPES: Final = {"webinar": "EducationEvent", "office-hours": "EducationEvent"}
_STATUS: Final = {
    "scheduled": "EventScheduled", "tentative": "EventScheduled", "postponed": "EventPostponed",
    "rescheduled": "EventRescheduled", "moved-online": "EventMovedOnline", "cancelled": "EventCancelled",
}  # fmt: skip
# What TeSS calls them.
_EVENT_TYPES: Final = {
    "workshop": "workshops and courses", "course": "workshops and courses", "webinar": "workshops and courses",
    "conference": "meetings and conferences", "call": "meetings and conferences", "meetup": "receptions and networking",
    "office-hours": "meetings and conferences", "cowork": "receptions and networking",
}  # fmt: skip
_FREQUENCIES: Final = {"daily": "D", "weekly": "W", "monthly": "M"}
_DAYS: Final = {
    "MO": "Monday", "TU": "Tuesday", "WE": "Wednesday", "TH": "Thursday", "FR": "Friday", "SA": "Saturday", "SU": "Sunday",
}  # fmt: skip


def document(config: Config, site: str, found: Shown) -> dict[str, Any]:
    """The JSON-LD of an event. What is not known is left out; `site` is how this server is called."""
    host = {"@type": "Organization", "@id": config.origin, "name": site, "url": config.origin}
    if found.row.kind in COURSES:
        return {"@context": CONTEXT, **_course(found, host)}
    return {"@context": CONTEXT, **_event(found, host)}


def script(config: Config, site: str, found: Shown) -> str:
    """The same as the content of a script element: no title can end it."""
    return in_script(document(config, site, found))


def _course(found: Shown, host: Mapping[str, Any]) -> dict[str, Any]:
    row, details = found.row, found.details
    return without_nothing(
        {
            "@type": "Course",
            "@id": f"{row.uri}#course",
            **_conforms("Course/1.0-RELEASE"),
            "name": row.title,
            "description": _description(found),
            "abstract": row.summary,
            "keywords": _keywords(found),
            "url": row.url,
            "provider": host,
            "coursePrerequisites": details.eligibility,
            "accessibilitySummary": details.accessibility,
            "dateModified": _instant(row.changed_at),
            "hasCourseInstance": [_instance(found, host)],
        }
    )


def _instance(found: Shown, host: Mapping[str, Any]) -> dict[str, Any]:
    details = found.details
    physical = bool(details.place.line())
    return without_nothing(
        {
            "@type": "CourseInstance",
            **_conforms("CourseInstance/1.0-RELEASE"),
            "courseMode": [
                "blended" if physical and details.online else "onsite" if physical else "online",
                "synchronous",
            ],
            "instructor": [
                {"@type": "Person", "name": name}
                for name in dict.fromkeys(name for item in details.agenda for name in item.speakers)
            ],
            **_common(found, host),
            "courseWorkload": duration(_minutes(found)) if _minutes(found) else "",
        }
    )


def _event(found: Shown, host: Mapping[str, Any]) -> dict[str, Any]:
    row, details = found.row, found.details
    is_series = len(found.occurrences) > 1
    kept: dict[str, Any] = {
        "@type": "EventSeries" if is_series else _TYPES.get(row.kind, "Event"),
        **_conforms("Event/0.3-DRAFT"),
        **_common(found, host),
        "contact": _organisers(found),
        "hostInstitution": host,
        "eventType": {"@type": "DefinedTerm", "name": _EVENT_TYPES.get(row.kind, "meetings and conferences")},
        "eligibility": details.eligibility
        or ("first come first served" if row.rsvp_mode == "free" else "registration of interest"),
        "deadline": "" if row.rsvp_closes_at is None else _instant(row.rsvp_closes_at),
        "keywords": _keywords(found),
        "performer": [
            {"@type": "Person", "name": name}
            for name in dict.fromkeys(name for item in details.agenda for name in item.speakers)
        ],
        "dateModified": _instant(row.changed_at),
        "sameAs": details.website,
    }
    return without_nothing(kept)


def _common(found: Shown, host: Mapping[str, Any]) -> dict[str, Any]:
    """What an event and an instance of a course have in common."""
    row, details = found.row, found.details
    physical = bool(details.place.line())
    times = [one for one in found.occurrences if one.status != "cancelled"] or found.occurrences
    languages = list(details.languages) or ([row.language] if row.language else [])
    several = len(found.occurrences) > 1
    return {
        "@id": row.uri,
        "name": row.title,
        "description": _description(found),
        "url": row.url,
        "startDate": _when(found, times[0].starts_at) if times else "",
        "endDate": _when(found, times[-1].ends_at, is_end=True) if times else "",
        "eventStatus": {"@type": "EventStatusType", "@id": f"https://schema.org/{_STATUS[row.status]}"},
        "eventAttendanceMode": "https://schema.org/"
        + ("MixedEventAttendanceMode" if physical and details.online else "OfflineEventAttendanceMode" if physical else "OnlineEventAttendanceMode"),
        "location": _location(found),
        "inLanguage": languages[0] if languages else "",
        "organizer": _organisers(found) or host,
        "maximumAttendeeCapacity": row.capacity or "",
        "isAccessibleForFree": True if details.cost.casefold() in ("free", "0") else "",
        "offers": {"@type": "Offer", "name": details.cost, "description": details.cost} if details.cost else {},
        "subEvent": [_time(found, one) for one in found.occurrences] if several else [],
        "eventSchedule": _schedule(found) if several else {},
        "workFeatured": [{"@type": "CreativeWork", "name": one.title} for one in details.agenda],
    }  # fmt: skip


def _time(found: Shown, one: OccurrenceRow) -> dict[str, Any]:
    """One time of a series."""
    status = (
        "EventCancelled"
        if one.status == "cancelled"
        else "EventRescheduled"
        if one.status == "moved"
        else "EventScheduled"
    )
    return without_nothing(
        {
            "@type": "Event",
            "name": found.row.title,
            "startDate": _when(found, one.starts_at),
            "endDate": _when(found, one.ends_at, is_end=True),
            "eventStatus": {"@type": "EventStatusType", "@id": f"https://schema.org/{status}"},
            "location": _location(found),
            "url": f"{found.row.url}#{one.key}",
            "superEvent": {"@id": found.row.uri},
        }
    )


def _schedule(found: Shown) -> dict[str, Any]:
    """schema.org's Schedule; only of what follows a rule."""
    schedule = found.details.schedule
    rule = schedule.rule
    if rule is None:
        return {}
    day, _, time = schedule.starts.partition("T")
    return without_nothing(
        {
            "@type": "Schedule",
            "repeatFrequency": f"P{rule.interval}{_FREQUENCIES[rule.frequency]}",
            "byDay": [f"https://schema.org/{_DAYS[one]}" for one in rule.weekdays],
            "repeatCount": rule.count or "",
            "startDate": day,
            "endDate": rule.until,
            "startTime": f"{time}:00" if time else "",
            "duration": duration(schedule.minutes) if time else f"P{schedule.days}D",
            "scheduleTimezone": schedule.zone,
            "exceptDate": [one.partition("T")[0] for one in schedule.left_out],
        }
    )


def _location(found: Shown) -> Any:
    place = found.details.place
    virtual = {"@type": "VirtualLocation", "name": found.details.tool or "Online", "url": found.row.url}
    if not place.line():
        return virtual
    address = without_nothing(
        {
            "@type": "PostalAddress", "streetAddress": place.street, "postalCode": place.postal_code,
            "addressLocality": place.locality, "addressRegion": place.region, "addressCountry": place.country,
        }
    )  # fmt: skip
    made: dict[str, Any] = {
        "@type": "Place",
        "name": place.name or place.locality or place.line(),
        "address": address,
    }
    if place.latitude is not None and place.longitude is not None:
        made["geo"] = {"@type": "GeoCoordinates", "latitude": place.latitude, "longitude": place.longitude}
    return without_nothing(made)


def _organisers(found: Shown) -> list[dict[str, Any]]:
    names = found.details.organisers
    if names:
        return [{"@type": "Person", "name": name} for name in names]
    author = found.author
    return (
        []
        if author is None
        else [
            {
                "@type": "Person",
                "name": author.display_name or author.username,
                "url": author.url or author.uri,
            }
        ]
    )


def _description(found: Shown) -> str:
    row = found.row
    return str(row.summary or row.source_text or saying.where(found.details) or row.title)


def _keywords(found: Shown) -> str:
    return ", ".join(found.details.keywords) or found.row.kind.replace("-", " ")


def _minutes(found: Shown) -> int:
    times: Sequence[OccurrenceRow] = [one for one in found.occurrences if one.status != "cancelled"]
    return 0 if found.row.all_day else sum((one.ends_at - one.starts_at) // 60_000 for one in times)


def _conforms(profile: str) -> dict[str, Any]:
    return {"dct:conformsTo": {"@type": "CreativeWork", "@id": PROFILES + profile}}


def _when(found: Shown, at_ms: int, *, is_end: bool = False) -> str:
    """With the offset that the event's zone has then; of whole days the day, of their end the last."""
    zone = series.zone(found.row.zone)
    moment = datetime.fromtimestamp(
        at_ms // 1000 - (1 if found.row.all_day and is_end else 0), UTC
    ).astimezone(zone)
    return moment.date().isoformat() if found.row.all_day else moment.isoformat()


def _instant(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
