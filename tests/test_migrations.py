"""Databases of every earlier revision, with rows in every table, come up to date and keep their rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    Boolean,
    Connection,
    LargeBinary,
    MetaData,
    Table,
    create_engine,
    func,
    make_url,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.engine import Engine
from sqlalchemy.types import Float, Integer, String, TypeEngine

from storage import migrate
from storage.tables import metadata
from tests import databases

SCRIPTS = ScriptDirectory(str(migrate.MIGRATIONS))
REVISIONS = [script.revision for script in reversed(list(SCRIPTS.walk_revisions()))]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without a single table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite3'}"
        return
    url = databases.create_database(databases.postgresql_url())
    yield url
    databases.drop_database(url)


def connected(url: str) -> Engine:
    parsed = make_url(url)
    return create_engine(
        parsed.set(drivername="postgresql+psycopg") if parsed.drivername == "postgresql" else parsed
    )


def test_migrations_make_exactly_the_tables_that_the_code_names(empty_url: str) -> None:
    migrate.upgrade(empty_url)
    engine = connected(empty_url)
    with engine.connect() as conn:
        differences = compare_metadata(MigrationContext.configure(conn), metadata)
    engine.dispose()
    assert [change for change in differences if not is_of_others(change)] == []


def is_of_others(change: Any) -> bool:
    """Whether the difference is a table, or an index of one, that our metadata does not name on purpose."""
    kind, subject = change[0], change[1]
    return kind in ("remove_table", "remove_index") and (
        is_foreign(subject.name) or (kind == "remove_index" and is_foreign(subject.table.name))
    )


def is_foreign(table_name: str) -> bool:
    """PgQueuer keeps its queue, and the databases their full-text index, in what they make themselves."""
    return table_name == "alembic_version" or table_name.startswith("pgqueuer") or "fts" in table_name


@pytest.mark.long
def test_rows_of_every_revision_survive_the_way_to_the_newest(empty_url: str) -> None:
    engine = connected(empty_url)
    tables = MetaData()
    before: dict[str, int] = {}
    for number, revision in enumerate(REVISIONS, 1):
        migrate.upgrade(empty_url, revision)
        with engine.begin() as conn:
            look_again(conn, tables)
            after = count(conn, tables)
            kept = {name: rows for name, rows in before.items() if name in after}
            assert {name: after[name] for name in kept} == kept, revision
            fill(conn, tables, number)
            before = count(conn, tables)
        assert min(before.values()) > 0, revision
    engine.dispose()


def test_an_outdated_database_is_recognised(empty_url: str) -> None:
    assert not migrate.is_current(empty_url)
    migrate.upgrade(empty_url)
    assert migrate.is_current(empty_url)


def test_upgrading_what_is_up_to_date_changes_nothing(empty_url: str) -> None:
    migrate.upgrade(empty_url)
    migrate.upgrade(empty_url)
    assert migrate.is_current(empty_url)


def test_there_is_one_newest_revision() -> None:
    assert SCRIPTS.get_heads() == [REVISIONS[-1]]


def own_tables(tables: MetaData) -> list[Table]:
    return [table for table in tables.sorted_tables if not is_foreign(table.name)]


def look_again(conn: Connection, tables: MetaData) -> None:
    """Have `tables` say what is in the database now. Only what has changed is looked into, as that takes longest."""
    query = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
    if conn.dialect.name == "sqlite":
        query = "SELECT t.name, c.name FROM sqlite_master AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table'"
    now: dict[str, set[str]] = {}
    for table, column in conn.execute(text(query)):
        now.setdefault(table, set()).add(column)
    for known in list(tables.tables.values()):
        if {column.name for column in known.columns} != now.get(known.name):
            tables.remove(known)
    tables.reflect(conn, only=[name for name in now if name not in tables.tables and not is_foreign(name)])


def fill(conn: Connection, tables: MetaData, number: int) -> None:
    """Put a row made of `number` into every table, so that what refers to another table refers to its row of that number."""
    put = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    for table in own_tables(tables):
        values = {column.name: sample(column.type, number) for column in table.columns}
        # Triggers have made some of them.
        conn.execute(put(table).values(values).on_conflict_do_nothing())


def count(conn: Connection, tables: MetaData) -> dict[str, int]:
    return {
        table.name: conn.scalar(select(func.count()).select_from(table)) or 0 for table in own_tables(tables)
    }


def sample(kind: TypeEngine[Any], number: int) -> Any:
    if isinstance(kind, Boolean):
        return True
    if isinstance(kind, Integer | Float):
        return number
    if isinstance(kind, LargeBinary):
        return str(number).encode()
    if isinstance(kind, String | TSVECTOR):
        return str(number)
    raise AssertionError(f"Say here what a {kind!r} may hold.")
