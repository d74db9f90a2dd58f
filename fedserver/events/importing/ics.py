"""Calendars (iCalendar, RFC 5545): whatever text claims to be one, as events with a receipt."""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

from fedserver.errors import Invalid
from fedserver.events.importing import components, zones
from fedserver.events.importing.components import Source, Unreadable
from fedserver.events.importing.found import EVENTS_MAX, Found, Read
from fedserver.events.importing.lines import prepared
from fedserver.events.importing.wording import line
from fedserver.later import Later
from fedserver.resources.importing.receipts import Note, quoted

if TYPE_CHECKING:
    import icalendar
else:
    icalendar = Later("icalendar")

SECONDS_MAX: Final = 30.0
_OTHERS: Final = {"VTODO": "tasks", "VJOURNAL": "journal entries", "VFREEBUSY": "free or busy times"}


def read(body: bytes | str, source: str = "", *, zone: str = "UTC", today: date | None = None) -> Read:
    """The events of a calendar; `source` is its file or address, `zone` that of times which name none. Takes time.

    Raises Invalid for what is no calendar, TooLarge.
    """
    done = Read()
    text = prepared(body, done)
    try:
        calendars = icalendar.Calendar.from_ical(text, multiple=True)
    except (
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise Invalid({}, f"This calendar cannot be read: {quoted(error)}") from error
    until = time.monotonic() + SECONDS_MAX
    for one in calendars:
        _read_calendar(one, source, zone, today or datetime.now(UTC).date(), done, until)
    names = {line(str(one.get("X-WR-CALNAME") or one.get("NAME") or ""), 200) for one in calendars}
    done.name = next(iter(names)) if len(names) == 1 else ""
    return done


def _read_calendar(calendar: Any, source: str, zone: str, today: date, done: Read, until: float) -> None:
    said_zone = zones.by_name(str(calendar.get("X-WR-TIMEZONE", "")))
    shared = Source(
        source or line(str(calendar.get("X-WR-CALNAME") or ""), 200),
        said_zone or zone,
        said_zone=said_zone is not None,
        cancels=str(calendar.get("METHOD", "")).upper() == "CANCEL",
        today=today,
    )
    masters, overrides = _grouped(calendar)
    for name, words in _OTHERS.items():
        number = len(calendar.walk(name))
        if number:
            done.leave_out(calendar_name(shared, source), f"It has {number} {words}, which are no events.")
    for name, problem in calendar.errors if calendar.name == "VCALENDAR" else ():
        done.repaired.append(Note(field="", sentence=f"{str(name)[:40]} cannot be read: {quoted(problem)}"))
    for number, (uid, component) in enumerate(masters):
        title = line(str(component.get("SUMMARY", "")), 200) or "Without a title"
        if len(done.found) >= EVENTS_MAX or time.monotonic() > until:
            done.whole = False
            done.leave_out(
                calendar_name(shared, source), f"{len(masters) - number} more events were not read."
            )
            return
        try:
            found = components.read(shared, component, overrides.get(uid, ()))
        except Unreadable as error:
            done.leave_out(title, str(error), uid)
            continue
        found.uid = uid
        _take(found, done, title)


def calendar_name(shared: Source, source: str) -> str:
    return shared.name or source or "The calendar"


def _take(found: Found, done: Read, title: str) -> None:
    if found.uid and any(found.uid == one.uid for one in done.found):
        done.leave_out(title, "It stands in there twice: the first counts.", found.uid)
        return
    done.found.append(found)


def _grouped(
    calendar: Any,
) -> tuple[list[tuple[str, Any]], dict[str, list[Any]]]:
    """Events by UID, in order; and by UID what is different about single times of them."""
    masters: list[tuple[str, Any]] = []
    overrides: dict[str, list[Any]] = {}
    inner = calendar.walk("VEVENT")
    named = {str(one.get("UID", "")).strip()[:500] for one in inner if "RECURRENCE-ID" not in one}
    newest: dict[tuple[str, str], int] = {}
    for one in inner:
        uid = str(one.get("UID", "")).strip()[:500]
        if "RECURRENCE-ID" not in one:
            place = newest.get((uid, "")) if uid else None
            if place is not None and _version(one) > _version(masters[place][1]):
                masters[place] = (uid, one)  # a file may hold several versions of one
                continue
            if uid and place is None:
                newest[uid, ""] = len(masters)
            masters.append((uid, one))
        elif uid and uid in named:
            overrides.setdefault(uid, []).append(one)
        else:
            # One time of a series that is not here: an event of its own.
            value = one["RECURRENCE-ID"]
            at = value.to_ical() if hasattr(value, "to_ical") else str(value).encode()
            masters.append((f"{uid}#{hashlib.sha256(at).hexdigest()[:12]}", one))
    for every in overrides.values():
        every.sort(key=_version)
    return masters, overrides


def _version(component: Any) -> tuple[int, str]:
    text = str(component.get("SEQUENCE", "0"))
    stamp = component.get("DTSTAMP")
    at = getattr(stamp, "to_ical", lambda: b"")() if stamp is not None else b""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0, at.decode(
        "ascii", "replace"
    )
