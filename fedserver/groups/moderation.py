"""What moderators do with threads and posts: lock, pin, rename, move, split, merge, remove, and mark an answer.

Each ends in the group's log, and other servers hear of what they understand. The functions that end in ``_unit`` are for whoever
may, from here or from elsewhere; `tell` is off for what another server told us.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection

from fedserver import interactions, visibility
from fedserver import posts as own_posts
from fedserver.content.text import clean_line, clean_text
from fedserver.context import Server
from fedserver.errors import Conflict, Forbidden, Invalid, NotFound
from fedserver.groups import posting, rules
from fedserver.groups.rules import Action
from fedserver.viewer import Member
from storage import group_threads, groups, posts
from storage import interactions as stored_interactions
from storage.groups import GroupRow
from storage.posts import PostRow
from storage.signals import signal
from storage.types import new_id, now_ms

REASON_CHARS_MAX: Final = 500
PINS_MAX: Final = 5
POSTS_MOVED_MAX: Final = 5_000


async def lock(server: Server, member: Member, thread_id: int, *, reason: str = "") -> None:
    """No more answers, but by moderators. Raises NotFound, Forbidden."""
    await server.db.write(_lock, server, member.account_id, thread_id, Action.LOCK, reason)


async def unlock(server: Server, member: Member, thread_id: int) -> None:
    """Answers again. Raises NotFound, Forbidden."""
    await server.db.write(_lock, server, member.account_id, thread_id, Action.UNLOCK, "")


def _lock(conn: Connection, server: Server, by_id: int, thread_id: int, action: Action, reason: str) -> None:
    thread, group = _thread(conn, thread_id, by_id, action)
    lock_unit(conn, server, group, thread, by_id, locked=action is Action.LOCK, reason=_reason(reason))


def lock_unit(
    conn: Connection,
    server: Server,
    group: GroupRow,
    thread: Any,
    by_id: int,
    *,
    locked: bool,
    reason: str = "",
    tell: bool = True,
) -> None:
    """Lock a thread, or unlock it."""
    if (thread.locked_at is not None) == locked:
        return
    action = Action.LOCK if locked else Action.UNLOCK
    group_threads.change(conn, thread.post_id, locked_at=now_ms() if locked else None)
    _note(conn, group, by_id, action, thread, reason=reason)
    if tell:
        server.publish.group_moderated(
            conn, group, by_id, Action.LOCK, post_id=thread.post_id, reason=reason, undo=not locked
        )


async def pin(server: Server, member: Member, thread_id: int) -> None:
    """Keep a thread on top. Raises NotFound, Forbidden, Conflict."""
    await server.db.write(_pin, server, member.account_id, thread_id, Action.PIN)


async def unpin(server: Server, member: Member, thread_id: int) -> None:
    """Raises NotFound, Forbidden."""
    await server.db.write(_pin, server, member.account_id, thread_id, Action.UNPIN)


def _pin(conn: Connection, server: Server, by_id: int, thread_id: int, action: Action) -> None:
    thread, group = _thread(conn, thread_id, by_id, action)
    pin_unit(conn, server, group, thread, by_id, pinned=action is Action.PIN)


def pin_unit(
    conn: Connection,
    server: Server,
    group: GroupRow,
    thread: Any,
    by_id: int,
    *,
    pinned: bool,
    tell: bool = True,
) -> None:
    """Pin a thread, or unpin it. Raises Conflict."""
    if pinned:
        if not group.domain and len(group_threads.pinned_ids(conn, group.account_id)) >= PINS_MAX:
            raise Conflict(f"{PINS_MAX} discussions are pinned already. Unpin one first.")
        changed = stored_interactions.put_pin(conn, group.account_id, thread.post_id)
    else:
        changed = stored_interactions.remove_pin(conn, group.account_id, thread.post_id)
    if not changed:
        return
    _note(conn, group, by_id, Action.PIN if pinned else Action.UNPIN, thread)
    if tell:
        server.publish.group_moderated(
            conn, group, by_id, Action.PIN, post_id=thread.post_id, undo=not pinned
        )


async def rename(server: Server, member: Member, thread_id: int, title: str) -> None:
    """Give a thread another title within the group; what its author wrote stays. Raises NotFound, Forbidden, Invalid."""
    name = _title(title)

    def unit(conn: Connection) -> None:
        thread, group = _thread(conn, thread_id, member.account_id, Action.RENAME)
        group_threads.change(conn, thread.post_id, title=name)
        _note(conn, group, member.account_id, Action.RENAME, thread, reason=name)

    await server.db.write(unit)


async def mark_answer(server: Server, member: Member, thread_id: int, post_id: int | None) -> None:
    """Say which post answers the question, or (None) that none does. Raises NotFound, Forbidden, Invalid."""

    def unit(conn: Connection) -> None:
        thread, group = rules.thread_for(conn, thread_id, member.account_id)
        first = posts.by_id(conn, thread_id)
        is_own = first is not None and first.account_id == member.account_id
        rules.check(conn, Action.ANSWER, group, member.account_id, thread=thread, is_own=is_own)
        if post_id is not None:
            answer = posts.by_id(conn, post_id)
            if (
                answer is None
                or answer.thread_id != thread_id
                or answer.id == thread_id
                or answer.group_id is None
            ):
                raise Invalid({"post_id": "must be an answer in this discussion"})
        group_threads.change(conn, thread_id, answer_id=post_id)
        if not is_own:
            _note(conn, group, member.account_id, Action.ANSWER, thread, post_id=post_id)
        signal(conn, "status.update", str(thread_id))

    await server.db.write(unit)


async def move(server: Server, member: Member, thread_id: int, group_id: int, *, reason: str = "") -> None:
    """Move a thread into another group of this server, where the member moderates, too, or may begin discussions.

    Only between public groups: what was said among the members of a group stays among them, and what has been public cannot
    be called back. Raises NotFound, Forbidden, Invalid, Conflict.
    """

    def unit(conn: Connection) -> None:
        thread, group = _thread(conn, thread_id, member.account_id, Action.MOVE)
        target, _ = rules.known(conn, group_id, member.account_id)
        if group.domain or target.domain:
            raise Invalid({"group_id": "must be a group of this server"})
        if target.account_id == group.account_id:
            return
        rules.check(conn, Action.START, target, member.account_id)
        if group.access != "public":
            raise Conflict("What was said among members stays among them: this discussion cannot be moved.")
        _take_from_view(conn, server, group, thread_id)
        shown_to = rules.visibility_in(target)
        if shown_to != "public":
            raise Conflict(
                "What has been public cannot be called back: this discussion moves between public groups only."
            )
        group_threads.put_into_group(conn, thread_id, target.account_id)
        groups.add_to_counts(conn, group.account_id, threads=-1)
        groups.add_to_counts(conn, target.account_id, threads=1)
        groups.active(conn, target.account_id, thread.last_activity_at)
        row = posts.by_id(conn, thread_id)
        assert row is not None
        _show(conn, server, row, target)
        why = _reason(reason)
        _note(conn, group, member.account_id, Action.MOVE, thread, reason=why)
        _note(conn, target, member.account_id, Action.MOVE, thread, reason=why)

    await server.db.write(unit)


async def split(
    server: Server, member: Member, post_id: int, title: str, *, of_thread_id: int | None = None
) -> int:
    """Make an answer (in the thread `of_thread_id`, if it is said), with all that answers it, a thread of its own in the
    group; its id.

    Raises NotFound, Forbidden, Invalid.
    """
    name = _title(title)

    def unit(conn: Connection) -> int:
        row = posts.by_id(conn, post_id)
        if row is None or row.group_id is None or of_thread_id not in (None, row.thread_id):
            raise NotFound
        thread, group = _thread(conn, row.thread_id, member.account_id, Action.SPLIT)
        if row.id == thread.post_id:
            raise Invalid({"post_id": "begins the discussion already"})
        below = group_threads.descendants(conn, row.id)
        if len(below) > POSTS_MOVED_MAX:
            raise Conflict(f"At most {POSTS_MOVED_MAX} posts can be moved at once.")
        if thread.answer_id in (row.id, *below):
            group_threads.change(conn, thread.post_id, answer_id=None)
        # Only here: its author wrote an answer, and other servers keep it as one.
        posts.change(conn, row.id, in_reply_to_id=None, in_reply_to_account_id=None)
        posts.answer_taken_away(conn, row)
        group_threads.put_into_thread(conn, [row.id, *below], row.id)
        if not group_threads.add(conn, row.id, group.account_id, name, row.created_at):
            # It was a thread until it was merged.
            group_threads.change(conn, row.id, title=name, merged_into_id=None, locked_at=None)
            groups.add_to_counts(conn, group.account_id, threads=1)
        group_threads.count_anew(conn, row.id)
        group_threads.count_anew(conn, thread.post_id)
        _note(conn, group, member.account_id, Action.SPLIT, thread, post_id=row.id, reason=name)
        signal(conn, "status.update", str(row.id))
        return int(row.id)

    return await server.db.write(unit)


async def merge(server: Server, member: Member, thread_id: int, into_id: int) -> None:
    """Hang a thread, with its answers, under the first post of another of the same group; its address leads there.

    Raises NotFound, Forbidden, Invalid.
    """

    def unit(conn: Connection) -> None:
        thread, group = _thread(conn, thread_id, member.account_id, Action.MERGE)
        target, other = rules.thread_for(conn, into_id, member.account_id)
        if thread_id == into_id or other.account_id != group.account_id or target.merged_into_id is not None:
            raise Invalid({"into_id": "must be another discussion of the same group"})
        first = posts.by_id(conn, into_id)
        assert first is not None
        _take_from_view(conn, server, group, thread_id)
        posts.change(conn, thread_id, in_reply_to_id=into_id, in_reply_to_account_id=first.account_id)
        posts.answer_given(conn, into_id)
        moved = posts.ids_of_thread(conn, thread_id)
        group_threads.put_into_thread(conn, moved, into_id)
        group_threads.change(conn, thread_id, merged_into_id=into_id, locked_at=thread.locked_at or now_ms())
        group_threads.count_anew(conn, into_id)
        groups.add_to_counts(conn, group.account_id, threads=-1)
        _note(conn, group, member.account_id, Action.MERGE, thread, post_id=into_id)
        signal(conn, "status.update", str(into_id))

    await server.db.write(unit)


async def remove(
    server: Server, member: Member, post_id: int, *, of_group_id: int | None = None, reason: str = ""
) -> None:
    """Take somebody's post out of the group (`of_group_id`, if it is said). Raises NotFound, Forbidden."""

    def unit(conn: Connection) -> None:
        row = posts.by_id(conn, post_id)
        if row is None or row.group_id is None or row.boost_of_id is not None:
            raise NotFound
        if of_group_id not in (None, row.group_id) or not visibility.may_see(conn, row, member.account_id):
            raise NotFound
        group, _ = rules.known(conn, row.group_id, member.account_id)
        rules.check(conn, Action.REMOVE, group, member.account_id)
        remove_unit(conn, server, group, row, member.account_id, reason=_reason(reason))

    await server.db.write(unit)


def remove_unit(
    conn: Connection,
    server: Server,
    group: GroupRow,
    row: PostRow,
    by_id: int,
    *,
    reason: str = "",
    tell: bool = True,
) -> None:
    """Take a post out of a group: it is deleted here, and where the group's word counts."""
    thread = group_threads.by_id(conn, row.thread_id)
    title = thread.title if thread is not None else ""
    if tell:
        server.publish.group_moderated(conn, group, by_id, Action.REMOVE, post_id=row.id, reason=reason)
    if row.local:
        server.publish.post_deleted(conn, row)
    if thread is not None and thread.post_id == row.id:
        posting.ended(conn, thread)  # with its answers, which would stand there without what they are about
    own_posts.erase(conn, row)
    groups.note_action(
        conn, group.account_id, by_id, Action.REMOVE, account_id=row.account_id, title=title, reason=reason
    )


# -- steps


def _thread(conn: Connection, thread_id: int, by_id: int, action: Action) -> tuple[Any, GroupRow]:
    thread, group = rules.thread_for(conn, thread_id, by_id)
    rules.check(conn, action, group, by_id, thread=thread)
    if thread.merged_into_id is not None:
        raise Conflict("This discussion has been merged into another.")
    if group.domain and action not in (Action.LOCK, Action.UNLOCK, Action.PIN, Action.UNPIN, Action.REMOVE):
        raise Forbidden("This group is kept by another server.")
    return thread, group


def _take_from_view(conn: Connection, server: Server, group: GroupRow, thread_id: int) -> None:
    """The group shows a thread to its members no longer."""
    boost = group_threads.boost_by(conn, group.account_id, thread_id)
    stored_interactions.remove_pin(conn, group.account_id, thread_id)
    if boost is not None:
        server.publish.boost_undone(conn, boost)
        interactions.remove_boost(conn, boost)


def _show(conn: Connection, server: Server, row: PostRow, group: GroupRow) -> None:
    """A group shows a thread that has been moved into it to its members."""
    boost_id = new_id()
    uri = server.uris.activity(boost_id)
    interactions.add_group_boost(conn, row, group.account_id, boost_id=boost_id, uri=uri)
    server.publish.group_showed(conn, group, boost_id)


def _note(
    conn: Connection,
    group: GroupRow,
    by_id: int,
    action: Action,
    thread: Any,
    *,
    post_id: int | None = None,
    reason: str = "",
) -> None:
    groups.note_action(
        conn,
        group.account_id,
        by_id,
        action,
        post_id=post_id or thread.post_id,
        title=thread.title,
        reason=reason,
    )
    signal(conn, "status.update", str(thread.post_id))


def _title(text: str) -> str:
    title = clean_line(text)
    if not title or len(title) > posting.TITLE_CHARS_MAX:
        raise Invalid({"title": f"must have 1 to {posting.TITLE_CHARS_MAX} characters"})
    return title


def _reason(text: str) -> str:
    return clean_text(text)[:REASON_CHARS_MAX]
