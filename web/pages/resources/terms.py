"""The address of a term of this server's own vocabulary leads to what is about it."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from fedserver.errors import NotFound
from fedserver.resources.terms import SKILLS
from web import keys

NAME_CHARS_MAX: Final = 400  # no term has a longer one


async def term(request: web.Request) -> web.Response:
    """The catalogue, narrowed down to the term; one that is not there finds nothing."""
    scheme, name = request.match_info["scheme"], request.match_info["name"]
    if len(scheme) + len(name) > NAME_CHARS_MAX:
        raise NotFound
    uri = keys.server(request).uris.term(scheme, name)
    facet = "skill" if scheme == SKILLS else "topic"
    raise web.HTTPFound(f"/resources?{urlencode({facet: uri})}")


routes: Final[list[web.RouteDef]] = [web.get("/vocabularies/{scheme}/{name}", term)]
