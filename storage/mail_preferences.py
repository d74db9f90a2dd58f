"""What members want to hear by mail of groups, and the secrets of their addresses."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, exists, func, or_, select, update

from storage.hot import Hot, insert_row, insert_rows
from storage.tables import mail_preference, membership, user

SECRET_BYTES: Final = 32
DEFAULT_RHYTHM: Final = "weekly"


class PreferenceRow(NamedTuple):
    """See `storage.tables.mailing`. Instants in ms."""

    account_id: int
    secret: bytes
    generation: int
    wants_groups: bool
    rhythm: str
    digest_until_at: int | None
    digest_due_at: int | None


_of_member: Hot[PreferenceRow] = Hot(
    lambda: select(*(mail_preference.c[name] for name in PreferenceRow._fields)).where(
        mail_preference.c.account_id == bindparam("account_id")
    ),
    # The drivers give memoryview, and SQLite's 0 and 1.
    lambda row: PreferenceRow(row[0], bytes(row[1]), row[2], bool(row[3]), *row[4:]),
)


def get(conn: Connection, account_id: int) -> PreferenceRow | None:
    """Of a member; None for others, and for members before their first mail of this kind."""
    return _of_member.first(conn, account_id=account_id)


def ensure(conn: Connection, account_id: int) -> PreferenceRow:
    """Of a member, made now unless it is there."""
    row = get(conn, account_id)
    if row is None:
        insert_row(
            conn,
            mail_preference,
            {"account_id": account_id, "secret": os.urandom(SECRET_BYTES)},
            unless_there=True,
        )
        row = get(conn, account_id)
    assert row is not None
    return row


def lock(conn: Connection, account_id: int) -> None:
    """Until this unit commits, no other counts what a member was told."""
    query = select(mail_preference.c.account_id).where(mail_preference.c.account_id == account_id)
    conn.execute(query.with_for_update())


def change(conn: Connection, account_id: int, /, **values: Any) -> None:
    """Set columns; the row must be there."""
    conn.execute(update(mail_preference).where(mail_preference.c.account_id == account_id).values(**values))


# -- digests


class DueRow(NamedTuple):
    """A member whose digest is due, or who has had none yet."""

    account_id: int
    time_zone: str
    rhythm: str
    digest_until_at: int | None


def without_due(conn: Connection, *, limit: int) -> list[DueRow]:
    """Members who belong to a group, want digests, and for whom it is not noted when the next is due."""
    query = (
        select(
            user.c.account_id,
            user.c.time_zone,
            func.coalesce(mail_preference.c.rhythm, DEFAULT_RHYTHM),
            mail_preference.c.digest_until_at,
        )
        .outerjoin(mail_preference, mail_preference.c.account_id == user.c.account_id)
        .where(
            mail_preference.c.digest_due_at.is_(None),
            or_(mail_preference.c.rhythm.is_(None), mail_preference.c.rhythm != "off"),
            exists().where(membership.c.account_id == user.c.account_id),
        )
    )
    return [DueRow._make(row) for row in conn.execute(query.order_by(user.c.account_id).limit(limit))]


def due(conn: Connection, now: int, *, limit: int) -> list[DueRow]:
    """Members whose digest is due, the longest first: this unit's alone, if several processes look."""
    query = (
        select(
            mail_preference.c.account_id,
            user.c.time_zone,
            mail_preference.c.rhythm,
            mail_preference.c.digest_until_at,
        )
        .join(user, user.c.account_id == mail_preference.c.account_id)
        .where(mail_preference.c.digest_due_at <= now)
        .order_by(mail_preference.c.digest_due_at)
        .with_for_update(skip_locked=True, of=mail_preference)
    )
    return [DueRow._make(row) for row in conn.execute(query.limit(limit))]


def enrol(conn: Connection, wanted: Sequence[tuple[int, int | None]], until_ms: int) -> None:
    """Note for each (account, instant) when the first digest is due, which tells of nothing before `until_ms`."""
    rows = [{"account_id": account_id, "secret": os.urandom(SECRET_BYTES)} for account_id, _ in wanted]
    insert_rows(conn, mail_preference, rows, unless_there=True)
    put_due(conn, wanted, until_ms)


def put_due(conn: Connection, wanted: Sequence[tuple[int, int | None]], until_ms: int) -> None:
    """Note for each (account, instant) when the next digest is due, and that all before `until_ms` is told."""
    if not wanted:
        return
    statement = (
        update(mail_preference)
        .where(mail_preference.c.account_id == bindparam("of_account_id"))
        .values(digest_due_at=bindparam("due_at"), digest_until_at=until_ms)
    )
    conn.execute(
        statement, [{"of_account_id": account_id, "due_at": due_at} for account_id, due_at in wanted]
    )
