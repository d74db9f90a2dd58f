"""Follows and requests, blocks, mutes: who stands how to whom."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.sql import literal

from storage import kept_out
from storage.group_ties import known_to
from storage.hot import Hot
from storage.paging import Window
from storage.tables import (
    account,
    account_note,
    block,
    endorsement,
    follow,
    member_domain_block,
    mute,
    user,
)
from storage.types import AnyOf, new_id, now_ms

# Attributes are the tables' columns.
FollowRow = Any
BlockRow = Any


@dataclass(slots=True)
class Relationship:
    """How a viewer stands to one account, as the client API shows it."""

    account_id: int
    following: bool = False
    requested: bool = False
    shows_boosts: bool = False
    notifies: bool = False
    languages: Sequence[str] = ()
    followed_by: bool = False
    requested_by: bool = False
    blocking: bool = False
    blocked_by: bool = False
    muting: bool = False
    muting_notifications: bool = False
    muting_expires_at: int | None = None
    domain_blocking: bool = False
    endorsed: bool = False
    note: str = ""


def between(conn: Connection, viewer_id: int, account_ids: Iterable[int]) -> dict[int, Relationship]:
    """One relationship for each of `account_ids`, in four statements whatever their number."""
    ids = list(dict.fromkeys(account_ids))
    found = {one: Relationship(one) for one in ids}
    if not ids:
        return found
    for row in conn.execute(
        select(follow).where(
            or_(
                (follow.c.account_id == viewer_id) & follow.c.target_id.in_(ids),
                (follow.c.target_id == viewer_id) & follow.c.account_id.in_(ids),
            )
        )
    ):
        if row.account_id == viewer_id and row.target_id in found:
            one = found[row.target_id]
            one.following, one.requested = row.accepted, not row.accepted
            one.shows_boosts, one.notifies = row.shows_boosts, row.notifies
            one.languages = json.loads(row.languages)
        if row.target_id == viewer_id and row.account_id in found:
            one = found[row.account_id]
            one.followed_by, one.requested_by = row.accepted, not row.accepted
    for row in conn.execute(
        select(block.c.account_id, block.c.target_id).where(
            or_(
                (block.c.account_id == viewer_id) & block.c.target_id.in_(ids),
                (block.c.target_id == viewer_id) & block.c.account_id.in_(ids),
            )
        )
    ):
        if row.account_id == viewer_id and row.target_id in found:
            found[row.target_id].blocking = True
        if row.target_id == viewer_id and row.account_id in found:
            found[row.account_id].blocked_by = True
    now = now_ms()
    for row in conn.execute(select(mute).where(mute.c.account_id == viewer_id, mute.c.target_id.in_(ids))):
        if row.expires_at is None or row.expires_at > now:
            one = found[row.target_id]
            one.muting, one.muting_notifications = True, row.hides_notifications
            one.muting_expires_at = row.expires_at
    for what, account_id, text in _personal.run(conn, viewer_id=viewer_id, ids=ids):
        setattr(found[account_id], what, text if what == "note" else True)
    return found


def _select_personal() -> Any:
    viewer_id: BindParameter[int] = bindparam("viewer_id")
    ids: BindParameter[Any] = bindparam("ids")
    return union_all(
        select(literal("note").label("what"), account_note.c.target_id, account_note.c.comment).where(
            account_note.c.account_id == viewer_id, AnyOf(account_note.c.target_id, ids)
        ),
        select(literal("endorsed"), endorsement.c.target_id, literal("")).where(
            endorsement.c.account_id == viewer_id, AnyOf(endorsement.c.target_id, ids)
        ),
        select(literal("domain_blocking"), account.c.id, literal(""))
        .join(member_domain_block, member_domain_block.c.domain == account.c.domain)
        .where(member_domain_block.c.account_id == viewer_id, AnyOf(account.c.id, ids)),
    )


_personal: Hot[Any] = Hot(_select_personal, tuple)


def mutes(viewer_id: Any, target_id: Any, now: Any) -> ColumnElement[bool]:
    """Whether the viewer's mute of somebody is in force at `now` (ms); of columns and parameters, for statements."""
    return exists().where(
        mute.c.account_id == viewer_id,
        mute.c.target_id == target_id,
        or_(mute.c.expires_at.is_(None), mute.c.expires_at > now),
    )


def hides(viewer_id: Any, author_id: Any, domain: Any, now: Any) -> ColumnElement[bool]:
    """Whether a viewer does not want to see somebody's posts or must not: a block either way, a mute in force, their
    server (`domain`, "" for ours) kept out. Of columns and parameters; `now` in ms."""
    return or_(
        exists().where(block.c.account_id == viewer_id, block.c.target_id == author_id),
        exists().where(block.c.account_id == author_id, block.c.target_id == viewer_id),
        mutes(viewer_id, author_id, now),
        keeps_out(viewer_id, domain),
    )


def keeps_out(viewer_id: Any, domain: Any) -> ColumnElement[bool]:
    """Whether a viewer wants to see nobody of this server."""
    return exists().where(
        member_domain_block.c.account_id == viewer_id, member_domain_block.c.domain == domain
    )


_follow_between: Hot[Any] = Hot(
    lambda: select(follow).where(
        follow.c.account_id == bindparam("account_id"), follow.c.target_id == bindparam("target_id")
    )
)
_block_between: Hot[Any] = Hot(
    lambda: select(block).where(
        block.c.account_id == bindparam("account_id"), block.c.target_id == bindparam("target_id")
    )
)


# -- follows


def follow_between(conn: Connection, account_id: int, target_id: int) -> FollowRow | None:
    return _follow_between.first(conn, account_id=account_id, target_id=target_id)


def count_follows(conn: Connection, account_id: int) -> int:
    """How many an account follows or asks to."""
    return conn.scalar(select(func.count()).select_from(follow).where(follow.c.account_id == account_id)) or 0


def follow_by_id(conn: Connection, follow_id: int) -> FollowRow | None:
    return conn.execute(select(follow).where(follow.c.id == follow_id)).first()


def follow_by_uri(conn: Connection, uri: str) -> FollowRow | None:
    return conn.execute(select(follow).where(follow.c.uri == uri)).first()


def add_follow(
    conn: Connection,
    account_id: int,
    target_id: int,
    uri: str,
    *,
    follow_id: int | None = None,
    accepted: bool = False,
    **columns: Any,
) -> FollowRow:
    """A new follow or request. There must be none between the two."""
    follow_id = follow_id or new_id()
    conn.execute(
        insert(follow).values(
            id=follow_id, uri=uri, account_id=account_id, target_id=target_id, accepted=accepted, **columns
        )
    )
    row = follow_by_id(conn, follow_id)
    assert row is not None
    return row


def change_follow(conn: Connection, follow_id: int, **columns: Any) -> None:
    conn.execute(update(follow).where(follow.c.id == follow_id).values(**columns))


def remove_follow(conn: Connection, follow_id: int) -> None:
    conn.execute(delete(follow).where(follow.c.id == follow_id))


def some_with(conn: Connection, which: ColumnElement[bool], limit: int) -> list[FollowRow]:
    """Some follows between members and the accounts that meet a condition; `away_id` is the account's id. Those who follow
    come first, `limit` of them; of those who are followed one at a time, because a home timeline is emptied with it."""
    for theirs, most in ((follow.c.account_id, limit), (follow.c.target_id, 1)):
        query = select(follow, theirs.label("away_id")).join(account, account.c.id == theirs)
        found = conn.execute(query.where(which).limit(most)).all()
        if found:
            return list(found)
    return []


def is_following(conn: Connection, account_id: int, target_id: int) -> bool:
    """Whether an accepted follow leads from one to the other."""
    row = follow_between(conn, account_id, target_id)
    return row is not None and bool(row.accepted)


def followers(conn: Connection, target_id: int, window: Window, *, accepted: bool = True) -> list[Row[Any]]:
    """(id of the follow, account columns…) of those who follow, or ask to."""
    query = (
        select(follow.c.id.label("relation_id"), account)
        .join(account, account.c.id == follow.c.account_id)
        .where(follow.c.target_id == target_id, follow.c.accepted == accepted, kept_out.shows(account))
    )
    return window.rows(conn, query, follow.c.id)


def following(conn: Connection, account_id: int, window: Window, *, viewer_id: int | None) -> list[Row[Any]]:
    """(id of the follow, account columns…) of those followed, as far as the viewer may know of them."""
    query = (
        select(follow.c.id.label("relation_id"), account)
        .join(account, account.c.id == follow.c.target_id)
        .where(follow.c.account_id == account_id, follow.c.accepted, kept_out.shows(account))
        .where(known_to(viewer_id))
    )
    return window.rows(conn, query, follow.c.id)


def followers_known_to(conn: Connection, viewer_id: int, account_ids: Iterable[int]) -> list[Row[Any]]:
    """(account_id, target_id) of the follows of these accounts by somebody whom the viewer follows and who does not
    hide that, newest first."""
    wanted = list(account_ids)
    if not wanted:
        return []
    known = (
        select(follow.c.target_id)
        .join(account, account.c.id == follow.c.target_id)
        .where(
            follow.c.account_id == viewer_id,
            follow.c.accepted,
            account.c.hides_follows.is_(False),
            kept_out.shows(account),
        )
    )
    query = select(follow.c.account_id, follow.c.target_id).where(
        follow.c.target_id.in_(wanted), follow.c.accepted, follow.c.account_id.in_(known)
    )
    return list(conn.execute(query.order_by(follow.c.id.desc())))


def local_follower_ids(conn: Connection, target_id: int) -> list[int]:
    """The members who follow `target_id`."""
    return [account_id for (account_id,) in _local_followers.run(conn, target_id=target_id)]


def has_local_followers(conn: Connection, target_id: int) -> bool:
    """Whether any member follows `target_id`."""
    return _any_local_follower.first(conn, target_id=target_id) is not None


def _select_local_followers() -> Select[Any]:
    return (
        select(follow.c.account_id)
        .join(user, user.c.account_id == follow.c.account_id)
        .where(follow.c.target_id == bindparam("target_id"), follow.c.accepted)
    )


_any_local_follower: Hot[tuple[int]] = Hot(lambda: _select_local_followers().limit(1), tuple)
_local_followers: Hot[tuple[int]] = Hot(_select_local_followers, tuple)


# -- blocks and mutes


def block_between(conn: Connection, account_id: int, target_id: int) -> BlockRow | None:
    return _block_between.first(conn, account_id=account_id, target_id=target_id)


def block_by_uri(conn: Connection, uri: str) -> BlockRow | None:
    return conn.execute(select(block).where(block.c.uri == uri)).first()


def add_block(
    conn: Connection, account_id: int, target_id: int, uri: str, *, block_id: int | None = None
) -> BlockRow:
    block_id = block_id or new_id()
    conn.execute(insert(block).values(id=block_id, uri=uri, account_id=account_id, target_id=target_id))
    row = block_between(conn, account_id, target_id)
    assert row is not None
    return row


def remove_block(conn: Connection, block_id: int) -> None:
    conn.execute(delete(block).where(block.c.id == block_id))


def either_blocks(conn: Connection, one_id: int, other_id: int) -> bool:
    """Whether one of the two blocks the other."""
    return any(
        block_between(conn, blocker, blocked_one) is not None
        for blocker, blocked_one in ((one_id, other_id), (other_id, one_id))
    )


def blocked(conn: Connection, account_id: int, window: Window) -> list[Row[Any]]:
    """(id of the block, account columns…) of those blocked."""
    query = (
        select(block.c.id.label("relation_id"), *kept_out.columns())
        .join(account, account.c.id == block.c.target_id)
        .where(block.c.account_id == account_id, known_to(account_id))
    )
    return window.rows(conn, query, block.c.id)


def muted(conn: Connection, account_id: int, window: Window) -> list[Row[Any]]:
    """(id of the mute, expires_at of the mute, account columns…) of those muted at present."""
    query = (
        select(
            mute.c.id.label("relation_id"), mute.c.expires_at.label("mute_expires_at"), *kept_out.columns()
        )
        .join(account, account.c.id == mute.c.target_id)
        .where(
            mute.c.account_id == account_id,
            or_(mute.c.expires_at.is_(None), mute.c.expires_at > now_ms()),
            known_to(account_id),
        )
    )
    return window.rows(conn, query, mute.c.id)


def put_mute(
    conn: Connection, account_id: int, target_id: int, *, hides_notifications: bool, expires_at: int | None
) -> None:
    """Mute, or change how."""
    changed = conn.execute(
        update(mute)
        .where(mute.c.account_id == account_id, mute.c.target_id == target_id)
        .values(hides_notifications=hides_notifications, expires_at=expires_at)
    )
    if not changed.rowcount:
        conn.execute(
            insert(mute).values(
                id=new_id(),
                account_id=account_id,
                target_id=target_id,
                hides_notifications=hides_notifications,
                expires_at=expires_at,
            )
        )


def remove_mute(conn: Connection, account_id: int, target_id: int, *, over_at: int | None = None) -> bool:
    """Whether there was one; with `over_at` (ms) only one that has ended by then."""
    query = delete(mute).where(mute.c.account_id == account_id, mute.c.target_id == target_id)
    if over_at is not None:
        query = query.where(mute.c.expires_at <= over_at)
    return bool(conn.execute(query).rowcount)


def hidden_from(conn: Connection, viewer_id: int) -> set[int]:
    """Accounts whose posts the viewer must not or does not want to see: blocks either way, mutes in force."""
    query = union_all(
        select(block.c.target_id).where(block.c.account_id == viewer_id),
        select(block.c.account_id).where(block.c.target_id == viewer_id),
        select(mute.c.target_id).where(
            mute.c.account_id == viewer_id,
            or_(mute.c.expires_at.is_(None), mute.c.expires_at > literal(now_ms())),
        ),
    )
    return set(conn.scalars(query))
