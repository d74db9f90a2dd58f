"""Who may do what in a group: one table, asked by everything that acts in one, from here or from elsewhere.

A group has an access, which is about reading, and a posting, which is about beginning threads:

| access    | who reads                  | who learns that it is there | who joins              |
|-----------|----------------------------|-----------------------------|------------------------|
| `public`  | everybody                  | everybody                   | people of any server   |
| `members` | its members                | everybody                   | people of any server   |
| `private` | its members, all of them here | its members and the invited | members of this server |

Roles are `owner`, `moderator` and `member`; an owner may do all that a moderator may. Being a moderator of the server gives
no role in a group: the server's own moderation acts on posts and accounts, not from within.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection

from fedserver.errors import Forbidden, NotFound
from storage import group_threads, groups
from storage.groups import GroupRow

KINDS: Final = ("forum", "working-group", "help", "office", "announce")
ACCESSES: Final = ("public", "members", "private")
JOIN_MODES: Final = ("open", "request", "invite")
POSTINGS: Final = ("anybody", "members", "moderators")
ROLES: Final = ("owner", "moderator", "member")

# Who begins threads in a new group, unless its owner says otherwise.
POSTING_OF_KIND: Final[dict[str, str]] = {
    "forum": "anybody",
    "help": "anybody",
    "office": "members",
    "working-group": "members",
    "announce": "moderators",
}


class Action(StrEnum):
    """What can be done in a group. The values are kept in its log and shown to clients; they never change."""

    READ = "read"
    START = "start"  # begin a thread
    REPLY = "reply"
    VOTE = "vote"  # like
    DOWNVOTE = "downvote"
    ANSWER = "answer"  # say which reply answers the question
    LOCK = "lock"
    UNLOCK = "unlock"
    PIN = "pin"
    UNPIN = "unpin"
    RENAME = "rename"
    MOVE = "move"  # a thread into another group
    SPLIT = "split"
    MERGE = "merge"
    REMOVE = "remove"  # somebody else's post
    ADMIT = "admit"  # answer requests
    INVITE = "invite"
    EXPEL = "expel"  # a member, who may come back
    BAN = "ban"
    UNBAN = "unban"
    APPOINT = "appoint"  # give and take roles
    EDIT = "edit"  # what the group says about itself, its rules, its topics
    ARCHIVE = "archive"
    UNARCHIVE = "unarchive"
    IMPORT = "import"
    EXPORT = "export"


_BY_ANYBODY: Final = frozenset({Action.READ, Action.START, Action.REPLY, Action.VOTE, Action.DOWNVOTE})
_BY_OWNERS: Final = frozenset(
    {Action.APPOINT, Action.EDIT, Action.ARCHIVE, Action.UNARCHIVE, Action.IMPORT, Action.EXPORT}
)
_BY_MODERATORS: Final = frozenset(Action) - _BY_ANYBODY - _BY_OWNERS
# What goes on in a group that is archived: reading, and bringing it back.
_IN_ARCHIVE: Final = frozenset({Action.READ, Action.UNARCHIVE, Action.EXPORT, Action.EXPEL, Action.APPOINT})


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody stands to a group."""

    role: str | None = None  # owner, moderator, member; None for who does not belong to it
    is_banned: bool = False
    is_invited: bool = False

    @property
    def moderates(self) -> bool:
        return self.role in ("owner", "moderator")


OUTSIDE: Final = Standing()


def standing_of(conn: Connection, group_id: int, account_id: int | None) -> Standing:
    """How an account, here or elsewhere, stands to a group; `OUTSIDE` for nobody we know."""
    if account_id is None:
        return OUTSIDE
    member = groups.membership_of(conn, group_id, account_id)
    if member is not None:
        return Standing(member.role, groups.is_banned(conn, group_id, account_id))
    return Standing(
        None,
        groups.is_banned(conn, group_id, account_id),
        groups.is_invited(conn, group_id, account_id),
    )


def refusal(
    action: Action, group: GroupRow, standing: Standing, *, thread: Any = None, is_own: bool = False
) -> str | None:
    """Why somebody may not do this, as a sentence for them; None when they may.

    `thread` is the row of the thread that it is about. `is_own` says that they began that thread themselves.
    """
    name = group.display_name or group.username
    member = standing.role is not None
    if standing.is_banned and action is not Action.READ:
        return f"You are banned from {name}."
    if group.access != "public" and not member:
        return f"Only members read and write in {name}."
    if group.archived_at is not None and action not in _IN_ARCHIVE:
        return f"{name} is archived: it can be read, but nothing is added to it."
    if action is Action.START:
        if group.posting == "moderators" and not standing.moderates:
            return f"Only moderators begin discussions in {name}."
        if group.posting == "members" and not member:
            return f"Only members begin discussions in {name}. Join it first."
    if action is Action.REPLY and thread is not None and thread.locked_at and not standing.moderates:
        return "This discussion is locked: no answers are taken any more."
    if action is Action.DOWNVOTE and not group.allows_downvotes:
        return f"{name} counts no votes against a post."
    if action is Action.ANSWER:
        if group.kind != "help":
            return "Answers are marked in help groups only."
        return None if is_own or standing.moderates else "Only who asked, or a moderator, marks the answer."
    if action in _BY_MODERATORS and not standing.moderates:
        return f"Only moderators of {name} may do this."
    if action in _BY_OWNERS and standing.role != "owner":
        return f"Only owners of {name} may do this."
    return None


def allowed(group: GroupRow, standing: Standing) -> list[Action]:
    """What somebody may do in a group, as far as it does not depend on what it is done to."""
    return [one for one in Action if refusal(one, group, standing) is None]


def check(
    conn: Connection,
    action: Action,
    group: GroupRow,
    account_id: int | None,
    *,
    thread: Any = None,
    is_own: bool = False,
) -> Standing:
    """How somebody stands to the group, who may do this. Raises Forbidden otherwise, NotFound where they may not
    even know that the group is there."""
    standing = standing_of(conn, group.account_id, account_id)
    if not is_known_to(group, standing):
        raise NotFound
    why = refusal(action, group, standing, thread=thread, is_own=is_own)
    if why is not None:
        raise Forbidden(why)
    return standing


def is_known_to(group: GroupRow, standing: Standing) -> bool:
    """Whether somebody may learn that the group is there."""
    if group.suspended_at is not None or group.deleted_at is not None:
        return False
    return not group.hidden or standing.role is not None or standing.is_invited


def known(conn: Connection, group_id: int | None, viewer_id: int | None) -> tuple[GroupRow, Standing]:
    """A group that the viewer may know of, and how they stand to it. Raises NotFound."""
    group = groups.by_id(conn, group_id)
    if group is None:
        raise NotFound
    standing = standing_of(conn, group.account_id, viewer_id)
    if not is_known_to(group, standing):
        raise NotFound
    return group, standing


def thread_in(conn: Connection, thread_id: int) -> tuple[Any, GroupRow]:
    """A thread and the group that it is in. Raises NotFound."""
    thread = group_threads.by_id(conn, thread_id)
    group = None if thread is None else groups.by_id(conn, thread.group_id)
    if thread is None or group is None:
        raise NotFound
    return thread, group


def thread_for(conn: Connection, thread_id: int, viewer_id: int | None) -> tuple[Any, GroupRow]:
    """The same, for whoever may read there; for others there is no such thread. Raises NotFound."""
    thread, group = thread_in(conn, thread_id)
    standing = standing_of(conn, group.account_id, viewer_id)
    if not is_known_to(group, standing) or refusal(Action.READ, group, standing) is not None:
        raise NotFound
    return thread, group


def visibility_in(group: GroupRow) -> str:
    """Who sees what is posted in the group, as `fedserver.visibility` calls it."""
    return "public" if group.access == "public" else "group"
