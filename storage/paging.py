"""Windows over a list ordered by id: ``max_id``, ``since_id`` and ``min_id`` of the client API.

``max_id`` and ``since_id`` look from the newest down; ``min_id`` gives the page immediately above it. The
cursor itself is never part of the page. One implementation serves every list.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Select

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list is asked for. `limit` has been capped by whoever built it."""

    limit: int = 20
    max_id: int | None = None
    since_id: int | None = None
    min_id: int | None = None

    @property
    def ascending(self) -> bool:
        """Whether rows must be read from the oldest up, and turned round."""
        return self.min_id is not None

    def of(self, query: Select[Any], column: ColumnElement[int]) -> Select[Any]:
        """`query`, limited to this window over `column`."""
        if self.max_id is not None:
            query = query.where(column < self.max_id)
        if self.since_id is not None:
            query = query.where(column > self.since_id)
        if self.min_id is not None:
            query = query.where(column > self.min_id)
        return query.order_by(column.asc() if self.ascending else column.desc()).limit(self.limit)

    def rows(self, conn: Connection, query: Select[Any], column: ColumnElement[int]) -> list[Row[Any]]:
        """The page, newest first."""
        rows = list(conn.execute(self.of(query, column)))
        return rows[::-1] if self.ascending else rows

    def below(self, last_id: int) -> Window:
        """The window that goes on under `last_id`, for filling a page from which items were taken."""
        return replace(self, max_id=last_id)
