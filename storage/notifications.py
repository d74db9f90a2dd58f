"""What happened to a member, newest last; and how far they have read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    Connection,
    Row,
    Select,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)

from storage.hot import Hot, insert_row, insert_rows
from storage.notification_policy import DEFAULT, Policy
from storage.relationships import keeps_out
from storage.tables import (
    account,
    block,
    follow,
    marker,
    mute,
    notification,
    notification_permission,
    notification_policy,
    post,
    post_filter,
    severance,
    thread_mute,
    user,
)
from storage.types import AnyOf, new_id, now_ms


class Facts(NamedTuple):
    """What decides whether a member hears of what somebody did. `followed_since` is the id of the sender's
    follow of the member; the policy's choices are None for a member who made none; `latest_group` is the newest
    of the group keys asked about that is taken; `withholds` says whether a filter hides notifications at all."""

    following: bool
    followed_since: int | None
    permitted: bool
    created_at: int
    limited_at: int | None
    bot: bool
    role: str | None
    for_not_following: str | None
    for_not_followers: str | None
    for_new_accounts: str | None
    for_private_mentions: str | None
    for_limited_accounts: str | None
    for_bots: str | None
    latest_group: str | None
    withholds: bool

    @property
    def policy(self) -> Policy:
        """The member's policy."""
        chosen = Policy._make(getattr(self, name) for name in Policy._fields)
        return DEFAULT if chosen.for_bots is None else chosen


def add(conn: Connection, *, dedupe: str, replacing: bool = False, **columns: Any) -> int | None:
    """Notify once for each `dedupe`; the new id, or None when it had been notified before.

    With `replacing` an earlier one goes instead. `columns` are those of the table.
    """
    if replacing:
        take_back(conn, columns["account_id"], dedupe)
    notification_id = new_id()
    added = insert_row(
        conn, notification, {"id": notification_id, "dedupe": dedupe, **columns}, unless_there=True
    )
    return notification_id if added else None


def add_to_each(
    conn: Connection, account_ids: Sequence[int], *, dedupe: str, replacing: bool = False, **columns: Any
) -> dict[int, int]:
    """`add` to each of these members, in two or three statements: by account the new ids, of those who had not been notified."""
    if replacing:
        earlier = notification.c.account_id.in_(set(account_ids)), notification.c.dedupe == dedupe
        conn.execute(delete(notification).where(*earlier))
    rows = [{"id": new_id(), "account_id": one, "dedupe": dedupe, **columns} for one in account_ids]
    insert_rows(conn, notification, rows, unless_there=True)
    return dict(_of_ids.run(conn, ids=[row["id"] for row in rows])) if rows else {}


_of_ids: Hot[tuple[int, int]] = Hot(
    lambda: select(notification.c.account_id, notification.c.id).where(
        AnyOf(notification.c.id, bindparam("ids"))
    ),
    tuple,
)


def facts(
    conn: Connection, account_id: int, from_account_id: int, thread_id: int | None, group_keys: Sequence[str]
) -> Facts | None:
    """What decides, in one statement; None unless this is a member who neither blocks, is blocked by, nor mutes
    notifications of the other account, nor keeps out their server without following them, nor has muted the thread."""
    return _facts.first(
        conn,
        account_id=account_id,
        from_id=from_account_id,
        thread_id=thread_id or 0,
        now=now_ms(),
        group_keys=list(group_keys) or ["none"],
    )


def who_hears(
    conn: Connection, account_ids: Collection[int], from_account_id: int, thread_id: int | None
) -> dict[int, bool]:
    """Those of these accounts for whom there are `facts`, in one statement: whether a filter of theirs hides
    notifications at all."""
    found = _who_hears.run(
        conn, account_ids=list(account_ids), from_id=from_account_id, thread_id=thread_id or 0, now=now_ms()
    )
    return {account_id: bool(withholds) for account_id, withholds in found}


def _yes(condition: Any) -> Any:
    return case((condition, literal_column("1")), else_=literal_column("0"))


def _follows(account_id: Any, from_id: Any) -> Any:
    return exists().where(follow.c.account_id == account_id, follow.c.target_id == from_id, follow.c.accepted)


def _withholds(account_id: Any) -> Any:
    return exists().where(
        post_filter.c.account_id == account_id,
        post_filter.c.action == "hide",
        post_filter.c.contexts.contains("notifications"),
    )


def _hears(account_id: Any, from_id: Any) -> list[Any]:
    """What must hold of a member and the account of a sender for the member to hear of anything."""
    return [
        ~exists().where(block.c.account_id == account_id, block.c.target_id == from_id),
        ~exists().where(block.c.account_id == from_id, block.c.target_id == account_id),
        ~exists().where(
            mute.c.account_id == account_id,
            mute.c.target_id == from_id,
            mute.c.hides_notifications,
            or_(mute.c.expires_at.is_(None), mute.c.expires_at > bindparam("now")),
        ),
        ~exists().where(
            thread_mute.c.account_id == account_id, thread_mute.c.thread_id == bindparam("thread_id")
        ),
        or_(~keeps_out(account_id, account.c.domain), _follows(account_id, from_id)),
    ]


def _select_who_hears() -> Select[Any]:
    from_id: BindParameter[int] = bindparam("from_id")
    return (
        select(user.c.account_id, _yes(_withholds(user.c.account_id)))
        .join_from(user, account, account.c.id == from_id)
        .where(
            AnyOf(user.c.account_id, bindparam("account_ids")),
            user.c.account_id != from_id,
            *_hears(user.c.account_id, from_id),
        )
    )


_who_hears: Hot[tuple[int, int]] = Hot(_select_who_hears, tuple)


def _select_facts() -> Select[Any]:
    account_id: BindParameter[int] = bindparam("account_id")
    from_id: BindParameter[int] = bindparam("from_id")
    sender_user = user.alias("sender_user")
    followed_since = (
        select(follow.c.id)
        .where(follow.c.account_id == from_id, follow.c.target_id == account_id, follow.c.accepted)
        .scalar_subquery()
    )
    permitted = exists().where(
        notification_permission.c.account_id == account_id,
        notification_permission.c.from_account_id == from_id,
    )
    latest_group = (
        select(func.max(notification.c.group_key))
        .where(
            notification.c.account_id == account_id,
            AnyOf(notification.c.group_key, bindparam("group_keys")),
        )
        .scalar_subquery()
    )
    return (
        select(
            _yes(_follows(account_id, from_id)),
            followed_since,
            _yes(permitted),
            account.c.created_at,
            account.c.limited_at,
            _yes(
                or_(account.c.bot, account.c.actor_type == "Service", account.c.actor_type == "Application")
            ),
            sender_user.c.role,
            *(notification_policy.c[name] for name in Policy._fields),
            latest_group,
            _yes(_withholds(account_id)),
        )
        .join_from(user, account, account.c.id == from_id)
        .join(sender_user, sender_user.c.account_id == account.c.id, isouter=True)
        .join(notification_policy, notification_policy.c.account_id == user.c.account_id, isouter=True)
        .where(user.c.account_id == account_id, *_hears(account_id, from_id))
    )


_facts: Hot[Facts] = Hot(_select_facts, Facts._make)


def add_severances(
    conn: Connection, type_: str, target_name: str, lost: Sequence[tuple[int, int, int]]
) -> list[tuple[int, int]]:
    """Note, and tell each of these members, that they lost (account id, followers, following): in two statements.

    The account ids with the ids of their notifications.
    """
    rows: list[dict[str, Any]] = [
        {
            "id": new_id(),
            "account_id": account_id,
            "type": type_,
            "target_name": target_name,
            "followers_count": followers_count,
            "following_count": following_count,
        }
        for account_id, followers_count, following_count in lost
    ]
    insert_rows(conn, severance, rows)
    told: list[dict[str, Any]] = [
        {
            "id": new_id(),
            "account_id": row["account_id"],
            "type": "severed_relationships",
            "from_account_id": row["account_id"],
            "severance_id": row["id"],
            "dedupe": f"severed_relationships:{row['id']}",
        }
        for row in rows
    ]
    insert_rows(conn, notification, told)
    return [(one["account_id"], one["id"]) for one in told]


def who_asked_for_posts_of(conn: Connection, author_id: int) -> list[int]:
    """The members who want to be notified of everything this author posts."""
    return [account_id for (account_id,) in _asked.run(conn, author_id=author_id)]


_asked: Hot[tuple[int]] = Hot(
    lambda: (
        select(follow.c.account_id)
        .join(user, user.c.account_id == follow.c.account_id)
        .where(follow.c.target_id == bindparam("author_id"), follow.c.accepted, follow.c.notifies)
    ),
    tuple,
)


def dismiss(conn: Connection, account_id: int, notification_ids: Sequence[int]) -> int:
    """Forget those of these that are the member's own; how many there were."""
    gone = conn.execute(
        delete(notification).where(
            notification.c.account_id == account_id, notification.c.id.in_(list(notification_ids))
        )
    )
    return gone.rowcount


def dismiss_group(conn: Connection, account_id: int, group_key: str) -> None:
    """Forget everything of a group."""
    conn.execute(
        delete(notification).where(
            notification.c.account_id == account_id, notification.c.group_key == group_key
        )
    )


def clear(conn: Connection, account_id: int) -> None:
    conn.execute(delete(notification).where(notification.c.account_id == account_id))


def forget_group(conn: Connection, account_id: int, group_id: int) -> None:
    """Whoever is no longer in a group is told no more of what its members say among themselves; what they said there stays
    theirs, with what it led to."""
    unseen = select(post.c.id).where(
        post.c.id == notification.c.post_id,
        post.c.group_id == group_id,
        post.c.visibility == "group",
        post.c.account_id != account_id,
    )
    conn.execute(delete(notification).where(notification.c.account_id == account_id, exists(unseen)))


def take_back(conn: Connection, account_id: int, dedupe: str) -> None:
    """What it told of was undone."""
    conn.execute(
        delete(notification).where(notification.c.account_id == account_id, notification.c.dedupe == dedupe)
    )


def remove_between(conn: Connection, account_id: int, from_account_id: int) -> None:
    """Whatever one account told the other of, and that it is let through: after a block."""
    for table in (notification, notification_permission):
        conn.execute(
            delete(table).where(table.c.account_id == account_id, table.c.from_account_id == from_account_id)
        )


def markers(conn: Connection, account_id: int, timelines: Sequence[str]) -> list[Row[Any]]:
    return list(
        conn.execute(
            select(marker).where(marker.c.account_id == account_id, marker.c.timeline.in_(list(timelines)))
        )
    )


def put_marker(conn: Connection, account_id: int, timeline: str, last_read_id: int) -> bool:
    """Remember how far a member has read; the version counts the moves. False when somebody else moved the marker
    since this unit looked at it."""
    seen = conn.scalar(
        select(marker.c.version).where(marker.c.account_id == account_id, marker.c.timeline == timeline)
    )
    values = {"last_read_id": last_read_id, "version": (seen or 0) + 1, "updated_at": now_ms()}
    if seen is None:
        row = {"account_id": account_id, "timeline": timeline, **values}
        return insert_row(conn, marker, row, unless_there=True)
    moved = conn.execute(
        update(marker)
        .where(marker.c.account_id == account_id, marker.c.timeline == timeline, marker.c.version == seen)
        .values(**values)
    )
    return bool(moved.rowcount)
