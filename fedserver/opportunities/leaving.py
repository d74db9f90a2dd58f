"""What other servers are told of our opportunities: the parts of a document beside those that every post has. Each part is read
once for all posts of a list. Who applies, and what they are asked, is in none of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from activitypub.builders import opportunity as builder
from activitypub.builders.note import LinkAttachment
from activitypub.vocabulary.opportunity import PLACE_NAMES, Opportunity
from fedserver.events import series
from fedserver.opportunities import saying, times
from fedserver.opportunities.records import Details, decode_details
from storage import opportunities
from storage.opportunities import OpportunityRow
from storage.posts import PostRow


class Outgoing(NamedTuple):
    """Of one opportunity: what Mastodon shows, the links that Lemmy and PieFed show, and the keys of its document."""

    summary_html: str
    links: Sequence[LinkAttachment]
    document: Mapping[str, Any]


def opportunities_of(conn: Connection, rows: Sequence[PostRow]) -> dict[int, Outgoing]:
    """By id, of posts that are opportunities."""
    found = opportunities.by_ids(conn, [row.id for row in rows])
    return {post_id: _outgoing(row) for post_id, row in found.items()}


def _outgoing(row: OpportunityRow) -> Outgoing:
    details, closed_as = decode_details(row.details), closed_as_of(row)
    named = (("Apply", details.apply_url), ("Website", details.website))
    links = [LinkAttachment(href=url, name=name) for name, url in named if url]
    return Outgoing(
        saying.summary_html(row.kind, details, row.summary, row.url, closed_as=closed_as),
        links,
        builder.opportunity(opportunity_of(row, details)),
    )


def closed_as_of(row: OpportunityRow) -> str | None:
    """Why it was closed by hand; None for what was not."""
    return None if row.closed_at is None else row.close_reason


def opportunity_of(row: OpportunityRow, details: Details) -> Opportunity:
    """What is known of an opportunity as the value that builders take."""
    place = details.place
    return Opportunity(
        kind=row.kind,
        abstract=row.summary,
        organisation=details.organisation.name,
        organisation_url=details.organisation.url,
        ror=details.organisation.ror,
        place={name: text for name in PLACE_NAMES if (text := getattr(place, name))},
        remote=details.remote,
        least=details.pay.least,
        most=details.pay.most,
        currency=details.pay.currency,
        period=details.pay.period,
        pay_note=details.pay.note,
        opens_at=_moment(row.opens_at, details.zone),
        deadline_at=_moment(row.deadline_at, details.zone),
        opens=details.opens,
        deadline=details.deadline,
        zone=details.zone,
        slots=details.slots,
        eligibility=details.eligibility,
        topics=details.topics,
        contact=details.contact,
        apply_url=details.apply_url,
        website=details.website,
        closed=closed_as_of(row),
    )


def _moment(at_ms: int | None, zone: str) -> datetime | None:
    if at_ms is None:
        return None
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(series.zone(times.iana(zone)))
