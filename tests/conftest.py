"""What the tests stand on: databases, a server inside the process, servers as processes, other people's servers.

Inside the process: `server` with `app_client`, `member`, `alice`, `bob`, `moderator`, `admin`, on SQLite and on
PostgreSQL. As processes: `running_server`, `second_server` on the other kind of database, `start_server`.
"""

from __future__ import annotations

import email
import email.policy
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import hypothesis
import pytest
from aiohttp.test_utils import TestClient, TestServer

from fedserver import config as configuration
from fedserver.config import Config
from fedserver.context import Server
from fedserver.viewer import Role
from storage.database import Database, open_database
from tests import databases
from tests.peers import node
from tests.peers.fedify_peer import FedifyPeer
from tests.running import RunningServer, free_port

# The whole server is imported where a fixture needs it: the tests of activitypub run without it.
if TYPE_CHECKING:
    from tests.members import Person

DATABASES = ["sqlite", "postgresql"]
SIGNATURES = ["draft-cavage-http-signatures-12", "rfc9421"]
SHARED_VARIABLE = "FEDSERVER_TEST_SHARED"
LONGEST = [
    "test_attacks",
    "test_toot",
    "test_fedify",
    "test_fedify_events",
    "test_privacy",
    "test_two_servers",
    "test_kill",
    "test_delivery",
]

MakeConfig = Callable[..., Config]
MakeMember = Callable[..., "Awaitable[Person]"]
StartServer = Callable[..., RunningServer]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "jobs: `server` runs its jobs and deliveries")
    config.addinivalue_line("markers", "long: takes many seconds; see docs/testing.md")
    config.addinivalue_line("markers", "replays: the documents of other platforms that the scene plays")
    # How long an example takes says more about the machine than about what is tested.
    hypothesis.settings.register_profile("untimed", hypothesis.settings.default, deadline=None)
    hypothesis.settings.load_profile("untimed")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for parameter, kinds in (("database_url", DATABASES), ("fedify", SIGNATURES)):
        _leave_to_the_long_run(items, parameter, kinds)
    # What takes longest begins first, so that no test process is left alone with it at the end.
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


def _leave_to_the_long_run(items: list[pytest.Item], parameter: str, kinds: list[str]) -> None:
    """What asks a whole server runs with one of these kinds in the short run, as good as drawn by lot, and with the other
    in the long one. What asks the storage alone runs on both databases."""
    named: dict[str, dict[str, list[pytest.Item]]] = {}
    for item in items:
        callspec = getattr(item, "callspec", None)
        if (
            callspec is not None
            and parameter in callspec.params
            and {"server", "fedify"} & set(item.fixturenames)
        ):  # type: ignore[attr-defined]
            same = named.setdefault(item.nodeid.partition("[")[0], {})
            same.setdefault(callspec.params[parameter], []).append(item)
    for name, same in named.items():
        if len(same) == len(kinds):
            for item in same[kinds[1 - crc32(name.encode()) % 2]]:
                item.add_marker(pytest.mark.long)


def pytest_unconfigure() -> None:
    databases.let_go()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with other people's data and the attack harness."""
    folder = os.environ.get(SHARED_VARIABLE)
    if not folder:
        pytest.skip(f"skipped: {SHARED_VARIABLE} is not set")
    return Path(folder)


# Databases


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated database of the test's own."""
    if request.param == "sqlite":
        yield databases.sqlite_database(tmp_path / "database")
        return
    url = databases.postgresql_database()
    yield url
    databases.drop_database(url)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """The same, open."""
    opened = await open_database(database_url)
    yield opened
    await opened.close()


# A server inside this process


@pytest.fixture
def config(tmp_path: Path) -> MakeConfig:
    """Makes settings in federation test mode; `config(registrations="open")` changes some."""
    port = free_port()

    def make(**settings: str) -> Config:
        wanted = {
            "domain": f"127.0.0.1:{port}",
            "url": f"http://127.0.0.1:{port}",
            "listen": f"127.0.0.1:{port}",
            "data": str(tmp_path / "data"),
            "mail": f"dir:{tmp_path / 'mail'}",
            "rate_limit_factor": "1000",
            "testing__enabled": "1",
            "testing__allow_http": "1",
            "testing__allow_nets": "127.0.0.0/8",
            **settings,
        }
        return configuration.load(
            environ={f"FEDSERVER_{name.upper()}": value for name, value in wanted.items()}
        )

    return make


@pytest.fixture
def quick_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords and keys that cost next to nothing to make. Everything else about them is real."""
    from tests import quick_secrets

    quick_secrets.use(monkeypatch.setattr)


@pytest.fixture
def server_settings() -> dict[str, str]:
    """Settings that differ for the server of this test; a test module or a parametrisation overrides it."""
    return {}


@pytest.fixture
async def server(
    request: pytest.FixtureRequest,
    config: MakeConfig,
    database_url: str,
    server_settings: dict[str, str],
    quick_secrets: None,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Server]:
    """A Server on a fresh database. Jobs and deliveries are planned, and run if the test is marked `jobs`."""
    from fedserver.assembly import build_server

    # The copy is of a pattern that has just been migrated; tests/test_serving.py has servers that find it out.
    monkeypatch.setattr("storage.migrate.is_current", lambda url: True)
    jobs = request.node.get_closest_marker("jobs") is not None
    async with build_server(config(database=database_url, **server_settings), jobs=jobs) as built:
        yield built


@pytest.fixture
async def app_client(server: Server) -> AsyncIterator[TestClient[Any, Any]]:
    """HTTP requests to the application of `server`, at its own origin."""
    from web.app import build_app

    port = server.config.listen_on.port
    async with TestClient(TestServer(build_app(server), host="127.0.0.1", port=port)) as client:
        yield client


@pytest.fixture
def member(server: Server, app_client: TestClient[Any, Any]) -> MakeMember:
    """Makes members: `await member("carol", role="moderator")`."""

    from tests import members

    async def make(username: str, role: Role = "member") -> Person:
        return await members.make(server, app_client, username, role)

    return make


@pytest.fixture
async def alice(member: MakeMember) -> Person:
    return await member("alice")


@pytest.fixture
async def bob(member: MakeMember) -> Person:
    return await member("bob")


@pytest.fixture
async def moderator(member: MakeMember) -> Person:
    return await member("mo", role="moderator")


@pytest.fixture
async def admin(member: MakeMember) -> Person:
    return await member("ada", role="admin")


@pytest.fixture
def nobody(app_client: TestClient[Any, Any]) -> Person:
    """Somebody who is not signed in."""
    from tests.members import Person

    return Person(app_client)


@pytest.fixture
def mailbox(tmp_path: Path) -> Callable[[], list[EmailMessage]]:
    """Reads the mails that `server` has sent, oldest first."""

    def read() -> list[EmailMessage]:
        return [parse_mail(file) for file in sorted((tmp_path / "mail").glob("*.eml"), key=_written)]

    return read


def parse_mail(file: Path) -> EmailMessage:
    """The mail in an .eml file."""
    return email.message_from_bytes(file.read_bytes(), policy=email.policy.default)


def _written(file: Path) -> tuple[int, str]:
    return file.stat().st_mtime_ns, file.name


# Servers as processes


@pytest.fixture(scope="session")
def running_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """`fedserver serve` on SQLite, shared by the tests of this process: name your members as nobody else does."""
    folder = tmp_path_factory.mktemp("running")
    running = RunningServer(folder, databases.sqlite_database(folder)).start()
    yield running
    running.close()


@pytest.fixture(scope="session")
def second_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Another one, on PostgreSQL, that federates with `running_server`."""
    url = databases.postgresql_database()
    running = RunningServer(tmp_path_factory.mktemp("second"), url).start()
    yield running
    running.close()
    databases.drop_database(url)


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Starts servers of a test's own, to stop, kill or set up differently: `start_server("postgresql", …)`."""
    started: list[RunningServer] = []
    urls: list[str] = []

    def start(kind: str = "sqlite", **settings: str) -> RunningServer:
        folder = tmp_path / f"server-{len(started)}"
        if kind == "postgresql":
            urls.append(databases.postgresql_database())
        url = urls[-1] if kind == "postgresql" else databases.sqlite_database(folder)
        started.append(RunningServer(folder, url, **settings))
        return started[-1].start()

    yield start
    for running in started:
        running.close()
    for url in urls:
        databases.drop_database(url)


@pytest.fixture(scope="session", params=SIGNATURES, ids=["cavage", "rfc9421"])
def fedify(request: pytest.FixtureRequest) -> Iterator[FedifyPeer]:
    """A server made with Fedify, once for each kind of signature that it tries first."""
    try:
        peer = FedifyPeer.start(first_knock=request.param)
    except node.Missing as missing:
        pytest.skip(f"skipped: {missing}")
    yield peer
    peer.stop()
