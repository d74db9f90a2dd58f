"""Terms and privacy, version by version, and who agreed to which."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, func, insert, or_, select, update

from storage.hot import insert_row
from storage.instances import escaped
from storage.paging import Window
from storage.signals import signal
from storage.tables import account, policy_consent, policy_version, user
from storage.types import new_id, now_ms

# Attributes are the table's columns.
VersionRow = Row[Any]
MemberRow = Row[Any]
"""An account's id, username and display_name, since when they are in and when they were here last."""


def published(conn: Connection, kind: str) -> list[VersionRow]:
    """Every version that members know, the newest first."""
    query = select(policy_version).where(
        policy_version.c.kind == kind, policy_version.c.published_at.is_not(None)
    )
    return list(conn.execute(query.order_by(policy_version.c.effective_on.desc())))


def draft(conn: Connection, kind: str) -> VersionRow | None:
    """What is being written."""
    return conn.execute(
        select(policy_version).where(policy_version.c.kind == kind, policy_version.c.published_at.is_(None))
    ).first()


def put_draft(conn: Connection, kind: str, text: str) -> None:
    """Keep what is being written; with an empty text there is no draft."""
    conn.execute(
        delete(policy_version).where(policy_version.c.kind == kind, policy_version.c.published_at.is_(None))
    )
    if text:
        conn.execute(insert(policy_version).values(id=new_id(), kind=kind, text=text, changed_at=now_ms()))


def publish(conn: Connection, version_id: int, effective_on: str) -> None:
    """Let the draft be what holds from a day on; every process is told."""
    conn.execute(
        update(policy_version)
        .where(policy_version.c.id == version_id)
        .values(effective_on=effective_on, published_at=now_ms())
    )
    signal(conn, "setting", "policies")


def newest(conn: Connection) -> dict[str, VersionRow]:
    """Of each kind the version that was published last."""
    query = select(policy_version).where(policy_version.c.published_at.is_not(None))
    return {row.kind: row for row in conn.execute(query.order_by(policy_version.c.effective_on))}


def agreed(conn: Connection, account_id: int, version_ids: Iterable[int]) -> set[int]:
    """To which of these a member has agreed."""
    query = select(policy_consent.c.version_id).where(
        policy_consent.c.account_id == account_id, policy_consent.c.version_id.in_(list(version_ids))
    )
    return set(conn.scalars(query))


def agree(conn: Connection, account_id: int, version_id: int) -> bool:
    """Remember that a member agrees. Whether that is new."""
    row = {"account_id": account_id, "version_id": version_id, "agreed_at": now_ms()}
    return insert_row(conn, policy_consent, row, unless_there=True)


def consents(conn: Connection) -> dict[int, int]:
    """How many agreed to each version."""
    query = select(policy_consent.c.version_id, func.count()).group_by(policy_consent.c.version_id)
    return {int(row[0]): int(row[1]) for row in conn.execute(query)}


def version(conn: Connection, version_id: int) -> VersionRow | None:
    """A version that members know."""
    query = select(policy_version).where(
        policy_version.c.id == version_id, policy_version.c.published_at.is_not(None)
    )
    return conn.execute(query).first()


def missing(conn: Connection, version_id: int, window: Window, name: str = "") -> list[MemberRow]:
    """Members who have not agreed to a version, whose names have this text, who came last first."""
    query = (
        select(
            account.c.id,
            account.c.username,
            account.c.display_name,
            user.c.approved_at,
            user.c.last_active_at,
        )
        .join_from(user, account, account.c.id == user.c.account_id)
        .where(
            user.c.approved_at.is_not(None),
            account.c.deleted_at.is_(None),
            ~exists()
            .where(policy_consent.c.account_id == account.c.id, policy_consent.c.version_id == version_id)
            .correlate(account),
        )
    )
    if name:
        text = f"%{escaped(name.casefold())}%"
        query = query.where(
            or_(
                account.c.username_key.like(text, escape="\\"),
                func.lower(account.c.display_name).like(text, escape="\\"),
            )
        )
    return window.rows(conn, query, account.c.id)


def members(conn: Connection) -> int:
    """How many are asked."""
    return int(conn.scalar(select(func.count()).where(user.c.approved_at.is_not(None))) or 0)
