"""A resource on a page of its own; at the same address documents for those who ask for them."""

from __future__ import annotations

from aiohttp import web

from fedserver.resources import pages
from fedserver.resources.faces import schema_org
from web import forms, keys, replies
from web.catalogues import documents
from web.federation import objects
from web.kept import for_strangers
from web.pages import page
from web.pages.resources.writing import RESOURCE


async def resource(request: web.Request) -> web.StreamResponse:
    """A resource as a page; schema.org's JSON-LD for catalogues that ask for it, the object for other servers."""
    if documents.wants_json_ld(request):
        return await documents.json_ld(request)
    if replies.wants_activity(request):
        return await objects.resource(request, request.match_info["id"])
    return await _page(request)


@for_strangers
async def _page(request: web.Request) -> web.StreamResponse:
    """A resource with its versions, what it is made from, and what was said about it."""
    view = await pages.show(keys.server(request), request[keys.VIEWER], forms.path_id(request))
    open_to_all = view.card.visibility in ("public", "unlisted") and not view.card.instance
    json_ld = schema_org.script(await documents.entry(request)) if open_to_all else ""
    return await page.show(request, "resource/resource.html", view=view, problems={}, json_ld=json_ld)


routes = [
    web.get(RESOURCE, resource),
]
