"""How much room the database and the files take."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, func, select, text

from storage.tables import media, remote_file, resource_file


class Space(NamedTuple):
    """Numbers of files, and bytes: of the database, of members' uploads and resources, of copies of others' files."""

    database_bytes: int
    files: int
    files_bytes: int
    copies: int
    copies_bytes: int


def taken(conn: Connection) -> Space:
    """How it is now."""
    own = [_sum(conn, table) for table in (media, resource_file)]
    return Space(
        _database(conn), sum(one[0] for one in own), sum(one[1] for one in own), *_sum(conn, remote_file)
    )


def _sum(conn: Connection, table: object) -> tuple[int, int]:
    columns = table.c  # type: ignore[attr-defined]
    query = select(func.count(), func.coalesce(func.sum(columns.file_bytes), 0))
    row = conn.execute(query.where(columns.store_key != "")).one()
    return int(row[0]), int(row[1])


def _database(conn: Connection) -> int:
    if conn.dialect.name == "sqlite":
        return int(
            conn.scalar(text("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")) or 0
        )
    return int(conn.scalar(text("SELECT pg_database_size(current_database())")) or 0)
