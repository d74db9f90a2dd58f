"""Deadlines as iCalendar (RFC 5545, RFC 7986): of one opportunity, of a board, or what a member has kept in mind.

A deadline is a VEVENT that ends at it. A VTODO, which has a DUE, would say it more exactly, but Google Calendar and Outlook leave
VTODOs out of calendars they subscribe to. It begins half an hour before, so that every calendar has something to show, does not
count as busy (TRANSP), and is in UTC: an instant needs no zone. What is closed is in no calendar.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from fedserver.events.ics import empty
from fedserver.later import Later
from fedserver.opportunities import saying
from fedserver.opportunities.reading import Shown

if TYPE_CHECKING:
    import icalendar
else:
    icalendar = Later("icalendar")

SHOWN_FOR: Final = timedelta(minutes=30)


def calendar(name: str, found: Sequence[Shown], *, url: str = "") -> bytes:
    """A calendar of the deadlines of these opportunities, of those that have one and are not closed."""
    made = empty(name, url)
    for one in found:
        if one.row.deadline_at is not None and one.state != "closed":
            made.add_component(_deadline(one))
    return bytes(made.to_ical())


def _deadline(found: Shown) -> icalendar.Event:
    row, details = found.row, found.details
    ends = _instant(row.deadline_at)
    made = icalendar.Event()
    made.add("uid", row.uid)
    made.add("sequence", row.sequence)
    made.add("dtstamp", _instant(row.changed_at))
    made.add("last-modified", _instant(row.changed_at))
    made.add("created", _instant(row.created_at))
    made.add("dtstart", ends - SHOWN_FOR)
    made.add("dtend", ends)
    made.add("summary", f"Deadline: {row.title}")
    address = details.apply_url or row.url
    text = saying.summary(row.kind, details, row.summary)
    made.add("description", "\n\n".join(one for one in (text, address) if one))
    made.add("url", row.url or row.uri)
    made.add("transp", "TRANSPARENT")
    made.add("status", "CONFIRMED")
    if details.topics:
        made.add("categories", list(details.topics))
    return made


def _instant(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms // 1000, UTC)
