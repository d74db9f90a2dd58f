"""``POST /inbox`` and each actor's own: what other servers send us. All checks are `fedserver.federation.inbox`'s."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

from activitypub.names import is_activitypub_media_type
from activitypub.signatures import RequestFacts
from activitypub.values import BODY_BYTES_MAX
from fedserver.errors import NotFound, RateLimited, TooLarge, Unreachable
from fedserver.federation import inbox, objects
from web import keys, replies

RETRY_AFTER_SECONDS: Final = 300


async def shared(request: web.Request) -> web.Response:
    """The inbox of everybody here."""
    return await _take(request)


async def personal(request: web.Request) -> web.Response:
    """One actor's inbox. Whom an activity concerns is in the activity, so it makes no difference but this:
    an actor that never was has none."""
    if not await objects.has_inbox(keys.server(request), request.rel_url.raw_path):
        raise NotFound
    return await _take(request)


async def only_post(request: web.Request) -> web.Response:
    """Inboxes are written to, not read."""
    raise web.HTTPMethodNotAllowed(request.method, [hdrs.METH_POST])


async def _take(request: web.Request) -> web.Response:
    if not _is_activity(request.headers.get(hdrs.CONTENT_TYPE, "")):
        raise web.HTTPUnsupportedMediaType
    if (request.content_length or 0) > BODY_BYTES_MAX:
        raise TooLarge("An activity may have 1 MiB at the most.")
    body = await request.content.read(BODY_BYTES_MAX + 1)
    while len(body) <= BODY_BYTES_MAX and (
        chunk := await request.content.read(BODY_BYTES_MAX + 1 - len(body))
    ):
        body += chunk
    server = keys.server(request)
    try:
        await inbox.accept(server, facts_of(request, body), body, request[keys.CLIENT])
    except (Unreachable, RateLimited) as error:
        # The sender keeps it and comes again; 5xx never means that it was taken.
        seconds = error.retry_after if isinstance(error, RateLimited) else RETRY_AFTER_SECONDS
        status = 429 if isinstance(error, RateLimited) else 503
        return replies.problem(
            status, "Try again later", str(error), headers={hdrs.RETRY_AFTER: str(seconds)}
        )
    return web.Response(status=202)


def _is_activity(content_type: str) -> bool:
    """ActivityPub types, and plain ld+json, which some senders use (never a form: those can be forged)."""
    essence = content_type.partition(";")[0].strip().lower()
    return is_activitypub_media_type(content_type) or essence == "application/ld+json"


def facts_of(request: web.Request, body: bytes | None = None) -> RequestFacts:
    """The request as signatures speak of it: at our configured origin, whatever proxies made of it."""
    origin = keys.server(request).config.origin
    return RequestFacts(request.method, origin + request.raw_path, list(request.headers.items()), body)


routes = [
    web.post("/inbox", shared),
    web.get("/inbox", only_post),
    web.post("/users/{username}/inbox", personal),
    web.get("/users/{username}/inbox", only_post),
    web.post("/groups/{username}/inbox", personal),
    web.get("/groups/{username}/inbox", only_post),
    web.post("/actor/inbox", personal),
    web.get("/actor/inbox", only_post),
]
