"""`fedserver serve` as a real process, set up with nothing but the commands and settings that are documented."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from sqlalchemy import Select, select

from activitypub.identifiers import Uris
from fedserver import oauth, signup
from fedserver.cli import common
from fedserver.cli.main import cli
from fedserver.keys import Keys
from fedserver.viewer import Role
from storage import tables
from storage.database import open_database
from tests import quick_secrets
from tests.client import Api
from tests.quick_server import Forked, serve
from tests.waiting import eventually

READY_SECONDS_MAX = 60
STOP_SECONDS_MAX = 30
SCOPES = "read write follow push"
ADMIN_SCOPES = f"{SCOPES} admin:read admin:write"
FEDSERVER = [sys.executable, "-m", "fedserver"]


class RunningServer:
    """One server on a free port of loopback, in federation test mode, that lives in `folder`."""

    def __init__(
        self,
        folder: Path,
        database_url: str,
        *,
        port: int | None = None,
        domain: str = "",
        origin: str = "",
        **settings: str,
    ) -> None:
        """`domain` and `origin` are names that others resolve to its address, which they are without.

        `settings` are further ones, by their names in the environment without FEDSERVER_.
        """
        self.folder = folder
        self.port = port or free_port()
        listen = f"127.0.0.1:{self.port}"
        self.domain = domain or listen
        self.origin = origin or f"http://{self.domain}"
        self.address = f"http://{listen}"
        self.log = folder / "log"
        self._process: subprocess.Popen[bytes] | Forked | None = None
        self._members: dict[str, Api] = {}
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("FEDSERVER_")},
            **{
                f"FEDSERVER_{name}": value
                for name, value in {
                    "DATA": str(folder / "data"),
                    "DATABASE": database_url,
                    "LISTEN": listen,
                    "MAIL": f"dir:{folder / 'mail'}",
                    "RATE_LIMIT_FACTOR": "1000",
                    "TESTING__ENABLED": "1",
                    "TESTING__ALLOW_HTTP": "1",
                    "TESTING__ALLOW_NETS": "127.0.0.0/8",
                    "TESTING__TIME_SCALE": "60",
                    **settings,
                }.items()
            },
        }
        folder.mkdir(parents=True, exist_ok=True)
        self.command("init", "--domain", self.domain, "--url", self.origin)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, *, from_nothing: bool = False) -> RunningServer:
        """Serve, and wait until it is ready. `from_nothing` runs the very command, which takes longer."""
        if not from_nothing:
            self._process = Forked(serve, self.environment, self.log)
            return self._await_ready()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*FEDSERVER, "serve"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self._await_ready()

    def _await_ready(self) -> RunningServer:
        eventually(self._ready, "that the server is ready", self.log_end, seconds=READY_SECONDS_MAX)
        return self

    def stop(self) -> int:
        """Ask it to stop, with SIGTERM; its exit status."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.terminate()
        try:
            return self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the server did not stop: {self.log_end()}") from None

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(STOP_SECONDS_MAX)

    def close(self) -> None:
        """Stop it if it runs, and let go of everything."""
        for member in self._members.values():
            member.close()
        if self._process is not None and self._process.poll() is None:
            self.stop()

    def command(self, *arguments: str, stdin: str = "") -> str:
        """What `fedserver ARGUMENTS` prints. AssertionError with its complaint if it fails.

        It runs in this process: that another one begins takes longer than all it does. That the command can be
        started is seen by every server that serves.
        """
        with pytest.MonkeyPatch.context() as patch:
            quick_secrets.use(patch.setattr)
            patch.setattr(common, "set_up_logging", lambda level: None)
            done = CliRunner(env=self.environment).invoke(
                cli, list(arguments), input=stdin, catch_exceptions=False
            )
        assert done.exit_code == 0, f"fedserver {' '.join(arguments)}: {done.stderr or done.stdout}"
        return done.stdout

    def command_json(self, *arguments: str, stdin: str = "") -> dict[str, Any]:
        """The same with --json: the object that it prints."""
        found: dict[str, Any] = json.loads(self.command(*arguments, "--json", stdin=stdin))
        return found

    def member(self, name: str, *, role: Role = "member") -> Api:
        """A member with a token, made the first time; their password is `password_of(name)`.

        Done as `fedserver user create` and `fedserver token create` do it, without two more processes.
        """
        if name not in self._members:
            self._members[name] = Api(self.origin, asyncio.run(self._make(name, role)), username=name)
        return self._members[name]

    async def _make(self, name: str, role: Role) -> str:
        db = await open_database(self.environment["FEDSERVER_DATABASE"])
        try:
            with pytest.MonkeyPatch.context() as patch:
                quick_secrets.use(patch.setattr)
                account_id = await signup.make_user(
                    db,
                    Uris(self.origin),
                    Keys(),
                    username=name,
                    email=f"{name}@members.example",
                    password=password_of(name),
                    role=role,
                )
            scopes = SCOPES if role == "member" else ADMIN_SCOPES
            return (await db.write(oauth.issue, account_id, scopes)).access_token
        finally:
            await db.close()

    def nobody(self) -> Api:
        """Somebody who is not signed in."""
        return self.api()

    def api(self, token: str | None = None, username: str = "") -> Api:
        """A client of whoever has this token."""
        return Api(
            self.origin,
            token,
            username=username,
            domain=self.domain,
            address=self.address,
            log_end=self.log_end,
        )

    def has_sent_everything_to(self, other: RunningServer) -> bool:
        """Whether nothing waits to be delivered there. What waits for others, of other tests, does not count."""
        waiting = select(tables.delivery.c.id).where(
            tables.delivery.c.host == other.domain, tables.delivery.c.state == "waiting"
        )
        return self._is_empty(waiting)

    def has_acted_on_everything(self) -> bool:
        """Whether nothing that has arrived waits to be acted on."""
        return self._is_empty(select(tables.inbox_item.c.id).where(tables.inbox_item.c.state == "waiting"))

    def _is_empty(self, query: Select[Any]) -> bool:
        async def look() -> bool:
            db = await open_database(self.environment["FEDSERVER_DATABASE"])
            try:
                return await db.read(lambda conn: conn.execute(query.limit(1)).first() is None)
            finally:
                await db.close()

        return asyncio.run(look())

    def mails(self) -> list[Path]:
        """The mails it has sent, oldest first."""
        return sorted((self.folder / "mail").glob("*.eml"), key=lambda mail: mail.stat().st_mtime_ns)

    def log_end(self, chars: int = 3000) -> str:
        return (
            self.log.read_text(errors="replace")[-chars:]
            if self.log.exists()
            else "it has not logged anything"
        )

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (
            f"the server ended with status {self._process.returncode}: {self.log_end()}"
        )
        try:
            return httpx.get(f"{self.address}/readyz", timeout=5, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False


def password_of(name: str) -> str:
    """A password that is good enough, the same for the same name."""
    return f"seven green {name} bicycles"


def free_port() -> int:
    """A port of 127.0.0.1 nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
