"""What a poster says of an opportunity, brought to one form or refused, with a sentence for each field."""

from __future__ import annotations

import math
from typing import Final

from msgspec.structs import replace

from fedserver.errors import Invalid
from fedserver.events import series
from fedserver.events.checking import YEARS
from fedserver.events.records import Place
from fedserver.fields import Fields
from fedserver.opportunities import currencies, times
from fedserver.opportunities.records import (
    KINDS,
    PERIODS,
    QUESTION_KINDS,
    REMOTE,
    Described,
    Form,
    Organisation,
    Pay,
    Question,
)
from fedserver.resources import identifiers

TITLE_CHARS_MAX: Final = 200
ABSTRACT_CHARS_MAX: Final = 2_000
TEXT_CHARS_MAX: Final = 40_000
ELIGIBILITY_CHARS_MAX: Final = 2_000
AMOUNT_MAX: Final = 1_000_000_000_000
SLOTS_MAX: Final = 100_000
TOPICS_MAX: Final = 20
QUESTIONS_MAX: Final = 40
CHOICES_MAX: Final = 30
CRITERIA_MAX: Final = 10
TEAM_MAX: Final = 20
KEPT_DAYS: Final = (30, 730)
_DAY_CHARS: Final = 10


def checked(said: Described) -> Described:
    """What is said, in the form in which it is kept. Raises Invalid with every field that is wrong."""
    fields = Fields()
    kept = _all(fields, said)
    if fields.problems:
        raise Invalid(fields.problems)
    return kept


def _all(fields: Fields, said: Described) -> Described:
    apply_url = fields.address("apply_url", said.apply_url)
    if apply_url and said.form is not None:
        fields.wrong("apply_url", "cannot go together with a form here: people apply in one place")
    zone, opens, deadline = _times(fields, said)
    return Described(
        title=fields.line("title", said.title, TITLE_CHARS_MAX, required=True),
        abstract=fields.text("abstract", said.abstract, ABSTRACT_CHARS_MAX),
        text=fields.text("text", said.text, TEXT_CHARS_MAX),
        language=fields.language("language", said.language),
        kind=fields.one_of("kind", said.kind or "job", KINDS),
        organisation=_organisation(fields, said.organisation),
        place=_place(fields, said.place),
        remote=fields.one_of("remote", said.remote or "no", REMOTE),
        pay=_pay(fields, said.pay),
        opens=opens,
        deadline=deadline,
        zone=zone,
        slots=fields.number("slots", said.slots, 1, SLOTS_MAX),
        eligibility=fields.text("eligibility", said.eligibility, ELIGIBILITY_CHARS_MAX),
        topics=fields.few("topics", fields.lines("topics", said.topics, 100), TOPICS_MAX),
        contact=fields.line("contact", said.contact),
        apply_url=apply_url,
        website=fields.address("website", said.website),
        form=None if said.form is None else _form(fields, said.form),
    )


def _organisation(fields: Fields, said: Organisation) -> Organisation:
    ror = identifiers.ror(said.ror) if said.ror.strip() else ""
    if ror is None:
        fields.wrong("organisation.ror", "is no ROR, such as https://ror.org/03yrm5c26")
    return Organisation(
        name=fields.line("organisation.name", said.name, 200, required=True),
        url=fields.address("organisation.url", said.url),
        ror=ror or "",
    )


def _place(fields: Fields, place: Place) -> Place:
    return Place(
        name=fields.line("place.name", place.name, 200),
        locality=fields.line("place.locality", place.locality, 200),
        region=fields.line("place.region", place.region, 200),
        country=fields.line("place.country", place.country, 200),
    )


def _pay(fields: Fields, said: Pay) -> Pay:
    least, most = _amount(fields, "pay.least", said.least), _amount(fields, "pay.most", said.most)
    if least is not None and most is not None and least > most:
        fields.wrong("pay.most", "must not be less than where it begins")
    currency = said.currency.strip().upper()
    if currency and currency not in currencies.CODES:
        fields.wrong("pay.currency", "must be a code of ISO 4217, such as EUR")
    if (least is not None or most is not None) and not currency:
        fields.wrong("pay.currency", "is needed to know what the amount is worth")
    return Pay(
        least=least,
        most=most,
        currency=currency,
        period=fields.one_of("pay.period", said.period, PERIODS),
        note=fields.line("pay.note", said.note, 200),
    )


def _amount(fields: Fields, name: str, value: float | None) -> float | None:
    if value is None:
        return None
    if not math.isfinite(value) or not 0 <= value <= AMOUNT_MAX:
        fields.wrong(name, f"must be an amount from 0 to {AMOUNT_MAX:,}")
        return None
    return round(float(value), 2)


def _times(fields: Fields, said: Described) -> tuple[str, str, str]:
    """Zone, opening and deadline, as they are kept."""
    zone = "UTC"
    try:
        zone = times.zone_name(said.zone or "UTC")
    except ValueError:
        fields.wrong("zone", "must be a time zone such as Europe/Stockholm, or AoE for anywhere on earth")
    before = len(fields.problems)
    opens, deadline = _wall(fields, "opens", said.opens), _wall(fields, "deadline", said.deadline)
    if opens and deadline and len(fields.problems) == before:
        named = replace(said, zone=zone, opens=opens, deadline=deadline)
        begins, ends = times.opens_at(named), times.deadline_at(named)
        if begins is not None and ends is not None and begins >= ends:
            fields.wrong("deadline", "must be after it opens")
    return zone, opens, deadline


def _wall(fields: Fields, name: str, text: str) -> str:
    """A day, or a day and time, or nothing."""
    kept = text.strip()
    if not kept:
        return ""
    try:
        found = series.moment(kept)
        if not YEARS[0] <= found.year <= YEARS[1]:
            raise ValueError
    except ValueError:
        fields.wrong(name, "must be a day such as 2027-03-12, or a day and time such as 2027-03-12T17:00")
        return ""
    return found.strftime("%Y-%m-%d") if len(kept) <= _DAY_CHARS else found.isoformat(timespec="minutes")


# -- applying


def _form(fields: Fields, said: Form) -> Form:
    questions = fields.several(
        "form.questions", said.questions, QUESTIONS_MAX, lambda name, one: _question(fields, name, one)
    )
    if not questions:
        fields.wrong("form.questions", "must have one question at least")
    if len({one.key for one in questions}) != len(questions):
        fields.wrong("form.questions", "must differ from one another")
    return Form(
        questions=questions,
        criteria=fields.few("form.criteria", fields.lines("form.criteria", said.criteria, 100), CRITERIA_MAX),
        blind=said.blind,
        team_max=fields.number("form.team_max", said.team_max, 1, TEAM_MAX) or 1,
        kept_days=fields.number("form.kept_days", said.kept_days, *KEPT_DAYS) or KEPT_DAYS[0],
    )


def _question(fields: Fields, name: str, said: Question) -> Question | None:
    label = fields.line(name, said.label, 300)
    if not label:
        return None
    kind = fields.one_of(name, said.kind or "short", QUESTION_KINDS)
    choices = fields.few(name, fields.lines(name, said.choices, 200), CHOICES_MAX)
    if kind == "choice" and len(choices) < 2:
        fields.wrong(name, "that are a choice need two answers to choose from at least")
    return Question(
        label=label, kind=kind, required=said.required, choices=choices if kind == "choice" else ()
    )
