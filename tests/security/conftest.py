"""The server of this process with stubs of other servers around it, as in the tests of federation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

import pytest
from sqlalchemy import Connection, select

from fedserver import relationships
from fedserver.context import Server
from fedserver.federation import fetch
from fedserver.federation.deliver import DeliveryLanes
from storage import tables
from tests.federation.conftest import door, elsewhere, there  # noqa: F401 - fixtures, used by name
from tests.federation.stub import Door, Stub, StubActor, stub_server
from tests.members import Person
from tests.test_publish import Sent

WORD = "quokkaword"


@pytest.fixture
async def ann(door: Door, there: Stub, alice: Person) -> StubActor:  # noqa: F811
    """Somebody honest whom alice follows."""
    return await followed(door, alice, there.actor("ann"))


@pytest.fixture
async def mallory(elsewhere: Stub) -> StubActor:  # noqa: F811
    """Somebody hostile, with a server and keys of their own."""
    return elsewhere.actor("mallory")


@pytest.fixture
async def third() -> AsyncIterator[Stub]:
    async with stub_server() as stub:
        yield stub


async def followed(door: Door, follower: Person, actor: StubActor) -> StubActor:  # noqa: F811
    """The same actor, whom `follower` follows now."""
    actor_id = await fetch.account(door.server, actor.uri)
    assert actor_id is not None
    await relationships.follow(door.server, follower.member, actor_id)

    def uri(conn: Connection) -> str:
        found = select(tables.follow.c.uri).where(tables.follow.c.target_id == actor_id)
        return str(conn.scalars(found).one())

    await door.takes(actor, actor.says("Accept", await door.server.db.read(uri)))
    return actor


async def deliver(server: Server) -> None:
    """Send what waits to be sent."""
    lanes = DeliveryLanes(server)
    await lanes.start()
    await lanes.idle()
    await lanes.stop()


async def mentioning(reader: Person, paths: Iterable[str], word: str = WORD) -> set[str]:
    """Which of these addresses show a word to somebody."""
    found = set()
    for path in paths:
        async with await reader.raw("GET", path) as answer:
            assert answer.status < 500, path
            if word in (await answer.text()).lower():
                found.add(path)
    return found


def hosts_of(said: Iterable[Sent]) -> set[str]:
    """The servers to which some of what `tests.test_publish.sent` gives goes."""
    return {inbox.split("/")[2] for one in said for inbox in one.inboxes}
