"""Invitations by link: who gave them, how often they were used, and who came by them."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, insert, or_, select, update

from storage.paging import Window
from storage.tables import account, invite, user
from storage.types import new_id, now_ms

InviteRow = Row[Any]
"""A row of `invite`, with `inviter`, the user name of who invites."""
PEOPLE_SHOWN_MAX = 500


def _select() -> Any:
    return select(invite, account.c.username.label("inviter")).join_from(
        invite, account, account.c.id == invite.c.account_id
    )


def add(conn: Connection, account_id: int, *, code: str, **columns: Any) -> int:
    """A new invitation; its id."""
    invite_id = new_id()
    conn.execute(
        insert(invite).values(
            id=invite_id, account_id=account_id, code=code, created_at=now_ms(), uses=0, **columns
        )
    )
    return invite_id


def by_code(conn: Connection, code: str) -> InviteRow | None:
    """The invitation with this code, whether or not it still holds."""
    return conn.execute(_select().where(invite.c.code == code)).first()


def by_id(conn: Connection, invite_id: int | None) -> InviteRow | None:
    """The invitation."""
    return None if invite_id is None else conn.execute(_select().where(invite.c.id == invite_id)).first()


def page(conn: Connection, window: Window, *, account_id: int | None = None) -> list[InviteRow]:
    """Invitations, the newest first; those of one member where `account_id` says whose."""
    query = _select()
    if account_id is not None:
        query = query.where(invite.c.account_id == account_id)
    return window.rows(conn, query, invite.c.id)


def count_since(conn: Connection, account_id: int, since_ms: int) -> int:
    """How many a member has made after this instant."""
    query = select(func.count()).where(invite.c.account_id == account_id, invite.c.created_at > since_ms)
    return int(conn.execute(query).scalar_one())


def take(conn: Connection, invite_id: int, now: int) -> bool:
    """Count a use, if the invitation still holds and is not used up; whether it was. Two at once never take the same."""
    taken = conn.execute(
        update(invite)
        .where(
            invite.c.id == invite_id,
            invite.c.revoked_at.is_(None),
            or_(invite.c.expires_at.is_(None), invite.c.expires_at > now),
            or_(invite.c.uses_max.is_(None), invite.c.uses < invite.c.uses_max),
        )
        .values(uses=invite.c.uses + 1)
    )
    return bool(taken.rowcount)


def revoke(conn: Connection, invite_id: int, now: int) -> bool:
    """Whether it was not revoked before."""
    query = update(invite).where(invite.c.id == invite_id, invite.c.revoked_at.is_(None))
    return bool(conn.execute(query.values(revoked_at=now)).rowcount)


def people(conn: Connection, invite_ids: list[int]) -> dict[int, list[Row[Any]]]:
    """By invitation who came by it and is in: (invite_id, account columns…), the first first."""
    if not invite_ids:
        return {}
    query = (
        select(user.c.invite_id, account)
        .join_from(user, account, account.c.id == user.c.account_id)
        .where(
            user.c.invite_id.in_(invite_ids),
            user.c.confirmed_at.is_not(None),
            user.c.approved_at.is_not(None),
            account.c.deleted_at.is_(None),
        )
        .order_by(account.c.id)
        .limit(PEOPLE_SHOWN_MAX)
    )
    found: dict[int, list[Row[Any]]] = {}
    for row in conn.execute(query):
        found.setdefault(row.invite_id, []).append(row)
    return found


class Inviter(NamedTuple):
    """Who invited somebody."""

    account_id: int
    username: str


def inviters(conn: Connection, account_ids: list[int]) -> dict[int, Inviter]:
    """By member who invited them; who came by themselves is not in it."""
    if not account_ids:
        return {}
    query = (
        select(user.c.account_id, account.c.id, account.c.username)
        .join_from(user, invite, invite.c.id == user.c.invite_id)
        .join(account, account.c.id == invite.c.account_id)
    )
    return {
        row[0]: Inviter(row[1], row[2])
        for row in conn.execute(query.where(user.c.account_id.in_(account_ids)))
    }
