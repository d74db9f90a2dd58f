"""Whom a member recommends on their profile, and what they note about people for themselves."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from storage import kept_out
from storage.group_ties import known_to
from storage.hot import insert_row
from storage.paging import Window
from storage.tables import account, account_note, endorsement
from storage.types import new_id


def endorsed(conn: Connection, account_id: int, window: Window, *, viewer_id: int | None) -> list[Row[Any]]:
    """(id of the endorsement as relation_id, account columns…), as far as the viewer may know of them."""
    query = (
        select(endorsement.c.id.label("relation_id"), account)
        .join(account, account.c.id == endorsement.c.target_id)
        .where(endorsement.c.account_id == account_id, kept_out.shows(account))
        .where(known_to(viewer_id))
    )
    return window.rows(conn, query, endorsement.c.id)


def endorse(conn: Connection, account_id: int, target_id: int, follow_id: int) -> None:
    """Twice is as once; it ends with the follow."""
    row = {"id": new_id(), "account_id": account_id, "target_id": target_id, "follow_id": follow_id}
    insert_row(conn, endorsement, row, unless_there=True)


def unendorse(conn: Connection, account_id: int, target_id: int) -> None:
    """Nothing happens when there is none."""
    conn.execute(
        delete(endorsement).where(
            endorsement.c.account_id == account_id, endorsement.c.target_id == target_id
        )
    )


def put_note(conn: Connection, account_id: int, target_id: int, comment: str) -> None:
    """Exactly this is noted; nothing with an empty comment."""
    conn.execute(
        delete(account_note).where(
            account_note.c.account_id == account_id, account_note.c.target_id == target_id
        )
    )
    if comment:
        conn.execute(insert(account_note).values(account_id=account_id, target_id=target_id, comment=comment))
