"""What an ``Article`` of ours says under ``opportunity``. The inner object has no ``id`` of ActivityStreams, and its names have a
prefix: no reader of plain JSON mistakes it for something of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from activitypub.vocabulary.opportunity import PLACE_NAMES, Opportunity


def opportunity(found: Opportunity) -> dict[str, Any]:
    """The keys of an opportunity beside those of its post. Instants carry the offset that they have."""
    inner: dict[str, Any] = {
        "@type": "net:Opportunity",
        "net:kind": found.kind,
        "schema:description": found.abstract,
        "net:organisation": {
            "@type": "schema:Organization",
            **({"@id": found.ror} if found.ror else {}),
            "schema:name": found.organisation,
            **({"schema:url": {"@id": found.organisation_url}} if found.organisation_url else {}),
        },
        "net:place": _typed(
            "schema:Place", {f"schema:{PLACE_NAMES[name]}": text for name, text in found.place.items()}
        ),
        "net:remote": found.remote,
        "net:pay": _typed(
            "schema:MonetaryAmount",
            {
                "schema:currency": found.currency,
                "schema:minValue": found.least,
                "schema:maxValue": found.most,
                "schema:unitText": found.period,
                "schema:description": found.pay_note,
            },
        ),
        "net:opensAt": _instant(found.opens_at),
        "net:opens": found.opens,
        "schema:validThrough": _instant(found.deadline_at),
        "net:deadline": found.deadline,
        "net:timezone": found.zone,
        "net:slots": found.slots,
        "net:eligibility": found.eligibility,
        "net:topics": list(found.topics),
        "net:contact": found.contact,
        "net:applyUrl": _reference(found.apply_url),
        "schema:url": _reference(found.website),
        "net:closed": found.closed or "",
    }
    return {"opportunity": {key: value for key, value in inner.items() if value not in ("", [], {}, None)}}


def _typed(kind: str, said: dict[str, Any]) -> dict[str, Any]:
    """What is known of it, or nothing."""
    kept = {name: value for name, value in said.items() if value not in ("", None)}
    return {"@type": kind, **kept} if kept else {}


def _reference(address: str) -> dict[str, str]:
    return {"@id": address} if address else {}


def _instant(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()
