"""Bring the schema up to date, or say that it is not. Migrations only go forward."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event, make_url
from sqlalchemy.pool import NullPool

from storage import jobs

MIGRATIONS = Path(__file__).with_name("migrations")


def upgrade(url: str, revision: str = "head") -> None:
    """Run every migration the database has not had yet, in one transaction. Blocks; call it in a thread."""
    with _connection(url) as conn, conn.begin():
        config = _config()
        config.attributes["connection"] = conn
        command.upgrade(config, revision)
        jobs.install(conn)
    if make_url(url).get_backend_name() == "postgresql":
        _upgrade_pgqueuer(url)


def _upgrade_pgqueuer(url: str) -> None:
    """Bring PgQueuer's tables to the release that is installed; its statements commit one by one."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    async def upgrade_tables() -> None:
        import psycopg
        from pgqueuer.queries import Queries

        dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as conn:
            await Queries.from_psycopg_connection(conn).upgrade()

    # A thread of its own, because the caller's may be running an event loop already.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(upgrade_tables())).result()


def is_current(url: str) -> bool:
    """Whether the schema is the one this version was written for."""
    with _connection(url) as conn:
        return revision_of(conn) == head()


def revision_of(conn: Connection) -> str | None:
    """The revision the database is at, for units; None before the first."""
    return MigrationContext.configure(conn).get_current_revision()


def head() -> str | None:
    """The newest revision this version knows."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def new_revision(url: str, message: str, revision_id: str) -> None:
    """Write the migration that leads from the database at `url` to `storage.tables`. For developers."""
    with _connection(url) as conn:
        config = _config()
        config.attributes["connection"] = conn
        command.revision(config, message=message, autogenerate=True, rev_id=revision_id)


def _config() -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


@contextmanager
def _connection(url: str) -> Iterator[Connection]:
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        engine = create_engine(parsed.set(drivername="postgresql+psycopg"), poolclass=NullPool)
    else:
        if parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        # sqlite3 would commit before each CREATE TABLE: take its own transactions away and begin ours.
        engine = create_engine(parsed, poolclass=NullPool, connect_args={"isolation_level": None})
        # Rebuilding a table must not cascade into those that refer to it.
        event.listen(engine, "connect", lambda driver, _: driver.execute("PRAGMA foreign_keys = OFF"))
        event.listen(engine, "begin", lambda conn: conn.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.connect() as conn:
        yield conn
    engine.dispose()
