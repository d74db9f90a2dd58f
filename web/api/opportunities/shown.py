"""Opportunities as JSON."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from msgspec import Raw

from fedserver.opportunities.reading import Shown
from web import keys
from web.api.opportunities.entities import Opportunity
from web.api.render import instant, maybe_instant, renderer


def opportunity(request: web.Request, found: Shown) -> Opportunity:
    """An opportunity as its viewer sees it."""
    row, details = found.row, found.details
    account: Any = Raw(renderer(request).account(found.author))
    return Opportunity(
        id=str(row.id),
        status_id=str(row.id),
        uri=row.uri,
        url=row.url or row.uri,
        local=bool(row.local),
        instance=row.domain or keys.server(request).config.domain,
        kind=row.kind,
        state=found.state,
        title=row.title,
        abstract=row.summary,
        description=row.text_html,
        text=row.source_text,
        language=row.language or None,
        visibility=row.visibility,
        group_id=None if row.group_id is None else str(row.group_id),
        organisation=details.organisation,
        place=details.place,
        remote=details.remote,
        pay=details.pay,
        opens=details.opens,
        opens_at=maybe_instant(row.opens_at),
        deadline=details.deadline,
        deadline_at=maybe_instant(row.deadline_at),
        expires_at=instant(row.expires_at),
        zone=details.zone,
        closed_at=maybe_instant(row.closed_at),
        close_reason=row.close_reason,
        slots=details.slots,
        eligibility=details.eligibility,
        topics=list(details.topics),
        contact=details.contact,
        apply_url=details.apply_url or None,
        website=details.website or None,
        form=found.form,
        uid=row.uid,
        sequence=row.sequence,
        created_at=instant(row.created_at),
        changed_at=instant(row.changed_at),
        account=account,
    )
