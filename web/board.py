"""What is asked of the board of opportunities, read from an address: the same for the API, pages, feeds and calendars.

``?q=&kind=&place=&topic=&language=&instance=&organisation=&group=&account=&closing=soon&state=&sort=``; all but the last two may
be there several times (``kind=job&kind=grant`` or ``kind[]=job``), and any of their values will do.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver.opportunities import reading
from fedserver.opportunities.reading import Wanted
from web import forms

VALUES_MAX: Final = 20
VALUE_CHARS_MAX: Final = 200
DAYS_MAX: Final = 366


def wanted(request: web.Request, *, sort: str = "deadline") -> Wanted:
    """What is asked for, in this order where nothing is said of that. Invalid for numbers that are none."""
    params = forms.query(request)
    days = params.integer("closing_within_days", least=0, most=DAYS_MAX)
    soon = (
        days * 86_400_000
        if days is not None
        else reading.SOON_MS
        if params.text("closing") == "soon"
        else None
    )
    return reading.asked(
        kinds=_values(request, "kind"),
        places=_values(request, "place"),
        topics=_values(request, "topic"),
        languages=_values(request, "language"),
        instances=_values(request, "instance"),
        text=params.text("q", chars_max=reading.QUERY_CHARS_MAX),
        organisation=params.text("organisation", chars_max=VALUE_CHARS_MAX),
        group_id=params.id("group"),
        account_id=params.id("account"),
        closes_within_ms=soon,
        remote=params.maybe_flag("remote"),
        state=params.text("state") or "board",
        sort=params.text("sort") or sort,
    )


def _values(request: web.Request, name: str) -> list[str]:
    query = request.rel_url.query
    found = [*query.getall(name, ()), *query.getall(f"{name}[]", ())]
    return [one[:VALUE_CHARS_MAX] for one in found if one.strip()][:VALUES_MAX]
