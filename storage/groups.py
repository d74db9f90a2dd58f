"""Groups: what they are, who belongs to them, asks to, is invited or banned; topics, and what moderators did.

Who may do what is `fedserver.groups.rules`' business; threads are in `storage.group_threads`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Row,
    Select,
    bindparam,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from storage import kept_out
from storage.hot import Hot, insert_row
from storage.paging import Window
from storage.signals import signal
from storage.tables import (
    account,
    group,
    group_action,
    group_ban,
    group_invitation,
    group_request,
    group_topic,
    hashtag,
    membership,
    user,
)
from storage.types import AnyOf, new_id, now_ms

# Attributes are the columns of `group_account`, and those of its account that `select_groups` takes.
GroupRow = Any
TopicRow = Any

_OF_ACCOUNT: Final = (
    "uri", "url", "username", "domain", "host", "display_name", "note_html", "note_source", "emojis", "avatar_url",
    "avatar_alt", "header_url", "header_alt", "followers_uri", "featured_uri", "hidden", "deleted_at", "version",
)  # fmt: skip


def select_groups(*more: Any) -> Select[Any]:
    """Groups as `GroupRow`s, with `more` columns behind."""
    return select(
        *group.c, *(account.c[name] for name in _OF_ACCOUNT), kept_out.hidden_at(), *more
    ).join_from(group, account, account.c.id == group.c.account_id)


_by_id: Hot[GroupRow] = Hot(lambda: select_groups().where(group.c.account_id == bindparam("id")))
_by_handle: Hot[GroupRow] = Hot(
    lambda: select_groups().where(
        account.c.username_key == bindparam("username_key"), account.c.domain == bindparam("domain")
    )
)
_membership: Hot[Any] = Hot(
    lambda: select(membership).where(
        membership.c.group_id == bindparam("group_id"), membership.c.account_id == bindparam("account_id")
    )
)


# -- groups


def by_id(conn: Connection, group_id: int | None) -> GroupRow | None:
    return None if group_id is None else _by_id.first(conn, id=group_id)


def by_ids(conn: Connection, group_ids: Iterable[int]) -> dict[int, GroupRow]:
    """Those that are groups, by id."""
    wanted = set(group_ids)
    if not wanted:
        return {}
    return {
        row.account_id: row for row in conn.execute(select_groups().where(group.c.account_id.in_(wanted)))
    }


def by_handle(conn: Connection, username: str, domain: str = "") -> GroupRow | None:
    """The group of this name, here or (with its `domain`) elsewhere."""
    return _by_handle.first(conn, username_key=username.casefold(), domain=domain)


def ours(conn: Connection, window: Window) -> list[GroupRow]:
    """The groups of this server, private ones too, newest first."""
    query = select_groups().where(account.c.domain == "", account.c.deleted_at.is_(None))
    return window.rows(conn, query, group.c.account_id)


def add(conn: Connection, account_id: int, **columns: Any) -> None:
    """Make an account a group."""
    insert_row(conn, group, {"account_id": account_id, "created_at": now_ms(), **columns})


def change(conn: Connection, group_id: int, **columns: Any) -> None:
    """Set columns of the group; its account's are `accounts.change`'s."""
    if columns:
        conn.execute(update(group).where(group.c.account_id == group_id).values(**columns))


def add_to_counts(conn: Connection, group_id: int, *, members: int = 0, threads: int = 0) -> None:
    """Move the counts; they never fall below nought."""
    changes = {
        column.name: case((column + delta > 0, column + delta), else_=0)
        for column, delta in ((group.c.members_count, members), (group.c.threads_count, threads))
        if delta
    }
    if changes:
        conn.execute(update(group).where(group.c.account_id == group_id).values(**changes))


def active(conn: Connection, group_id: int, at_ms: int) -> None:
    """Something was posted."""
    later = case((func.coalesce(group.c.last_activity_at, 0) < at_ms, at_ms), else_=group.c.last_activity_at)
    conn.execute(update(group).where(group.c.account_id == group_id).values(last_activity_at=later))


# -- who belongs to them


def membership_of(conn: Connection, group_id: int, account_id: int | None) -> Any:
    """The row that makes somebody a member, or None."""
    if account_id is None:
        return None
    return _membership.first(conn, group_id=group_id, account_id=account_id)


def put_member(conn: Connection, group_id: int, account_id: int, role: str = "member") -> bool:
    """Whether they were not there before; a role is changed by `change_member`."""
    now = now_ms()
    values = {"group_id": group_id, "account_id": account_id, "role": role, "joined_at": now, "read_at": now}
    added = insert_row(conn, membership, values, unless_there=True)
    if added:
        add_to_counts(conn, group_id, members=1)
    return added


def change_member(conn: Connection, group_id: int, account_id: int, **columns: Any) -> None:
    """Set role, read_at."""
    conn.execute(
        update(membership)
        .where(membership.c.group_id == group_id, membership.c.account_id == account_id)
        .values(**columns)
    )


def remove_member(conn: Connection, group_id: int, account_id: int) -> bool:
    """Whether they were there."""
    removed = conn.execute(
        delete(membership).where(membership.c.group_id == group_id, membership.c.account_id == account_id)
    )
    if removed.rowcount:
        add_to_counts(conn, group_id, members=-1)
    return bool(removed.rowcount)


def members(conn: Connection, group_id: int, window: Window, *, role: str | None = None) -> list[Row[Any]]:
    """(role, joined_at, relation_id, account columns…), the account known last first."""
    query = (
        select(membership.c.role, membership.c.joined_at, account.c.id.label("relation_id"), account)
        .join_from(membership, account, account.c.id == membership.c.account_id)
        .where(membership.c.group_id == group_id, kept_out.shows(account))
    )
    if role is not None:
        query = query.where(membership.c.role == role)
    return window.rows(conn, query, account.c.id)


def staff(conn: Connection, group_id: int) -> list[Row[Any]]:
    """(role, account columns…) of owners and moderators, owners first, in the order in which they joined."""
    query = (
        select(membership.c.role, account)
        .join_from(membership, account, account.c.id == membership.c.account_id)
        .where(membership.c.group_id == group_id, membership.c.role.in_(("owner", "moderator")))
        .where(kept_out.shows(account))
        .order_by(membership.c.role.desc(), membership.c.joined_at, membership.c.account_id)
    )
    return list(conn.execute(query))


def count_owners(conn: Connection, group_id: int) -> int:
    query = select(func.count()).where(membership.c.group_id == group_id, membership.c.role == "owner")
    return conn.scalar(query) or 0


def heir(conn: Connection, group_id: int, leaving_id: int) -> int | None:
    """Who would own a group after its only owner: who of this server has been in it longest, moderators first."""
    query = (
        select(membership.c.account_id)
        .join(user, user.c.account_id == membership.c.account_id)
        .where(membership.c.group_id == group_id, membership.c.account_id != leaving_id)
        .order_by(case((membership.c.role == "moderator", 0), else_=1), membership.c.joined_at)
    )
    return conn.scalar(query.limit(1))


def of_member(conn: Connection, account_id: int) -> list[GroupRow]:
    """(columns of a group…, role, joined_at) of every group somebody belongs to, by name."""
    query = (
        select_groups(membership.c.role, membership.c.joined_at)
        .join(membership, membership.c.group_id == group.c.account_id)
        .where(membership.c.account_id == account_id, kept_out.shows(account))
        .order_by(func.lower(account.c.display_name), account.c.id)
    )
    return list(conn.execute(query))


def private_of(conn: Connection, account_id: int) -> list[int]:
    """The private groups that somebody belongs to."""
    query = (
        select(membership.c.group_id)
        .join(account, account.c.id == membership.c.group_id)
        .where(membership.c.account_id == account_id, account.c.hidden)
    )
    return list(conn.scalars(query))


def local_member_ids(conn: Connection, group_id: int) -> list[int]:
    """The members of this server in it."""
    query = (
        select(membership.c.account_id)
        .join(user, user.c.account_id == membership.c.account_id)
        .where(membership.c.group_id == group_id)
    )
    return list(conn.scalars(query))


# -- requests, invitations, bans


def put_request(conn: Connection, group_id: int, account_id: int, answer: str) -> None:
    """Somebody asks to join, or answers anew."""
    conn.execute(
        delete(group_request).where(
            group_request.c.group_id == group_id, group_request.c.account_id == account_id
        )
    )
    conn.execute(
        insert(group_request).values(
            id=new_id(), group_id=group_id, account_id=account_id, answer=answer, created_at=now_ms()
        )
    )


def remove_request(conn: Connection, group_id: int, account_id: int) -> bool:
    """Whether there was one."""
    removed = conn.execute(
        delete(group_request).where(
            group_request.c.group_id == group_id, group_request.c.account_id == account_id
        )
    )
    return bool(removed.rowcount)


def requests(conn: Connection, group_id: int, window: Window) -> list[Row[Any]]:
    """(relation_id, answer, asked_at, account columns…), newest first."""
    query = (
        select(
            group_request.c.id.label("relation_id"),
            group_request.c.answer,
            group_request.c.created_at.label("asked_at"),
            account,
        )
        .join_from(group_request, account, account.c.id == group_request.c.account_id)
        .where(group_request.c.group_id == group_id, kept_out.shows(account))
    )
    return window.rows(conn, query, group_request.c.id)


def request_counts(conn: Connection, group_ids: Iterable[int]) -> dict[int, int]:
    """How many ask to join, by group."""
    query = (
        select(group_request.c.group_id, func.count())
        .where(group_request.c.group_id.in_(set(group_ids)))
        .group_by(group_request.c.group_id)
    )
    return {row[0]: row[1] for row in conn.execute(query)}


def is_waiting(conn: Connection, group_id: int, account_id: int) -> bool:
    """Whether somebody has asked to join and not been answered."""
    query = select(group_request.c.id).where(
        group_request.c.group_id == group_id, group_request.c.account_id == account_id
    )
    return conn.execute(query).first() is not None


def invite(conn: Connection, group_id: int, account_id: int, by_id: int) -> bool:
    """Whether they were not invited before."""
    values = {
        "id": new_id(), "group_id": group_id, "account_id": account_id, "by_id": by_id, "created_at": now_ms(),
    }  # fmt: skip
    return insert_row(conn, group_invitation, values, unless_there=True)


def is_invited(conn: Connection, group_id: int, account_id: int) -> bool:
    query = select(group_invitation.c.id).where(
        group_invitation.c.group_id == group_id, group_invitation.c.account_id == account_id
    )
    return conn.execute(query).first() is not None


def withdraw_invitation(conn: Connection, group_id: int, account_id: int) -> bool:
    """Whether there was one."""
    removed = conn.execute(
        delete(group_invitation).where(
            group_invitation.c.group_id == group_id, group_invitation.c.account_id == account_id
        )
    )
    return bool(removed.rowcount)


def invitations(conn: Connection, group_id: int, window: Window) -> list[Row[Any]]:
    """(relation_id, account columns…) of whom a group has invited, newest first."""
    query = (
        select(group_invitation.c.id.label("relation_id"), account)
        .join_from(group_invitation, account, account.c.id == group_invitation.c.account_id)
        .where(group_invitation.c.group_id == group_id)
    )
    return window.rows(conn, query, group_invitation.c.id)


def invited_to(conn: Connection, account_id: int) -> list[GroupRow]:
    """The groups that somebody is invited to, the latest first."""
    query = (
        select_groups()
        .join(group_invitation, group_invitation.c.group_id == group.c.account_id)
        .where(group_invitation.c.account_id == account_id, kept_out.shows(account))
        .order_by(group_invitation.c.id.desc())
    )
    return list(conn.execute(query))


def put_ban(
    conn: Connection,
    group_id: int,
    account_id: int,
    *,
    by_id: int | None,
    reason: str,
    expires_at: int | None,
) -> None:
    """Keep somebody out, until an instant or (None) for good; replaces an earlier ban."""
    remove_ban(conn, group_id, account_id)
    conn.execute(
        insert(group_ban).values(
            id=new_id(), group_id=group_id, account_id=account_id, by_id=by_id, reason=reason,
            created_at=now_ms(), expires_at=expires_at,
        )
    )  # fmt: skip


def remove_ban(conn: Connection, group_id: int, account_id: int) -> bool:
    """Whether there was one."""
    removed = conn.execute(
        delete(group_ban).where(group_ban.c.group_id == group_id, group_ban.c.account_id == account_id)
    )
    return bool(removed.rowcount)


def is_banned(conn: Connection, group_id: int, account_id: int) -> bool:
    """Whether a ban that is not over keeps somebody out."""
    query = select(group_ban.c.id).where(
        group_ban.c.group_id == group_id,
        group_ban.c.account_id == account_id,
        or_(group_ban.c.expires_at.is_(None), group_ban.c.expires_at > now_ms()),
    )
    return conn.execute(query).first() is not None


def bans_somebody_here(conn: Connection, group_id: int) -> bool:
    """Whether a member of this server is banned, who may be let in again."""
    query = (
        select(group_ban.c.id)
        .join(user, user.c.account_id == group_ban.c.account_id)
        .where(group_ban.c.group_id == group_id)
    )
    return conn.execute(query.limit(1)).first() is not None


def bans(conn: Connection, group_id: int, window: Window) -> list[Row[Any]]:
    """(relation_id, reason, banned_at, expires_at, account columns…) of bans that are not over, newest first."""
    query = (
        select(
            group_ban.c.id.label("relation_id"),
            group_ban.c.reason,
            group_ban.c.created_at.label("banned_at"),
            group_ban.c.expires_at,
            account,
        )
        .join_from(group_ban, account, account.c.id == group_ban.c.account_id)
        .where(
            group_ban.c.group_id == group_id,
            or_(group_ban.c.expires_at.is_(None), group_ban.c.expires_at > now_ms()),
        )
    )
    return window.rows(conn, query, group_ban.c.id)


# -- topics

_topics: Hot[TopicRow] = Hot(
    lambda: (
        select(group_topic, hashtag.c.key)
        .join_from(group_topic, hashtag, hashtag.c.id == group_topic.c.tag_id)
        .where(AnyOf(group_topic.c.group_id, bindparam("group_ids")))
        .order_by(group_topic.c.group_id, group_topic.c.position, group_topic.c.id)
    )
)


def topics(conn: Connection, group_id: int) -> list[TopicRow]:
    """The topics of a group, in its order: columns of `group_topic`, and the hashtag's key."""
    return _topics.run(conn, group_ids=[group_id])


def topic_by_id(conn: Connection, topic_id: int) -> TopicRow | None:
    return conn.execute(select(group_topic).where(group_topic.c.id == topic_id)).first()


def topics_of(conn: Connection, group_ids: Iterable[int]) -> dict[int, list[TopicRow]]:
    """By group."""
    found: dict[int, list[TopicRow]] = {}
    for row in _topics.run(conn, group_ids=list(group_ids)):
        found.setdefault(row.group_id, []).append(row)
    return found


def put_topics(conn: Connection, group_id: int, topics: Sequence[tuple[int, str]]) -> None:
    """Exactly these topics (hashtag's id, name), in this order; those that stay keep their ids."""
    wanted = [tag_id for tag_id, _ in topics]
    conn.execute(
        delete(group_topic).where(group_topic.c.group_id == group_id, group_topic.c.tag_id.not_in(wanted))
    )
    for position, (tag_id, name) in enumerate(topics):
        values = {"id": new_id(), "group_id": group_id, "tag_id": tag_id, "name": name, "position": position}
        if not insert_row(conn, group_topic, values, unless_there=True):
            conn.execute(
                update(group_topic)
                .where(group_topic.c.group_id == group_id, group_topic.c.tag_id == tag_id)
                .values(name=name, position=position)
            )


# -- what moderators did


def note_action(
    conn: Connection,
    group_id: int,
    by_id: int | None,
    action: str,
    *,
    post_id: int | None = None,
    account_id: int | None = None,
    title: str = "",
    reason: str = "",
) -> None:
    """Put it into the group's log, which its members can read."""
    conn.execute(
        insert(group_action).values(
            id=new_id(), group_id=group_id, by_id=by_id, action=action, post_id=post_id, account_id=account_id,
            title=title, reason=reason, created_at=now_ms(),
        )
    )  # fmt: skip
    signal(conn, "group", str(group_id))


def actions(conn: Connection, group_id: int, window: Window) -> list[Row[Any]]:
    """The log, newest first."""
    return window.rows(
        conn, select(group_action).where(group_action.c.group_id == group_id), group_action.c.id
    )
