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
    insert,
    make_url,
    select,
)
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


@pytest.mark.parametrize("revision", REVISIONS)
def test_rows_of_a_revision_survive_the_way_to_the_newest(empty_url: str, revision: str) -> None:
    migrate.upgrade(empty_url, revision)
    engine = connected(empty_url)
    then = MetaData()
    then.reflect(engine)
    with engine.begin() as conn:
        fill(conn, then)
        before = count(conn, then)
    assert set(before.values()) == {1}
    migrate.upgrade(empty_url)
    now = MetaData()
    now.reflect(engine)
    with engine.connect() as conn:
        after = count(conn, now)
    engine.dispose()
    kept = {name: rows for name, rows in before.items() if name in after}
    assert {name: after[name] for name in kept} == kept


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


def fill(conn: Connection, tables: MetaData) -> None:
    """Put one row into every table; what refers to another table refers to its one row."""
    for table in own_tables(tables):
        if conn.scalar(select(func.count()).select_from(table)) == 0:
            conn.execute(insert(table).values({column.name: sample(column.type) for column in table.columns}))


def count(conn: Connection, tables: MetaData) -> dict[str, int]:
    return {
        table.name: conn.scalar(select(func.count()).select_from(table)) or 0 for table in own_tables(tables)
    }


def sample(kind: TypeEngine[Any]) -> Any:
    if isinstance(kind, Boolean):
        return True
    if isinstance(kind, Integer | Float):
        return 1
    if isinstance(kind, LargeBinary):
        return b"1"
    if isinstance(kind, String | TSVECTOR):
        return "1"
    raise AssertionError(f"Say here what a {kind!r} may hold.")
