"""What an organiser says of an event, brought to one form or refused, with a sentence for each field."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec.structs import replace

from fedserver.errors import Invalid
from fedserver.events import series
from fedserver.events.offsets import checked_minutes
from fedserver.events.records import KINDS, RSVP_MODES, STATUSES, AgendaItem, Described, Place
from fedserver.events.series import FREQUENCIES, INTERVAL_MAX, WEEKDAYS, Rule, Schedule
from fedserver.fields import Fields, either

TITLE_CHARS_MAX: Final = 200
ABSTRACT_CHARS_MAX: Final = 2_000
TEXT_CHARS_MAX: Final = 40_000
QUESTIONS_MAX: Final = 10
AGENDA_MAX: Final = 60
SPEAKERS_MAX: Final = 20
RESOURCES_MAX: Final = 10
CAPACITY_MAX: Final = 100_000
GUESTS_MAX: Final = 20
MINUTES_MAX: Final = 14 * 24 * 60
DAYS_MAX: Final = 60
YEARS: Final = (1970, 2200)
INSTANT_MAX: Final = int(datetime(YEARS[1] + 1, 1, 1, tzinfo=UTC).timestamp() * 1000)
_PUBLIC_TEXTS: Final = (
    "title", "abstract", "text", "website", "external_url", "tool", "cost", "eligibility", "accessibility",
)  # fmt: skip
POSITIONS: Final = (1, 2, 3, 4, -1)


def checked(said: Described) -> Described:
    """What is said, in the form in which it is kept. Raises Invalid with every field that is wrong."""
    fields = Fields()
    kept = _all(fields, said)
    _check_secret(fields, kept)
    if fields.problems:
        raise Invalid(fields.problems)
    return kept


def _check_secret(fields: Fields, said: Described) -> None:
    """The link to join is for those who come: it stands nowhere else, where everybody would read it."""
    if not said.join_url:
        return
    texts = {
        **{name: getattr(said, name) for name in _PUBLIC_TEXTS},
        "agenda": "\n".join(text for item in said.agenda for text in (item.title, *item.speakers)),
        "place": said.place.line(),
        "organisers": "\n".join(said.organisers),
        "questions": "\n".join(said.questions),
    }
    for name, text in texts.items():
        if said.join_url in text:
            fields.wrong(name, "has the link to join in it, which everybody would read")


def _all(fields: Fields, said: Described) -> Described:
    mode = fields.one_of("rsvp_mode", said.rsvp_mode or "free", RSVP_MODES)
    external = fields.address("external_url", said.external_url)
    if mode == "external" and not external:
        fields.wrong("external_url", "is where people sign up, and cannot be empty then")
    return Described(
        title=fields.line("title", said.title, TITLE_CHARS_MAX, required=True),
        abstract=fields.text("abstract", said.abstract, ABSTRACT_CHARS_MAX),
        text=fields.text("text", said.text, TEXT_CHARS_MAX),
        language=fields.language("language", said.language),
        kind=fields.one_of("kind", said.kind or "call", KINDS),
        status=fields.one_of("status", said.status or "scheduled", STATUSES),
        rsvp_mode=mode,
        capacity=fields.number("capacity", said.capacity, 1, CAPACITY_MAX),
        has_waiting_list=said.has_waiting_list,
        guests_max=fields.number("guests_max", said.guests_max, 0, GUESTS_MAX) or 0,
        rsvp_closes_at=fields.number("rsvp_closes_at", said.rsvp_closes_at, 0, INSTANT_MAX),
        join_url=None if said.join_url is None else fields.address("join_url", said.join_url),
        asks_elsewhere=said.asks_elsewhere,
        schedule=_schedule(fields, said.schedule),
        place=_place(fields, said.place),
        online=said.online,
        tool=fields.line("tool", said.tool, 60),
        website=fields.address("website", said.website),
        external_url=external,
        agenda=fields.several("agenda", said.agenda, AGENDA_MAX, lambda name, one: _item(fields, name, one)),
        organisers=fields.lines("organisers", said.organisers),
        cost=fields.line("cost", said.cost, 100),
        eligibility=fields.line("eligibility", said.eligibility),
        languages=fields.several(
            "languages", said.languages, 20, lambda name, one: fields.language(name, one) or None
        ),
        captions=said.captions,
        accessibility=fields.text("accessibility", said.accessibility, 2_000),
        questions=fields.few("questions", fields.lines("questions", said.questions), QUESTIONS_MAX),
        reminders=_reminders(fields, said.reminders),
        by_mail=said.by_mail,
        keywords=fields.lines("keywords", said.keywords, 100),
    )


def _reminders(fields: Fields, minutes: Sequence[int]) -> tuple[int, ...]:
    try:
        return checked_minutes(minutes)
    except Invalid as error:
        fields.wrong("reminders", error.fields["minutes"])
        return ()


def _item(fields: Fields, name: str, item: AgendaItem) -> AgendaItem | None:
    title = fields.line(name, item.title, 200)
    offset = fields.number(name, item.offset_minutes, 0, MINUTES_MAX) or 0
    speakers = fields.few(name, fields.lines(name, item.speakers, 100), SPEAKERS_MAX)
    resources = fields.few(name, tuple(dict.fromkeys(one.strip() for one in item.resources)), RESOURCES_MAX)
    if not all(one.isascii() and one.isdigit() and len(one) < 20 for one in resources):
        fields.wrong(name, "names a resource that is not in the library")
        resources = ()
    return (
        AgendaItem(title=title, offset_minutes=offset, speakers=speakers, resources=resources)
        if title
        else None
    )


def _place(fields: Fields, place: Place) -> Place:
    latitude, longitude = place.latitude, place.longitude
    if (latitude is None) != (longitude is None) or (
        latitude is not None and longitude is not None and not (abs(latitude) <= 90 and abs(longitude) <= 180)
    ):
        fields.wrong("place", "has coordinates that are nowhere on earth")
    return replace(
        place,
        **{
            name: fields.line("place", getattr(place, name), 200)
            for name in ("name", "street", "postal_code", "locality", "region", "country")
        },
    )


# -- when


def _schedule(fields: Fields, said: Schedule) -> Schedule:
    before = len(fields.problems)
    try:
        series.zone(said.zone)
    except ValueError:
        fields.wrong("schedule.zone", "must be a time zone such as Europe/Stockholm")
    days = fields.number("schedule.days", said.days, 0, DAYS_MAX) or 0
    # How many there are does not matter of whole days.
    minutes = 60 if days else fields.number("schedule.minutes", said.minutes, 1, MINUTES_MAX) or 0
    starts = _wall(fields, "schedule.starts", said.starts, whole_day=days > 0)
    kept = Schedule(
        starts=starts,
        zone=said.zone,
        minutes=minutes,
        days=days,
        rule=None if said.rule is None else _rule(fields, said.rule),
        dates=_walls(fields, "schedule.dates", said.dates, whole_day=days > 0),
        left_out=_walls(fields, "schedule.left_out", said.left_out, whole_day=days > 0),
    )
    if len(fields.problems) > before:
        return kept
    try:
        found = series.starts_of(kept)
    except (ValueError, OverflowError) as error:
        fields.wrong("schedule.rule", f"cannot be used: {error}")
        return kept
    if not found:
        fields.wrong("schedule.left_out", "leaves nothing of the series")
    elif found[-1].year > YEARS[1]:
        fields.wrong("schedule.rule", f"goes on beyond the year {YEARS[1]}")
    span = timedelta(days=days) if days else timedelta(minutes=minutes)
    if any(later - earlier < span for earlier, later in itertools.pairwise(found)):
        fields.wrong("schedule", "has occurrences that overlap")
    return kept


def _walls(fields: Fields, name: str, texts: Sequence[str], *, whole_day: bool) -> tuple[str, ...]:
    few = fields.few(name, tuple(texts), series.OCCURRENCES_MAX)[: series.OCCURRENCES_MAX]
    return tuple(_wall(fields, name, one, whole_day=whole_day) for one in few)


def _wall(fields: Fields, name: str, text: str, *, whole_day: bool) -> str:
    try:
        found = series.moment(text.strip())
        if not YEARS[0] <= found.year <= YEARS[1]:
            raise ValueError
    except ValueError:
        example = (
            "a day such as 2027-03-12"
            if whole_day
            else "a day and time such as 2027-03-12T15:00, without a zone"
        )
        fields.wrong(name, f"must be {example}")
        return text
    return found.strftime("%Y-%m-%d") if whole_day else found.isoformat(timespec="minutes")


def _rule(fields: Fields, rule: Rule) -> Rule:
    name = "schedule.rule"
    fields.one_of(name, rule.frequency, tuple(FREQUENCIES))
    fields.number(name, rule.interval, 1, INTERVAL_MAX)
    fields.number(name, rule.count, 1, series.OCCURRENCES_MAX)
    weekdays = tuple(dict.fromkeys(one.strip().upper() for one in rule.weekdays))
    if any(one not in WEEKDAYS for one in weekdays):
        fields.wrong(name, f"has weekdays that must be {either(WEEKDAYS)}")
        weekdays = ()
    if rule.position is not None and (rule.frequency != "monthly" or rule.position not in POSITIONS):
        fields.wrong(name, "has a position, which in a month is 1 to 4, or -1 for the last")
    until = fields.date(name, rule.until)
    if rule.count is not None and until:
        fields.wrong(name, "ends after a number of times or on a day, not both")
    if rule.count is None and not until:
        fields.wrong(name, "has to end: after a number of times (count) or on a day (until)")
    return replace(rule, weekdays=weekdays, until=until)
