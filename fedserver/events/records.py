"""What is said of an event, as values, and the words that lists choose from.

`Details` is kept beside the post as JSON, `Described` is all that an organiser says. The link to join is in neither of
them: it is kept apart, so that nothing that shows an event can show it by mistake.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from msgspec import Struct

from fedserver.events.series import Schedule

KINDS: Final = ("call", "workshop", "course", "webinar", "office-hours", "cowork", "conference", "meetup")
STATUSES: Final = ("scheduled", "tentative", "postponed", "rescheduled", "moved-online", "cancelled")
RSVP_MODES: Final = ("free", "approval", "invite", "external", "none")
ANSWERS: Final = ("going", "maybe", "declined")
News = Literal["in", "waiting", "refused", "changed", "due"]
"""What those who answered are told (`fedserver.events.telling`)."""


class Place(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where people meet in person (schema.org Place and PostalAddress); coordinates in degrees, WGS 84."""

    name: str = ""
    street: str = ""
    postal_code: str = ""
    locality: str = ""
    region: str = ""
    country: str = ""
    latitude: float | None = None
    longitude: float | None = None

    def line(self) -> str:
        """All of it in one line."""
        town = " ".join(one for one in (self.postal_code, self.locality) if one)
        return ", ".join(one for one in (self.name, self.street, town, self.region, self.country) if one)


class AgendaItem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of each occurrence: `offset_minutes` after it begins; `resources` are ids of resources of the library."""

    title: str
    offset_minutes: int = 0
    speakers: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()


class Details(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is said beside title, abstract, text and language. `online` says that one can join from anywhere, `tool` by which
    means; `reminders` are how many minutes before it begins those who are in are reminded; `by_mail` says whether people
    without an account may come by mail (None: where everybody sees the event and whoever wants to comes); `cost` is free text, `website` a page elsewhere, `languages` are tags of BCP 47."""

    schedule: Schedule
    place: Place = Place()
    online: bool = False
    tool: str = ""
    website: str = ""
    external_url: str = ""
    agenda: tuple[AgendaItem, ...] = ()
    organisers: tuple[str, ...] = ()
    cost: str = ""
    eligibility: str = ""
    languages: tuple[str, ...] = ()
    captions: bool = False
    accessibility: str = ""
    questions: tuple[str, ...] = ()
    reminders: tuple[int, ...] = (1_440, 60)
    by_mail: bool | None = None
    keywords: tuple[str, ...] = ()


class Described(Details, frozen=True, kw_only=True, omit_defaults=True):
    """All that an organiser says of an event. `rsvp_closes_at` is an instant in ms; `capacity` counts people at each
    occurrence; `join_url` is None where it stays as it is; `asks_elsewhere` has people of other servers asked by a poll."""

    title: str = ""
    abstract: str = ""
    text: str = ""
    language: str = ""
    kind: str = "call"
    status: str = "scheduled"
    rsvp_mode: str = "free"
    capacity: int | None = None
    has_waiting_list: bool = True
    guests_max: int = 0
    rsvp_closes_at: int | None = None
    join_url: str | None = None
    asks_elsewhere: bool = True

    def details(self) -> Details:
        """What is kept as JSON."""
        return Details(**{name: getattr(self, name) for name in Details.__struct_fields__})


encode: Final = msgspec.json.Encoder().encode
decode_details: Final = msgspec.json.Decoder(Details).decode
