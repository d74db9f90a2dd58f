"""What an admin changed in the panel, by name. What a name means is `fedserver.settings`' business."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from storage.signals import signal
from storage.tables import setting
from storage.types import now_ms


def stored(conn: Connection) -> dict[str, Any]:
    """Every stored setting."""
    return {row.name: json.loads(row.value) for row in conn.execute(select(setting.c.name, setting.c.value))}


def put(conn: Connection, name: str, value: Any) -> None:
    """Store one setting and tell every process (channel ``setting``)."""
    drop(conn, name)
    conn.execute(
        insert(setting).values(name=name, value=json.dumps(value, ensure_ascii=False), updated_at=now_ms())
    )


def drop(conn: Connection, name: str) -> None:
    """Return one setting to its default."""
    conn.execute(delete(setting).where(setting.c.name == name))
    signal(conn, "setting", name)
