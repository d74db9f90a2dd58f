"""A server to measure: a real process, on a database of its own, in federation test mode."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bench.machine import Processes

READY_S = 60


def free_port() -> int:
    """A port of loopback that is free now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass
class Running:
    """A server that answers."""

    base: str
    environment: dict[str, str]
    processes: Processes
    start_s: float

    async def statements(self, http: aiohttp.ClientSession) -> float:
        """Statements run so far, as the server counts them."""
        async with http.get(f"{self.base}/metrics") as response:
            text = await response.text()
        return next(
            float(line.split()[1])
            for line in text.splitlines()
            if line.startswith("fedserver_database_statements ")
        )


def environment(data: Path, port: int, database: str, hosts: str) -> dict[str, str]:
    """The settings of a server under measurement: nothing but the network it may reach differs from production.

    Like an installed one it has its bytecode, written by the first command, whatever is set where it is measured.
    """
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return inherited | {
        "PYTHONPYCACHEPREFIX": str(data / "bytecode"),
        "FEDSERVER_DOMAIN": f"127.0.0.1:{port}",
        "FEDSERVER_URL": f"http://127.0.0.1:{port}",
        "FEDSERVER_DATA": str(data),
        "FEDSERVER_DATABASE": database,
        "FEDSERVER_LISTEN": f"127.0.0.1:{port}",
        "FEDSERVER_MAIL": f"dir:{data / 'mail'}",
        "FEDSERVER_RATE_LIMIT_FACTOR": "1000000",
        "FEDSERVER_TESTING__ENABLED": "1",
        "FEDSERVER_TESTING__ALLOW_HTTP": "1",
        "FEDSERVER_TESTING__ALLOW_NETS": "127.0.0.0/8",
        "FEDSERVER_TESTING__HOSTS": hosts,
    }


def command(environment: dict[str, str], *arguments: str) -> Any:
    """What a `fedserver` command prints with ``--json``."""
    done = subprocess.run(
        [sys.executable, "-m", "fedserver", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"fedserver {' '.join(arguments)}: {done.stderr.strip()}")
    return json.loads(done.stdout) if "--json" in arguments else done.stdout


@asynccontextmanager
async def running(environment: dict[str, str], database_roots: tuple[int, ...]) -> AsyncIterator[Running]:
    """Start `fedserver serve`, wait for its first answer, stop it at the end."""
    base = environment["FEDSERVER_URL"]
    began = time.perf_counter()
    log = open(Path(environment["FEDSERVER_DATA"]) / "serve.log", "ab")  # noqa: SIM115  the process keeps it
    process = subprocess.Popen(
        [sys.executable, "-m", "fedserver", "serve"], env=environment, stdout=log, stderr=log
    )
    try:
        async with aiohttp.ClientSession() as http:
            await _ready(http, base, process)
        yield Running(
            base, environment, Processes((process.pid, *database_roots)), time.perf_counter() - began
        )
    finally:
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, 20)
        except subprocess.TimeoutExpired:
            process.kill()
        log.close()


async def _ready(http: aiohttp.ClientSession, base: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(READY_S * 100):
        if process.poll() is not None:
            raise RuntimeError("the server stopped while starting: see serve.log in its data directory")
        try:
            async with http.get(f"{base}/readyz") as response:
                if response.status == 200:
                    return
        except aiohttp.ClientConnectionError:
            pass
        await asyncio.sleep(0.01)
    raise RuntimeError("the server was not ready in time")


@asynccontextmanager
async def helper(module: str, port: int, *arguments: str) -> AsyncIterator[str]:
    """One of this package's own little servers; its base address."""
    process = subprocess.Popen([sys.executable, "-m", module, str(port), *arguments])
    try:
        base = f"http://127.0.0.1:{port}"
        async with aiohttp.ClientSession() as http:
            for _ in range(1000):
                try:
                    async with http.get(f"{base}/seen"):
                        break
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.02)
        yield base
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)
