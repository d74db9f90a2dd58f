"""Secret addresses under which people without an account here change their answers, and who wants to hear nothing more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, delete, func, select

from storage.hot import insert_row
from storage.tables import answer_key, event_silence
from storage.types import new_id, now_ms


def add(conn: Connection, post_id: int, account_id: int, digest: str) -> None:
    """Another address of this person's for what they answered to an event."""
    now = now_ms()
    row = {
        "id": new_id(now),
        "post_id": post_id,
        "account_id": account_id,
        "digest": digest,
        "created_at": now,
    }
    insert_row(conn, answer_key, row)


def by_digest(conn: Connection, digest: str) -> Any:
    """Whose answers to which event an address opens, or None."""
    return conn.execute(select(answer_key).where(answer_key.c.digest == digest)).first()


def remove(conn: Connection, post_id: int, account_id: int) -> None:
    """Take back all that this person has for an event."""
    conn.execute(
        delete(answer_key).where(answer_key.c.post_id == post_id, answer_key.c.account_id == account_id)
    )


def counts_since(conn: Connection, post_id: int, account_ids: Iterable[int], since_ms: int) -> dict[int, int]:
    """How many addresses each of these people was given for an event since an instant, as far as there are any."""
    query = select(answer_key.c.account_id, func.count().label("number")).where(
        answer_key.c.post_id == post_id,
        answer_key.c.account_id.in_(set(account_ids)),
        answer_key.c.created_at > since_ms,
    )
    counted = conn.execute(query.group_by(answer_key.c.account_id))
    return {row.account_id: row.number for row in counted}


# -- silence


def silence(conn: Connection, account_id: int) -> None:
    """They are told nothing more, twice is as once."""
    insert_row(conn, event_silence, {"account_id": account_id, "created_at": now_ms()}, unless_there=True)


def end_silence(conn: Connection, account_id: int) -> None:
    """They want to hear again."""
    conn.execute(delete(event_silence).where(event_silence.c.account_id == account_id))


def silent(conn: Connection, account_ids: Iterable[int]) -> set[int]:
    """Those of these people who want to hear nothing more."""
    query = select(event_silence.c.account_id)
    return set(conn.scalars(query.where(event_silence.c.account_id.in_(set(account_ids)))))
