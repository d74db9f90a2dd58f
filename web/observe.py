"""``/livez``, ``/readyz`` and ``/metrics``: for those who watch over the server."""

from __future__ import annotations

import hmac

from aiohttp import hdrs, web

from fedserver import observe, queues
from web import keys, replies
from web.auth import bearer
from web.proxies import is_loopback


async def livez(_: web.Request) -> web.Response:
    """200 while the event loop turns."""
    return web.Response(text="ok\n")


async def readyz(request: web.Request) -> web.Response:
    """200 when the database answers and its schema is current, else 503; why, only for those who may look in."""
    server = keys.server(request)
    problems: list[str] = []
    if request.app[keys.READINESS].stopping:
        problems.append("the server is stopping")
    problems += await queues.problems(server)
    notes = ["federation test mode is on"] if server.config.testing.enabled else []
    if not server.config.federates:
        notes.append("federation is off")
    body: dict[str, object] = {"ready": not problems}
    if notes:
        body["notes"] = notes
    if problems and _may_look_in(request):
        body["problems"] = problems
    return replies.json(body, status=503 if problems else 200)


async def metrics(request: web.Request) -> web.Response:
    """What is counted, in Prometheus' text format. 404 for those who may not look in."""
    if not _may_look_in(request):
        raise web.HTTPNotFound
    server = keys.server(request)
    await queues.measure(server)
    return web.Response(body=server.metrics.text(), headers={hdrs.CONTENT_TYPE: observe.CONTENT_TYPE})


def _may_look_in(request: web.Request) -> bool:
    token = keys.server(request).config.metrics_token
    if token and hmac.compare_digest((bearer(request) or "").encode(errors="replace"), token.encode()):
        return True
    return is_loopback(request[keys.CLIENT])


routes = [web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", metrics)]
