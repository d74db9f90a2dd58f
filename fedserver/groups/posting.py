"""What happens when something is posted in a group, wherever it was written: may it be, and what follows.

Units. `fedserver.posts` asks `place_of` before it writes a member's post, and tells `begun`, `arrived` and `gone`; the inbox
does the same for posts of other servers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from fedserver import interactions
from fedserver.content.html import to_text
from fedserver.content.links import tag_key
from fedserver.content.text import clean_line
from fedserver.context import Server
from fedserver.errors import Invalid
from fedserver.groups import rules
from fedserver.groups.rules import Action
from fedserver.jobs.plan import plan
from storage import drafts, group_threads, groups, subscriptions
from storage.accounts import AccountRow
from storage.groups import GroupRow
from storage.posts import PostRow
from storage.types import new_id

TITLE_CHARS_MAX: Final = 200  # Lemmy cuts there
_IN_GROUP: Final = frozenset({"public", "unlisted", "group"})


class Place(NamedTuple):
    """Where in a group something is posted: in a thread, or (None) as one."""

    group: GroupRow
    thread: Any = None

    @property
    def visibility(self) -> str:
        return rules.visibility_in(self.group)


def place_of(
    conn: Connection,
    account_id: int,
    *,
    group_id: int | None,
    parent: PostRow | None,
    wanted: str,
    named: Iterable[AccountRow],
) -> Place | None:
    """Where a member's new post belongs, None for what is none of a group's: into the group that is chosen, or into that
    of what it answers, or into the first that it names, if they may begin a discussion there.

    `wanted` is the visibility asked for. Raises NotFound, Forbidden.
    """
    if group_id is not None:
        if parent is not None:
            raise Invalid({"group_id": "is for new discussions only: an answer belongs where it answers"})
        group, _ = rules.known(conn, group_id, account_id)
        rules.check(conn, Action.START, group, account_id)
        return Place(group)
    if parent is not None:
        if wanted == "direct" or (wanted == "followers" and parent.visibility != "group"):
            return None
        place = place_of_answer(conn, parent)
        if place is None:
            return None
        rules.check(conn, Action.REPLY, place.group, account_id, thread=place.thread)
        return place
    if wanted not in ("public", "unlisted"):
        return None
    # From apps: naming a group in a post puts it there (FEP-1b12). Who may not post there has only named it.
    for one in named:
        if one.actor_type == "Group":
            named_group = groups.by_id(conn, one.id)
            if named_group is None:
                continue
            standing = rules.standing_of(conn, one.id, account_id)
            if rules.refusal(Action.START, named_group, standing) is None:
                return Place(named_group)
    return None


def check_answer(conn: Connection, parent: PostRow | None, wanted: str, named: Iterable[AccountRow]) -> None:
    """What is said among the members of a group is answered directly to its members alone: others would learn of it.
    Raises Invalid."""
    if parent is None or parent.visibility != "group" or wanted != "direct":
        return
    for one in named:
        if groups.membership_of(conn, parent.group_id, one.id) is None:
            name = f"@{one.username}@{one.domain}" if one.domain else f"@{one.username}"
            raise Invalid({"visibility": f"cannot be direct: {name} is not in the group in which you answer"})


def check_edit(conn: Connection, row: PostRow) -> None:
    """Whoever may say nothing in a group any more changes nothing there either. Raises Forbidden."""
    group = groups.by_id(conn, row.group_id) if is_in_group(row) else None
    if group is not None:
        rules.check(conn, Action.VOTE, group, row.account_id)


def place_of_answer(conn: Connection, parent: PostRow) -> Place | None:
    """Where an answer to a post belongs; None when that is in no group."""
    thread = group_threads.by_id(conn, parent.thread_id)
    group = groups.by_id(conn, parent.group_id)
    if group is None and thread is not None and not parent.local:
        # It may have come before the group elsewhere has handed it on.
        begun_in = groups.by_id(conn, thread.group_id)
        group = begun_in if begun_in is not None and begun_in.domain else None
    return None if group is None else Place(group, thread)


def topic_names(conn: Connection, group: GroupRow, wanted: Sequence[str]) -> dict[str, str]:
    """The hashtags, key to name, of topics that the author has chosen. Raises Invalid for one that the group has not."""
    known = {one.key: one.name for one in groups.topics(conn, group.account_id)}
    keys = [tag_key(one.lstrip("#")) for one in wanted]
    if any(key not in known for key in keys):
        raise Invalid({"topics": "must be topics of the group"})
    return {key: known[key] for key in keys}


def topics_kept(conn: Connection, row: PostRow, wanted: Sequence[str] | None) -> dict[str, str]:
    """The hashtags, key to name, that an edited post has for its topics: those chosen now, or (None) those it had.
    Raises Invalid."""
    group = groups.by_id(conn, row.group_id)
    if group is None:
        return {}
    if wanted is not None:
        return topic_names(conn, group, wanted)
    return {one.key: one.name for one in group_threads.topics_of(conn, [row.id]).get(row.id, ())}


def title_of(row: PostRow) -> str:
    """What a group calls a thread: its title, or the first line of its text."""
    if row.title:
        return clean_line(row.title)[:TITLE_CHARS_MAX]
    lines = (_without_names(clean_line(line)) for line in to_text(row.content_html).splitlines())
    first = next((line for line in lines if line), "")
    return (first or clean_line(row.summary) or "…")[:TITLE_CHARS_MAX]


def _without_names(line: str) -> str:
    """A line without the names that it begins with, which say whom it is for; "" when there is nothing else in it."""
    words = line.split(" ")
    while words and (not words[0] or words[0].startswith("@")):
        del words[0]
    return "" if all(word.startswith("@") for word in words) else " ".join(words)


# -- afterwards


def begun(conn: Connection, server: Server, row: PostRow, place: Place) -> None:
    """A post has been put into a group of this server, or by a member into one elsewhere: keep what a thread is, and have
    the group show it to its members."""
    arrived(conn, row, place.group)
    if not place.group.domain and not row.in_reply_to_uri:
        show(conn, server, row, place.group)


def show(conn: Connection, server: Server, row: PostRow, group: GroupRow) -> None:
    """Have a group of this server show a thread to its members."""
    boost_id = new_id(row.created_at)
    uri = server.uris.activity(boost_id)
    interactions.add_group_boost(conn, row, group.account_id, boost_id=boost_id, uri=uri)
    server.publish.group_showed(conn, group, boost_id)


def arrived(conn: Connection, row: PostRow, group: GroupRow, *, quietly: bool = False) -> None:
    """A post of a group is stored, with its hashtags: count it in its thread, and plan to tell those who want to hear,
    unless it comes `quietly`, out of an archive."""
    if row.thread_id != row.id:
        group_threads.answered(conn, row.thread_id, group.account_id, row.id, row.created_at)
    elif not row.in_reply_to_uri:
        group_threads.add(conn, row.id, group.account_id, title_of(row), row.created_at)
    # Of posts from elsewhere answers may have come first.
    if not row.local and row.replies_count:
        group_threads.count_anew(conn, row.thread_id)
    if row.local:
        group_threads.read_up_to(conn, row.account_id, row.thread_id, row.id)
        key = f"reply:{row.in_reply_to_id}" if row.in_reply_to_id is not None else f"group:{group.account_id}"
        drafts.remove(conn, row.account_id, key)
    if not quietly and subscriptions.is_heard(conn, group.account_id, row.thread_id):
        plan(conn, "tell_subscribers", {"post_id": row.id}, key=str(row.id))


def edited(conn: Connection, before: PostRow, row: PostRow) -> None:
    """A post has changed: a thread is called by its new title, unless moderators have named it."""
    if row.group_id is None or row.in_reply_to_id is not None:
        return
    thread = group_threads.by_id(conn, row.id)
    if thread is not None and thread.title == title_of(before):
        group_threads.change(conn, row.id, title=title_of(row))


def gone(conn: Connection, row: PostRow) -> None:
    """A post of a group is about to be deleted. What others answered to a thread outlives its first post: the thread goes
    on from the first answer."""
    if row.group_id is None:
        return
    around = group_threads.by_id(conn, row.thread_id)
    if around is not None and around.answer_id == row.id:
        group_threads.change(conn, around.post_id, answer_id=None)
    thread = group_threads.by_id(conn, row.id)
    if thread is None or thread.merged_into_id is not None:
        return
    heir = group_threads.first_answer(conn, thread)
    if heir is None:
        ended(conn, thread)
    else:
        group_threads.hand_on(conn, thread, heir)


def ended(conn: Connection, thread: Any) -> None:
    """There is no such thread any more: its first post, if it stays, is none of the group's lists."""
    groups.add_to_counts(conn, thread.group_id, threads=-1)
    group_threads.forget_merged(conn, thread.post_id)
    group_threads.forget(conn, thread.post_id)


def counted_anew(conn: Connection, row: PostRow) -> None:
    """A post of a group has been deleted."""
    if row.group_id is not None and row.thread_id != row.id:
        group_threads.count_anew(conn, row.thread_id)


def is_in_group(row: PostRow) -> bool:
    """Whether a post belongs to a group's conversation."""
    return row.group_id is not None and row.visibility in _IN_GROUP and row.boost_of_id is None
