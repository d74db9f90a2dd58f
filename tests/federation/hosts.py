"""Many other servers behind one port: an HTTP server in a thread of its own, told apart by the Host header."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@contextmanager
def listening(handler: Handler) -> Iterator[int]:
    """`handler` answers every request to the port of loopback that is yielded, until the end."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    ports: list[int] = []

    async def serve() -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
        await site.start()
        ports.append(runner.addresses[0][1])
        return runner

    def run() -> None:
        runner = loop.run_until_complete(serve())
        ready.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run, name="other-servers", daemon=True)
    thread.start()
    assert ready.wait(10), "the other servers did not begin to listen"
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def static_hosts(names: list[str], port: int) -> str:
    """For FEDSERVER_TESTING__HOSTS: each of these names is at this port of loopback."""
    return ",".join(f"{name}=127.0.0.1:{port}" for name in names)
