"""Lists of servers elsewhere that this server follows: what they say, and which rules come from them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, func, or_, select, update

from storage.hot import insert_row, insert_rows
from storage.tables import domain_list, domain_list_entry, domain_list_rule
from storage.types import new_id, now_ms

# Attributes are the table's columns.
ListRow = Any
EntryRow = Any


def add(conn: Connection, **columns: Any) -> int:
    """The id of a new one, which is due at once."""
    list_id = new_id()
    insert_row(conn, domain_list, {"id": list_id, "created_at": now_ms(), "due_at": now_ms(), **columns})
    return list_id


def by_id(conn: Connection, list_id: int) -> ListRow | None:
    return conn.execute(select(domain_list).where(domain_list.c.id == list_id)).first()


def by_url(conn: Connection, url: str) -> ListRow | None:
    return conn.execute(select(domain_list).where(domain_list.c.url == url)).first()


def listed(conn: Connection) -> list[ListRow]:
    """All of them: of two that name a domain, what the first says counts."""
    return list(conn.execute(select(domain_list).order_by(domain_list.c.priority.desc(), domain_list.c.id)))


def in_need(conn: Connection) -> list[ListRow]:
    """Those with changes that wait for an admin, and those in trouble."""
    return list(conn.execute(select(domain_list).where(_is_in_need()).order_by(domain_list.c.id)))


def count_in_need() -> Select[Any]:
    """How many they are."""
    return select(func.count()).where(_is_in_need())


def _is_in_need() -> ColumnElement[bool]:
    waits = or_(domain_list.c.changes > 0, domain_list.c.trouble_at.is_not(None))
    return and_(domain_list.c.state.in_(("new", "active")), waits)


def due(conn: Connection, now: int, *, limit: int) -> list[int]:
    """The ids of those that are to be read."""
    query = select(domain_list.c.id).where(
        domain_list.c.state.in_(("new", "active")), domain_list.c.due_at <= now
    )
    return list(conn.scalars(query.order_by(domain_list.c.due_at).limit(limit)))


def change(conn: Connection, list_id: int, **columns: Any) -> None:
    conn.execute(update(domain_list).where(domain_list.c.id == list_id).values(**columns))


def remove(conn: Connection, list_id: int) -> None:
    """The rules that come from it are made by hand from then on."""
    conn.execute(delete(domain_list).where(domain_list.c.id == list_id))


# -- what they say


def entries(conn: Connection, list_id: int) -> list[EntryRow]:
    """What a list says of domains, what is missing in it now included."""
    return list(conn.execute(select(domain_list_entry).where(domain_list_entry.c.list_id == list_id)))


def replace_entries(conn: Connection, list_id: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep these as all that a list says; each row has every column but the list's id."""
    conn.execute(delete(domain_list_entry).where(domain_list_entry.c.list_id == list_id))
    insert_rows(conn, domain_list_entry, [{"list_id": list_id, **row} for row in rows])


def forget_missing(conn: Connection, list_id: int) -> None:
    """A list has shrunk rightly."""
    entry = domain_list_entry.c
    conn.execute(delete(domain_list_entry).where(entry.list_id == list_id, entry.missing))


def said(conn: Connection, domains: Collection[str] | None = None) -> dict[str, EntryRow]:
    """What counts of all that lists say of domains (or of some), by domain."""
    query = (
        select(domain_list_entry)
        .join(domain_list, domain_list.c.id == domain_list_entry.c.list_id)
        .where(domain_list.c.state != "ending")
        .order_by(domain_list.c.priority, domain_list.c.id.desc())
    )
    if domains is not None:
        query = query.where(domain_list_entry.c.domain.in_(domains))
    return {row.domain: row for row in conn.execute(query)}


# -- which rules come from them


def holders(conn: Connection, domains: Collection[str] | None = None) -> dict[str, int | None]:
    """From which list the rule of a domain (or of some) comes; None where no list is to make one, since it was taken back by
    hand."""
    query = select(domain_list_rule)
    if domains is not None:
        query = query.where(domain_list_rule.c.domain.in_(domains))
    return {row.domain: row.list_id for row in conn.execute(query)}


def holders_of(conn: Connection, domains: Collection[str]) -> dict[str, Any]:
    """The same of some domains, with their lists' columns `list_id`, `url` and `title`, as far as lists have to do with them."""
    query = (
        select(domain_list_rule.c.domain, domain_list_rule.c.list_id, domain_list.c.url, domain_list.c.title)
        .outerjoin(domain_list, domain_list.c.id == domain_list_rule.c.list_id)
        .where(domain_list_rule.c.domain.in_(domains))
    )
    return {row.domain: row for row in conn.execute(query)}


def numbers(conn: Connection) -> dict[int, int]:
    """How many rules come from each list."""
    query = select(domain_list_rule.c.list_id, func.count()).group_by(domain_list_rule.c.list_id)
    return {row[0]: int(row[1]) for row in conn.execute(query) if row[0] is not None}


def hold(conn: Connection, domain: str, list_id: int | None) -> None:
    """The rule of a domain comes from this list; without one no list is to make a rule of it."""
    release(conn, domain)
    insert_row(conn, domain_list_rule, {"domain": domain, "list_id": list_id})


def release(conn: Connection, domain: str) -> None:
    """No list has to do with a domain's rule."""
    conn.execute(delete(domain_list_rule).where(domain_list_rule.c.domain == domain))


def by_hand(conn: Connection, domain: str, *, stands: bool) -> None:
    """Somebody decided about a domain: what they made is theirs, and what they took back of a list's stays away."""
    which = domain_list_rule.c.domain == domain
    if stands:
        conn.execute(delete(domain_list_rule).where(which))
    else:
        conn.execute(update(domain_list_rule).where(which).values(list_id=None))


def forget_taken_back(conn: Connection) -> None:
    """Forget what was taken back by hand and is in no list any more."""
    named = select(domain_list_entry.c.domain)
    rule = domain_list_rule.c
    conn.execute(delete(domain_list_rule).where(rule.list_id.is_(None), rule.domain.not_in(named)))
