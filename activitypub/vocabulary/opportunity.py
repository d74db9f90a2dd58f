"""An opportunity: what an ``Article`` of ours says under ``opportunity``, in terms of schema.org and of our namespace.

The struct is what both sides of the wire work with; ``read_opportunity`` is lenient and bounded, ``builders.opportunity``
writes. How one applies on the server it is from is in no document.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any, Final

import msgspec

from activitypub.names import NAMESPACE
from activitypub.values import first, number, parse_time, string
from activitypub.vocabulary.resource import OWN, Said

WALL_CHARS_MAX: Final = 16
PLACE_NAMES: Final = {
    "name": "name", "locality": "addressLocality", "region": "addressRegion", "country": "addressCountry",
}  # fmt: skip


class Opportunity(msgspec.Struct, frozen=True, kw_only=True):
    """What a document says of an opportunity beside the post. ``opens_at`` and ``deadline_at`` are instants, ``opens`` and
    ``deadline`` the same as wall time of ``zone`` or as days, as they were said; ``place`` has name, locality, region and country.
    ``closed`` is why it is closed, None for what is not."""

    kind: str = ""
    abstract: str = ""
    organisation: str = ""
    organisation_url: str = ""
    ror: str = ""
    place: dict[str, str] = {}
    remote: str = "no"
    least: float | None = None
    most: float | None = None
    currency: str = ""
    period: str = ""
    pay_note: str = ""
    opens_at: datetime | None = None
    deadline_at: datetime | None = None
    opens: str = ""
    deadline: str = ""
    zone: str = ""
    slots: int | None = None
    eligibility: str = ""
    topics: tuple[str, ...] = ()
    contact: str = ""
    apply_url: str = ""
    website: str = ""
    closed: str | None = None


def read_opportunity(document: dict[str, Any]) -> Opportunity | None:
    """The opportunity in a normalised ``Article``; None when it describes none. What does not fit is left out."""
    inner = first(
        document.get("opportunity")
        or document.get("net:opportunity")
        or document.get(f"{NAMESPACE}opportunity")
    )
    if type(inner) is not dict:
        return None
    said = Said(inner)
    organisation, pay, place = (_inner(said, name) for name in ("organisation", "pay", "place"))
    closed = said.line("closed", OWN)
    return Opportunity(
        kind=said.line("kind", OWN).lower(),
        abstract=said.text("description"),
        organisation=organisation.line("name"),
        organisation_url=organisation.reference("url"),
        ror=string(organisation.value("id", ("",))) or "",
        place={name: found for name, term in PLACE_NAMES.items() if (found := place.line(term))},
        remote=said.line("remote", OWN).lower(),
        least=_amount(pay.value("minValue")),
        most=_amount(pay.value("maxValue")),
        currency=pay.line("currency"),
        period=pay.line("unitText").lower(),
        pay_note=pay.line("description"),
        opens_at=parse_time(said.value("opensAt", OWN)),
        deadline_at=parse_time(said.value("validThrough")),
        opens=said.line("opens", OWN)[:WALL_CHARS_MAX],
        deadline=said.line("deadline", OWN)[:WALL_CHARS_MAX],
        zone=said.line("timezone", OWN),
        slots=number(said.value("slots", OWN)),
        eligibility=said.text("eligibility", OWN),
        topics=said.lines("topics", OWN),
        contact=said.line("contact", OWN),
        apply_url=said.reference("applyUrl", OWN),
        website=said.reference("url"),
        closed=closed.lower() or None,
    )


def _inner(said: Said, name: str) -> Said:
    value = first(said.value(name, OWN))
    return Said(value if type(value) is dict else {})


def _amount(value: Any) -> float | None:
    value = first(value)
    if type(value) is dict:
        value = value.get("@value")
    if type(value) not in (int, float) or not math.isfinite(value) or value < 0:
        return None
    return float(min(value, 1e15))
