"""The web application: every route of every face, on one screen."""

from __future__ import annotations

from functools import cache
from typing import Final

from aiohttp import web

from fedserver.context import Server
from web import api, catalogues, keys, malformed, observe, pages
from web.api import oauth
from web.api.resources import files
from web.federation import inbox, objects, wellknown
from web.guard import Guard
from web.kept import Kept
from web.templating import Pages, StaticFiles

BODY_BYTES_MAX: Final = 1 << 20  # for handlers that read a body themselves; forms have limits of their own

ROUTES: Final[list[web.RouteDef]] = [
    # for those who watch over the server
    *observe.routes,
    # for client apps
    *oauth.routes,
    *api.routes,
    *api.with_slash(api.routes),
    # for catalogues and reference managers
    *catalogues.routes,
    # for people
    *files.pages,
    *pages.ROUTES,
    # for other servers
    *wellknown.routes,
    *inbox.routes,
    *objects.routes,
]


@cache
def _resources() -> list[web.AbstractResource]:
    """The routes as a router keeps them. They hold no state, and making them takes longer than all else of an
    application, of which the tests build hundreds."""
    made = web.UrlDispatcher()
    made.add_routes(ROUTES)
    return list(made.resources())


def build_app(server: Server) -> web.Application:
    """The application that serves `server`. Starting and stopping the server's own work is not its business."""
    malformed.answer_quietly()
    guard = Guard(server)
    static = StaticFiles()
    app = web.Application(middlewares=[guard.middleware()], client_max_size=BODY_BYTES_MAX)
    app[keys.SERVER] = server
    app[keys.PAGES] = Pages(server, static)
    app[keys.KEPT] = Kept(server.bus)
    app[keys.READINESS] = keys.Readiness()
    api.install(app, server)
    app.on_response_prepare.append(guard.prepare)
    for resource in _resources():
        app.router.register_resource(resource)
    app.router.add_get("/static/{path:.+}", static.serve)
    return app
