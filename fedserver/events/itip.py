"""What calendar programs are told by mail of an event that somebody goes to, and what they answer (RFC 5546). Pure.

Who organises is an address of this server: nobody's own is told. Where mails come in, it is the receiver's own address for
this event, so that an answer to it proves who answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from fedserver.content.text import clean_line
from fedserver.events import ics, series
from fedserver.events.reading import Shown
from fedserver.later import Later

if TYPE_CHECKING:
    import icalendar
else:
    icalendar = Later("icalendar")

Times = Mapping[str, tuple[int, int]]
"""Begin and end in ms, by the key of an occurrence."""

REPLIES: Final = {"ACCEPTED": "going", "TENTATIVE": "maybe", "DECLINED": "declined"}
"""What PARTSTAT (RFC 5545 §3.2.12) means as an answer; others are none."""

REPLY_BYTES_MAX: Final = 200_000
REPLY_PARTS_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class Party:
    """Whose mail it is: `address` and `name` of who comes; `organizer` is the address that answers go to, `sender` that of
    the mail, `organizer_name` what people know the organiser by."""

    address: str
    name: str
    organizer: str
    sender: str
    organizer_name: str

    @property
    def is_heard(self) -> bool:
        """Whether somebody reads what is sent to `organizer`."""
        return self.organizer != self.sender


class Told(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody's program knows: at which times they come, whether by one component for all of them, and `about`, what
    else of it would be worth a mail."""

    times: dict[str, tuple[int, int]] = {}
    is_whole: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True)
class News:
    """What a program does not know yet: `method` REQUEST or CANCEL, the `times` it is about, and the calendar."""

    method: str
    times: Times
    body: bytes


def news(
    found: Shown, told: Told, times: Times, about: str, party: Party, *, all_of_it: bool, now: int
) -> tuple[list[News], Told]:
    """The mails that lead from what was `told` to `times` (both of what is to come), and what is told then. `all_of_it` says
    that these are all times of the event that there are; `now` is in ms."""
    gone = {key: span for key, span in told.times.items() if key not in times}
    if not times:
        if not gone:
            return [], told
        everything = told.is_whole or not found.details.schedule.is_series
        return [_cancel(found, gone, party, now, whole=everything)], Told()
    changed = {key: span for key, span in times.items() if told.times.get(key) != span}
    if about != told.about:
        changed = dict(times)
    if not changed and not gone:
        return [], told
    made: list[News] = []
    known = [one.key for one in found.occurrences]
    is_whole = told.is_whole
    if not told.times or about != told.about or any(key not in known for key in gone):
        # For the first time, or from the ground up: one component says all of it where it can.
        if all_of_it and (is_whole or not told.times or not found.details.schedule.is_series):
            return [_request(found, times, party, now, whole=True)], Told(
                times=dict(times), is_whole=True, about=about
            )
        if is_whole:
            made.append(_cancel(found, told.times, party, now, whole=True))
            gone, changed, is_whole = {}, dict(times), False
    if gone:
        made.append(_cancel(found, gone, party, now, whole=False))
    if changed:
        made.append(_request(found, changed, party, now, whole=not found.details.schedule.is_series))
    return made, Told(times=dict(times), is_whole=is_whole, about=about)


def _request(found: Shown, times: Times, party: Party, now: int, *, whole: bool) -> News:
    components = ics.whole(found, times) if whole else ics.parts(found, times)
    return News("REQUEST", times, _calendar("REQUEST", components, party, now))


def _cancel(found: Shown, times: Times, party: Party, now: int, *, whole: bool) -> News:
    if whole:
        one = ics.event(found)
        begins, ends = min(times.values())
        ics.put_times(one, begins, ends, zone=found.row.zone, all_day=found.details.schedule.all_day)
        components = [one]
    else:
        components = ics.parts(found, times)
    for one in components:
        one["status"] = icalendar.vText("CANCELLED")
    return News("CANCEL", times, _calendar("CANCEL", components, party, now))


def _calendar(method: str, components: Sequence[icalendar.Event], party: Party, now: int) -> bytes:
    organizer = icalendar.vCalAddress(f"mailto:{party.organizer}")
    organizer.params["CN"] = clean_line(party.organizer_name)
    if party.is_heard:
        organizer.params["SENT-BY"] = f"mailto:{party.sender}"
    attendee = icalendar.vCalAddress(f"mailto:{party.address}")
    attendee.params["CN"] = clean_line(party.name)
    attendee.params["ROLE"] = "REQ-PARTICIPANT"
    if method == "REQUEST":
        attendee.params["PARTSTAT"] = "ACCEPTED"
        attendee.params["RSVP"] = "TRUE" if party.is_heard else "FALSE"
    for one in components:
        # Of this object, not of the event (RFC 5545 §3.8.7.2): of two with the same SEQUENCE the later holds.
        one["dtstamp"] = icalendar.vDDDTypes(datetime.fromtimestamp(now // 1000, UTC))
        one["organizer"] = organizer
        one["attendee"] = attendee
    return ics.scheduling(method, components)


# -- answers


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer by a calendar program: to the event with this `uid`, to the occurrence that was to begin then, or (None) to
    all."""

    uid: str
    answer: str
    begins: date | datetime | None


def replies(body: bytes) -> list[Reply]:
    """What a calendar of METHOD:REPLY answers; empty for anything else."""
    if len(body) > REPLY_BYTES_MAX:
        return []
    try:
        calendar = icalendar.Calendar.from_ical(body)
        if str(calendar.get("method", "")).upper() != "REPLY":
            return []
        found = [_reply(one) for one in calendar.walk("VEVENT")[:REPLY_PARTS_MAX]]
    except (ValueError, KeyError, AttributeError, TypeError, IndexError):
        return []
    return [one for one in found if one is not None]


def _reply(component: Any) -> Reply | None:
    attendees = component.get("attendee")
    # A REPLY has the one who answers alone (RFC 5546 §3.2.3).
    attendee = attendees[0] if isinstance(attendees, list) and len(attendees) == 1 else attendees
    if attendee is None or isinstance(attendee, list):
        return None
    answer = REPLIES.get(str(attendee.params.get("PARTSTAT", "")).upper())
    at = component.get("recurrence-id")
    if answer is None:
        return None
    return Reply(str(component.get("uid", "")), answer, None if at is None else at.dt)


def key_of(begins: date | datetime, zone: str) -> str:
    """The key of the occurrence that was to begin then, in an event of this zone."""
    if not isinstance(begins, datetime):
        return begins.strftime("%Y%m%d")
    if begins.tzinfo is not None:
        begins = begins.astimezone(series.zone(zone))
    return series.key_of(begins)
