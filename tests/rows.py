"""What is in the database, whole tables at a time: to see that nothing has changed that should not; and rows of any table."""

from __future__ import annotations

import itertools
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Integer,
    LargeBinary,
    Table,
    insert,
    select,
)

from storage import tables
from storage.types import new_id, now_ms

# What looking changes: when somebody or something was here last.
MOMENTS = ("last_used_at", "last_seen_at", "last_active_at", "used_at", "seen_at")
SAMPLES = {"kind": "note", "visibility": "public", "state": "waiting", "details": "{}", "zone": "UTC"}
TABLES = [table for table in tables.metadata.sorted_tables if table is not tables.member_day]


def every_row(conn: Connection) -> dict[str, list[str]]:
    """All rows of all tables."""
    return {table.name: _rows(conn, table) for table in TABLES}


def rows_about(conn: Connection, account_id: int) -> dict[str, list[str]]:
    """All rows that refer to somebody, by the column that does."""
    found = {}
    for table in TABLES:
        for column in table.columns:
            if {key.column.table for key in column.foreign_keys} & {tables.account, tables.user}:
                found[f"{table.name}.{column.name}"] = _rows(conn, table, column == account_id)
    return found


def changed(before: dict[str, list[str]], now: dict[str, list[str]]) -> dict[str, Any]:
    """What is not there any more, and what is new, by table or column."""
    names = (name for name in before if before[name] != now[name])
    return {name: (set(before[name]) - set(now[name]), set(now[name]) - set(before[name])) for name in names}


def _rows(conn: Connection, table: Table, *which: Any) -> list[str]:
    columns = [one for one in table.columns if one.name not in MOMENTS]
    return sorted(map(repr, conn.execute(select(*columns).where(*which)).all()))


class Filler:
    """Puts rows of any table into the database, with what they refer to: by somebody else, unless it is given."""

    def __init__(self, conn: Connection, other_id: int) -> None:
        self._conn = conn
        self._other_id = other_id
        self._parents: dict[Table, dict[str, Any]] = {}
        self._numbers = itertools.count(1)

    def row(self, table: Table, **given: Any) -> dict[str, Any]:
        values = dict(given)
        for column in table.columns:
            if column.name not in values and not column.nullable and column.server_default is None:
                values[column.name] = self._value(column)
        self._conn.execute(insert(table).values(**values))
        return values

    def _value(self, column: Column[Any]) -> Any:
        for key in column.foreign_keys:
            parent = key.column.table
            if parent in (tables.account, tables.user):
                return self._other_id
            if parent not in self._parents:
                self._parents[parent] = self.row(parent)
            return self._parents[parent][key.column.name]
        kind = column.type
        if column.name in SAMPLES:
            return SAMPLES[column.name]
        if column.name.endswith("_at"):
            return now_ms()
        if isinstance(kind, LargeBinary):
            return new_id().to_bytes(8, "big")
        if isinstance(kind, Boolean):
            return False
        if isinstance(kind, BigInteger):
            return new_id()
        if isinstance(kind, Integer):
            return next(self._numbers)
        return str(new_id())[-(getattr(kind, "length", None) or 20) :]
