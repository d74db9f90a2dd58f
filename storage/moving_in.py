"""What members bring along: the files they sent, the rows that wait, and what a member has of each kind already."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, case, delete, func, insert, or_, select, update

from storage.hot import insert_rows
from storage.tables import (
    account,
    block,
    bookmark,
    follow,
    list_account,
    member_domain_block,
    member_import,
    member_import_row,
    member_list,
    mute,
    post,
    post_filter,
)
from storage.types import new_id, now_ms

ImportRow = Any
RUNNING: Final = ("removing", "adding")


# -- the files


def add(conn: Connection, account_id: int, **columns: Any) -> int:
    """A file whose rows are about to be kept; its id."""
    import_id = new_id()
    conn.execute(
        insert(member_import).values(
            id=import_id, account_id=account_id, state="reading", created_at=now_ms(), **columns
        )
    )
    return import_id


def by_id(conn: Connection, import_id: int) -> ImportRow | None:
    return conn.execute(select(member_import).where(member_import.c.id == import_id)).first()


def own(conn: Connection, account_id: int, import_id: int) -> ImportRow | None:
    """Only the member's own."""
    row = by_id(conn, import_id)
    return row if row is not None and row.account_id == account_id else None


def of_member(conn: Connection, account_id: int) -> list[ImportRow]:
    """Newest first, with `left`: how many rows wait."""
    left = (
        select(func.count())
        .where(member_import_row.c.import_id == member_import.c.id, member_import_row.c.state == "waiting")
        .scalar_subquery()
    )
    query = select(member_import, left.label("left")).where(member_import.c.account_id == account_id)
    return list(conn.execute(query.order_by(member_import.c.id.desc())))


def change(conn: Connection, import_id: int, **columns: Any) -> None:
    conn.execute(update(member_import).where(member_import.c.id == import_id).values(**columns))


def remove(conn: Connection, import_ids: Iterable[int]) -> None:
    """With their rows."""
    conn.execute(delete(member_import).where(member_import.c.id.in_(list(import_ids))))


def forget(conn: Connection, *, asked_before: int, ended_before: int) -> None:
    """Remove what was never said yes to, and what has ended long ago (both in ms)."""
    conn.execute(
        delete(member_import).where(
            or_(
                member_import.c.state.in_(("reading", "asked")) & (member_import.c.created_at < asked_before),
                member_import.c.ended_at < ended_before,
            )
        )
    )


# -- their rows


def add_rows(
    conn: Connection, import_id: int, rows: Iterable[tuple[str, int, str, str, Sequence[str], str]]
) -> None:
    """(state, line, key, host, cells, why) of each."""
    now = now_ms()
    insert_rows(
        conn,
        member_import_row,
        [
            {
                "id": new_id(now), "import_id": import_id, "state": state, "line": line, "key": key, "host": host,
                "cells": json.dumps(list(cells), ensure_ascii=False), "why": why, "due_at": now,
            }
            for state, line, key, host, cells, why in rows
        ],
    )  # fmt: skip


def keys(conn: Connection, import_id: int) -> set[str]:
    """What the rows that wait ask for, by their keys."""
    query = select(member_import_row.c.key).where(
        member_import_row.c.import_id == import_id, member_import_row.c.state == "waiting"
    )
    return set(conn.scalars(query))


def due(conn: Connection, import_id: int, now: int, limit: int) -> list[Row[Any]]:
    """Rows whose time has come, in the order of the file."""
    query = _waiting(import_id).where(member_import_row.c.due_at <= now)
    return list(conn.execute(query.order_by(member_import_row.c.due_at, member_import_row.c.id).limit(limit)))


def next_due_at(conn: Connection, import_id: int) -> int | None:
    """When the next row is to be tried; None where none waits."""
    at: int | None = conn.scalar(
        select(func.min(member_import_row.c.due_at)).where(
            member_import_row.c.import_id == import_id, member_import_row.c.state == "waiting"
        )
    )
    return at


def done(conn: Connection, import_id: int, row_id: int, *, was_known: bool) -> None:
    """A row has been brought in, or had been there: it is counted once, and goes."""
    if conn.execute(delete(member_import_row).where(member_import_row.c.id == row_id)).rowcount:
        counted = member_import.c.known if was_known else member_import.c.added
        change(conn, import_id, **{counted.name: counted + 1})


def count_removed(conn: Connection, import_id: int) -> None:
    """Something that was not in the file has gone."""
    change(conn, import_id, removed=member_import.c.removed + 1)


def failed(conn: Connection, row_id: int, why: str) -> None:
    conn.execute(
        update(member_import_row).where(member_import_row.c.id == row_id).values(state="failed", why=why)
    )


def postpone(conn: Connection, import_id: int, due_at: int) -> None:
    """Nothing of it is tried before this instant (ms)."""
    conn.execute(
        update(member_import_row)
        .where(
            member_import_row.c.import_id == import_id,
            member_import_row.c.state == "waiting",
            member_import_row.c.due_at < due_at,
        )
        .values(due_at=due_at)
    )


def unanswered(
    conn: Connection,
    import_id: int,
    *,
    host: str,
    row_id: int | None,
    due_at: int,
    attempts_max: int,
    why: str,
) -> None:
    """A host has not answered, for one row or (None) at all: its rows are tried again at `due_at`, unless that was the last
    of `attempts_max` times."""
    tried = member_import_row.c.attempts + 1
    statement = (
        update(member_import_row)
        .where(
            member_import_row.c.import_id == import_id,
            member_import_row.c.state == "waiting",
            member_import_row.c.host == host,
        )
        .values(
            attempts=tried,
            due_at=due_at,
            why=why,
            state=case((tried >= attempts_max, "failed"), else_="waiting"),
        )
    )
    conn.execute(statement if row_id is None else statement.where(member_import_row.c.id == row_id))


def give_up(conn: Connection, import_id: int, why: str) -> None:
    """What still waits has failed."""
    conn.execute(
        update(member_import_row)
        .where(member_import_row.c.import_id == import_id, member_import_row.c.state == "waiting")
        .values(state="failed", why=why)
    )


def counted(conn: Connection, import_id: int) -> dict[str, int]:
    """How many rows wait, could not be brought in, could not be read; and how many wait for a host that has not answered."""
    later = (member_import_row.c.state == "waiting") & (member_import_row.c.attempts > 0)
    query = (
        select(member_import_row.c.state, func.count(), func.count(case((later, 1))))
        .where(member_import_row.c.import_id == import_id)
        .group_by(member_import_row.c.state)
    )
    found = {"waiting": 0, "failed": 0, "unread": 0, "later": 0}
    for state, number, later_number in conn.execute(query):
        found[state] = number
        found["later"] += later_number
    return found


def left_out(conn: Connection, import_id: int, limit: int) -> list[Row[Any]]:
    """Rows that could not be read or brought in, in the order of the file."""
    query = select(member_import_row).where(
        member_import_row.c.import_id == import_id, member_import_row.c.state.in_(("failed", "unread"))
    )
    return list(conn.execute(query.order_by(member_import_row.c.line, member_import_row.c.id).limit(limit)))


def cells(row: Row[Any]) -> list[str]:
    """What stands in a row."""
    found: list[str] = json.loads(row.cells)
    return found


def _waiting(import_id: int) -> Any:
    return select(member_import_row).where(
        member_import_row.c.import_id == import_id, member_import_row.c.state == "waiting"
    )


# -- what a member has


def following(conn: Connection, account_id: int) -> list[Row[Any]]:
    """(id, username_key, domain, actor_type) of whom the member follows or asks to."""
    return _accounts(conn, follow.c.target_id, follow.c.account_id == account_id)


def blocking(conn: Connection, account_id: int) -> list[Row[Any]]:
    """The same of whom they block."""
    return _accounts(conn, block.c.target_id, block.c.account_id == account_id)


def muting(conn: Connection, account_id: int) -> list[Row[Any]]:
    """The same of whom they mute."""
    in_force = or_(mute.c.expires_at.is_(None), mute.c.expires_at > now_ms())
    return _accounts(conn, mute.c.target_id, (mute.c.account_id == account_id) & in_force)


def _accounts(conn: Connection, target: Any, which: Any) -> list[Row[Any]]:
    columns = (account.c.id, account.c.username_key, account.c.domain, account.c.actor_type)
    return list(conn.execute(select(*columns).join(target.table, target == account.c.id).where(which)))


def domains(conn: Connection, account_id: int) -> list[str]:
    """The servers that they keep out."""
    query = select(member_domain_block.c.domain).where(member_domain_block.c.account_id == account_id)
    return list(conn.scalars(query))


def bookmarks(conn: Connection, account_id: int) -> list[Row[Any]]:
    """(id, uri, url) of the posts that they keep."""
    query = select(post.c.id, post.c.uri, post.c.url).join(bookmark, bookmark.c.post_id == post.c.id)
    return list(conn.execute(query.where(bookmark.c.account_id == account_id)))


def lists(conn: Connection, account_id: int) -> list[Row[Any]]:
    """(id, title) of their lists, oldest first."""
    query = select(member_list.c.id, member_list.c.title).where(member_list.c.account_id == account_id)
    return list(conn.execute(query.order_by(member_list.c.id)))


def listed(conn: Connection, account_id: int) -> list[Row[Any]]:
    """(list_id, title, id, username_key, domain) of the people in their lists."""
    query = (
        select(
            list_account.c.list_id,
            member_list.c.title,
            account.c.id,
            account.c.username_key,
            account.c.domain,
        )
        .join_from(list_account, member_list, member_list.c.id == list_account.c.list_id)
        .join(account, account.c.id == list_account.c.account_id)
        .where(member_list.c.account_id == account_id)
    )
    return list(conn.execute(query))


def filters(conn: Connection, account_id: int) -> list[Row[Any]]:
    """(id, title) of their filters."""
    query = select(post_filter.c.id, post_filter.c.title).where(post_filter.c.account_id == account_id)
    return list(conn.execute(query.order_by(post_filter.c.id)))
