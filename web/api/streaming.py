"""Streams of the client API: one WebSocket for many of them, or each as server-sent events."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec
from aiohttp import hdrs, web
from msgspec import Struct

from fedserver.announcements import Shown as Announced
from fedserver.context import Server
from fedserver.conversations import Conversation, Conversations
from fedserver.errors import FedError, Forbidden, Unauthorized
from fedserver.noticeboard import Notice, Notices
from fedserver.streams import names
from fedserver.streams.events import label_of
from fedserver.streams.hub import Hub
from fedserver.streams.names import Asked, Stream
from fedserver.timelines import Batch, Card
from web import errors, forms, keys
from web.api import announcements, conversations, notifications
from web.api.connections import Connection, EventSource, Socket
from web.api.render import Renderer
from web.params import Params, Unreadable
from web.verbs import Handler

THUMP_SECONDS: Final = 15.0
MESSAGES_PER_MINUTE_MAX: Final = 300  # of a client's: naming a list costs a query
HUB: Final = web.AppKey("streams", Hub)


class Rendering:
    """What the hub tells, made by the renderer of the application."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self.shelf = renderer.shelf

    def status(self, card: Card, batch: Batch) -> bytes:
        return self._renderer.status(card, batch)

    def notification(self, one: Notice, found: Notices) -> bytes:
        return notifications.entity(self._renderer, one, found)

    def conversation(self, one: Conversation, found: Conversations) -> bytes:
        return conversations.entity(self._renderer, one, found)

    def announcement(self, row: Any, found: Announced) -> bytes:
        return _encode(announcements.entity(self._renderer, row, found, known=False))


def install(app: web.Application, server: Server, renderer: Renderer) -> None:
    """Give the application its hub, which says goodbye to everybody when the server stops."""
    hub = app[HUB] = Hub(server, Rendering(renderer))

    async def close(_: web.Application) -> None:
        await hub.close()

    app.on_shutdown.append(close)


# -- WebSocket


class Message(Struct):
    """What a client says on its socket."""

    type: str = ""
    stream: str = ""
    list: str | int | None = ""
    tag: str | None = ""

    @property
    def asked(self) -> Asked:
        """The stream it names."""
        return Asked(self.stream, str(self.list or ""), self.tag or "")


_encode: Final = msgspec.json.Encoder().encode
_message: Final = msgspec.json.Decoder(Message, strict=True).decode


async def socket(request: web.Request) -> web.StreamResponse:
    """``GET /api/v1/streaming``"""
    query = forms.query(request)
    asked = Asked(query.text("stream"), query.text("list"), query.text("tag"))
    if request.headers.get(hdrs.UPGRADE, "").lower() != "websocket":
        return await _source(request, asked)
    connection = Socket(request)
    if not connection.ws.can_prepare(request).ok:
        raise Unreadable("This is no WebSocket that this server understands.")
    hub = request.app[HUB]
    hub.join(connection)
    try:
        refused = await _begin(request, connection, asked)
        await connection.ws.prepare(request)
        await connection.check_again()
        if refused is not None:
            connection.refuse(str(refused), errors.status_of(refused))
        await connection.listen(partial(_obey, request, connection))
    except (Unauthorized, Forbidden):
        if not connection.ws.prepared:
            raise
        connection.end()
    finally:
        hub.leave(connection)
    await connection.close()
    return connection.ws


async def _begin(request: web.Request, connection: Socket, asked: Asked) -> FedError | None:
    """Subscribe to the stream that the address names, if it does; why not, for those who come with a token."""
    if not asked.name:
        return None
    try:
        await _subscribe(request, connection, asked)
    except FedError as error:
        if isinstance(error, Unauthorized) and connection.viewer.token_id is None:
            raise
        return error
    return None


async def _obey(request: web.Request, connection: Socket, text: str) -> None:
    try:
        client = connection.viewer.account_id or connection.client
        keys.server(request).remembered.attempts.take(
            f"stream {client}", limit=MESSAGES_PER_MINUTE_MAX, seconds=60
        )
        try:
            message = _message(text)
        except msgspec.DecodeError as error:
            raise Unreadable("This message is not understood.") from error
        if message.type == "subscribe":
            await _subscribe(request, connection, message.asked)
        elif message.type == "unsubscribe":
            for stream in names.maybe_narrowed(names.named(connection.viewer, message.asked)):
                request.app[HUB].unsubscribe(connection, stream)
        else:
            raise Unreadable("The type must be subscribe or unsubscribe.")
    except FedError as error:
        connection.refuse(str(error), errors.status_of(error))


async def _subscribe(request: web.Request, connection: Connection, asked: Asked) -> Stream:
    stream = await names.admit(keys.server(request), connection.viewer, asked)
    request.app[HUB].subscribe(connection, stream, label_of(*asked.label))
    return stream


# -- server-sent events


def events(name: str) -> Handler:
    """The handler of one stream's events."""

    async def handler(request: web.Request) -> web.StreamResponse:
        query = forms.query(request)
        return await _source(request, _asked(name, query))

    return handler


def _asked(name: str, query: Params) -> Asked:
    if name in names.PUBLIC and query.flag("only_media"):
        name += ":media"
    return Asked(name, query.text("list"), query.text("tag"))


async def _source(request: web.Request, asked: Asked) -> web.StreamResponse:
    response = web.StreamResponse(
        headers={
            hdrs.CONTENT_TYPE: "text/event-stream",
            hdrs.CACHE_CONTROL: "private, no-store",
            "X-Accel-Buffering": "no",  # nginx would keep events until it has some kB of them
        }
    )
    connection = EventSource(request, response)
    hub = request.app[HUB]
    hub.join(connection)
    try:
        await _subscribe(request, connection, asked)
        await connection.check_again()
        await response.prepare(request)
        connection.say(b":)\n")
        while await connection.wait(THUMP_SECONDS):
            connection.say(b":thump\n")
    finally:
        hub.leave(connection)
    return response


async def health(_: web.Request) -> web.Response:
    """``GET /api/v1/streaming/health``"""
    return web.Response(text="OK")


def _route(path: str, handler: Callable[..., object]) -> web.RouteDef:
    # Without HEAD, which would be answered by a body that does not end.
    return web.get(path, handler, allow_head=False)  # type: ignore[arg-type]


routes: Final[list[web.RouteDef]] = [
    web.get("/api/v1/streaming/health", health),
    _route("/api/v1/streaming", socket),
    *(
        _route(f"/api/v1/streaming/{path}", events(path.replace("/", ":")))
        for path in (
            "user",
            "user/notification",
            "public",
            "public/local",
            "public/remote",
            "hashtag",
            "hashtag/local",
            "list",
            "direct",
        )
    ),
]
