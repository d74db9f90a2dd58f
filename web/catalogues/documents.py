"""Documents of one resource at addresses of their own, and its JSON-LD at the address of its page.

They say what anybody may see, whoever asks.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from urllib.parse import quote

from aiohttp import hdrs, web

from fedserver.resources.faces import amb, citations, schema_org
from fedserver.resources.faces import entry as entries
from fedserver.resources.faces.entry import Entry
from web import auth, forms, keys, replies

SHARED_SECONDS: Final = 60  # how long a cache may show a document
BY_SUFFIX: Final = {one.suffix: name for name, one in citations.FORMATS.items() if name != "cff"}


def wants_json_ld(request: web.Request) -> bool:
    """Whether schema.org's JSON-LD is preferred to page and ActivityPub: ``application/ld+json`` with no profile, or with
    another than that of ActivityStreams."""
    return _prefers_json_ld(",".join(request.headers.getall(hdrs.ACCEPT, ())))


@lru_cache(512)
def _prefers_json_ld(accept: str) -> bool:
    wanted, best = 0.0, 0.0
    for item in accept.split(","):
        essence, _, parameters = item.partition(";")
        quality = replies.quality(item)
        if essence.strip().lower() == schema_org.MEDIA_TYPE and "activitystreams" not in parameters.lower():
            # Of two that are wanted alike the first counts.
            wanted = quality if quality > best else wanted
        elif replies.is_page_type(item) or replies.is_activity_type(item):
            best = max(best, quality)
    return wanted > 0 and wanted >= best


async def json_ld(request: web.Request) -> web.StreamResponse:
    """The resource as schema.org's LearningResource."""
    found = await entry(request)
    response = _shared(request, schema_org.document(found), schema_org.MEDIA_TYPE)
    response.headers[hdrs.VARY] = "Accept"
    return response


async def amb_document(request: web.Request) -> web.StreamResponse:
    """The resource in AMB, which repositories of open educational resources read."""
    return _shared(request, amb.document(await entry(request)), replies.JSON)


async def citation(request: web.Request) -> web.StreamResponse:
    """The resource in a format of citations, by the suffix of the address."""
    found, name = await entry(request), BY_SUFFIX[request.match_info["suffix"]]
    return cited(request, found, name)


async def citation_cff(request: web.Request) -> web.StreamResponse:
    """The resource as a CITATION.cff."""
    return cited(request, await entry(request), "cff")


def cited(request: web.Request, found: Entry, name: str) -> web.Response:
    """A citation as a file."""
    kind = citations.FORMATS[name]
    response = web.Response(
        body=citations.cite(found, name).encode(),
        headers={
            hdrs.CONTENT_TYPE: f"{kind.media_type}; charset=utf-8",
            hdrs.CONTENT_DISPOSITION: f"inline; filename*=UTF-8''{quote(citations.file_name(found, name))}",
        },
    )
    return replies.conditional(request, response)


async def entry(request: web.Request) -> Entry:
    """The resource that the path names, as anybody sees it. Raises NotFound."""
    return await entries.read(keys.server(request), auth.ANONYMOUS.account_id, forms.path_id(request))


def _shared(request: web.Request, document: object, media_type: str) -> web.Response:
    headers = {"Content-Type": media_type, "Cache-Control": f"public, max-age={SHARED_SECONDS}"}
    response = replies.json(document, headers=headers)
    return replies.conditional(request, response)


RESOURCE: Final = r"/resources/{id:\d+}"
_SUFFIXES: Final = "|".join(one.replace(".", r"\.") for one in BY_SUFFIX)

routes = [
    web.get(RESOURCE + ".jsonld", json_ld),
    web.get(RESOURCE + ".amb.json", amb_document),
    web.get(RESOURCE + rf".{{suffix:{_SUFFIXES}}}", citation),
    web.get(RESOURCE + "/CITATION.cff", citation_cff),
]
