"""What moderators of groups do from elsewhere: lock, remove, ban, pin, appoint, and taking that back (FEP-1b12).

In a group of ours a moderator on another server may do what a moderator here may, and it counts there alone. In a group
elsewhere those act whom its server lists, or who are of its server, and the group hands it on: then it is the group that
says so, and it counts for the group's own content.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection

from activitypub.identifiers import same_origin
from activitypub.values import id_of
from fedserver.content.html import sanitise, to_text
from fedserver.errors import TooLarge
from fedserver.federation import group_posts
from fedserver.federation.acting import Dropped, Incoming, Missing
from fedserver.federation.actors import instant
from fedserver.federation.group_actors import knows_moderators, step_down, step_up
from fedserver.groups import members, moderation, removals, rules
from fedserver.groups.rules import Action
from fedserver.jobs.plan import plan
from storage import accounts, group_threads, groups
from storage.groups import GroupRow
from storage.posts import PostRow
from storage.types import now_ms

PINS_MAX: Final = 20


# -- threads


def on_lock(conn: Connection, incoming: Incoming) -> None:
    """A thread takes no more answers."""
    _lock(conn, incoming, incoming.activity.object_id, locked=True)


def undo_lock(conn: Connection, incoming: Incoming, uri: str | None, target: str | None) -> bool:
    """A thread takes answers again."""
    _lock(conn, incoming, target, locked=False)
    return True


def _lock(conn: Connection, incoming: Incoming, uri: str | None, *, locked: bool) -> None:
    row, group = _post_in_group(conn, incoming, uri)
    thread = group_threads.by_id(conn, row.id)
    if thread is None:
        raise Dropped("only whole discussions are locked here")
    # Mbin lets whoever began a thread lock it.
    own = bool(group.domain) and row.account_id == incoming.actor.id
    if not own:
        _check(conn, incoming, group, Action.LOCK if locked else Action.UNLOCK)
    moderation.lock_unit(
        conn, incoming.server, group, thread, incoming.actor.id, locked=locked, reason=_reason(incoming), tell=False
    )  # fmt: skip
    group_posts.hand_on(conn, incoming, group.account_id, row.uri)


# -- posts


def on_removal(conn: Connection, incoming: Incoming, row: PostRow) -> None:
    """Somebody deletes a post that is not their own: a moderator takes it out of the group."""
    group = _group_of(conn, incoming, row)
    _check(conn, incoming, group, Action.REMOVE)
    group_posts.hand_on(conn, incoming, group.account_id, row.uri)
    removals.remove(conn, incoming.server, group, row, incoming.actor.id, reason=_reason(incoming))


def undo_removal(conn: Connection, incoming: Incoming, uri: str | None, target: str | None) -> bool:
    """A moderator, or its author, puts a post back into the group: its own server is asked for it."""
    group = incoming.group or _local_group_named(conn, incoming)
    if group is None or target is None:
        raise Dropped("it names no post of a group")
    # Lemmy's authors bring back what they deleted; what moderators removed only moderators bring back.
    theirs = incoming.group is not None and incoming.how != "group"
    if not (theirs and removals.restore_own(conn, group, target, incoming.actor.uri)):
        _check(conn, incoming, group, Action.REMOVE)
        if not removals.restore(conn, group, target):
            raise Dropped("it was not removed here")
    group_posts.hand_on(conn, incoming, group.account_id, target)
    return True


# -- bans


def is_ban(incoming: Incoming) -> bool:
    """Whether a Block, or what an Undo takes back, is a ban from a group (with `target`), not one person's block of
    another."""
    activity = incoming.activity
    if activity.type == "Undo":
        return activity.embedded is not None and activity.embedded.get("target") is not None
    return activity.target is not None


def on_ban(conn: Connection, incoming: Incoming) -> None:
    """Somebody may not post in a group any more."""
    activity = incoming.activity
    group = _banned_from(conn, incoming, activity.target)
    whom = None if activity.object_id is None else accounts.by_uri(conn, activity.object_id)
    _check(conn, incoming, group, Action.BAN)
    if whom is None:
        raise Dropped("it is about somebody who is not known here")
    expires_at = instant(activity.end_time)
    if expires_at is not None and expires_at <= now_ms():
        raise Dropped("the ban is over")
    members.ban_unit(
        conn, incoming.server, group, incoming.actor.id, whom.id, reason=_reason(incoming),
        expires_at=instant(activity.end_time), tell=False,
    )  # fmt: skip
    if activity.removes_data:
        payload = {"group_id": group.account_id, "account_id": whom.id, "by_id": incoming.actor.id}
        plan(conn, "remove_posts_in_group", payload, key=f"{group.account_id} {whom.id}")
    group_posts.hand_on(conn, incoming, group.account_id, group.uri)


def undo_ban(conn: Connection, incoming: Incoming, uri: str | None, target: str | None) -> bool:
    """Somebody may post in a group again."""
    embedded = incoming.activity.embedded or {}
    group = _banned_from(conn, incoming, id_of(embedded.get("target")))
    whom = None if target is None else accounts.by_uri(conn, target)
    _check(conn, incoming, group, Action.UNBAN)
    if whom is None:
        raise Dropped("it is about somebody who is not known here")
    members.unban_unit(conn, incoming.server, group, incoming.actor.id, whom.id, tell=False)
    group_posts.hand_on(conn, incoming, group.account_id, group.uri)
    return True


def _banned_from(conn: Connection, incoming: Incoming, uri: str | None) -> GroupRow:
    """The group that somebody is banned from; a ban from a whole server, which its groups hand on, counts in each."""
    if uri is None:
        raise Dropped("it names no group")
    if incoming.group is not None:
        if not same_origin(uri, incoming.group.uri):
            raise Dropped("it is about another group")
        group = _group_at(conn, uri)
        if group is not None and group.account_id != incoming.group.account_id:
            raise Dropped("it is about another group")
        return incoming.group
    group = _group_at(conn, uri)
    if group is None or group.domain:
        raise Dropped("it is about no group here")
    return group


# -- pins and moderators


def is_about_group(conn: Connection, incoming: Incoming) -> bool:
    """Whether an Add or Remove is about a collection of a group, not of its actor's own."""
    return _collection_meant(conn, incoming) is not None


def on_add(conn: Connection, incoming: Incoming) -> None:
    """A thread is pinned, or somebody moderates the group from now on."""
    _change_collection(conn, incoming, added=True)


def on_remove(conn: Connection, incoming: Incoming) -> None:
    """A thread is unpinned, or somebody moderates the group no longer."""
    _change_collection(conn, incoming, added=False)


def _change_collection(conn: Connection, incoming: Incoming, *, added: bool) -> None:
    meant = _collection_meant(conn, incoming)
    if meant is None:
        raise Dropped("the collection is not the group's")
    group, which = meant
    if which == "featured":
        row, _ = _post_in_group(conn, incoming, incoming.activity.object_id)
        thread = group_threads.by_id(conn, row.id)
        _check(conn, incoming, group, Action.PIN if added else Action.UNPIN)
        if thread is None:
            raise Dropped("only whole discussions are pinned")
        moderation.pin_unit(conn, incoming.server, group, thread, incoming.actor.id, pinned=added, tell=False)
    else:
        _check(conn, incoming, group, Action.APPOINT)
        whom = incoming.account(conn, incoming.activity.object_id)
        if group.domain:
            (step_up if added else step_down)(conn, group.account_id, whom)
        else:
            role = "moderator" if added else "member"
            members.appoint_unit(conn, incoming.server, group, whom.id, role, by_id=incoming.actor.id, tell=False)  # fmt: skip
    group_posts.hand_on(conn, incoming, group.account_id, group.uri)


def _collection_meant(conn: Connection, incoming: Incoming) -> tuple[GroupRow, str] | None:
    target = incoming.activity.target
    group = incoming.group or groups.by_id(conn, incoming.actor.id)
    if target is None:
        return None
    if group is not None and group.domain:
        for which, uri in (("featured", group.featured_uri), ("moderators", group.moderators_uri)):
            if uri and uri == target:
                return group, which
        return None
    name = incoming.server.uris.parse(target)
    if name is None or name.kind not in ("featured", "moderators"):
        return None
    local = groups.by_handle(conn, name.value)
    of_group = local is not None and target in _collections_of(incoming, local)
    return (local, name.kind) if of_group else None


def _collections_of(incoming: Incoming, group: GroupRow) -> tuple[str, str]:
    uris = incoming.server.uris.group_uris(group.username)
    return uris.featured, uris.moderators


# -- who may


def _check(conn: Connection, incoming: Incoming, group: GroupRow, action: Action) -> None:
    """Raise Dropped unless its actor moderates the group, or is the group."""
    actor = incoming.actor
    if not group.domain:
        standing = rules.standing_of(conn, group.account_id, actor.id)
        why = rules.refusal(action, group, standing)
        if why is not None or not standing.moderates:
            raise Dropped(why or "its actor does not moderate the group")
        return
    through = incoming.group is not None and incoming.group.account_id == group.account_id
    if not through and actor.id != group.account_id:
        raise Dropped("a group's moderators act through the group")
    # Those who run the group's server are not in its list (Lemmy's admins); the group, which is theirs, says that they act.
    if actor.id == group.account_id or same_origin(actor.uri, group.uri):
        return
    if rules.standing_of(conn, group.account_id, actor.id).moderates and knows_moderators(group):
        return
    if f"moderators {group.uri}" not in incoming.asked and not knows_moderators(group):
        raise Missing("moderators", group.uri)
    if not rules.standing_of(conn, group.account_id, actor.id).moderates:
        raise Dropped("its actor does not moderate the group")


def _post_in_group(conn: Connection, incoming: Incoming, uri: str | None) -> tuple[PostRow, GroupRow]:
    row = incoming.known_post(conn, uri)
    return row, _group_of(conn, incoming, row)


def _group_of(conn: Connection, incoming: Incoming, row: PostRow) -> GroupRow:
    """The group that a post is in, if whoever acts may speak of it: through this group, or to us as its server."""
    group = groups.by_id(conn, row.group_id) if row.boost_of_id is None else None
    if group is None:
        raise Dropped("the post is somebody else's")
    if incoming.group is not None and incoming.group.account_id != group.account_id:
        raise Dropped("the post is of another group")
    if incoming.group is None and group.domain and incoming.actor.id != group.account_id:
        raise Dropped("a group's moderators act through the group")
    return group


def _local_group_named(conn: Connection, incoming: Incoming) -> GroupRow | None:
    for uri in (*incoming.activity.audience, *incoming.activity.to, *incoming.activity.cc):
        group = _group_at(conn, uri)
        if group is not None and not group.domain:
            return group
    return None


def _group_at(conn: Connection, uri: str) -> GroupRow | None:
    row: Any = accounts.by_uri(conn, uri)
    return None if row is None else groups.by_id(conn, row.id)


def _reason(incoming: Incoming) -> str:
    text = incoming.activity.summary or ""
    try:
        return to_text(sanitise(text)).strip()[: moderation.REASON_CHARS_MAX]
    except TooLarge:
        return ""
