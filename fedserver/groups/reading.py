"""How far members have read in groups, and what they want to hear of."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from fedserver.context import Server
from fedserver.errors import Invalid, NotFound
from fedserver.groups import rules
from fedserver.groups.rules import Action
from fedserver.viewer import Member
from storage import group_threads, groups, posts, subscriptions
from storage.types import now_ms

LEVELS: Final = ("all", "mentions", "digest", "none")
KINDS: Final = ("group", "topic", "thread")


async def read_thread(server: Server, member: Member, thread_id: int, post_id: int | None = None) -> None:
    """The member has read a thread as far as this post, or to its end. Raises NotFound."""

    def unit(conn: Connection) -> None:
        thread, _ = rules.thread_for(conn, thread_id, member.account_id)
        up_to = post_id
        if up_to is None:
            up_to = posts.last_of_thread(conn, thread_id) or thread.post_id
        group_threads.read_up_to(conn, member.account_id, thread_id, up_to)

    await server.db.write(unit)


async def shown(server: Server, member: Member, thread_id: int, post_id: int) -> None:
    """The member has been shown a thread as far as this post, which has settled that they may read it."""
    await server.db.write(group_threads.read_up_to, member.account_id, thread_id, post_id)


async def read_all(server: Server, member: Member, group_id: int) -> None:
    """All there is in a group counts as read. Raises NotFound."""

    def unit(conn: Connection) -> None:
        rules.known(conn, group_id, member.account_id)
        groups.change_member(conn, group_id, member.account_id, read_at=now_ms())
        group_threads.forget_read(conn, member.account_id, group_id)

    await server.db.write(unit)


async def subscribe(server: Server, member: Member, kind: str, target_id: int, level: str | None) -> None:
    """How to hear of a group, a topic or a thread: all, mentions, digest, none; None: as of what is around it.

    Raises NotFound, Forbidden, Invalid.
    """
    if level is not None and level not in LEVELS:
        raise Invalid({"level": f"must be one of {', '.join(LEVELS)}"})

    def unit(conn: Connection) -> None:
        _check(conn, member, kind, target_id)
        if level is None:
            subscriptions.remove(conn, member.account_id, kind, target_id)
        else:
            subscriptions.put(conn, member.account_id, kind, target_id, level)

    await server.db.write(unit)


async def level(server: Server, member: Member, kind: str, target_id: int) -> str | None:
    """What the member has chosen for a group, a topic or a thread. Raises NotFound, Forbidden."""

    def unit(conn: Connection) -> str | None:
        _check(conn, member, kind, target_id)
        return subscriptions.level_of(conn, member.account_id, kind, target_id)

    return await server.db.read(unit)


async def levels(server: Server, member: Member) -> dict[tuple[str, int], str]:
    """What the member has chosen, by (kind, id)."""
    return await server.db.read(subscriptions.of_member, member.account_id)


def _check(conn: Connection, member: Member, kind: str, target_id: int) -> None:
    if kind == "thread":
        rules.thread_for(conn, target_id, member.account_id)
        return
    topic = groups.topic_by_id(conn, target_id) if kind == "topic" else None
    if kind not in KINDS or (kind == "topic" and topic is None):
        raise NotFound
    group, _ = rules.known(conn, target_id if topic is None else topic.group_id, member.account_id)
    rules.check(conn, Action.READ, group, member.account_id)
