"""How a resource is cited, and how catalogues see it, in the client API."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver.errors import Invalid
from fedserver.resources.faces import checks, citations
from fedserver.resources.faces import entry as entries
from web import auth, forms, keys, replies
from web.api.resources.entities import MissingField, ResourceCatalogues, SeenByCatalogue
from web.catalogues import documents


async def cite(request: web.Request) -> web.StreamResponse:
    """``GET /api/v1/resources/:id/cite``: a citation as text; `format` is ``bibtex``, ``ris``, ``csl``, ``cff``, ``apa`` or
    ``zenodo``."""
    viewer = auth.viewer(request, "read:resources")
    name = request.query.get("format", "bibtex")
    if name not in citations.FORMATS:
        raise Invalid({"format": f"must be one of {', '.join(citations.FORMATS)}"})
    found = await entries.read(keys.server(request), viewer.account_id, forms.path_id(request))
    return documents.cited(request, found, name)


async def catalogues(request: web.Request) -> web.StreamResponse:
    """``GET /api/v1/resources/:id/catalogues``: which catalogues take it, what each lacks and what is wrong."""
    viewer = auth.viewer(request, "read:resources")
    server = keys.server(request)
    report = checks.report(await entries.read(server, viewer.account_id, forms.path_id(request)))
    return replies.json(
        ResourceCatalogues(
            listed=report.listed,
            hidden=report.hidden,
            catalogues=[
                SeenByCatalogue(
                    name=one.name,
                    title=one.title,
                    url=server.config.origin + one.path,
                    accepted=one.accepted,
                    needed=[MissingField(field=field, why=why) for field, why in one.needed],
                    wanted=[MissingField(field=field, why=why) for field, why in one.wanted],
                    problems=list(one.problems),
                )
                for one in report.catalogues
            ],
        )
    )


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/resources/{id}/cite", cite),
    web.get("/api/v1/resources/{id}/catalogues", catalogues),
]
