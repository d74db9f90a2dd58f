"""Applications are not kept for ever: decided ones as long as their poster said when people applied, all others a fixed time after the
opportunity has closed."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from fedserver.opportunities.records import Form, form_of
from storage import applications
from storage.types import DAY_MS, now_ms

UNSENT_DAYS: Final = 30
UNDECIDED_DAYS: Final = 365


def forget(conn: Connection) -> int:
    """A chore: remove applications whose time has come, with their teams and reviews; how many."""
    now = now_ms()
    gone = sum(
        applications.remove_decided(conn, post_id, now - (form_of(form) or Form()).kept_days * DAY_MS)
        for post_id, form in applications.decided_forms(conn)
    )
    return gone + applications.remove_stale(
        conn,
        unsent_before_ms=now - UNSENT_DAYS * DAY_MS,
        undecided_before_ms=now - UNDECIDED_DAYS * DAY_MS,
    )
