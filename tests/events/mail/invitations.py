"""What the mails of events have for calendar programs, as two independent libraries read it."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Any

import icalendar
import vobject

from tests.events.test_events import SECRET
from tests.mailing import text_of


def part_of(mail: EmailMessage) -> EmailMessage:
    """The part that is for calendar programs."""
    (found,) = [one for one in mail.walk() if one.get_content_type() == "text/calendar"]
    assert isinstance(found, EmailMessage)
    return found


def calendar_in(mail: EmailMessage) -> Any:
    """The calendar in a mail. The mail is built as RFC 6047 asks; the link to join is nowhere in it."""
    assert mail.get_content_type() == "multipart/mixed"
    faces, file = mail.iter_parts()
    assert [one.get_content_type() for one in faces.iter_parts()] == [
        "text/plain", "text/html", "text/calendar",
    ]  # fmt: skip
    part = part_of(mail)
    assert part.get_content_charset() == "utf-8"
    body = part.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert (file.get_content_type(), file.get_filename()) == ("application/ics", "invite.ics")
    assert file.get_payload(decode=True) == body
    found = icalendar.Calendar.from_ical(body)
    assert str(found["method"]) == part.get_param("method")
    assert SECRET not in mail.as_string() + body.decode().replace("\r\n ", "") + text_of(mail)
    _agrees(body, found)
    return found


def _agrees(body: bytes, found: Any) -> None:
    """An independent parser reads the same."""
    other = vobject.readOne(body.decode())
    assert other.method.value == str(found["method"])
    components = found.walk("VEVENT")
    assert len(other.vevent_list) == len(components)
    for theirs, ours in zip(other.vevent_list, components, strict=True):
        assert theirs.uid.value == str(ours["uid"])
        assert int(theirs.sequence.value) == int(ours["sequence"])
        assert theirs.organizer.value == str(ours["organizer"])
        assert theirs.attendee.value == str(ours["attendee"])
        assert theirs.dtstart.value == ours["dtstart"].dt
        ids = [getattr(theirs, "recurrence_id", None), ours.get("recurrence-id")]
        assert (ids[0] is None) == (ids[1] is None)
        if ids[0] is not None:
            assert ids[0].value == ids[1].dt


def events_in(mail: EmailMessage) -> list[Any]:
    """The components of events in a mail."""
    found: list[Any] = calendar_in(mail).walk("VEVENT")
    return found


def method_of(mail: EmailMessage) -> str:
    return str(part_of(mail).get_param("method"))
