"""What those who run the server tell all members, who has read it, and how members react."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Row,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from storage.hot import Hot, insert_row
from storage.tables import announcement, announcement_reaction, announcement_read
from storage.types import AnyOf, new_id, now_ms

# Attributes are the table's columns.
AnnouncementRow = Row[Any]


class Reaction(NamedTuple):
    """How many members react alike, and whether the viewer is one of them."""

    announcement_id: int
    name: str
    total: int
    mine: bool


def add(conn: Connection, **columns: Any) -> int:
    """A new one, not published; its id. `columns` are those of the table."""
    announcement_id = new_id()
    conn.execute(insert(announcement).values(id=announcement_id, updated_at=now_ms(), **columns))
    return announcement_id


def change(conn: Connection, announcement_id: int, **columns: Any) -> None:
    conn.execute(update(announcement).where(announcement.c.id == announcement_id).values(**columns))


def remove(conn: Connection, announcement_id: int) -> bool:
    """With what was read and reacted. Whether there was one."""
    return bool(conn.execute(delete(announcement).where(announcement.c.id == announcement_id)).rowcount)


def by_id(conn: Connection, announcement_id: int) -> AnnouncementRow | None:
    return conn.execute(select(announcement).where(announcement.c.id == announcement_id)).first()


def listed(conn: Connection) -> list[AnnouncementRow]:
    """Every one there is, oldest first."""
    return list(conn.execute(select(announcement).order_by(announcement.c.id)))


def shown(conn: Connection, account_id: int, now: int, only_id: int | None = None) -> list[Any]:
    """Those that are published and not over, by when they begin, with a last column: whether the member has
    read it. One alone, if it is named."""
    return _shown.run(conn, account_id=account_id, now=now, only_id=only_id or 0)


def _select_shown() -> Any:
    only_id = bindparam("only_id", type_=announcement.c.id.type)
    read = (
        select(announcement_read.c.announcement_id)
        .where(
            announcement_read.c.announcement_id == announcement.c.id,
            announcement_read.c.account_id == bindparam("account_id"),
        )
        .exists()
    )
    begins = func.coalesce(announcement.c.starts_at, announcement.c.published_at)
    return (
        select(announcement, case((read, literal_column("1")), else_=literal_column("0")).label("is_read"))
        .where(
            announcement.c.published_at.is_not(None),
            or_(announcement.c.ends_at.is_(None), announcement.c.ends_at > bindparam("now")),
            or_(only_id == literal_column("0"), announcement.c.id == only_id),
        )
        .order_by(begins, announcement.c.id)
    )


_shown: Hot[Any] = Hot(_select_shown)


def mark_read(conn: Connection, account_id: int, announcement_id: int) -> None:
    """Twice is as once."""
    row = {"announcement_id": announcement_id, "account_id": account_id}
    insert_row(conn, announcement_read, row, unless_there=True)


# -- reactions


def reactions(conn: Connection, announcement_ids: Sequence[int], account_id: int) -> list[Reaction]:
    """Those to all of these, the one first given first."""
    return _reactions.run(conn, ids=list(announcement_ids), account_id=account_id) if announcement_ids else []


def _select_reactions() -> Any:
    mine = announcement_reaction.c.account_id == bindparam("account_id")
    return (
        select(
            announcement_reaction.c.announcement_id,
            announcement_reaction.c.name,
            func.count(),
            func.max(case((mine, literal_column("1")), else_=literal_column("0"))),
        )
        .where(AnyOf(announcement_reaction.c.announcement_id, bindparam("ids")))
        .group_by(announcement_reaction.c.announcement_id, announcement_reaction.c.name)
        .order_by(func.min(announcement_reaction.c.id))
    )


_reactions: Hot[Reaction] = Hot(_select_reactions, Reaction._make)


def react(conn: Connection, announcement_id: int, account_id: int, name: str) -> bool:
    """Whether that is new."""
    row = {"id": new_id(), "announcement_id": announcement_id, "account_id": account_id, "name": name}
    return insert_row(conn, announcement_reaction, row, unless_there=True)


def take_back(conn: Connection, announcement_id: int, account_id: int, name: str) -> bool:
    """Whether there was such a reaction of the member's."""
    gone = conn.execute(
        delete(announcement_reaction).where(
            announcement_reaction.c.announcement_id == announcement_id,
            announcement_reaction.c.account_id == account_id,
            announcement_reaction.c.name == name,
        )
    )
    return bool(gone.rowcount)
