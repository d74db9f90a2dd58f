"""Other servers' inboxes, on loopback addresses of their own: each checks our signatures and keeps what it got."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from activitypub.signatures import PublicKey, RequestFacts, read_signature

Answer = Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse] | web.StreamResponse]


@dataclass
class Receiver:
    """One other server at ``http://127.0.1.n:port``. `answer` decides the status; 202 without."""

    origin: str
    keys: dict[str, PublicKey]
    answer: Answer | None = None
    got: list[dict[str, Any]] = field(default_factory=list)
    schemes: list[str] = field(default_factory=list)
    headers: list[Any] = field(default_factory=list)
    at: list[float] = field(default_factory=list)

    @property
    def host(self) -> str:
        return self.origin.removeprefix("http://")

    @property
    def inbox(self) -> str:
        return f"{self.origin}/inbox"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        facts = RequestFacts("POST", f"{self.origin}{request.path_qs}", request.headers, body)
        claim = read_signature(facts)
        claim.check_body()
        verified = claim.verify(self.keys[claim.key_id], now=time.time())
        activity = json.loads(body)
        self.schemes.append(verified.scheme)
        if self.answer is not None:
            given = self.answer(request, activity)
            response = await given if asyncio.iscoroutine(given) else given
            if response.status >= 300:
                return response
        self.got.append(activity)
        self.headers.append(request.headers)
        self.at.append(time.monotonic())
        return web.Response(status=202)


@asynccontextmanager
async def receivers(count: int, keys: dict[str, PublicKey]) -> AsyncIterator[list[Receiver]]:
    """So many other servers, all of which know `keys` by id."""
    async with AsyncExitStack() as stack:
        made = []
        for number in range(1, count + 1):
            receiver = Receiver("", keys)
            app = web.Application()
            app.router.add_post("/{path:.*}", receiver.handle)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            address = f"127.0.{1 + number // 250}.{1 + number % 250}"
            site = web.TCPSite(runner, address, 0)
            await site.start()
            port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
            receiver.origin = f"http://{address}:{port}"
            made.append(receiver)
        yield made
