"""Finding resources in the client API: by facets and words, in pages, with counts."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

from fedserver.resources import catalogue
from fedserver.resources.catalogue import FACETS
from web import auth, forms, keys, library, replies
from web.api.resources import shown
from web.api.resources.entities import FacetValue, ResourceFacets


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/resources``: those the viewer finds, by `q`, facets, `shelf` and `updated_since`, in the order of `sort`
    (new, updated, used, reviewed). ``X-Total-Count`` says how many there are."""
    viewer = auth.viewer(request, "read:resources")
    asked, part = library.wanted(request), library.page(request)
    found = await catalogue.find(keys.server(request), viewer.account_id, asked, part)
    link = library.link_header(request, found, asked, part)
    headers = {"X-Total-Count": str(found.total)}
    if link:
        headers[hdrs.LINK] = link
    return replies.json(shown.resources(request, found), headers=headers)


async def facets(request: web.Request) -> web.Response:
    """``GET /api/v1/resources/facets``: how many of them have what, each facet as if nothing had been chosen of it; only
    `facets[]` if those are named, `limit` values of each."""
    viewer = auth.viewer(request, "read:resources")
    params = forms.query(request)
    counted = await catalogue.count(
        keys.server(request),
        viewer.account_id,
        library.wanted(request),
        facets=params.texts("facets") or FACETS,
        limit=params.limit(20, catalogue.COUNTS_MAX),
    )
    return replies.json(
        ResourceFacets(
            total=counted.total,
            facets={
                facet: [
                    FacetValue(value=one.value, label=one.label, count=one.count, chosen=one.chosen)
                    for one in values
                ]
                for facet, values in counted.facets.items()
            },
        )
    )


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/resources", listed),
    web.get("/api/v1/resources/facets", facets),
]
