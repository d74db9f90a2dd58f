"""GET of our actors, posts and collections: documents for other servers, pages for people at the same address."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

from activitypub.errors import ProtocolError
from fedserver.errors import FedError, NotFound, Unreachable
from fedserver.federation import objects
from web import errors, keys, replies
from web.federation.inbox import facts_of

SHARED_SECONDS: Final = 60  # how long a cache may show an open document that needs no signature


async def document_or_page(request: web.Request) -> web.StreamResponse:
    """What the path names: a document for those who ask for ActivityPub, else a redirect to its page."""
    if replies.wants_activity(request):
        return await document(request, _uri(request))
    server = keys.server(request)
    page = await objects.page_of(server, _uri(request), request[keys.VIEWER].account_id)
    return web.Response(status=302, headers={hdrs.LOCATION: page, hdrs.VARY: "Accept"})


async def document_only(request: web.Request) -> web.StreamResponse:
    """What the path names, in the only form it has."""
    return await document(request, _uri(request))


async def document(request: web.Request, uri: str) -> web.StreamResponse:
    """The ActivityPub document with this id; also for pages at another address, such as a profile."""
    server = keys.server(request)
    try:
        served = await objects.read(server, uri, request.query, facts_of(request), request[keys.CLIENT])
    except (FedError, ProtocolError) as error:
        status = 503 if isinstance(error, Unreachable) else errors.status_of(error)
        return replies.problem(status, "Not shown", str(error), headers={hdrs.VARY: "Accept, Signature"})
    open_to_all = served.shared and "Signature" not in request.headers
    response = replies.activity(
        served.document, status=served.status, max_age=SHARED_SECONDS if open_to_all else 0
    )
    return replies.conditional(request, response)


async def profile(request: web.Request, username: str) -> web.StreamResponse:
    """The actor behind a profile page, for those who ask the page for ActivityPub."""
    return await document(request, keys.server(request).uris.actor(username))


async def group(request: web.Request, username: str) -> web.StreamResponse:
    """The actor of a group, whose page has the same address."""
    return await document(request, keys.server(request).uris.group(username))


async def post(request: web.Request, post_id: str) -> web.StreamResponse:
    """The object behind a post's page, for those who ask the page for ActivityPub."""
    if not post_id.isdigit():
        raise NotFound
    return await document(request, keys.server(request).uris.post(post_id))


async def resource(request: web.Request, post_id: str) -> web.StreamResponse:
    """The object of a resource, whose page has the same address."""
    if not post_id.isdigit():
        raise NotFound
    return await document(request, keys.server(request).uris.resource(post_id))


async def event(request: web.Request, post_id: str) -> web.StreamResponse:
    """The object of an event, whose page has the same address."""
    if not post_id.isdigit():
        raise NotFound
    return await document(request, keys.server(request).uris.event(post_id))


async def opportunity(request: web.Request, post_id: str) -> web.StreamResponse:
    """The object of an opportunity, whose page has the same address."""
    if not post_id.isdigit():
        raise NotFound
    return await document(request, keys.server(request).uris.opportunity(post_id))


async def shelf(request: web.Request, shelf_id: str) -> web.StreamResponse:
    """The collection that a shelf is, whose page has the same address."""
    if not shelf_id.isdigit():
        raise NotFound
    return await document(request, keys.server(request).uris.shelf(shelf_id))


def _uri(request: web.Request) -> str:
    return keys.server(request).config.origin + request.rel_url.raw_path


routes = [
    web.get("/actor", document_or_page),
    web.get("/actor/{part:outbox|followers|following|resources|upcoming_events|directory}", document_only),
    web.get("/users/{username}", document_or_page),
    web.get(
        "/users/{username}/{part:outbox|followers|following|followers_synchronization|collections/featured|collections/tags|collections/recommended}",
        document_only,
    ),
    web.get(
        "/groups/{username}/{part:outbox|followers|following|upcoming_events|followers_synchronization|moderators|collections/featured|collections/tags|collections/recommended}",
        document_only,
    ),
    web.get("/posts/{id}", document_or_page),
    web.get("/posts/{id}/{part:replies|likes|shares}", document_only),
    web.get("/events/{id:[0-9]+}/attendees", document_only),
    web.get("/events/{id:[0-9]+}/question", document_or_page),
    web.get("/contexts/{id}", document_or_page),
    web.get("/activities/{id}", document_only),
    web.get("/stamps/{id}", document_only),
    web.get("/collections/{collection_id}/items/{id}", document_only),
    web.get("/feature_authorizations/{id}", document_only),
    web.get("/emojis/{shortcode}", document_only),
]
