"""What the two databases disagree on, decided once: instants, time-ordered ids, lists as parameters.

An instant is an ``int``: milliseconds since 1970-01-01 UTC, in a column whose name ends in ``_at``.
Both databases store it alike, it needs no conversion on the way in or out, and no time zone can be lost.

An id is a 63-bit ``int``: the instant in the upper 47 bits, 16 bits that tell rows of one millisecond
apart. Ids therefore sort by time, which is what paging in the client API stands on.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Integer, LargeBinary, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.elements import BindParameter
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import Boolean

ID_BITS_WITHIN_MS = 16
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

# SQLite only makes INTEGER PRIMARY KEY an alias of the row id; PostgreSQL needs BIGINT for 63 bits.
Id = BigInteger().with_variant(Integer, "sqlite")
Instant = BigInteger().with_variant(Integer, "sqlite")
Json = Text
Bytes = LargeBinary
Flag = Boolean(create_constraint=False)

_counter_lock = threading.Lock()
_counter = random.SystemRandom().getrandbits(ID_BITS_WITHIN_MS)


def now_ms() -> int:
    """The current instant, in milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def new_id(at_ms: int | None = None) -> int:
    """Mint an id for `at_ms` (default: now). Two calls in one process never give the same id within a ms."""
    global _counter
    with _counter_lock:
        _counter = (_counter + 1) & 0xFFFF
        low = _counter
    at = now_ms() if at_ms is None else max(0, at_ms)
    return (at << ID_BITS_WITHIN_MS) | low


def id_floor(at_ms: int) -> int:
    """The smallest id that a row of this instant can have: for windows by time over id columns."""
    return max(0, at_ms) << ID_BITS_WITHIN_MS


def instant_of(row_id: int) -> int:
    """The instant that an id carries, in milliseconds."""
    return row_id >> ID_BITS_WITHIN_MS


class AnyOf(ColumnElement[bool]):
    """``column = ANY(:values)``: membership in a list given as one parameter, so the SQL text is constant.

    PostgreSQL takes the list as an array, SQLite as a JSON text; `list_parameter` makes the right one.
    """

    inherit_cache = True
    type = Boolean()
    # Else SQLAlchemy writes `… = 1` after it on SQLite, and no index is used.
    _is_implicitly_boolean = True

    def __init__(self, column: ColumnElement[Any], values: BindParameter[Any]) -> None:
        self.column = column
        self.values = values

    _traverse_internals = [  # noqa: RUF012  SQLAlchemy's own shape
        ("column", InternalTraversal.dp_clauseelement),
        ("values", InternalTraversal.dp_clauseelement),
    ]


@compiles(AnyOf, "sqlite")
def _any_of_sqlite(element: AnyOf, compiler: Any, **kw: Any) -> str:
    column = compiler.process(element.column, **kw)
    values = compiler.process(element.values, **kw)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608  built from compiled parts


@compiles(AnyOf, "postgresql")
def _any_of_postgresql(element: AnyOf, compiler: Any, **kw: Any) -> str:
    column = compiler.process(element.column, **kw)
    return f"{column} = ANY({compiler.process(element.values, **kw)})"


class JsonRows(ColumnElement[str]):
    """All rows, one text: a JSON array that has an array of these columns for each, in their order."""

    inherit_cache = True
    type = Text()

    def __init__(self, *columns: ColumnElement[Any]) -> None:
        self.columns = columns

    _traverse_internals = [  # noqa: RUF012  SQLAlchemy's own shape
        ("columns", InternalTraversal.dp_clauseelement_tuple),
    ]


@compiles(JsonRows, "sqlite")
def _json_rows_sqlite(element: JsonRows, compiler: Any, **kw: Any) -> str:
    columns = ", ".join(compiler.process(column, **kw) for column in element.columns)
    return f"json_group_array(json_array({columns}))"


@compiles(JsonRows, "postgresql")
def _json_rows_postgresql(element: JsonRows, compiler: Any, **kw: Any) -> str:
    columns = ", ".join(compiler.process(column, **kw) for column in element.columns)
    return f"coalesce(json_agg(json_build_array({columns}))::text, '[]')"


def list_parameter(dialect_name: str, values: Iterable[int] | Iterable[str]) -> Any:
    """The list as `AnyOf` wants it on this database."""
    items = list(values)
    return msgspec.json.encode(items).decode() if dialect_name == "sqlite" else items
