"""People who want to be found, here and among partner networks."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver import directory
from fedserver.directory import Where
from web import forms, keys
from web.pages import page

OFFSET_MAX: Final = 10_000
_WHERE: Final[dict[str, Where]] = {"": "here", "partners": "partners", "everywhere": "everywhere"}
"""By the last part of the path."""


async def listed(request: web.Request) -> web.StreamResponse:
    """Those who posted last first, or who came last."""
    query = forms.query(request)
    where = request.match_info.get("where", "")
    newest = query.text("order") == "new"
    offset = query.integer("offset", 0, least=0, most=OFFSET_MAX)
    found = await directory.people(
        keys.server(request),
        request[keys.VIEWER],
        newest=newest,
        where=_WHERE[where],
        limit=page.PEOPLE_PER_PAGE + 1,
        offset=offset,
    )
    more = len(found.people) > page.PEOPLE_PER_PAGE
    del found.people[page.PEOPLE_PER_PAGE :]
    return await page.show(
        request,
        "directory.html",
        listed=found,
        where=where,
        newest=newest,
        back=offset - page.PEOPLE_PER_PAGE if offset else None,
        on=offset + page.PEOPLE_PER_PAGE if more else None,
    )


routes: Final = [web.get(path, listed) for path in ("/directory", "/directory/{where:partners|everywhere}")]
