"""What members want to hear of in groups: of a group, a topic, a thread. The nearest counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Select, bindparam, case, delete, func, or_, select, union, update

from storage.hot import Hot, insert_row
from storage.tables import group_topic, membership, post_tag, subscription, user
from storage.types import Id

DEFAULT_LEVEL: Final = "digest"


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


def _select_heard() -> Select[Any]:
    """Members of the group who are members here, and whoever subscribed to the thread, with the level that counts."""
    group_id, thread_id = bindparam("group_id", type_=Id), bindparam("thread_id", type_=Id)
    people = union(
        select(membership.c.account_id).where(membership.c.group_id == group_id),
        select(subscription.c.account_id).where(
            subscription.c.kind == "thread", subscription.c.target_id == thread_id
        ),
    ).subquery()
    of_thread, of_group = subscription.alias("of_thread"), subscription.alias("of_group")
    topics = (
        select(group_topic.c.id)
        .join(post_tag, post_tag.c.tag_id == group_topic.c.tag_id)
        .where(group_topic.c.group_id == group_id, post_tag.c.post_id == thread_id)
    )
    rank = case(
        (subscription.c.level == "all", 3),
        (subscription.c.level == "digest", 2),
        (subscription.c.level == "mentions", 1),
        else_=0,
    )
    # Of several topics the one that tells most.
    of_topic = (
        select(func.max(rank))
        .where(
            subscription.c.account_id == user.c.account_id,
            subscription.c.kind == "topic",
            subscription.c.target_id.in_(topics),
        )
        .scalar_subquery()
    )
    by_topic = case(
        (of_topic == 3, "all"),
        (of_topic == 2, "digest"),
        (of_topic == 1, "mentions"),
        (of_topic == 0, "none"),
    )
    level = func.coalesce(of_thread.c.level, by_topic, of_group.c.level, DEFAULT_LEVEL)
    return (
        select(user.c.account_id, level)
        .join(people, people.c.account_id == user.c.account_id)
        .outerjoin(
            of_thread,
            (of_thread.c.account_id == user.c.account_id)
            & (of_thread.c.kind == "thread")
            & (of_thread.c.target_id == thread_id),
        )
        .outerjoin(
            of_group,
            (of_group.c.account_id == user.c.account_id)
            & (of_group.c.kind == "group")
            & (of_group.c.target_id == group_id),
        )
        .order_by(user.c.account_id)
    )


_heard: Hot[Heard] = Hot(_select_heard, Heard._make)


def heard_by(conn: Connection, group_id: int, thread_id: int) -> list[Heard]:
    """How each member here hears of a post in a thread, in one statement."""
    return _heard.run(conn, group_id=group_id, thread_id=thread_id)


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


def forget_group(conn: Connection, account_id: int, group_id: int, topic_ids: Sequence[int]) -> None:
    """Whoever leaves a group hears no more of it; threads they follow by themselves stay."""
    remove(conn, account_id, "group", group_id)
    for topic_id in topic_ids:
        remove(conn, account_id, "topic", topic_id)
