"""Entities of events. Instants as in Mastodon's API; wall times as ``2027-03-12T15:00`` in the event's `zone`."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from fedserver.events.records import AgendaItem, Place
from fedserver.events.series import Schedule
from web.api.entities import Account


class Rsvp(Struct, kw_only=True):
    """An answer: `status` is going, maybe or declined; `state` is what became of going: in, waiting (for a seat), asked (for
    approval), sent (to another server, which has not answered), refused."""

    occurrence: str
    status: str
    state: str
    guests: int


class Attendee(Rsvp, kw_only=True):
    """An answer as organisers see it. Who answered by mail has no `account_id`, an empty `acct`, and a `guest_id` and `email`."""

    account_id: str | None
    guest_id: str | None
    acct: str
    display_name: str
    email: str | None
    answers: dict[str, str]
    attended: bool
    created_at: str


class Occurrence(Struct, kw_only=True):
    """One time that an event takes place. `key` stays when it is moved; `status` is scheduled, moved or cancelled. `rsvp` is the
    viewer's; `attended_count` says how many came, as far as an organiser has ticked it."""

    key: str
    uri: str
    starts_at: str
    ends_at: str
    starts: str
    status: str
    note: str
    capacity: int | None
    going_count: int
    waiting_count: int
    attended_count: int
    rsvp: Rsvp | None


class EventOutput(Struct, kw_only=True):
    """What came out of an event: `role` is notes, recording, slides or other; `resource_id` is of the library; `occurrence` the
    key of the time that it is of, null for the whole event."""

    id: str
    role: str
    title: str
    url: str
    resource_id: str | None
    occurrence: str | None


class EventResource(Struct, kw_only=True):
    """A resource of the library that the agenda names."""

    id: str
    title: str
    url: str


class Event(Struct, kw_only=True):
    """An event. Its id is that of its status, which any client can open, boost, answer and bookmark. `starts_at` and `ends_at` are
    of the first and last occurrence, `zone` is an IANA name. `has_join_link` says that there is one, which
    ``GET /api/v1/events/:id/join`` gives to those who go. `asks_elsewhere` says that people of other servers are asked by a poll."""

    id: str
    status_id: str
    uri: str
    url: str
    local: bool
    instance: str
    uid: str
    sequence: int
    title: str
    abstract: str
    description: str
    text: str
    language: str | None
    visibility: str
    group_id: str | None
    kind: str
    state: str
    rsvp_mode: str
    rsvp_closes_at: str | None
    external_url: str | None
    capacity: int | None
    has_waiting_list: bool
    asks_elsewhere: bool
    guests_max: int
    questions: list[str]
    reminders: list[int]
    by_mail: bool
    schedule: Schedule
    zone: str
    all_day: bool
    starts_at: str
    ends_at: str
    place: Place
    online: bool
    tool: str
    website: str | None
    has_join_link: bool
    agenda: list[AgendaItem]
    organisers: list[str]
    cost: str
    eligibility: str
    languages: list[str]
    captions: bool
    accessibility: str
    keywords: list[str]
    occurrences: list[Occurrence] | UnsetType = UNSET
    resources: list[EventResource] | UnsetType = UNSET
    outputs: list[EventOutput] | UnsetType = UNSET
    created_at: str
    changed_at: str
    account: Account


class Announcement(Struct, kw_only=True):
    """Another announcement of an event: its id here, its title, the server it is from and its page."""

    id: str
    title: str
    instance: str
    url: str


class CalendarEntry(Struct, kw_only=True):
    """An occurrence in a calendar, with its event, and who else announces it: on other servers, in other groups, or by a calendar
    that was brought in."""

    occurrence: Occurrence
    event: Event
    also_announced_by: list[Announcement]


class EventPreferences(Struct, kw_only=True):
    """How a member hears of events they go to. `reminders` are minutes before one begins; null: as each event has it."""

    invites_by_mail: bool
    reminds_here: bool
    reminds_by_mail: bool
    reminders: list[int] | None


class EventReminders(Struct, kw_only=True):
    """When a member is reminded of an event, in minutes before; `chosen` says whether they chose it for this one."""

    reminders: list[int]
    chosen: bool


class Clash(Struct, kw_only=True):
    """A time of what is planned, and what else takes place then in the network."""

    key: str
    starts_at: str
    ends_at: str
    entries: list[CalendarEntry]


class JoinLink(Struct, kw_only=True):
    """Where to join."""

    url: str


class CalendarToken(Struct, kw_only=True):
    """A secret address of a member's calendar; `url` is said when it is made, and never again. `used_at` is the day when a program
    read it last."""

    id: str
    label: str
    created_at: str
    used_at: str | None
    url: str | None


class FollowUp(Struct, kw_only=True):
    """How many are written to."""

    written_to: int


class ImportNote(Struct, kw_only=True):
    """One thing that an import did. `line` is where it was in the source."""

    field: str
    sentence: str
    line: int | None = None


class EventReceipt(Struct, kw_only=True):
    """What was repaired in the source, guessed from it, missing in it and left out of it."""

    repaired: list[ImportNote] = []
    guessed: list[ImportNote] = []
    missing: list[ImportNote] = []
    left_out: list[ImportNote] = []


class ImportedEvent(Struct, kw_only=True):
    """What became of one event of a calendar. `state` is added, changed, cancelled, unchanged, there, changed_here, removed_here,
    older, twice or refused (`why` says why); `id` and `url` are the event's, once it is there."""

    title: str
    state: str
    receipt: EventReceipt
    when: str = ""
    id: str | None = None
    url: str | None = None
    why: str = ""


class LeftOutEvent(Struct, kw_only=True):
    """Something of a calendar that became no event."""

    title: str
    why: str


class EventImport(Struct, kw_only=True):
    """What became of a calendar; `counts` by state."""

    dry_run: bool
    name: str
    counts: dict[str, int]
    events: list[ImportedEvent]
    left_out: list[LeftOutEvent]
    repaired: list[ImportNote]


class CalendarFeed(Struct, kw_only=True):
    """A calendar that is subscribed to, for a group or (without `group_id`) for the whole server. `state` is active or paused,
    `problem` what went wrong last, `counts` and `notes` what became of its events then."""

    id: str
    url: str
    title: str
    zone: str
    group_id: str | None
    account_id: str
    hours: int
    state: str
    problem: str
    failures: int
    counts: dict[str, int]
    notes: list[str]
    created_at: str
    asked_at: str | None
    read_at: str | None
    due_at: str
