"""The board, and one opportunity on a page of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from fedserver.errors import Invalid
from fedserver.opportunities import pages, reading
from fedserver.opportunities.reading import Choice, Wanted
from web import board, forms, keys, replies
from web.catalogues import documents
from web.federation import objects
from web.pages import page
from web.pages.opportunities import feeds

OPPORTUNITY: Final = "/opportunities/{id:[0-9]+}"
CHOICES_MAX: Final = 12
_ASKED: Final = {"kind": "kinds", "place": "places", "topic": "topics"}
_NOT_KEPT: Final = ("after", "done")


async def listed(request: web.Request) -> web.StreamResponse:
    """What one can apply to, what closes first is first."""
    server, viewer, params = keys.server(request), request[keys.VIEWER], forms.query(request)
    asked, problem = Wanted(), ""
    views: Sequence[pages.OpportunityView] = ()
    facets: Mapping[str, Sequence[Choice]] = {}
    following = ""
    try:
        asked = board.wanted(request)
        views, following = await pages.board(server, viewer, asked, after=params.text("after"))
        facets = await reading.facets(server, viewer.account_id, asked)
    except Invalid as error:
        problem = str(error)
    kept = [
        (name, value)
        for name, value in parse_qsl(request.rel_url.raw_query_string)
        if name not in _NOT_KEPT and value.strip()
    ]
    return await page.show(
        request,
        "opportunity/list.html",
        status=422 if problem else 200,
        views=views,
        asked=asked,
        soon=params.text("closing") == "soon",
        q=params.text("q")[: reading.QUERY_CHARS_MAX],
        facets=_facets(asked, facets, soon=params.text("closing") == "soon"),
        chosen=_chosen(kept, facets),
        query=urlencode(kept),
        group=await _group(request, asked.group_id),
        following=f"/opportunities?{urlencode([*kept, ('after', following)])}" if following else "",
        first=f"/opportunities?{urlencode(kept)}" if params.text("after") else "",
        problem=problem,
    )


def _facets(
    asked: Wanted, found: Mapping[str, Sequence[Choice]], *, soon: bool
) -> list[tuple[str, list[tuple[Choice, bool]]]]:
    """What can be ticked, each with whether it is; what is ticked is there even where nothing has it."""
    shown = []
    for name, choices in found.items():
        ticked = ("soon",) if name == "closing" and soon else getattr(asked, _ASKED.get(name, ""), ())
        missing = [Choice(one, one, 0) for one in ticked if one not in {choice.value for choice in choices}]
        every = [(one, one.value in ticked) for one in (*missing, *choices)]
        kept = [one for number, one in enumerate(every) if one[1] or number < CHOICES_MAX]
        if kept:
            shown.append((name, kept))
    return shown


def _chosen(kept: Sequence[tuple[str, str]], found: Mapping[str, Sequence[Choice]]) -> list[dict[str, Any]]:
    """What narrows the board, each with the address without it."""
    labels = {(name, one.value): one.label for name, choices in found.items() for one in choices}
    chosen = []
    for number, (key, value) in enumerate(kept):
        name = key.removesuffix("[]")
        if name in ("kind", "place", "topic", "closing"):
            rest = urlencode([one for at, one in enumerate(kept) if at != number])
            href = "/opportunities" + (f"?{rest}" if rest else "")
            chosen.append(
                {"facet": name, "value": value, "label": labels.get((name, value), value), "href": href}
            )
    return chosen


async def _group(request: web.Request, group_id: int | None) -> Any:
    """The group whose board it is, if the viewer may know it. Raises NotFound."""
    if group_id is None:
        return None
    return await pages.group_named(keys.server(request), request[keys.VIEWER], group_id)


async def opportunity(request: web.Request) -> web.StreamResponse:
    """An opportunity; schema.org's JSON-LD for those who ask for it, the object for other servers."""
    if documents.wants_json_ld(request):
        return await feeds.json_ld(request)
    if replies.wants_activity(request):
        return await objects.opportunity(request, request.match_info["id"])
    view = await pages.show(keys.server(request), request[keys.VIEWER], forms.path_id(request))
    return await page.show(request, "opportunity/opportunity.html", view=view, problems={})


routes: Final[list[web.RouteDef]] = [web.get("/opportunities", listed), web.get(OPPORTUNITY, opportunity)]
