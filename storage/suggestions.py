"""Accounts that somebody may want to know: the directory of those who want to be found, and whom to follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Connection, FromClause, Row, and_, exists, func, or_, select, update

from storage import kept_out, relationships
from storage.hot import insert_row
from storage.tables import account, follow, like, partner, post, suggestion_dismissal, user
from storage.types import id_floor, now_ms

Where = Literal["here", "partners", "everywhere"]

ACTIVE_MS: Final = 30 * 86_400_000


def wants_to_be_found(table: FromClause = account) -> ColumnElement[bool]:
    """Over accounts: those who say so, are in good standing, and are still here."""
    columns = table.c
    # Under names of their own here and below, because the queries around them ask the same tables.
    owner = user.alias("owner").c
    let_in = exists().where(
        owner.account_id == columns.id,
        owner.approved_at.is_not(None),
        owner.confirmed_at.is_not(None),
        owner.disabled_at.is_(None),
    )
    return and_(
        columns.discoverable,
        columns.hidden.is_(False),
        columns.actor_type != "Application",
        kept_out.shows(table),
        columns.limited_at.is_(None),
        columns.deleted_at.is_(None),
        columns.moved_to_id.is_(None),
        or_(columns.domain != "", columns.actor_type == "Group", let_in),
    )


def directory(
    conn: Connection,
    viewer_id: int | None,
    *,
    newest: bool,
    where: Where,
    limit: int,
    offset: int,
) -> list[Row[Any]]:
    """Accounts that want to be found, here or on these servers: those who posted last first, or the `newest`."""
    query = select(account).where(wants_to_be_found())
    if where == "here":
        query = query.where(account.c.domain == "")
    elif where == "partners":
        its = select(partner.c.host).where(partner.c.state == "active")
        query = query.where(account.c.domain != "", account.c.host.in_(its))
    if viewer_id is not None:
        query = query.where(~relationships.hides(viewer_id, account.c.id, account.c.domain, now_ms()))
    active_at = func.coalesce(account.c.last_posted_at, 0)
    query = query.order_by(*((account.c.id.desc(),) if newest else (active_at.desc(), account.c.id.desc())))
    return list(conn.execute(query.limit(limit).offset(offset)))


def own_directory(conn: Connection, *, max_id: int | None, limit: int) -> list[Row[Any]]:
    """(id, uri, actor_type) of those here who want to be found, the newest first."""
    query = select(account.c.id, account.c.uri, account.c.actor_type).where(
        wants_to_be_found(), account.c.domain == ""
    )
    if max_id is not None:
        query = query.where(account.c.id < max_id)
    return list(conn.execute(query.order_by(account.c.id.desc()).limit(limit)))


def count_of_directory(conn: Connection) -> int:
    """How many they are."""
    query = select(func.count()).select_from(account)
    return conn.scalar(query.where(wants_to_be_found(), account.c.domain == "")) or 0


def is_found(conn: Connection, account_id: int) -> bool:
    """Whether somebody is one of them."""
    query = select(account.c.id).where(
        account.c.id == account_id, account.c.domain == "", wants_to_be_found()
    )
    return conn.execute(query).first() is not None


def of_host(conn: Connection, host: str) -> dict[str, bool]:
    """By address, everybody who is known of another server (authority), and whether they want to be found."""
    query = select(account.c.uri, account.c.discoverable).where(
        account.c.host == host, account.c.domain != "", account.c.deleted_at.is_(None)
    )
    return {row.uri: bool(row.discoverable) for row in conn.execute(query)}


def find_no_more(conn: Connection, host: str, limit: int) -> int:
    """Let accounts of another server be found no more, but for those whom members follow, or who follow members; how many
    of them. They may say anew that they want to be."""
    other = account.alias("other").c
    tied = or_(
        exists().where(
            follow.c.target_id == account.c.id, follow.c.account_id == other.id, other.domain == ""
        ),
        exists().where(
            follow.c.account_id == account.c.id, follow.c.target_id == other.id, other.domain == ""
        ),
    )
    query = select(account.c.id).where(
        account.c.host == host, account.c.domain != "", account.c.discoverable, ~tied
    )
    found = list(conn.scalars(query.order_by(account.c.id).limit(limit)))
    if found:
        changed = {"discoverable": False, "version": account.c.version + 1}
        conn.execute(update(account).where(account.c.id.in_(found)).values(**changed))
    return len(found)


# -- whom to follow


def _welcome(viewer_id: int) -> ColumnElement[bool]:
    """Over accounts: those the viewer neither follows, asks to, is, hides, nor has waved away."""
    own = follow.alias("own").c
    return and_(
        wants_to_be_found(),
        account.c.memorial.is_(False),
        account.c.id != viewer_id,
        ~exists().where(own.account_id == viewer_id, own.target_id == account.c.id),
        ~exists().where(
            suggestion_dismissal.c.account_id == viewer_id, suggestion_dismissal.c.target_id == account.c.id
        ),
        ~relationships.hides(viewer_id, account.c.id, account.c.domain, now_ms()),
    )


def featured(
    conn: Connection, viewer_id: int, handles: Sequence[tuple[str, str]], *, limit: int
) -> list[int]:
    """Ids of those of these accounts (folded name, domain) that may be suggested, in their order."""
    if not handles:
        return []
    matches = or_(
        *(and_(account.c.username_key == name, account.c.domain == domain) for name, domain in handles)
    )
    query = select(account.c.id, account.c.username_key, account.c.domain).where(matches, _welcome(viewer_id))
    found = {(row.username_key, row.domain): row.id for row in conn.execute(query)}
    return [found[one] for one in dict.fromkeys(handles) if one in found][:limit]


def friends_of_friends(conn: Connection, viewer_id: int, *, limit: int) -> list[int]:
    """Ids of those whom most of the people the viewer follows follow; the little known first among equals."""
    friend = account.alias("friend")
    mine = follow.alias("mine")
    theirs = follow.alias("theirs")
    query = (
        select(theirs.c.target_id)
        .join(mine, mine.c.target_id == theirs.c.account_id)
        .join(friend, friend.c.id == mine.c.target_id)
        .join(account, account.c.id == theirs.c.target_id)
        .where(
            mine.c.account_id == viewer_id,
            mine.c.accepted,
            theirs.c.accepted,
            friend.c.hides_follows.is_(False),
            _welcome(viewer_id),
        )
        .group_by(theirs.c.target_id, account.c.followers_count)
        .order_by(func.count().desc(), account.c.followers_count, theirs.c.target_id)
        .limit(limit)
    )
    return list(conn.scalars(query))


def most_followed(conn: Connection, viewer_id: int, *, limit: int) -> list[int]:
    """Ids of those whom most members of this server follow."""
    query = (
        select(follow.c.target_id)
        .join(account, account.c.id == follow.c.target_id)
        .join(user, user.c.account_id == follow.c.account_id)
        .where(follow.c.accepted, _welcome(viewer_id))
        .group_by(follow.c.target_id)
        .order_by(func.count().desc(), follow.c.target_id)
        .limit(limit)
    )
    return list(conn.scalars(query))


def most_liked(conn: Connection, viewer_id: int, *, limit: int) -> list[int]:
    """Ids of those whose posts members have liked most of late."""
    query = (
        select(account.c.id)
        .join_from(like, post, post.c.id == like.c.post_id)
        .join(user, user.c.account_id == like.c.account_id)
        .join(account, account.c.id == post.c.account_id)
        .where(
            like.c.id > id_floor(now_ms() - ACTIVE_MS),
            # What is liked among some alone tells the others nothing.
            post.c.visibility.in_(["public", "unlisted"]),
            like.c.account_id != account.c.id,
            _welcome(viewer_id),
        )
        .group_by(account.c.id)
        .order_by(func.count().desc(), account.c.id)
        .limit(limit)
    )
    return list(conn.scalars(query))


def dismiss(conn: Connection, viewer_id: int, target_id: int) -> None:
    """The viewer does not want to have this account suggested."""
    insert_row(
        conn, suggestion_dismissal, {"account_id": viewer_id, "target_id": target_id}, unless_there=True
    )
