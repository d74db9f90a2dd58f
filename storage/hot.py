"""Statements that run on every request: compiled once, executed on the driver itself.

Building and compiling a SQLAlchemy statement costs several times what SQLite needs to run it. A `Hot`
statement is written in SQLAlchemy like any other, compiled at its first use for each dialect, and from then
on is a constant text with named parameters. Parameters and results are the driver's own values: this is why
instants are integers and lists go through `storage.types.AnyOf`. Only flags differ (SQLite has 0 and 1);
rows that `Hot` makes itself have them as booleans.

`insert_row` and `insert_kept` do the same for whole rows.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

import msgspec
from sqlalchemy import Boolean, Connection, Executable, Select, Table, bindparam, insert, select

from storage import changes
from storage.types import JsonRows, list_parameter

Row = TypeVar("Row")
_unpack = msgspec.json.Decoder(list[Any]).decode
_unpack_all = msgspec.json.Decoder(list[list[Any]]).decode
_BREAK: Final = "\n"  # JSON has none within


class Met(Protocol[Row]):
    """Rows made before, by all that the database says of them."""

    def get(self, key: Any) -> Row | None: ...

    def put(self, key: Any, value: Row) -> None: ...


@lru_cache(maxsize=2)
def _dialect(name: str) -> Any:
    """How statements are written for a database; only the one in use is imported."""
    paramstyle = {"sqlite": "named", "postgresql": "pyformat"}[name]
    return import_module(f"sqlalchemy.dialects.{name}").dialect(paramstyle=paramstyle)


@lru_cache(maxsize=1)
def _numbered() -> Any:
    """How `Hot` writes for PostgreSQL: with its own ``$1``, because psycopg reads a long text for its parameters
    each time that it is run."""
    return import_module("sqlalchemy.dialects.postgresql").dialect(paramstyle="numeric_dollar")


class _Prepared(NamedTuple):
    """A statement as one database wants it. `places` are the names of its parameters where these are numbered."""

    text: str
    constants: dict[str, Any]
    places: tuple[str, ...] | None
    has_rows: bool
    packed: bool


class Hot(Generic[Row]):
    """A prepared statement. `row` makes a result row from the tuple of its columns, for example a NamedTuple's
    ``_make``; without it rows have their columns as attributes. Lists among the parameters are passed on as
    `AnyOf` wants them.

    `packed` is for queries of many rows and no bytes. Python's sqlite3 lets other threads run between any two
    rows, and under load takes a turn of the event loop to go on; so SQLite makes one text of all rows, a line of
    JSON for each. The columns of `gap`, from one number to before another, are left out of those in which the
    first of them is null.

    `conflict` ends an INSERT with what both databases write after ``ON CONFLICT`` and SQLAlchemy has no common words for.
    """

    def __init__(
        self,
        statement: Callable[[], Executable],
        row: Callable[[Any], Row] | None = None,
        *,
        packed: bool = False,
        gap: tuple[int, int] | None = None,
        conflict: str = "",
    ) -> None:
        self._statement = statement
        self._row = row
        self._packed = packed
        self._gap = gap
        self._conflict = conflict
        self._prepared: dict[str, _Prepared] = {}

    def _on(self, dialect_name: str) -> _Prepared:
        known = self._prepared.get(dialect_name)
        if known is None:
            statement: Any = self._statement()
            numbered = dialect_name == "postgresql"
            compiled = statement.compile(dialect=_numbered() if numbered else _dialect(dialect_name))
            constants = {name: value for name, value in compiled.params.items() if value is not None}
            self._learn(statement)
            text = str(compiled) + (f" ON CONFLICT {self._conflict}" if self._conflict else "")
            packed = self._packed and dialect_name == "sqlite"
            if packed:
                text = _packing(text, len(statement.selected_columns), self._gap)
            known = self._prepared[dialect_name] = _Prepared(
                text,
                constants,
                tuple(compiled.positiontup or ()) if numbered else None,
                bool(statement.is_select or compiled.effective_returning),
                packed,
            )
        return known

    def _learn(self, statement: Any) -> Callable[[Any], Row]:
        """How rows of this statement are made."""
        if self._row is None:
            self._row = _row_maker(statement.selected_columns if statement.is_select else None)
        return self._row

    def run(self, conn: Connection, met: Met[Row] | None = None, /, **parameters: Any) -> list[Row]:
        """Execute within the unit's transaction; all rows. Those that have been `met` are taken from there."""
        dialect_name = conn.dialect.name
        prepared = self._on(dialect_name)
        bound = dict(prepared.constants)
        for name, value in parameters.items():
            bound[name] = (
                list_parameter(dialect_name, value) if isinstance(value, list | tuple | set) else value
            )
        if prepared.places is None:
            cursor = _execute(conn, prepared.text, bound)
        else:
            cursor = _execute_numbered(conn, prepared.text, [bound[name] for name in prepared.places])
        if not prepared.packed:
            # Not asked of the cursor: psycopg describes every column to say so.
            rows = cursor.fetchall() if prepared.has_rows else []
            return list(map(self._row, rows)) if met is None else self._those(met, rows, None)  # type: ignore[arg-type]
        packed: str | None = cursor.fetchone()[0]
        if packed is None:
            return []
        if met is None:
            return list(map(self._row, _unpack_all(f"[{packed.replace(_BREAK, ',')}]")))  # type: ignore[arg-type]
        return self._those(met, packed.split(_BREAK), _unpack)

    def _those(self, met: Met[Row], keys: Sequence[Any], unpack: Callable[[Any], Any] | None) -> list[Row]:
        """A row for each key, which is all that the database says of it."""
        found: list[Row] = []
        for key in keys:
            row = met.get(key)
            if row is None:
                row = self._row(key if unpack is None else unpack(key))  # type: ignore[misc]
                met.put(key, row)
            found.append(row)
        return found

    def first(self, conn: Connection, **parameters: Any) -> Row | None:
        """The first row, or None."""
        rows = self.run(conn, **parameters)
        return rows[0] if rows else None


class Together:
    """Several queries of rows without bytes, run as one statement: for a page that needs something of many tables.

    The database makes one text of the rows of each, as JSON. They take their parameters by name from the same ones.
    """

    def __init__(self, *queries: Hot[Any]) -> None:
        self._queries = queries
        self._whole: Hot[tuple[str, ...]] = Hot(self._statement, tuple)
        self._rows: list[Callable[[Any], Any]] = []

    def _statement(self) -> Select[Any]:
        statements: list[Any] = [query._statement() for query in self._queries]
        pairs = zip(self._queries, statements, strict=True)
        self._rows = [query._learn(statement) for query, statement in pairs]
        tables = [statement.subquery() for statement in statements]
        return select(*(select(JsonRows(*table.c)).select_from(table).scalar_subquery() for table in tables))

    def run(self, conn: Connection, **parameters: Any) -> list[list[Any]]:
        """The rows of each query, as it makes them itself."""
        (texts,) = self._whole.run(conn, **parameters)
        return [list(map(row, _unpack_all(text))) for row, text in zip(self._rows, texts, strict=True)]


def insert_row(
    conn: Connection, table: Table, values: Mapping[str, Any], *, unless_there: bool = False
) -> bool:
    """Insert one row; columns that are not in `values` take the database's default.

    With `unless_there` a row that would break a unique constraint is left out: False. Otherwise the driver's
    own error is raised (see `storage.database.integrity_conflict`).
    """
    text = _insert_text(conn.dialect.name, table, tuple(values), unless_there)
    return bool(_execute(conn, text, values).rowcount)


def insert_kept(conn: Connection, table: Table, values: Mapping[str, Any]) -> Any:
    """The same; the whole row as it is kept, with the database's defaults."""
    text = _insert_text(conn.dialect.name, table, tuple(values), unless_there=False, returning=True)
    return _whole_row(table)(_execute(conn, text, values).fetchall()[0])


def insert_rows(
    conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, unless_there: bool = False
) -> None:
    """Insert rows that all have the same columns; with `unless_there` only those that break no constraint."""
    if rows:
        text = _insert_text(conn.dialect.name, table, tuple(rows[0]), unless_there)
        _count(conn, text)
        conn.connection.driver_connection.cursor().executemany(text, rows)  # type: ignore[union-attr]


@lru_cache(maxsize=64)
def _whole_row(table: Table) -> Callable[[Any], Any]:
    return _row_maker(table.columns)


@lru_cache(maxsize=512)
def _insert_text(
    dialect_name: str, table: Table, names: tuple[str, ...], unless_there: bool, returning: bool = False
) -> str:
    statement: Any = insert(table).values({name: bindparam(name) for name in names})
    if returning:
        statement = statement.returning(*table.columns)
    # Columns with a default of Python's would be added to the statement without a value.
    compiled = statement.compile(dialect=_dialect(dialect_name), column_keys=list(names))
    surplus = set(compiled.params) - set(names)
    assert not surplus, f"{table.name}: {surplus} need a default in the database"
    return str(compiled) + (" ON CONFLICT DO NOTHING" if unless_there else "")


def _packing(text: str, width: int, gap: tuple[int, int] | None) -> str:
    """The query around a query that makes one text of its rows, in their order, a line for each."""
    names = [f"c{number}" for number in range(width)]
    line = row = f"json_array({', '.join(names)})"
    if gap is not None:
        first, end = gap
        row = f"CASE WHEN c{first} IS NULL THEN json_array({', '.join(names[:first] + names[end:])}) ELSE {line} END"
    return f"WITH line({', '.join(names)}) AS ({text}) SELECT group_concat({row}, char(10)) FROM line"  # noqa: S608


def _row_maker(columns: Any) -> Callable[[Any], Any]:
    """Rows with their columns as attributes, and booleans where the columns are flags; plain ones without columns."""
    if columns is None:
        return tuple
    made: Any = namedtuple("HotRow", columns.keys())  # type: ignore[misc]
    flags = [index for index, column in enumerate(columns) if isinstance(column.type, Boolean)]
    if not flags:
        make: Callable[[Any], Any] = made._make
        return make

    def with_flags(values: Any) -> Any:
        changed = list(values)
        for index in flags:
            if changed[index] is not None:
                changed[index] = bool(changed[index])
        return made._make(changed)

    return with_flags


def _execute(conn: Connection, text: str, bound: Mapping[str, Any]) -> Any:
    _count(conn, text)
    return conn.connection.driver_connection.execute(text, bound)  # type: ignore[union-attr]


def _execute_numbered(conn: Connection, text: str, bound: Sequence[Any]) -> Any:
    from psycopg import RawCursor

    _count(conn, text)
    return RawCursor(conn.connection.driver_connection).execute(text, bound)  # type: ignore[arg-type]


def _count(conn: Connection, text: str) -> None:
    info = conn.info
    info["statements"] = info.get("statements", 0) + 1
    changes.note(conn, text)
