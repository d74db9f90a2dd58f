"""How a resource is cited, in the client API."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedserver.errors import Invalid
from fedserver.resources.faces import citations
from fedserver.resources.faces import entry as entries
from web import auth, forms, keys
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


routes: Final[list[web.RouteDef]] = [web.get("/api/v1/resources/{id}/cite", cite)]
