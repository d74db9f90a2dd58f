"""Mails that came in for members to post."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, null, select, update

from storage.hot import insert_row
from storage.tables import mail_arrival
from storage.types import id_floor, new_id

# Attributes are the table's columns.
ArrivalRow = Row[Any]


def add(
    conn: Connection, key_hash: bytes, *, account_id: int, kind: str, target_id: int, body: bytes
) -> int | None:
    """Keep a mail; its id, or None if it has come before."""
    arrival_id = new_id()
    values = {
        "id": arrival_id,
        "key_hash": key_hash,
        "account_id": account_id,
        "kind": kind,
        "target_id": target_id,
        "state": "waiting",
        "body": body,
    }
    return arrival_id if insert_row(conn, mail_arrival, values, unless_there=True) else None


def waiting(conn: Connection, arrival_id: int) -> ArrivalRow | None:
    """A mail that is neither posted nor refused yet."""
    query = select(mail_arrival).where(mail_arrival.c.id == arrival_id, mail_arrival.c.state == "waiting")
    return conn.execute(query).first()


def put_media(conn: Connection, arrival_id: int, media_ids: Sequence[int]) -> None:
    """Its attachments are uploaded."""
    conn.execute(
        update(mail_arrival)
        .where(mail_arrival.c.id == arrival_id)
        .values(media_ids=json.dumps(list(media_ids)))
    )


def finish(conn: Connection, arrival_id: int, state: str) -> bool:
    """It is posted or refused; False if it was before."""
    done = conn.execute(
        update(mail_arrival)
        .where(mail_arrival.c.id == arrival_id, mail_arrival.c.state == "waiting")
        .values(state=state, body=null(), media_ids=null())
    )
    return bool(done.rowcount)


def count(conn: Connection, account_id: int, since_ms: int) -> int:
    """How many of a member's mails came since then."""
    query = select(func.count()).where(
        mail_arrival.c.account_id == account_id, mail_arrival.c.id >= id_floor(since_ms)
    )
    return conn.scalar(query) or 0


def count_refused(conn: Connection, account_id: int, since_ms: int) -> int:
    """How many of a member's mails that came since then were refused."""
    query = select(func.count()).where(
        mail_arrival.c.account_id == account_id,
        mail_arrival.c.id >= id_floor(since_ms),
        mail_arrival.c.state == "refused",
    )
    return conn.scalar(query) or 0


def forget(conn: Connection, before_ms: int) -> int:
    """Forget what came before this instant and is done; how many."""
    old = delete(mail_arrival).where(
        mail_arrival.c.id < id_floor(before_ms), mail_arrival.c.state != "waiting"
    )
    return conn.execute(old).rowcount
