"""What is in the database, whole tables at a time: to see that nothing has changed that should not."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, select

from storage import tables

# What looking changes: when somebody or something was here last.
MOMENTS = ("last_used_at", "last_seen_at", "last_active_at", "used_at", "seen_at")
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
