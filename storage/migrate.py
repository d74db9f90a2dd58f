"""Bring the schema up to date, or say that it is not. Migrations only go forward.

Alembic is imported when there is something to do: a server whose schema is current starts without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, create_engine, event, inspect, make_url, text
from sqlalchemy.pool import NullPool

from storage import jobs

if TYPE_CHECKING:
    from alembic.config import Config as AlembicConfig

MIGRATIONS = Path(__file__).with_name("migrations")


def upgrade(url: str, revision: str = "head") -> None:
    """Run every migration the database has not had yet, in one transaction. Blocks; call it in a thread."""
    from alembic import command

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
    if not inspect(conn).has_table("alembic_version"):
        return None
    revision: str | None = conn.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def head() -> str:
    """The newest revision this version knows: migrations are numbered, and their files begin with the number."""
    return max(file.name.partition("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def new_revision(url: str, message: str, revision_id: str) -> None:
    """Write the migration that leads from the database at `url` to `storage.tables`. For developers."""
    from alembic import command

    with _connection(url) as conn:
        config = _config()
        config.attributes["connection"] = conn
        command.revision(config, message=message, autogenerate=True, rev_id=revision_id)


def _config() -> AlembicConfig:
    from alembic.config import Config

    config = Config()
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
