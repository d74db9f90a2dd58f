"""What is in the form of an opportunity. It keeps everything when something is wrong, and grows rows without a script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fedserver.events.records import Place
from fedserver.opportunities.records import ANYWHERE, Described, Form, Organisation, Pay, Question
from web.params import Params

_TEXTS: Final = (
    "title", "kind", "abstract", "text", "language", "organisation_name", "organisation_url", "ror", "place_name", "locality",
    "region", "country", "remote", "least", "most", "currency", "period", "pay_note", "opens_day", "opens_time",
    "deadline_day", "deadline_time", "zone", "slots", "eligibility", "topics", "contact", "apply", "apply_url", "website",
    "criteria", "team_max", "kept_days", "place", "key",
)  # fmt: skip
_FLAGS: Final = ("anywhere", "blind")
ROWS_MORE: Final = 3
ROWS_MAX: Final = 60
HERE: Final = "here"
# From the names of what is wrong to fields of the form.
NAMES: Final = {
    "organisation.name": "organisation_name", "organisation.url": "organisation_url", "organisation.ror": "ror",
    "place.name": "place_name", "place.locality": "locality", "place.region": "region", "place.country": "country",
    "pay.least": "least", "pay.most": "most", "pay.currency": "currency", "pay.period": "period", "pay.note": "pay_note",
    "opens": "opens_day", "deadline": "deadline_day", "form.questions": "questions", "form.criteria": "criteria",
    "form.team_max": "team_max", "form.kept_days": "kept_days", "visibility": "place", "group_id": "place",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """A question as it is typed."""

    label: str = ""
    kind: str = "short"
    required: bool = False
    choices: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """The form as it is typed."""

    texts: Mapping[str, str]
    flags: Mapping[str, bool]
    rows: tuple[Row, ...]

    def __getattr__(self, name: str) -> Any:
        if name in _TEXTS:
            return self.texts.get(name, "")
        if name in _FLAGS:
            return self.flags.get(name, False)
        raise AttributeError(name)


def blank(**texts: str) -> Written:
    """An empty form, with this in it."""
    usual = {
        "kind": "job", "remote": "no", "apply": "", "team_max": "1", "kept_days": "180", "place": "public", "deadline_time": "23:59",
    }  # fmt: skip
    return Written({**usual, **texts}, {"blind": True}, (Row(),) * ROWS_MORE)


def typed(params: Params) -> Written:
    """What was sent; `more` rows where they are asked for."""
    texts = {name: params.text(name).replace("\r\n", "\n") for name in _TEXTS}
    rows = [
        Row(
            params.text(f"q{number}-label"),
            params.text(f"q{number}-kind", "short"),
            params.flag(f"q{number}-required"),
            params.text(f"q{number}-choices").replace("\r\n", "\n"),
        )
        for number in range(params.integer("rows", 0, least=0, most=ROWS_MAX))
    ]
    if params.text("more") == "questions" or not rows:
        rows += [Row()] * ROWS_MORE
    return Written(texts, {name: params.flag(name) for name in _FLAGS}, tuple(rows[:ROWS_MAX]))


def said(written: Written) -> Described:
    """What is meant."""

    def lines(text: str) -> tuple[str, ...]:
        return tuple(one.strip() for one in text.splitlines() if one.strip())

    return Described(
        title=written.title,
        abstract=written.abstract,
        text=written.text,
        language=written.language,
        kind=written.kind,
        organisation=Organisation(
            name=written.organisation_name, url=written.organisation_url, ror=written.ror
        ),
        place=Place(
            name=written.place_name, locality=written.locality, region=written.region, country=written.country
        ),
        remote=written.remote,
        pay=Pay(
            least=_amount(written.least),
            most=_amount(written.most),
            currency=written.currency,
            period=written.period,
            note=written.pay_note,
        ),
        opens=_wall(written.opens_day, written.opens_time),
        deadline=_wall(written.deadline_day, written.deadline_time),
        zone=ANYWHERE if written.anywhere else written.zone,
        slots=_number(written.slots),
        eligibility=written.eligibility,
        topics=tuple(one.strip() for one in written.topics.split(",")),
        contact=written.contact,
        apply_url=written.apply_url if written.apply != HERE else "",
        website=written.website,
        form=_form(written, lines) if written.apply == HERE else None,
    )


def _form(written: Written, lines: Any) -> Form:
    questions = (
        Question(label=row.label, kind=row.kind, required=row.required, choices=lines(row.choices))
        for row in written.rows
        if row.label.strip()
    )
    return Form(
        questions=tuple(questions),
        criteria=lines(written.criteria),
        blind=written.blind,
        team_max=_number(written.team_max) or 1,
        kept_days=_number(written.kept_days) or 180,
    )


def of_described(said: Described) -> Written:
    """What is said of an opportunity, to be changed."""
    form, pay, place = said.form, said.pay, said.place
    opens_day, _, opens_time = said.opens.partition("T")
    deadline_day, _, deadline_time = said.deadline.partition("T")
    texts = {
        "title": said.title, "kind": said.kind, "abstract": said.abstract, "text": said.text, "language": said.language,
        "organisation_name": said.organisation.name, "organisation_url": said.organisation.url,
        "ror": said.organisation.ror, "place_name": place.name, "locality": place.locality, "region": place.region,
        "country": place.country, "remote": said.remote, "least": _text(pay.least), "most": _text(pay.most),
        "currency": pay.currency, "period": pay.period, "pay_note": pay.note, "opens_day": opens_day,
        "opens_time": opens_time, "deadline_day": deadline_day, "deadline_time": deadline_time,
        "zone": "" if said.zone == ANYWHERE else said.zone, "slots": _text(said.slots),
        "eligibility": said.eligibility, "topics": ", ".join(said.topics), "contact": said.contact,
        "apply": HERE if form else "", "apply_url": said.apply_url, "website": said.website,
        "criteria": "\n".join(form.criteria) if form else "", "team_max": _text(form.team_max if form else 1),
        "kept_days": _text(form.kept_days if form else 180),
    }  # fmt: skip
    rows = (
        [Row(one.label, one.kind, one.required, "\n".join(one.choices)) for one in form.questions]
        if form
        else []
    )
    flags = {"anywhere": said.zone == ANYWHERE, "blind": form.blind if form else True}
    return Written(texts, flags, (*rows, Row()) if rows else (Row(),) * ROWS_MORE)


def _wall(day: str, time: str) -> str:
    day, time = day.strip(), time.strip()
    return f"{day}T{time}" if day and time else day


def _number(text: str) -> int | None:
    """What was typed; -1, which no field takes, for what is no number."""
    text = text.strip()
    if not text:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def _amount(text: str) -> float | None:
    """``52,000.50`` or ``52000``; below 0, which is refused, for what is no amount."""
    kept = text.replace(",", "").replace(" ", "").strip()
    if not kept:
        return None
    whole, _, cents = kept.partition(".")
    digits = whole.isascii() and whole.isdigit() and (not cents or (cents.isascii() and cents.isdigit()))
    return float(kept) if digits and len(kept) < 20 else -1.0


def _text(number: float | None) -> str:
    return (
        ""
        if number is None
        else f"{number:g}"
        if number == int(number) and number < 1e6
        else f"{number:.2f}".removesuffix(".00")
    )
