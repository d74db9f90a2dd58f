"""Who holds which post of a new member for spam."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, select

from storage.hot import insert_row
from storage.tables import account, spam_mark, user
from storage.types import now_ms


def put(conn: Connection, post_id: int, account_id: int) -> bool:
    """A member marks a post. Whether that is new."""
    row = {"post_id": post_id, "account_id": account_id, "created_at": now_ms()}
    return insert_row(conn, spam_mark, row, unless_there=True)


def remove(conn: Connection, post_id: int, account_id: int) -> bool:
    """The member has changed their mind. Whether there was a mark."""
    where = (spam_mark.c.post_id == post_id, spam_mark.c.account_id == account_id)
    return bool(conn.execute(delete(spam_mark).where(*where)).rowcount)


def has(conn: Connection, post_id: int, account_id: int) -> bool:
    """Whether the member has marked the post."""
    where = (spam_mark.c.post_id == post_id, spam_mark.c.account_id == account_id)
    return conn.execute(select(spam_mark.c.post_id).where(*where)).first() is not None


def count(conn: Connection, post_id: int) -> int:
    """How many have marked it who are trusted still."""
    query = (
        select(func.count())
        .select_from(
            spam_mark.join(user, user.c.account_id == spam_mark.c.account_id).join(
                account, account.c.id == user.c.account_id
            )
        )
        .where(
            spam_mark.c.post_id == post_id,
            user.c.trust == "trusted",
            user.c.disabled_at.is_(None),
            account.c.suspended_at.is_(None),
        )
    )
    return int(conn.scalar(query) or 0)
