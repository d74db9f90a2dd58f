"""Bringing resources in from elsewhere in the client API: drafts with an honest receipt."""

from __future__ import annotations

from typing import Final

import msgspec
from aiohttp import web

from fedserver.errors import Invalid
from fedserver.resources.importing import drafting
from web import auth, forms, keys, replies
from web.api.resources import shown
from web.api.resources.entities import ImportNote, ResourceImport


async def create(request: web.Request) -> web.Response:
    """``POST /api/v1/resources/import``: a draft for each resource at a `url` or a `doi`, in a record of `zenodo` (number,
    address or JSON), or in a text as `jsonld`, `bibtex` or `csv`; each with what was repaired, guessed, missing and left out, and
    with resources here that may be the same work. Nothing is published."""
    member = auth.member(request, "write:resources")
    params = await forms.params(request)
    given = [(way, text) for way in drafting.WAYS if (text := params.text(way))]
    if len(given) != 1:
        raise Invalid({}, f"Send one of {', '.join(drafting.WAYS)}.")
    done = await drafting.bring(keys.server(request), member, *given[0])
    return replies.json(
        ResourceImport(
            drafts=[shown.draft_entity(row) for row in done.drafts],
            left_out=msgspec.convert(msgspec.to_builtins(done.left_out), list[ImportNote]),
            repaired=msgspec.convert(msgspec.to_builtins(done.repaired), list[ImportNote]),
        )
    )


routes: Final[list[web.RouteDef]] = [web.post("/api/v1/resources/import", create)]
