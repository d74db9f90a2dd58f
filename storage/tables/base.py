"""The metadata all tables share, and the column shapes they have in common."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ForeignKey, MetaData

from storage.types import Flag, Id, Instant

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def row_id() -> Column[Any]:
    """A time-ordered primary key, minted by `storage.types.new_id`, never by the database."""
    return Column("id", Id, primary_key=True, autoincrement=False)


def refers(
    name: str,
    target: str,
    *,
    nullable: bool = False,
    on_delete: str = "CASCADE",
    index: bool = False,
    primary_key: bool = False,
) -> Column[Any]:
    """A foreign key to ``target`` (``table.column``); the database follows deletions."""
    return Column(
        name,
        Id,
        ForeignKey(target, ondelete=on_delete),
        nullable=nullable,
        index=index,
        primary_key=primary_key,
        autoincrement=False if primary_key else "auto",
    )


def instant(name: str, *, nullable: bool = True) -> Column[Any]:
    """An instant in milliseconds since 1970 UTC."""
    return Column(name, Instant, nullable=nullable)


def flag(name: str, *, default: bool = False) -> Column[Any]:
    """A yes or no that is never null."""
    return Column(name, Flag, nullable=False, server_default="1" if default else "0")
