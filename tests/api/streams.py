"""Whoever listens to streams in tests: a WebSocket, and what came over it."""

from __future__ import annotations

import asyncio
import json
from types import TracebackType
from typing import Any, Self

from aiohttp import ClientWebSocketResponse, WSMsgType

from tests.members import Person

SECONDS_MAX = 20


class Ear:
    """An open socket of a person's: `async with Ear(bob, "user") as ear: …`."""

    def __init__(
        self, person: Person, *streams: str, headers: dict[str, str] | None = None, **query: str
    ) -> None:
        self._person = person
        self._streams = streams
        bearer = {"authorization": f"Bearer {person.token}"} if person.token else {}
        self._headers = bearer if headers is None else headers
        self._query = query
        self.ws: ClientWebSocketResponse

    async def __aenter__(self) -> Self:
        self.ws = await self._person.client.ws_connect(
            "/api/v1/streaming", headers=self._headers, params=self._query, protocols=()
        )
        for stream in self._streams:
            name, _, of = stream.partition("=")
            await self.subscribe(name, list=of, tag=of)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.ws.close()

    async def subscribe(self, stream: str, kind: str = "subscribe", **more: str) -> None:
        """Subscribe, and wait until it holds: what is not understood is answered, in order."""
        await self.ws.send_json(
            {"type": kind, "stream": stream, **{key: one for key, one in more.items() if one}}
        )
        await self.ws.send_json({"type": "are we there"})
        while (answer := await self._next()).get("status") != 400 or "type" not in answer["error"]:
            raise AssertionError(answer)

    async def next(self, event: str) -> tuple[list[str], Any]:
        """The next event, which must be of this name: its stream and what its payload says."""
        message = await self._next()
        assert message.get("event") == event, message
        payload = message.get("payload")
        assert payload is None or isinstance(payload, str)
        return message["stream"], None if payload is None else json.loads(payload)

    async def error(self) -> tuple[str, int]:
        """The next message, which must be a refusal."""
        message = await self._next()
        return message["error"], message["status"]

    async def closed(self) -> int | None:
        """Wait for the end of the connection; its close code."""
        async with asyncio.timeout(SECONDS_MAX):
            while (message := await self.ws.receive()).type is WSMsgType.TEXT:
                pass
        assert message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING), message
        return self.ws.close_code

    async def _next(self) -> dict[str, Any]:
        message: dict[str, Any] = await self.ws.receive_json(timeout=SECONDS_MAX)
        assert message, "an empty message"
        return message
