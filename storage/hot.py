"""Statements that run on every request: compiled once, executed on the driver itself.

Building and compiling a SQLAlchemy statement costs several times what SQLite needs to run it. A `Hot`
statement is written in SQLAlchemy like any other, compiled at its first use for each dialect, and from then
on is a constant text with named parameters. Parameters and results are the driver's own values: this is why
instants are integers and lists go through `storage.types.AnyOf`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Executable
from sqlalchemy.dialects import postgresql, sqlite

from storage.types import list_parameter

Row = TypeVar("Row")

_DIALECTS: dict[str, Any] = {
    "sqlite": sqlite.dialect(paramstyle="named"),
    "postgresql": postgresql.dialect(paramstyle="pyformat"),  # type: ignore[no-untyped-call]
}


class Hot(Generic[Row]):
    """A prepared statement. `row` makes a result row from the tuple of its columns, for example
    a NamedTuple's ``_make``. Lists among the parameters are passed on as `AnyOf` wants them."""

    def __init__(self, statement: Callable[[], Executable], row: Callable[[Any], Row]) -> None:
        self._statement = statement
        self._row = row
        self._texts: dict[str, tuple[str, dict[str, Any]]] = {}

    def _text(self, dialect_name: str) -> tuple[str, dict[str, Any]]:
        known = self._texts.get(dialect_name)
        if known is None:
            compiled = self._statement().compile(dialect=_DIALECTS[dialect_name])  # type: ignore[attr-defined]
            constants = {name: value for name, value in compiled.params.items() if value is not None}
            known = self._texts[dialect_name] = (str(compiled), constants)
        return known

    def run(self, conn: Connection, **parameters: Any) -> list[Row]:
        """Execute within the unit's transaction; all rows."""
        dialect_name = conn.dialect.name
        text, constants = self._text(dialect_name)
        bound = dict(constants)
        for name, value in parameters.items():
            bound[name] = (
                list_parameter(dialect_name, value) if isinstance(value, list | tuple | set) else value
            )
        conn.info["statements"] = conn.info.get("statements", 0) + 1
        cursor = conn.connection.driver_connection.execute(text, bound)  # type: ignore[union-attr]
        return [self._row(values) for values in cursor.fetchall()] if cursor.description else []

    def first(self, conn: Connection, **parameters: Any) -> Row | None:
        """The first row, or None."""
        rows = self.run(conn, **parameters)
        return rows[0] if rows else None
