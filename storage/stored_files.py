"""Which files of the media store the database names, whatever they are for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Column, Connection, select

from storage import settings
from storage.tables import account, metadata, remote_file

LOGO: Final = "logo"
"""The setting whose files have no table."""

_HOLDS_KEY: Final = frozenset({"store_key", "preview_key", "source_key", "static_key"})


def _columns() -> Iterator[Column[str]]:
    """Every column with keys of files that are the instance's own."""
    for table in metadata.sorted_tables:
        if table is not remote_file:
            yield from (column for column in table.columns if column.name in _HOLDS_KEY)


def named(conn: Connection) -> set[str]:
    """The keys of every file that cannot be had again elsewhere. Copies of other servers' files are not among them."""
    in_columns = {key for column in _columns() for key in conn.scalars(select(column).where(column != ""))}
    logo = settings.stored(conn).get(LOGO) or {}
    return in_columns | set(logo.get("store_keys", ()))


def copies(conn: Connection) -> set[str]:
    """The keys of copies of other servers' files."""
    return set(conn.scalars(select(remote_file.c.store_key).where(remote_file.c.store_key != "")))


def pictures(conn: Connection) -> set[str]:
    """The addresses of pictures on profiles of this server's accounts."""
    query = select(account.c.avatar_url, account.c.header_url).where(account.c.domain == "")
    return {url for row in conn.execute(query) for url in row if url}
