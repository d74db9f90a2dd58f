"""Servers that members keep out for themselves, and what there is between a member and the people of one."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, func, or_, select

from storage.hot import insert_row
from storage.paging import Window
from storage.tables import account, follow, member_domain_block, notification
from storage.types import new_id


class Ties(NamedTuple):
    """How many of a server's people follow a member, and are followed."""

    followers: int
    following: int


def page(conn: Connection, account_id: int, window: Window) -> list[Row[Any]]:
    """(id, domain) of what a member keeps out."""
    query = select(member_domain_block.c.id, member_domain_block.c.domain).where(
        member_domain_block.c.account_id == account_id
    )
    return window.rows(conn, query, member_domain_block.c.id)


def add(conn: Connection, account_id: int, domain: str) -> bool:
    """False when it was kept out already."""
    row = {"id": new_id(), "account_id": account_id, "domain": domain}
    return insert_row(conn, member_domain_block, row, unless_there=True)


def remove(conn: Connection, account_id: int, domain: str) -> None:
    """Nothing happens when it was not kept out."""
    conn.execute(
        delete(member_domain_block).where(
            member_domain_block.c.account_id == account_id, member_domain_block.c.domain == domain
        )
    )


def is_kept_out(conn: Connection, account_id: int, domain: str) -> bool:
    """Whether a member keeps a server out; "" is ours."""
    query = select(member_domain_block.c.id).where(
        member_domain_block.c.account_id == account_id, member_domain_block.c.domain == domain
    )
    return bool(domain) and conn.execute(query).first() is not None


def ties(conn: Connection, account_id: int, domain: str) -> Ties:
    """What ends when the member keeps the server out."""

    def count(own: Any, theirs: Any) -> int:
        query = (
            select(func.count())
            .select_from(follow)
            .join(account, account.c.id == theirs)
            .where(own == account_id, account.c.domain == domain, follow.c.accepted)
        )
        return conn.scalar(query) or 0

    return Ties(
        count(follow.c.target_id, follow.c.account_id), count(follow.c.account_id, follow.c.target_id)
    )


def follows(conn: Connection, account_id: int, domain: str, *, limit: int) -> list[Row[Any]]:
    """Some follows and requests between a member and the people of a server."""
    there = select(account.c.id).where(account.c.domain == domain)
    query = select(follow).where(
        or_(
            (follow.c.account_id == account_id) & follow.c.target_id.in_(there),
            (follow.c.target_id == account_id) & follow.c.account_id.in_(there),
        )
    )
    return list(conn.execute(query.limit(limit)))


def remove_notifications(conn: Connection, account_id: int, domain: str) -> None:
    """Forget what the member was told of people of a server."""
    there = select(account.c.id).where(account.c.domain == domain)
    conn.execute(
        delete(notification).where(
            notification.c.account_id == account_id, notification.c.from_account_id.in_(there)
        )
    )
