"""What people do with a post: like, boost, bookmark, pin, vote, mute its thread.

The ``receive_…`` functions are units: the inbox calls them once it knows that the sender may say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row

from fedserver import notifications, polls, visibility
from fedserver.context import Server
from fedserver.errors import Forbidden, Invalid, NotFound
from fedserver.events import polling
from fedserver.events.keeping import KIND as EVENT
from fedserver.federation.publish import Publisher
from fedserver.groups import rules
from fedserver.groups.rules import Action
from fedserver.streams.gone import signal_gone
from fedserver.viewer import Member
from storage import accounts, group_threads, groups, interactions, posts, relationships, timelines
from storage.accounts import AccountRow
from storage.posts import PostRow
from storage.signals import signal
from storage.types import new_id, now_ms

PINS_MAX = 5


def seen(conn: Connection, post_id: int, viewer_id: int | None) -> PostRow:
    """The post, or for a boost the one it boosts. Raises NotFound when the viewer may not see it."""
    row = posts.by_id(conn, post_id)
    if row is not None and row.boost_of_id is not None and visibility.may_see(conn, row, viewer_id):
        row = posts.by_id(conn, row.boost_of_id)
    if row is None or not visibility.may_see(conn, row, viewer_id):
        raise NotFound
    return row


def check_voice(conn: Connection, row: PostRow, account_id: int) -> None:
    """Raise Forbidden for who may not vote on a post in a group: who is banned there, or anybody when it is archived."""
    group = groups.by_id(conn, row.group_id)
    if group is not None:
        rules.check(conn, Action.VOTE, group, account_id)


async def like(server: Server, member: Member, post_id: int) -> None:
    """Twice is as once. Raises NotFound, or Forbidden in a group that does not let them vote."""
    await server.db.write(_like, server, member.account_id, post_id)


def _like(conn: Connection, server: Server, account_id: int, post_id: int) -> None:
    row = seen(conn, post_id, account_id)
    if interactions.like_between(conn, account_id, row.id) is not None:
        return
    check_voice(conn, row, account_id)
    like_id = new_id()
    liked = interactions.add_like(conn, account_id, row.id, server.uris.activity(like_id), like_id=like_id)
    _liked(conn, row, account_id)
    server.publish.liked(conn, liked)


async def unlike(server: Server, member: Member, post_id: int) -> None:
    """Nothing happens when it was not liked."""
    await server.db.write(unlike_unit, server, member.account_id, post_id)


def unlike_unit(conn: Connection, server: Server, account_id: int, post_id: int) -> None:
    """The unit of `unlike`, for whoever takes a like back as a part of something larger."""
    row = seen(conn, post_id, account_id)
    liked = interactions.like_between(conn, account_id, row.id)
    if liked is not None:
        server.publish.like_undone(conn, liked)
        _unliked(conn, row, liked)


async def boost(server: Server, member: Member, post_id: int, *, visibility_: str | None = None) -> int:
    """Show a post to one's followers; the id of the boost. Twice is as once.

    Raises NotFound, or Forbidden for a post that is not for everybody (the author's own for followers excepted).
    """
    return await server.db.write(_boost, server, member.account_id, post_id, visibility_)


def _boost(conn: Connection, server: Server, account_id: int, post_id: int, wanted: str | None) -> int:
    row = seen(conn, post_id, account_id)
    own = row.account_id == account_id
    if row.visibility not in visibility.FOR_EVERYBODY and not (own and row.visibility == "followers"):
        raise Forbidden("This post is not for everybody, so it cannot be boosted.")
    if server.uris.is_local(row.uri) and not row.local:
        raise Forbidden("This post is from an archive, which stays where it is.")
    # Whoever presses twice at once has boosted once.
    posts.lock(conn, row.id)
    known = interactions.boost_between(conn, account_id, row.id)
    if known is not None:
        return int(known.id)
    shown_to = wanted if wanted in ("public", "unlisted", "followers") else "public"
    if row.visibility == "followers":
        shown_to = "followers"
    boost_id = new_id()
    boosted = _add_boost(
        conn, row, account_id, boost_id=boost_id, uri=server.uris.activity(boost_id), shown_to=shown_to,
        created_at=now_ms(), local=True,
    )  # fmt: skip
    server.publish.boosted(conn, boosted.id)
    return boost_id


def add_group_boost(
    conn: Connection,
    row: PostRow,
    group_id: int,
    *,
    boost_id: int,
    uri: str,
    local: bool = True,
    at_ms: int | None = None,
) -> None:
    """A group shows a thread to its members, at `at_ms` or (None) when it was written; nobody is notified of that."""
    created_at = row.created_at if at_ms is None else at_ms
    boosted = posts.insert_post(
        conn, post_id=boost_id, uri=uri, url=row.url, account_id=group_id, kind="boost", visibility=row.visibility,
        thread_id=boost_id, boost_of_id=row.id, group_id=group_id, local=local, created_at=created_at,
    )  # fmt: skip
    posts.add_to_counts(conn, row.id, boosts=1)
    if row.visibility != "group":
        accounts.posted(conn, group_id, created_at)
    timelines.fan_out(conn, boosted, boosted=row)
    signal(conn, "post", str(boost_id))


async def unboost(server: Server, member: Member, post_id: int) -> None:
    """Nothing happens when it was not boosted."""
    await server.db.write(_unboost, server, member.account_id, post_id)


def _unboost(conn: Connection, server: Server, account_id: int, post_id: int) -> None:
    row = seen(conn, post_id, account_id)
    boosted = interactions.boost_between(conn, account_id, row.id)
    if boosted is not None:
        server.publish.boost_undone(conn, boosted)
        remove_boost(conn, boosted)


async def bookmark(server: Server, member: Member, post_id: int) -> bool:
    """Keep a post for oneself; whether it is new. Raises NotFound."""
    return await server.db.write(_bookmark, member.account_id, post_id)


def _bookmark(conn: Connection, account_id: int, post_id: int) -> bool:
    return interactions.put_bookmark(conn, account_id, seen(conn, post_id, account_id).id)


async def unbookmark(server: Server, member: Member, post_id: int) -> None:
    await server.db.write(_unbookmark, member.account_id, post_id)


def _unbookmark(conn: Connection, account_id: int, post_id: int) -> None:
    interactions.remove_bookmark(conn, account_id, seen(conn, post_id, account_id).id)


async def pin(server: Server, member: Member, post_id: int) -> None:
    """Show an own post at the top of one's profile. Raises NotFound, Forbidden, Invalid (there are five)."""
    await server.db.write(_pin, server.publish, member.account_id, post_id)


def _pin(conn: Connection, publish: Publisher, account_id: int, post_id: int) -> None:
    row = seen(conn, post_id, account_id)
    if row.account_id != account_id:
        raise Forbidden("You can only pin your own posts.")
    if row.visibility not in (*visibility.FOR_EVERYBODY, "followers"):
        raise Forbidden("This post cannot be pinned.")
    if interactions.put_pin(conn, account_id, row.id):
        if len(interactions.pinned(conn, account_id)) > PINS_MAX:
            raise Invalid({}, f"Validation failed: You can pin {PINS_MAX} posts. Unpin one first.")
        publish.pinned(conn, account_id, row.id)


async def unpin(server: Server, member: Member, post_id: int) -> None:
    await server.db.write(_unpin, server.publish, member.account_id, post_id)


def _unpin(conn: Connection, publish: Publisher, account_id: int, post_id: int) -> None:
    row = seen(conn, post_id, account_id)
    if interactions.remove_pin(conn, account_id, row.id):
        publish.unpinned(conn, account_id, row.id)


async def mute_thread(server: Server, member: Member, post_id: int) -> None:
    """Hear no more of what is answered in this thread."""
    await server.db.write(_mute_thread, member.account_id, post_id, muted=True)


async def unmute_thread(server: Server, member: Member, post_id: int) -> None:
    await server.db.write(_mute_thread, member.account_id, post_id, muted=False)


def _mute_thread(conn: Connection, account_id: int, post_id: int, *, muted: bool) -> None:
    row = seen(conn, post_id, account_id)
    change = interactions.mute_thread if muted else interactions.unmute_thread
    change(conn, account_id, row.thread_id)


async def vote(server: Server, member: Member, post_id: int, choices: Sequence[int]) -> None:
    """Vote in a poll, once; in that of an event as often as one changes one's mind. Raises NotFound, Invalid, Conflict."""
    await server.db.write(_vote, server, member.account_id, post_id, list(dict.fromkeys(choices)))


def _vote(conn: Connection, server: Server, account_id: int, post_id: int, choices: list[int]) -> None:
    row = seen(conn, post_id, account_id)
    if row.kind == EVENT:
        check_voice(conn, row, account_id)
        polling.vote(conn, server, account_id, row, choices)
        return
    poll = posts.polls_of(conn, [row.id]).get(row.id)
    if poll is None:
        raise NotFound
    options = posts.poll_options_of(conn, [row.id])[row.id]
    if row.account_id == account_id:
        raise Invalid({}, "You cannot vote in your own poll.")
    if _is_over(poll):
        raise Invalid({}, "The poll has already ended.")
    check_voice(conn, row, account_id)
    # Clients look for Mastodon's words. To it a second choice is a second vote.
    if not choices or any(not 0 <= one < len(options) for one in choices):
        raise Invalid({"choices": "must name options"}, "The chosen vote option does not exist.")
    if len(choices) > 1 and not poll.multiple:
        raise Invalid(
            {"choices": "must be one"}, "You have already voted on this poll with the first choice."
        )
    if posts.votes_of(conn, account_id, [row.id]):
        raise Invalid({}, "You have already voted on this poll.")
    rows = []
    for position in choices:
        uri = server.uris.activity(new_id())
        posts.add_vote(conn, row.id, account_id, position, uri)
        rows.append({"position": position, "uri": uri, "title": options[position].title})
    if row.local:
        polls.counts_changed(conn, server.publish, row.id, poll.counted_at)
    else:
        server.publish.voted(conn, row.id, account_id, rows)
        polls.plan_end(conn, row.id, poll.expires_at)
    signal(conn, "status.update", str(row.id))


# -- what arrives from elsewhere


def receive_like(
    conn: Connection, account: AccountRow, row: PostRow, uri: str, *, among: bool = False
) -> bool:
    """Somebody elsewhere likes a post that they may see; twice is as once. That they are `among` those who read in a group
    elsewhere only the group knows. Whether it is new."""
    if not (among or visibility.may_see(conn, row, account.id)):
        return False
    if interactions.like_between(conn, account.id, row.id):
        return False
    group = groups.by_id(conn, row.group_id)
    if (
        not among
        and group is not None
        and rules.refusal(Action.VOTE, group, rules.standing_of(conn, group.account_id, account.id))
    ):
        return False
    interactions.add_like(conn, account.id, row.id, uri)
    _liked(conn, row, account.id)
    return True


def receive_undo_like(conn: Connection, account_id: int, row: PostRow) -> bool:
    """Whether there was such a like."""
    liked = interactions.like_between(conn, account_id, row.id)
    if liked is None:
        return False
    _unliked(conn, row, liked)
    return True


def receive_boost(
    conn: Connection, account: AccountRow, row: PostRow, *, uri: str, shown_to: str, created_at: int
) -> int | None:
    """Somebody elsewhere boosts a post; the id of the boost, None when it is none that may be boosted."""
    own = row.account_id == account.id
    if row.visibility not in visibility.FOR_EVERYBODY and not (own and row.visibility == "followers"):
        return None
    if relationships.either_blocks(conn, account.id, row.account_id):
        return None
    known = interactions.boost_between(conn, account.id, row.id)
    if known is not None:
        return int(known.id)
    boosted = _add_boost(
        conn, row, account.id, boost_id=new_id(min(created_at, now_ms())), uri=uri, shown_to=shown_to,
        created_at=created_at, local=False,
    )  # fmt: skip
    return int(boosted.id)


def remove_boost(conn: Connection, boosted: PostRow) -> None:
    """A boost was taken back, here or elsewhere."""
    original = posts.by_id(conn, boosted.boost_of_id)
    signal_gone(conn, boosted)
    posts.remove(conn, boosted)
    if original is not None:
        posts.add_to_counts(conn, original.id, boosts=-1)
        notifications.take_back(conn, original.account_id, "reblog", boosted.account_id, original.id)


def receive_vote(
    conn: Connection, publish: Publisher, voter: AccountRow, row: PostRow, title: str, uri: str
) -> bool:
    """Somebody elsewhere votes in a poll of ours. Whether it counted."""
    poll = posts.polls_of(conn, [row.id]).get(row.id)
    if poll is None or _is_over(poll) or not row.local or not visibility.may_see(conn, row, voter.id):
        return False
    group = groups.by_id(conn, row.group_id)
    if group is not None and rules.refusal(
        Action.VOTE, group, rules.standing_of(conn, group.account_id, voter.id)
    ):
        return False
    options = posts.poll_options_of(conn, [row.id])[row.id]
    position = next((one.position for one in options if one.title == title), None)
    if position is None:
        return False
    earlier = posts.votes_of(conn, voter.id, [row.id]).get(row.id, [])
    if earlier and not poll.multiple:
        return False
    if not posts.add_vote(conn, row.id, voter.id, position, uri):
        return False
    polls.counts_changed(conn, publish, row.id, poll.counted_at)
    signal(conn, "status.update", str(row.id))
    return True


def _add_boost(
    conn: Connection,
    row: PostRow,
    account_id: int,
    *,
    boost_id: int,
    uri: str,
    shown_to: str,
    created_at: int,
    local: bool,
) -> PostRow:
    boosted = posts.insert_post(
        conn, post_id=boost_id, uri=uri, url=row.url, account_id=account_id, kind="boost", visibility=shown_to,
        thread_id=boost_id, boost_of_id=row.id, local=local, created_at=created_at,
    )  # fmt: skip
    posts.add_to_counts(conn, row.id, boosts=1)
    accounts.posted(conn, account_id, created_at)
    timelines.fan_out(conn, boosted, boosted=row, own=local)
    notifications.notify(conn, row.account_id, "reblog", account_id, post_id=row.id, thread_id=row.thread_id)
    signal(conn, "post", str(boost_id))
    return boosted


def _liked(conn: Connection, row: PostRow, account_id: int) -> None:
    if row.group_id is not None:
        group_threads.remove_dislike(conn, account_id, row.id)
    posts.add_to_counts(conn, row.id, likes=1)
    notifications.notify(
        conn, row.account_id, "favourite", account_id, post_id=row.id, thread_id=row.thread_id
    )


def _unliked(conn: Connection, row: PostRow, liked: Row[Any]) -> None:
    interactions.remove_like(conn, liked.id)
    posts.add_to_counts(conn, row.id, likes=-1)
    notifications.take_back(conn, row.account_id, "favourite", liked.account_id, row.id)


def _is_over(poll: Row[Any]) -> bool:
    return poll.closed_at is not None or (poll.expires_at is not None and poll.expires_at <= now_ms())
