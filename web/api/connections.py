"""Connections that stay open: WebSockets and server-sent events, each with a bounded queue of its own.

An idle connection costs no task beside its handler. Whoever reads more slowly than things happen is cut off when
the queue is full, and never keeps anybody else waiting.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from fedserver.streams.events import Event
from fedserver.streams.names import Stream
from fedserver.viewer import Viewer
from web import auth, keys
from web.proxies import subject

WAITING_MAX: Final = 200  # messages; most are bytes that all connections share
PING_SECONDS: Final = 30.0
CLOSE_SECONDS_MAX: Final = 5.0
MESSAGE_BYTES_MAX: Final = 4_096  # a client only ever names a stream

_encode: Final = msgspec.json.Encoder().encode


class Connection:
    """What both kinds share; a `fedserver.streams.hub.Listener`."""

    __slots__ = ("_ended", "_request", "_sending", "_waiting", "client", "streams", "viewer")

    def __init__(self, request: web.Request) -> None:
        self.viewer: Viewer = request[keys.VIEWER]
        self.client = subject(request[keys.CLIENT])
        self.streams: dict[Stream, bytes] = {}
        self._request = request
        self._waiting: deque[bytes] | None = None
        self._sending: asyncio.Task[None] | None = None
        self._ended = False

    def put(self, event: Event, label: bytes) -> None:
        """Send the event as soon as the client takes it."""
        raise NotImplementedError

    def end(self, *, going_away: bool = False) -> None:
        """Close the connection, and say so if the client listens."""
        raise NotImplementedError

    async def check_again(self) -> None:
        """Raise Unauthorized or Forbidden if the token was ended while the connection was being opened."""
        await auth.by_token(self._request, streaming=True)

    def _queue(self, data: bytes) -> None:
        transport = self._request.transport
        if self._ended or transport is None or transport.is_closing():
            return
        if self._waiting is None:
            self._waiting = deque()
        elif len(self._waiting) >= WAITING_MAX:
            # There is no room for a farewell either.
            self._ended = True
            transport.abort()
            return
        self._waiting.append(data)
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_waiting())

    async def _send_waiting(self) -> None:
        try:
            while self._waiting and not self._ended:
                await self._send(self._waiting.popleft())
        except ConnectionError:
            self._ended = True  # the client has gone, which the handler notices by itself
        finally:
            self._sending = self._waiting = None

    async def _send(self, data: bytes) -> None:
        raise NotImplementedError


class Socket(Connection):
    """A WebSocket (RFC 6455) with any number of streams on it."""

    __slots__ = ("_code", "_listening", "ws")

    def __init__(self, request: web.Request) -> None:
        super().__init__(request)
        # A browser drops the connection unless what it offered is echoed, whatever we take it for.
        offered = [one.strip() for one in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        # Without compression: its windows would take more memory than all the rest of an idle connection.
        self.ws = web.WebSocketResponse(
            heartbeat=PING_SECONDS,
            compress=False,
            protocols=offered,
            max_msg_size=MESSAGE_BYTES_MAX,
            timeout=CLOSE_SECONDS_MAX,
        )
        self._code = WSCloseCode.OK
        self._listening: asyncio.Task[Any] | None = None

    def put(self, event: Event, label: bytes) -> None:
        self._queue(event.message(label))

    def refuse(self, sentence: str, status: int) -> None:
        """Tell the client why not."""
        self._queue(_encode({"error": sentence, "status": status}))

    def end(self, *, going_away: bool = False) -> None:
        self._ended = True
        self._code = WSCloseCode.GOING_AWAY if going_away else WSCloseCode.POLICY_VIOLATION
        if self._listening is not None:
            self._listening.cancel()
            self._listening = None

    async def listen(self, obey: Callable[[str], Awaitable[None]]) -> None:
        """Do what the client says, one thing after another, until one of the two has enough."""
        self._listening = listening = asyncio.current_task()
        try:
            while not self._ended:
                message = await self.ws.receive()
                if message.type is WSMsgType.TEXT and message.data.strip():
                    await obey(message.data)
                elif message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                    return
        except asyncio.CancelledError:
            # Of all who might cancel the handler, `end` alone has said so before.
            if not self._ended or listening is None:
                raise
            listening.uncancel()
        finally:
            self._listening = None

    async def close(self) -> None:
        """Say goodbye, unless the client has, and wait a while until it has too (RFC 6455 §7.1.1)."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS_MAX):
                await self.ws.close(code=self._code, drain=False)
        except (TimeoutError, ConnectionError):
            transport = self._request.transport
            if transport is not None:
                transport.abort()

    async def _send(self, data: bytes) -> None:
        await self.ws.send_frame(data, WSMsgType.TEXT)


class EventSource(Connection):
    """Server-sent events, as the body of an answer that does not end."""

    __slots__ = ("_end", "_response")

    def __init__(self, request: web.Request, response: web.StreamResponse) -> None:
        super().__init__(request)
        self._response = response
        self._end = asyncio.Event()

    def put(self, event: Event, label: bytes) -> None:
        self._queue(event.lines())

    def say(self, comment: bytes) -> None:
        """Send a line that means nothing."""
        self._queue(comment)

    def end(self, *, going_away: bool = False) -> None:
        self._ended = True
        self._end.set()

    async def wait(self, seconds: float) -> bool:
        """Wait so long, or until the connection ends: whether it goes on."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._end.wait()
        transport = self._request.transport
        return not (self._ended or transport is None or transport.is_closing())

    async def _send(self, data: bytes) -> None:
        await self._response.write(data)
