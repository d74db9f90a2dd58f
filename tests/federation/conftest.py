"""Two servers of ours, one on SQLite and one on PostgreSQL, both asking for signed fetches, and people on them;
and one in this process, with stubs of other servers around it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from fedserver.context import Server
from fedserver.federation.inbox_worker import InboxWorker
from tests.federation.replay import Stage
from tests.federation.stub import Door, Stub, stub_server
from tests.federation.walk import Friends, befriend, enrol
from tests.running import RunningServer


@pytest.fixture(scope="session")
def couple(running_server: RunningServer, second_server: RunningServer) -> Friends:
    """Two who follow each other for the whole session: do not let them part."""
    return befriend(running_server, second_server)


@pytest.fixture(params=["from-sqlite", "from-postgresql"])
def friends(request: pytest.FixtureRequest, couple: Friends) -> Friends:
    """The same two, each of them once as the one who acts."""
    return couple if request.param == "from-sqlite" else couple.turned()


@pytest.fixture
def strangers(friends: Friends) -> Friends:
    """Two new members of the same servers, who know of each other and no more, and may part."""
    (here,), (there,) = enrol(friends.here_server, "hal"), enrol(friends.there_server, "tess")
    return Friends.introduce(here, there, friends.here_server, friends.there_server)


@pytest.fixture
def new_friends(strangers: Friends) -> Friends:
    """Two new members who follow each other, and may part."""
    return strangers.follow_each_other()


# The server of this process, and other servers that are stubs


@pytest.fixture
async def door(server: Server, app_client: TestClient[Any, Any]) -> AsyncIterator[Door]:
    worker = InboxWorker(server)
    await worker.start()
    yield Door(server, app_client, worker)
    await worker.stop()


@pytest.fixture
async def there() -> AsyncIterator[Stub]:
    async with stub_server() as stub:
        yield stub


@pytest.fixture
async def third() -> AsyncIterator[Stub]:
    async with stub_server() as stub:
        yield stub


@pytest.fixture
def stage(request: pytest.FixtureRequest, shared: Path, door: Door) -> Iterator[Stage]:
    """The scene of a test that is marked with `replays`, which must have played all that it says."""
    marker = request.node.get_closest_marker("replays")
    assert marker is not None, "a scene says with replays(…) which files it plays"
    platform, delivered, served = marker.args
    stage = Stage(shared, platform, door)
    yield stage
    assert stage.played() == (delivered, served)


@pytest.fixture
async def elsewhere() -> AsyncIterator[Stub]:
    async with stub_server() as stub:
        yield stub
