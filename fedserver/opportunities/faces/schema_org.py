"""An opportunity in schema.org's terms, as search engines of jobs and of funding read them.

Jobs, voluntary work and fellowships are a ``JobPosting`` (with what Google asks of one), grants and microgrants a
``MonetaryGrant``, calls an ``EducationalOccupationalProgram``, the one type there that has an application deadline.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from fedserver.content.html import to_text
from fedserver.events import series
from fedserver.opportunities import times
from fedserver.opportunities.reading import Shown
from fedserver.opportunities.records import Organisation, Pay
from fedserver.resources.faces.schema_org import CONTEXT, MEDIA_TYPE, in_script

__all__ = ["MEDIA_TYPE", "document", "script"]

script: Final = in_script
_EMPLOYMENT: Final = {"volunteer": "VOLUNTEER", "fellowship": "OTHER"}
_UNITS: Final = {"hour": "HOUR", "day": "DAY", "week": "WEEK", "month": "MONTH", "year": "YEAR"}


def document(found: Shown) -> dict[str, Any]:
    """The JSON-LD of an opportunity. What is not known is left out."""
    row, details = found.row, found.details
    common: dict[str, Any] = {
        "@context": CONTEXT,
        "@id": row.uri,
        "url": row.url or row.uri,
        "inLanguage": row.language,
        "identifier": {"@type": "PropertyValue", "name": details.organisation.name, "value": row.uid},
    }
    match row.kind:
        case "grant" | "microgrant":
            made = {**common, **_grant(found)}
        case "call":
            made = {**common, **_programme(found)}
        case _:
            made = {**common, **_posting(found)}
    return {name: value for name, value in made.items() if value not in ("", [], {}, None)}


def _posting(found: Shown) -> dict[str, Any]:
    row, details = found.row, found.details
    return {
        "@type": "JobPosting",
        "title": row.title,
        "description": row.text_html or row.summary or row.title,
        "datePosted": _day(row.created_at),
        "validThrough": _instant(row.deadline_at, details.zone),
        "employmentType": _EMPLOYMENT.get(row.kind, ""),
        "hiringOrganization": _organisation(details.organisation),
        "jobLocation": _place(found),
        "jobLocationType": "TELECOMMUTE" if details.remote == "yes" else "",
        # Google wants to know from where, of what can be done from anywhere.
        "applicantLocationRequirements": {"@type": "Country", "name": details.place.country}
        if details.remote == "yes" and details.place.country
        else None,
        "baseSalary": _salary(details.pay),
        "totalJobOpenings": details.slots,
        "qualifications": details.eligibility,
        "skills": ", ".join(details.topics),
        "applicationContact": {"@type": "ContactPoint", "description": details.contact}
        if details.contact
        else None,
        "directApply": bool(found.form),
    }


def _grant(found: Shown) -> dict[str, Any]:
    row, details = found.row, found.details
    pay = details.pay
    return {
        "@type": "MonetaryGrant",
        "name": row.title,
        "description": row.summary or to_text(row.text_html),
        "funder": _organisation(details.organisation),
        "amount": _amount(pay),
        "keywords": list(details.topics),
        # A Grant has no deadline; what one can do about it has.
        "potentialAction": {
            "@type": "ApplyAction",
            "target": details.apply_url or row.url or row.uri,
            **_stretch("startTime", row.opens_at, details.zone),
            **_stretch("endTime", row.deadline_at, details.zone),
        },
    }


def _programme(found: Shown) -> dict[str, Any]:
    row, details = found.row, found.details
    return {
        "@type": "EducationalOccupationalProgram",
        "name": row.title,
        "description": row.summary or to_text(row.text_html),
        "provider": _organisation(details.organisation),
        "applicationStartDate": _instant(row.opens_at, details.zone),
        "applicationDeadline": _instant(row.deadline_at, details.zone),
        "maximumEnrollment": details.slots,
        "programPrerequisites": details.eligibility,
        "offers": {"@type": "Offer", "url": details.apply_url or row.url or row.uri},
        "about": list(details.topics),
    }


def _organisation(said: Organisation) -> dict[str, Any]:
    return {
        "@type": "Organization",
        "name": said.name,
        **({"url": said.url} if said.url else {}),
        **({"sameAs": said.ror} if said.ror else {}),
    }


def _place(found: Shown) -> dict[str, Any] | None:
    place = found.details.place
    if not place.line():
        return None
    address = {
        "addressLocality": place.locality, "addressRegion": place.region, "addressCountry": place.country,
    }  # fmt: skip
    return {
        "@type": "Place",
        **({"name": place.name} if place.name else {}),
        "address": {"@type": "PostalAddress", **{name: text for name, text in address.items() if text}},
    }


def _salary(pay: Pay) -> dict[str, Any] | None:
    value = _range(pay)
    if value is None:
        return None
    unit = _UNITS.get(pay.period, "")
    return {
        "@type": "MonetaryAmount",
        "currency": pay.currency,
        "value": {"@type": "QuantitativeValue", **value, **({"unitText": unit} if unit else {})},
    }


def _amount(pay: Pay) -> dict[str, Any] | None:
    value = _range(pay)
    return None if value is None else {"@type": "MonetaryAmount", "currency": pay.currency, **value}


def _range(pay: Pay) -> dict[str, float] | None:
    if pay.least is None and pay.most is None:
        return None
    if pay.least == pay.most and pay.least is not None:
        return {"value": pay.least}
    return {
        **({"minValue": pay.least} if pay.least is not None else {}),
        **({"maxValue": pay.most} if pay.most is not None else {}),
    }


def _stretch(name: str, at_ms: int | None, zone: str) -> dict[str, str]:
    return {} if at_ms is None else {name: _instant(at_ms, zone)}


def _instant(at_ms: int | None, zone: str) -> str:
    """ISO 8601 with the offset of the zone."""
    if at_ms is None:
        return ""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(series.zone(times.iana(zone))).isoformat()


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d")
