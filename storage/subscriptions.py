"""What members want to hear of in groups: of a group, a topic, a thread. The nearest counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    union,
    update,
)

from storage import relationships
from storage.hot import Hot, insert_row
from storage.tables import (
    group_thread,
    group_topic,
    mail_preference,
    membership,
    post_tag,
    subscription,
    thread_mute,
    user,
)
from storage.types import Id, now_ms

DEFAULT_LEVEL: Final = "digest"
LEVELS: Final = ("none", "mentions", "digest", "all")
"""From what tells least to what tells most."""


class Heard(NamedTuple):
    """A member, and how they hear of a post: all, mentions, digest, none."""

    account_id: int
    level: str


def put(conn: Connection, account_id: int, kind: str, target_id: int, level: str) -> None:
    """`kind` is group, thread or topic; `level` is all, mentions, digest or none."""
    values = {"account_id": account_id, "kind": kind, "target_id": target_id, "level": level}
    if not insert_row(conn, subscription, values, unless_there=True):
        conn.execute(
            update(subscription)
            .where(
                subscription.c.account_id == account_id,
                subscription.c.kind == kind,
                subscription.c.target_id == target_id,
            )
            .values(level=level)
        )


def remove(conn: Connection, account_id: int, kind: str, target_id: int) -> None:
    """As whatever is around it says."""
    conn.execute(
        delete(subscription).where(
            subscription.c.account_id == account_id,
            subscription.c.kind == kind,
            subscription.c.target_id == target_id,
        )
    )


def level_of(conn: Connection, account_id: int, kind: str, target_id: int) -> str | None:
    """The level that somebody has chosen; None for none."""
    return conn.scalar(
        select(subscription.c.level).where(
            subscription.c.account_id == account_id,
            subscription.c.kind == kind,
            subscription.c.target_id == target_id,
        )
    )


def of_member(conn: Connection, account_id: int) -> dict[tuple[str, int], str]:
    """By (kind, target): the level."""
    query = select(subscription.c.kind, subscription.c.target_id, subscription.c.level)
    rows = conn.execute(query.where(subscription.c.account_id == account_id))
    return {(row.kind, row.target_id): row.level for row in rows}


def level_between(account_id: Any, group_id: Any, thread_id: Any) -> ColumnElement[str]:
    """The level at which a member hears of a thread in a group; of columns and parameters, for statements."""

    def chosen(kind: str, target_id: Any) -> Any:
        one = subscription.alias(f"of_{kind}")
        query = select(one.c.level).where(
            one.c.account_id == account_id, one.c.kind == literal(kind), one.c.target_id == target_id
        )
        return query.scalar_subquery()

    of_topic = subscription.alias("of_topic")
    topics = (
        select(group_topic.c.id)
        .join(post_tag, post_tag.c.tag_id == group_topic.c.tag_id)
        .where(group_topic.c.group_id == group_id, post_tag.c.post_id == thread_id)
    )
    # Of several topics the one that tells most.
    rank = case(
        *((of_topic.c.level == level, rank) for rank, level in enumerate(LEVELS)), else_=literal_column("0")
    )
    highest = (
        select(func.max(rank))
        .where(
            of_topic.c.account_id == account_id,
            of_topic.c.kind == literal("topic"),
            of_topic.c.target_id.in_(topics),
        )
        .scalar_subquery()
    )
    by_topic = case(*((highest == rank, literal(level)) for rank, level in enumerate(LEVELS)))
    return func.coalesce(
        chosen("thread", thread_id), by_topic, chosen("group", group_id), literal(DEFAULT_LEVEL)
    )


def _select_heard() -> Select[Any]:
    """Members of the group who are members here, and whoever subscribed to the thread, with the level that counts."""
    group_id, thread_id = bindparam("group_id", type_=Id), bindparam("thread_id", type_=Id)
    people = union(
        select(membership.c.account_id).where(membership.c.group_id == group_id),
        select(subscription.c.account_id).where(
            subscription.c.kind == "thread", subscription.c.target_id == thread_id
        ),
    ).subquery()
    return (
        select(user.c.account_id, level_between(user.c.account_id, group_id, thread_id).label("level"))
        .join(people, people.c.account_id == user.c.account_id)
        .order_by(user.c.account_id)
    )


_heard: Hot[Heard] = Hot(_select_heard, Heard._make)


def heard_by(conn: Connection, group_id: int, thread_id: int) -> list[Heard]:
    """How each member here hears of a post in a thread, in one statement."""
    return _heard.run(conn, group_id=group_id, thread_id=thread_id)


def _select_level() -> Select[Any]:
    heard = _select_heard().where(user.c.account_id == bindparam("account_id")).subquery()
    return select(heard.c.level)


_level: Hot[str] = Hot(_select_level, lambda row: str(row[0]))


def level_in_thread(conn: Connection, account_id: int, group_id: int, thread_id: int) -> str | None:
    """How a member hears of a thread; None for who neither belongs to the group nor subscribes to the thread."""
    return _level.first(conn, account_id=account_id, group_id=group_id, thread_id=thread_id)


def _select_mailed() -> Select[Any]:
    heard = _select_heard().subquery()
    author_id = bindparam("author_id", type_=Id)
    muted_thread = exists().where(
        thread_mute.c.account_id == heard.c.account_id,
        thread_mute.c.thread_id == bindparam("thread_id", type_=Id),
    )
    return (
        select(heard.c.account_id)
        .outerjoin(mail_preference, mail_preference.c.account_id == heard.c.account_id)
        .where(
            heard.c.level == literal("all"),
            heard.c.account_id > bindparam("after_id", type_=Id),
            heard.c.account_id != author_id,
            or_(mail_preference.c.wants_groups.is_(None), mail_preference.c.wants_groups),
            ~muted_thread,
            ~relationships.hides(
                heard.c.account_id, author_id, bindparam("domain", type_=Text), bindparam("now", type_=Id)
            ),
        )
        .order_by(heard.c.account_id)
        .limit(bindparam("limit"))
    )


_mailed: Hot[int] = Hot(_select_mailed, lambda row: int(row[0]))


def mailed(
    conn: Connection, group_id: int, thread_id: int, author_id: int, domain: str, *, after_id: int, limit: int
) -> list[int]:
    """The next members who get each post of a thread by mail, of this author on a server (`domain`, "" for ours)."""
    return _mailed.run(
        conn, group_id=group_id, thread_id=thread_id, author_id=author_id, domain=domain, after_id=after_id, limit=limit,
        now=now_ms(),
    )  # fmt: skip


def is_heard(conn: Connection, group_id: int, thread_id: int) -> bool:
    """Whether anybody may want to hear of each post in a thread: cheap, and now and then wrong with yes."""
    topics = select(group_topic.c.id).where(group_topic.c.group_id == group_id)
    query = select(subscription.c.account_id).where(
        subscription.c.level == "all",
        or_(
            (subscription.c.kind == "group") & (subscription.c.target_id == group_id),
            (subscription.c.kind == "thread") & (subscription.c.target_id == thread_id),
            (subscription.c.kind == "topic") & subscription.c.target_id.in_(topics),
        ),
    )
    return conn.execute(query.limit(1)).first() is not None


def hears_all(conn: Connection, account_id: int, group_id: int, thread_id: int | None) -> bool:
    """Whether a member hears of each post in a thread; without one, in a group, some of its topics or threads."""
    if thread_id is not None:
        return level_in_thread(conn, account_id, group_id, thread_id) == "all"
    query = select(subscription.c.level).where(_all_in_group(account_id, group_id))
    return conn.execute(query.limit(1)).first() is not None


def _all_in_group(account_id: int, group_id: int) -> ColumnElement[bool]:
    topics = select(group_topic.c.id).where(group_topic.c.group_id == group_id)
    threads = select(group_thread.c.post_id).where(group_thread.c.group_id == group_id)
    return and_(
        subscription.c.account_id == account_id,
        subscription.c.level == "all",
        or_(
            (subscription.c.kind == "group") & (subscription.c.target_id == group_id),
            (subscription.c.kind == "topic") & subscription.c.target_id.in_(topics),
            (subscription.c.kind == "thread") & subscription.c.target_id.in_(threads),
        ),
    )


def lower_in_group(conn: Connection, account_id: int, group_id: int, level: str) -> int:
    """A member who heard of everything in a group, some of its topics or threads hears at this level of them; how
    many choices that changed."""
    lowered = update(subscription).where(_all_in_group(account_id, group_id)).values(level=level)
    return conn.execute(lowered).rowcount


def forget_group(conn: Connection, account_id: int, group_id: int, topic_ids: Sequence[int]) -> None:
    """Whoever leaves a group hears no more of it; threads they follow by themselves stay."""
    remove(conn, account_id, "group", group_id)
    for topic_id in topic_ids:
        remove(conn, account_id, "topic", topic_id)
