"""Threads of groups: their titles, how they stand, how far members have read. Lists are `fedserver.groups.threads`'."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from storage import groups, posts
from storage.hot import Hot, insert_row
from storage.tables import (
    dislike,
    group,
    group_ban,
    group_thread,
    group_topic,
    hashtag,
    membership,
    pin,
    post,
    post_tag,
    subscription,
    thread_read,
)
from storage.types import ID_BITS_WITHIN_MS, AnyOf, Id, new_id, now_ms

# Attributes are the table's columns.
ThreadRow = Any

_by_id: Hot[ThreadRow] = Hot(lambda: select(group_thread).where(group_thread.c.post_id == bindparam("id")))


def by_id(conn: Connection, thread_id: int) -> ThreadRow | None:
    return _by_id.first(conn, id=thread_id)


def by_ids(conn: Connection, thread_ids: Iterable[int]) -> dict[int, ThreadRow]:
    """Those that are threads of groups, by the id of their first post."""
    wanted = set(thread_ids)
    if not wanted:
        return {}
    query = select(group_thread).where(group_thread.c.post_id.in_(wanted))
    return {row.post_id: row for row in conn.execute(query)}


def _select_opened() -> Select[Any]:
    viewer_id = bindparam("viewer_id", type_=Id)
    is_banned = exists().where(
        group_ban.c.group_id == group.c.account_id,
        group_ban.c.account_id == viewer_id,
        or_(group_ban.c.expires_at.is_(None), group_ban.c.expires_at > bindparam("now", type_=Id)),
    )
    is_pinned = exists().where(
        pin.c.account_id == group.c.account_id, pin.c.post_id == group_thread.c.post_id
    )
    return (
        groups.select_groups(
            *group_thread.c,
            membership.c.role,
            membership.c.read_at,
            thread_read.c.last_read_id,
            subscription.c.level,
            case((is_banned, 1), else_=0).label("is_banned"),
            case((is_pinned, 1), else_=0).label("is_pinned"),
        )
        .join(group_thread, group_thread.c.group_id == group.c.account_id)
        .outerjoin(
            membership,
            and_(membership.c.group_id == group.c.account_id, membership.c.account_id == viewer_id),
        )
        .outerjoin(
            thread_read,
            and_(thread_read.c.thread_id == group_thread.c.post_id, thread_read.c.account_id == viewer_id),
        )
        .outerjoin(
            subscription,
            and_(
                subscription.c.kind == literal("thread"),
                subscription.c.target_id == group_thread.c.post_id,
                subscription.c.account_id == viewer_id,
            ),
        )
        .where(group_thread.c.post_id == bindparam("id"))
    )


_opened: Hot[Any] = Hot(_select_opened)


def opened(conn: Connection, thread_id: int, viewer_id: int | None) -> Any:
    """A thread with its group and how the viewer stands to both, in one statement, or None: columns of `GroupRow` and of the
    thread, then role, read_at, last_read_id, level (of the thread), is_banned, is_pinned."""
    return _opened.first(conn, id=thread_id, viewer_id=viewer_id or 0, now=now_ms())


def add(conn: Connection, post_id: int, group_id: int, title: str, at_ms: int) -> bool:
    """A post begins a thread of a group. Whether it was none before."""
    values = {
        "post_id": post_id, "group_id": group_id, "title": title, "last_post_id": post_id, "last_activity_at": at_ms,
    }  # fmt: skip
    added = insert_row(conn, group_thread, values, unless_there=True)
    if added:
        groups.add_to_counts(conn, group_id, threads=1)
        groups.active(conn, group_id, at_ms)
    return added


def change(conn: Connection, thread_id: int, **columns: Any) -> None:
    """Set columns; all posts of the thread, which show its state, are rendered anew."""
    conn.execute(update(group_thread).where(group_thread.c.post_id == thread_id).values(**columns))
    conn.execute(
        update(post)
        .where(post.c.thread_id == thread_id, post.c.group_id.is_not(None))
        .values(version=post.c.version + 1)
    )


def answered(conn: Connection, thread_id: int, group_id: int, post_id: int, at_ms: int) -> None:
    """A post has been added to a thread."""
    column = group_thread.c.last_activity_at
    conn.execute(
        update(group_thread)
        .where(group_thread.c.post_id == thread_id)
        .values(
            replies_count=group_thread.c.replies_count + 1,
            last_post_id=case((column <= at_ms, post_id), else_=group_thread.c.last_post_id),
            last_activity_at=case((column < at_ms, at_ms), else_=column),
        )
    )
    groups.active(conn, group_id, at_ms)


def count_anew(conn: Connection, thread_id: int) -> None:
    """Posts were taken from a thread or put into it: its count and its last post are looked up."""
    of_thread = (
        post.c.thread_id == thread_id,
        post.c.id != thread_id,
        post.c.group_id == group_thread.c.group_id,
        post.c.deleted_at.is_(None),
        post.c.boost_of_id.is_(None),
    )
    last = select(post.c.id).where(*of_thread).order_by(post.c.created_at.desc(), post.c.id.desc()).limit(1)
    last_at = select(func.max(post.c.created_at)).where(*of_thread)
    begun_at = select(post.c.created_at).where(post.c.id == thread_id)
    conn.execute(
        update(group_thread)
        .where(group_thread.c.post_id == thread_id)
        .values(
            replies_count=select(func.count()).select_from(post).where(*of_thread).scalar_subquery(),
            last_post_id=func.coalesce(last.scalar_subquery(), literal(thread_id, post.c.id.type)),
            last_activity_at=func.coalesce(
                last_at.scalar_subquery(), begun_at.scalar_subquery(), group_thread.c.last_activity_at
            ),
        )
    )


def pinned_ids(conn: Connection, group_id: int) -> list[int]:
    """Threads that stay on top, the last one pinned first."""
    query = (
        select(pin.c.post_id)
        .join(group_thread, group_thread.c.post_id == pin.c.post_id)
        .where(pin.c.account_id == group_id, group_thread.c.group_id == group_id)
        .order_by(pin.c.id.desc())
    )
    return list(conn.scalars(query))


TOPICS: Hot[Any] = Hot(
    lambda: (
        select(group_thread.c.post_id, group_topic, hashtag.c.key)
        .join_from(group_thread, post_tag, post_tag.c.post_id == group_thread.c.post_id)
        .join(
            group_topic,
            (group_topic.c.tag_id == post_tag.c.tag_id) & (group_topic.c.group_id == group_thread.c.group_id),
        )
        .join(hashtag, hashtag.c.id == group_topic.c.tag_id)
        .where(AnyOf(group_thread.c.post_id, bindparam("thread_ids")))
        .order_by(group_topic.c.position, group_topic.c.id)
    )
)


def topics_of(conn: Connection, thread_ids: Sequence[int]) -> dict[int, list[Any]]:
    """The topics that these threads are in, by thread: columns of `group_topic`, and the hashtag's key."""
    return posts.by_post(TOPICS.run(conn, thread_ids=list(thread_ids)))


# -- reading


_read_up_to: Hot[Any] = Hot(
    lambda: insert(thread_read).from_select(
        ["account_id", "thread_id", "last_read_id"],
        select(bindparam("account_id"), group_thread.c.post_id, bindparam("last_read_id")).where(
            group_thread.c.post_id == bindparam("thread_id")
        ),
    ),
    conflict="(account_id, thread_id) DO UPDATE SET last_read_id = excluded.last_read_id "
    "WHERE thread_read.last_read_id < excluded.last_read_id",
)


def read_up_to(conn: Connection, account_id: int, thread_id: int, post_id: int) -> None:
    """A member has read a thread as far as this post; never backwards. Nothing, if the thread has gone."""
    _read_up_to.run(conn, account_id=account_id, thread_id=thread_id, last_read_id=post_id)


def read_until(read_at: int | None) -> int:
    """The last id that counts as read for who has read everything up to this instant."""
    return (read_at or 0) << ID_BITS_WITHIN_MS


def last_read(conn: Connection, account_id: int, thread_id: int) -> int | None:
    """The last post a member has read in a thread; None if they never opened it."""
    query = select(thread_read.c.last_read_id).where(
        thread_read.c.account_id == account_id, thread_read.c.thread_id == thread_id
    )
    return conn.scalar(query)


def unread_counts(conn: Connection, account_id: int) -> dict[int, int]:
    """How many threads have something new for somebody, by group they belong to; groups without any are left out."""
    since = func.coalesce(
        thread_read.c.last_read_id, func.coalesce(membership.c.read_at, 0) * (1 << ID_BITS_WITHIN_MS)
    )
    query = (
        select(group_thread.c.group_id, func.count())
        .join(
            membership,
            and_(membership.c.group_id == group_thread.c.group_id, membership.c.account_id == account_id),
        )
        .join(post, post.c.id == group_thread.c.last_post_id)
        .outerjoin(
            thread_read,
            and_(thread_read.c.thread_id == group_thread.c.post_id, thread_read.c.account_id == account_id),
        )
        .where(
            group_thread.c.last_post_id > since,
            post.c.account_id != account_id,
            group_thread.c.merged_into_id.is_(None),
        )
        .group_by(group_thread.c.group_id)
    )
    return {row[0]: row[1] for row in conn.execute(query)}


def forget_read(conn: Connection, account_id: int, group_id: int) -> None:
    """All of a group counts as read from here on: what was kept thread by thread goes."""
    threads = select(group_thread.c.post_id).where(group_thread.c.group_id == group_id)
    conn.execute(
        delete(thread_read).where(
            thread_read.c.account_id == account_id, thread_read.c.thread_id.in_(threads)
        )
    )


# -- votes against


def add_dislike(conn: Connection, account_id: int, post_id: int, uri: str) -> bool:
    """Whether it was none before."""
    values = {"id": new_id(), "uri": uri, "account_id": account_id, "post_id": post_id}
    return insert_row(conn, dislike, values, unless_there=True)


def dislike_between(conn: Connection, account_id: int, post_id: int) -> Any:
    """The row, or None."""
    return conn.execute(
        select(dislike).where(dislike.c.account_id == account_id, dislike.c.post_id == post_id)
    ).first()


def remove_dislike(conn: Connection, account_id: int, post_id: int) -> bool:
    """Whether there was one."""
    removed = conn.execute(
        delete(dislike).where(dislike.c.account_id == account_id, dislike.c.post_id == post_id)
    )
    return bool(removed.rowcount)


def _select_dislikes() -> Select[Any]:
    mine = func.max(case((dislike.c.account_id == bindparam("viewer_id"), 1), else_=0))
    return (
        select(dislike.c.post_id, func.count(), mine)
        .where(AnyOf(dislike.c.post_id, bindparam("post_ids")))
        .group_by(dislike.c.post_id)
    )


DISLIKES: Hot[Any] = Hot(_select_dislikes, tuple)


def dislikes_of(
    conn: Connection, post_ids: Sequence[int], viewer_id: int | None
) -> dict[int, tuple[int, bool]]:
    """By post: how many vote against it, and whether the viewer does."""
    return dislikes_from(DISLIKES.run(conn, post_ids=list(post_ids), viewer_id=viewer_id or 0))


def dislikes_from(rows: Iterable[Any]) -> dict[int, tuple[int, bool]]:
    """The same of rows of `DISLIKES`."""
    return {post_id: (count, bool(mine)) for post_id, count, mine in rows}


# -- moving threads about


def descendants(conn: Connection, post_id: int) -> list[int]:
    """The ids of a post's answers, of their answers, and so on."""
    tree = select(post.c.id).where(post.c.in_reply_to_id == post_id).cte("below", recursive=True)
    tree = tree.union(select(post.c.id).join(tree, post.c.in_reply_to_id == tree.c.id))
    return list(conn.scalars(select(tree.c.id)))


def put_into_thread(conn: Connection, post_ids: Sequence[int], thread_id: int) -> None:
    """These posts belong to that thread."""
    conn.execute(
        update(post)
        .where(post.c.id.in_(list(post_ids)))
        .values(thread_id=thread_id, version=post.c.version + 1)
    )


def put_into_group(conn: Connection, thread_id: int, group_id: int) -> None:
    """A whole thread belongs to that group."""
    conn.execute(
        update(post)
        .where(post.c.thread_id == thread_id, post.c.group_id.is_not(None))
        .values(group_id=group_id, version=post.c.version + 1)
    )
    conn.execute(update(group_thread).where(group_thread.c.post_id == thread_id).values(group_id=group_id))


def boost_by(conn: Connection, group_id: int, post_id: int) -> Any:
    """The boost by which a group shows a thread to its members, or None."""
    return conn.execute(
        select(post).where(post.c.account_id == group_id, post.c.boost_of_id == post_id)
    ).first()


def first_answer(conn: Connection, thread: ThreadRow) -> Any:
    """The first post that answers in a thread, or None."""
    query = select(post).where(
        post.c.thread_id == thread.post_id,
        post.c.id != thread.post_id,
        post.c.group_id == thread.group_id,
        post.c.deleted_at.is_(None),
        post.c.boost_of_id.is_(None),
    )
    return conn.execute(query.order_by(post.c.id).limit(1)).first()


def hand_on(conn: Connection, thread: ThreadRow, heir: Any) -> None:
    """A thread whose first post is about to go begins with `heir`, one of its answers, from here on: it keeps its title, its
    topics, and what members have read of it and want to hear."""
    old, new = thread.post_id, heir.id
    below = (post.c.in_reply_to_id == old, post.c.id != new)
    taken = conn.scalar(select(func.count()).select_from(post).where(*below)) or 0
    conn.execute(
        update(post).where(*below).values(in_reply_to_id=new, in_reply_to_account_id=heir.account_id)
    )
    conn.execute(
        update(post)
        .where(post.c.id == new)
        .values(in_reply_to_id=None, in_reply_to_account_id=None, replies_count=post.c.replies_count + taken)
    )
    conn.execute(
        update(post)
        .where(post.c.thread_id == old, post.c.id != old)
        .values(thread_id=new, version=post.c.version + 1)
    )
    values = {column.name: getattr(thread, column.name) for column in group_thread.c}
    answer_id = None if thread.answer_id == new else thread.answer_id
    insert_row(conn, group_thread, values | {"post_id": new, "answer_id": answer_id})
    topics = select(literal(new, post.c.id.type), post_tag.c.tag_id).where(
        post_tag.c.post_id == old,
        post_tag.c.tag_id.in_(select(group_topic.c.tag_id).where(group_topic.c.group_id == thread.group_id)),
        post_tag.c.tag_id.not_in(select(post_tag.c.tag_id).where(post_tag.c.post_id == new)),
    )
    conn.execute(insert(post_tag).from_select(["post_id", "tag_id"], topics))
    conn.execute(
        update(pin).where(pin.c.post_id == old, pin.c.account_id == thread.group_id).values(post_id=new)
    )
    conn.execute(update(thread_read).where(thread_read.c.thread_id == old).values(thread_id=new))
    conn.execute(
        update(subscription)
        .where(subscription.c.kind == "thread", subscription.c.target_id == old)
        .values(target_id=new)
    )
    conn.execute(update(group_thread).where(group_thread.c.merged_into_id == old).values(merged_into_id=new))
    forget(conn, old)
    count_anew(conn, new)


def forget_merged(conn: Connection, thread_id: int) -> None:
    """What was merged into a thread that is about to go does not come back as a thread."""
    conn.execute(delete(group_thread).where(group_thread.c.merged_into_id == thread_id))


def forget(conn: Connection, thread_id: int) -> None:
    """What began it is no thread of a group any more."""
    conn.execute(delete(group_thread).where(group_thread.c.post_id == thread_id))
