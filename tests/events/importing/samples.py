"""Calendars for tests of importing."""

from __future__ import annotations

from datetime import date

from fedserver.events.importing import ics
from fedserver.events.importing.found import Found, Read

TODAY = date(2027, 3, 15)


def calendar(*components: str, head: str = "") -> str:
    """A calendar of these components, each the lines of a VEVENT without its first and last."""
    inner = "".join(f"BEGIN:VEVENT\n{one.strip()}\nEND:VEVENT\n" for one in components)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//tests//EN\n{head}{inner}END:VCALENDAR\n".replace(
        "\n", "\r\n"
    )


def read(*components: str, head: str = "", zone: str = "UTC") -> Read:
    return ics.read(calendar(*components, head=head), "test.ics", zone=zone, today=TODAY)


def only(*components: str, head: str = "", zone: str = "UTC") -> Found:
    """The one event of a calendar."""
    done = read(*components, head=head, zone=zone)
    assert len(done.found) == 1, done.left_out
    return done.found[0]


def sentences(found: Found, kind: str) -> str:
    return " ".join(one.sentence for one in getattr(found.receipt, kind))
