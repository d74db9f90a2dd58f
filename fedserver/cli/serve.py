"""Running the server in the foreground: one process, or several that share a socket."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from aiohttp import web

from fedserver.assembly import build_server
from fedserver.config import Config, Listen
from web import keys
from web.app import build_app

log = logging.getLogger("fedserver.serve")

BACKLOG: Final = 1024
FINISH_SECONDS_MAX: Final = 10  # requests in hand when asked to stop
STOP_SECONDS_MAX: Final = 30  # a process of several, until it is killed
HEAD_BYTES_MAX: Final = 8190
KEEP_ALIVE_SECONDS: Final = 75
RESTART_SECONDS: Final = 2
LOOK_SECONDS: Final = 0.5


def listen(where: Listen) -> socket.socket:
    """A socket bound and listening. OSError if the address is taken or not ours."""
    if where.path is not None:
        with suppress(FileNotFoundError):
            _remove_stale(where.path)
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        bound.bind(str(where.path))
        where.path.chmod(0o660)
    else:
        family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
        bound = socket.create_server((where.host, where.port), family=family, backlog=BACKLOG)
    bound.listen(BACKLOG)
    bound.setblocking(False)
    return bound


def _remove_stale(path: Path) -> None:
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        probe.connect(str(path))
    except ConnectionRefusedError:
        path.unlink()  # left behind by a server that was killed
    finally:
        probe.close()


async def serve(config: Config, bound: socket.socket, *, jobs: bool) -> None:
    """Answer requests on this socket until SIGTERM or SIGINT; then finish what is in hand."""
    stop = _stop_event()
    async with build_server(config, jobs=jobs) as server:
        app = build_app(server)
        runner = web.AppRunner(
            app,
            handle_signals=False,
            access_log=None,
            shutdown_timeout=FINISH_SECONDS_MAX,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            max_line_size=HEAD_BYTES_MAX,
            max_field_size=HEAD_BYTES_MAX,
        )
        await runner.setup()
        try:
            await web.SockSite(runner, bound, backlog=BACKLOG).start()
            where = config.origin if config.federates else f"{config.origin} (federation is off)"
            log.info("Serving %s", where, extra={"listen": _name(bound), "jobs": jobs})
            await stop.wait()
            log.info("Stopping: no new connections, requests in hand are finished.")
            app[keys.READINESS].stopping = True
        finally:
            await runner.cleanup()
    log.info("Stopped.")


async def work(config: Config) -> None:
    """Deliver, and work off jobs and inbox, until SIGTERM or SIGINT."""
    stop = _stop_event()
    async with build_server(config, jobs=True):
        log.info("Working for %s", config.origin)
        await stop.wait()
    log.info("Stopped.")


def serve_several(bound: socket.socket, arguments: list[str], processes: int, *, jobs: bool) -> int:
    """Run `processes` servers on one socket, each ``fedserver serve`` with `arguments`; the first does the jobs.

    One that ends by itself is started again. Returns the exit status: 0 when all ended as asked.
    """
    bound.set_inheritable(True)
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: asked.append(received))

    def start(index: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "fedserver", *arguments, "--socket-fd", str(bound.fileno())]
        if index or not jobs:
            command.append("--no-jobs")
        # A group of their own: an interrupt at the terminal reaches us alone, and we pass it on once.
        return subprocess.Popen(command, pass_fds=[bound.fileno()], start_new_session=True)  # noqa: S603

    running = [start(index) for index in range(processes)]
    started = [monotonic()] * processes
    while not asked:
        sleep(LOOK_SECONDS)
        for index, process in enumerate(running):
            if process.poll() is None or asked:
                continue
            log.error("A server process ended with status %d; starting another.", process.returncode)
            if monotonic() - started[index] < RESTART_SECONDS:
                return _end(running) or 1  # it cannot even start: another would do no better
            running[index], started[index] = start(index), monotonic()
    return _end(running)


def _end(running: list[subprocess.Popen[bytes]]) -> int:
    for process in running:
        if process.poll() is None:
            process.terminate()
    deadline = monotonic() + STOP_SECONDS_MAX
    for process in running:
        try:
            process.wait(max(0.0, deadline - monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return max((abs(process.returncode) for process in running), default=0) and 1


def _stop_event() -> asyncio.Event:
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, event.set)
    return event


def _name(bound: socket.socket) -> str:
    name = bound.getsockname()
    return f"{name[0]}:{name[1]}" if isinstance(name, tuple) else os.fspath(name)
