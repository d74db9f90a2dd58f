"""The entities of Mastodon's client API around notifications, conversations and announcements, field by field.

Absent is `UNSET`; a field without it is always there. See `web.api.entities` for the rest.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from web.api.entities import Account, CustomEmoji, Mention, Report, Status, StatusTag

Choice = Literal["accept", "filter", "drop"]


class NotificationFallback(Struct):
    """https://docs.joinmastodon.org/entities/NotificationFallback/; all are HTML. Mastodon's documentation calls
    `details` what its code calls `description`."""

    title: str
    summary: str | None
    details: str | None = None
    description: str | None = None


class RelationshipSeveranceEvent(Struct):
    """https://docs.joinmastodon.org/entities/RelationshipSeveranceEvent/"""

    id: str
    type: Literal["domain_block", "user_domain_block", "account_suspension"]
    purged: bool
    target_name: str
    followers_count: int
    following_count: int
    created_at: str


class Appeal(Struct):
    """https://docs.joinmastodon.org/entities/Appeal/"""

    text: str
    state: Literal["approved", "rejected", "pending"]


class AccountWarning(Struct):
    """https://docs.joinmastodon.org/entities/AccountWarning/"""

    id: str
    action: str
    text: str
    status_ids: list[str] | None
    target_account: Account
    appeal: Appeal | None
    created_at: str


class PartialAccount(Struct):
    """What a stack of avatars needs of an account."""

    id: str
    acct: str
    locked: bool
    bot: bool
    url: str
    avatar: str
    avatar_static: str
    avatar_description: str = ""


class NotificationGroup(Struct):
    """Notifications that are shown as one."""

    group_key: str
    notifications_count: int
    type: str
    most_recent_notification_id: int  # the only id that is a number, in Mastodon too; apps on iOS insist
    sample_account_ids: list[str]
    page_min_id: str | UnsetType = UNSET
    page_max_id: str | UnsetType = UNSET
    latest_page_notification_at: str | UnsetType = UNSET
    status_id: str | UnsetType = UNSET
    report: Report | UnsetType = UNSET
    event: RelationshipSeveranceEvent | UnsetType = UNSET
    moderation_warning: AccountWarning | UnsetType = UNSET
    collection: Any | UnsetType = UNSET
    fallback: NotificationFallback | UnsetType = UNSET


class GroupedNotifications(Struct):
    """https://docs.joinmastodon.org/methods/grouped_notifications/"""

    accounts: list[Account]
    statuses: list[Status]
    notification_groups: list[NotificationGroup]
    partial_accounts: list[PartialAccount] | UnsetType = UNSET


class Waiting(Struct):
    """How much waits behind the requests of a member."""

    pending_requests_count: int
    pending_notifications_count: int


class NotificationPolicy(Struct):
    """https://docs.joinmastodon.org/entities/NotificationPolicy/"""

    for_not_following: Choice
    for_not_followers: Choice
    for_new_accounts: Choice
    for_private_mentions: Choice
    for_limited_accounts: Choice
    for_bots: Choice
    summary: Waiting


class OldNotificationPolicy(Struct):
    """The same as it was in the first version of the API."""

    filter_not_following: bool
    filter_not_followers: bool
    filter_new_accounts: bool
    filter_private_mentions: bool
    summary: Waiting


class NotificationRequest(Struct):
    """https://docs.joinmastodon.org/entities/NotificationRequest/"""

    id: str
    created_at: str
    updated_at: str
    notifications_count: str
    account: Account
    last_status: Status | UnsetType = UNSET


class Conversation(Struct):
    """https://docs.joinmastodon.org/entities/Conversation/"""

    id: str
    unread: bool
    accounts: list[Account]
    last_status: Status | None


class Reaction(Struct):
    """https://docs.joinmastodon.org/entities/Reaction/; addresses are those of a custom emoji."""

    name: str
    count: int
    me: bool | UnsetType = UNSET
    url: str | UnsetType = UNSET
    static_url: str | UnsetType = UNSET


class AnnouncedStatus(Struct):
    """A post that an announcement names."""

    id: str
    url: str


class Announcement(Struct):
    """https://docs.joinmastodon.org/entities/Announcement/"""

    id: str
    content: str
    starts_at: str | None
    ends_at: str | None
    all_day: bool
    published_at: str
    updated_at: str
    mentions: list[Mention]
    statuses: list[AnnouncedStatus]
    tags: list[StatusTag]
    emojis: list[CustomEmoji]
    reactions: list[Reaction]
    read: bool | UnsetType = UNSET
