"""The entities of groups, which Mastodon does not have. Ids are texts, instants texts in UTC, addresses absolute."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from web.api.entities import Account, CustomEmoji, Status

Kind = Literal["forum", "working-group", "help", "office", "announce"]
Access = Literal["public", "members", "private"]
Role = Literal["owner", "moderator", "member"]
Level = Literal["all", "mentions", "digest", "none"]


class Topic(Struct):
    """A topic of a group: a hashtag that the group has chosen. `name` is without the ``#``."""

    id: str
    name: str
    url: str


class Membership(Struct):
    """How the viewer stands to a group: their role in it, or null; whether they have asked to join, are invited or banned;
    and how they hear of it (`level`, null as long as they have not chosen)."""

    group_id: str
    role: Role | None
    waiting: bool
    invited: bool
    banned: bool
    level: Level | None


class Staff(Struct):
    """An owner or a moderator."""

    role: Role
    account: Account


class GroupBody(Struct, kw_only=True):
    """What a group says of itself. `id` is that of its account, by which apps follow it: following is joining."""

    id: str
    name: str
    acct: str
    title: str
    url: str
    uri: str
    local: bool
    kind: Kind
    access: Access
    join_mode: Literal["open", "request", "invite"]
    join_question: str
    posting: Literal["anybody", "members", "moderators"]
    description: str
    charter: str
    charter_source: str
    rules: list[str]
    topics: list[Topic]
    language: str | None
    allows_downvotes: bool
    avatar: str
    avatar_description: str
    header: str
    header_description: str
    emojis: list[CustomEmoji]
    members_count: int
    threads_count: int
    last_activity_at: str | None
    archived_at: str | None
    created_at: str
    membership: Membership | None
    # What the viewer may do in it, as far as that does not depend on what it is done to.
    may: list[str]
    # Of those who moderate it: how many ask to join.
    requests_count: int | UnsetType = UNSET


class Group(GroupBody, kw_only=True):
    """A group; `staff` is left out of lists."""

    staff: list[Staff] | UnsetType = UNSET


class GroupMember(Struct):
    """Somebody in a group."""

    role: Role
    joined_at: str | None
    account: Account


class JoinRequest(Struct):
    """Somebody who asks to join, with their answer to the group's question."""

    answer: str
    created_at: str
    account: Account


class Ban(Struct):
    """Somebody who is kept out; for good without `expires_at`."""

    reason: str
    created_at: str
    expires_at: str | None
    account: Account


class GroupAction(Struct):
    """What somebody did who moderates. `title` is the thread's as it was then, `target_account` whom it was done to;
    `reason` is what was said with it (of `appoint` the role, of `rename` and `split` the title)."""

    id: str
    action: str
    created_at: str
    status_id: str | None
    title: str
    reason: str
    account: Account | None
    target_account: Account | None


class Thread(Struct, kw_only=True):
    """A discussion in a group. Its id is that of its first status, which any client can open and answer.

    `unread_count` counts posts of others since the viewer last read; 0 for who is not in the group. `score` is likes less
    votes against. `level` is how the viewer hears of it, null as long as they have not chosen; in lists it is left out.
    """

    id: str
    status_id: str
    group_id: str
    title: str
    url: str
    topics: list[Topic]
    locked: bool
    locked_at: str | None
    pinned: bool
    answer_id: str | None
    merged_into_id: str | None
    replies_count: int
    unread_count: int
    score: int
    created_at: str
    last_activity_at: str
    last_status_id: str | None
    status: Status
    level: Level | UnsetType | None = UNSET


class ThreadPost(Struct, kw_only=True):
    """A post within a discussion. `depth` is 0 for the first, 1 for what answers it."""

    depth: int
    score: int
    downvotes_count: int
    downvoted: bool
    is_answer: bool
    status: Status


class ThreadWithPosts(Thread, kw_only=True):
    """A discussion and a page of its posts, each below what it answers."""

    posts: list[ThreadPost]


class Subscription(Struct):
    """How a member hears of a group, a topic or a thread: `level` is null as long as they have not chosen."""

    kind: Literal["group", "topic", "thread"]
    target_id: str
    level: Level | None


class KeptDraft(Struct):
    """What a member has begun to write: ``group:ID`` for a new discussion, ``reply:ID`` for an answer to a status."""

    key: str
    title: str
    text: str
    topics: list[str]
    updated_at: str | None


Nothing = dict[str, Any]


class ArchiveImport(Struct, kw_only=True):
    """An archive on its way into a group. Of `total` messages so many are `read`: they were `added`, were `known` from
    before, or were `left_out` for the `reasons` (each with its number). `problems` are the first of these, one by one."""

    id: str
    state: Literal["waiting", "running", "done", "failed"]
    total: int | None
    read: int
    added: int
    known: int
    left_out: int
    files_added: int
    reasons: dict[str, int]
    problems: list[dict[str, str]]
    error: str | None


class ArchiveName(Struct):
    """Somebody who wrote in an archive of a group. `account_id` is the account that stands for the name."""

    id: str
    name: str
    account_id: str | None
    posts_count: int


class ClaimState(Struct):
    """What became of a claim: the name is the member's (`given`), a link was sent if the address is the right one
    (`mailed`), or the owners of the group decide (`waiting`)."""

    state: Literal["given", "mailed", "waiting"]


class ArchiveClaim(Struct):
    """A member who says that a name in an archive is theirs."""

    id: str
    name_id: str
    name: str
    account_id: str
    username: str
    created_at: str
