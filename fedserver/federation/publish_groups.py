"""What other servers hear of what moderators do in groups (FEP-1b12), and of groups themselves.

Units. A group of this server hands it on to its members; to one elsewhere the moderator, who is a member here, says it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from activitypub.builders import activity
from activitypub.names import PUBLIC
from fedserver.federation.documents import Document, moment_of
from fedserver.groups.rules import Action
from storage import accounts, posts
from storage.accounts import AccountRow
from storage.groups import GroupRow
from storage.posts import PostRow
from storage.types import new_id

if TYPE_CHECKING:
    from fedserver.federation.publish import Publisher


def moderated(
    conn: Connection,
    publish: Publisher,
    group: GroupRow,
    by_id: int,
    action: Action,
    *,
    post_id: int | None = None,
    account_id: int | None = None,
    reason: str = "",
    expires_at: int | None = None,
    undo: bool = False,
) -> None:
    """A member has moderated: LOCK, PIN, REMOVE a post, BAN or APPOINT an account, or (`undo`) taken that back.

    Call it for REMOVE before the rows of the post go.
    """
    who = accounts.by_id(conn, by_id)
    post = posts.by_id(conn, post_id) if post_id is not None else None
    whom = accounts.by_id(conn, account_id) if account_id is not None else None
    if who is None or who.domain or group.hidden:
        return
    document = _document(publish, group, who, action, post, whom, reason, expires_at, undo)
    if document is not None:
        publish.said_in_group(conn, group, who, document, topic=group.uri)


def _document(
    publish: Publisher,
    group: GroupRow,
    who: AccountRow,
    action: Action,
    post: PostRow | None,
    whom: AccountRow | None,
    reason: str,
    expires_at: int | None,
    undo: bool,
) -> Document | None:
    uri = publish.uris.activity(new_id())
    common: dict[str, Any] = {"actor": who.uri, "group": group.uri, "to": audience_of(publish, group)}
    if action in (Action.PIN, Action.APPOINT):
        item = post if action is Action.PIN else whom
        target = _collection(publish, group, "featured" if action is Action.PIN else "moderators")
        if item is None or not target:
            return None
        build = activity.remove if undo else activity.add
        said = build(uri, actor=who.uri, item=item.uri, target=target, to=common["to"], cc=[group.uri])
        return activity.for_group(said, group.uri)
    if action is Action.LOCK and post is not None:
        document = activity.lock(uri, post=post.uri, reason=reason, **common)
    elif action is Action.REMOVE and post is not None:
        document = activity.remove_from_group(uri, post=post.uri, reason=reason, **common)
    elif action is Action.BAN and whom is not None:
        end_time = None if expires_at is None else moment_of(expires_at)
        document = activity.ban(uri, target=whom.uri, reason=reason, end_time=end_time, **common)
    else:
        return None
    if not undo:
        return document
    return activity.for_group(activity.undo(publish.uris.activity(new_id()), document), group.uri)


def audience_of(publish: Publisher, group: GroupRow) -> list[str]:
    """Whom an activity about a group is addressed to: everybody, or its members."""
    if group.access == "public":
        return [PUBLIC]
    if group.domain:
        return [group.uri]
    return [publish.uris.group_uris(group.username).followers]


def _collection(publish: Publisher, group: GroupRow, which: str) -> str:
    if not group.domain:
        return str(getattr(publish.uris.group_uris(group.username), which))
    return str(group.moderators_uri if which == "moderators" else group.featured_uri)
