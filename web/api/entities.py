"""The entities of Mastodon's client API that we send, field by field: names, types, what may be null or absent.

Absent is `UNSET`; a field without it is always there. Ids are texts, instants are texts in UTC with
milliseconds, addresses are absolute. The instance documents are in `web.api.instance`.
"""

# Long because it is one list of what clients know, in which anybody looks up a name.

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Raw, Struct, UnsetType, field

from fedserver.collections import COLLECTIONS_MAX

Visibility = Literal["public", "unlisted", "private", "direct"]


class CustomEmoji(Struct, omit_defaults=False):
    """https://docs.joinmastodon.org/entities/CustomEmoji/"""

    shortcode: str
    url: str
    static_url: str
    visible_in_picker: bool = True
    category: str | None = None


class Field(Struct):
    """A row of a profile; `value` is HTML (or, in a source, text)."""

    name: str
    value: str
    verified_at: str | None = None


class FeatureApproval(Struct):
    """Who may put an account into a collection. `current_user` is what holds for everybody: where it depends on
    follows, ``unknown``."""

    automatic: list[str] = []
    manual: list[str] = []
    current_user: str = "denied"


class AccountRole(Struct):
    """A role that is shown on a profile."""

    id: str
    name: str
    color: str


class AccountBody(Struct):
    """What an account shows whoever looks, and which changes with its version."""

    id: str
    username: str
    acct: str
    url: str
    uri: str
    display_name: str
    note: str
    avatar: str
    avatar_static: str
    avatar_description: str
    header: str
    header_static: str
    header_description: str
    locked: bool
    fields: list[Field]
    emojis: list[CustomEmoji]
    bot: bool
    group: bool
    discoverable: bool | None
    indexable: bool
    noindex: bool
    created_at: str
    hide_collections: bool | None
    memorial: bool | UnsetType = UNSET
    show_media: bool = True
    show_media_replies: bool = True
    show_featured: bool = True
    roles: list[AccountRole] = []
    feature_approval: FeatureApproval = field(default_factory=FeatureApproval)
    email_subscriptions: bool | UnsetType = UNSET


class Account(AccountBody, kw_only=True):
    """https://docs.joinmastodon.org/entities/Account/"""

    followers_count: int
    following_count: int
    statuses_count: int
    last_status_at: str | None
    suspended: bool | UnsetType = UNSET
    limited: bool | UnsetType = UNSET
    moved: Account | UnsetType | None = UNSET


class MutedAccount(Account, kw_only=True):
    """An account in the list of those muted."""

    mute_expires_at: str | None


class Source(Struct):
    """What a member typed, for the form in which they change it."""

    note: str
    fields: list[Field]
    privacy: Visibility
    sensitive: bool
    language: str
    follow_requests_count: int
    hide_collections: bool | None
    discoverable: bool | None
    indexable: bool
    quote_policy: Literal["public", "followers", "nobody"]
    attribution_domains: list[str] = []


class Role(Struct):
    """https://docs.joinmastodon.org/entities/Role/; `permissions` is a bit mask in decimal."""

    id: str
    name: str
    color: str
    permissions: str
    highlighted: bool
    collection_limit: int = COLLECTIONS_MAX


class CredentialAccount(Account, kw_only=True):
    """One's own account."""

    source: Source
    role: Role


class Relationship(Struct):
    """https://docs.joinmastodon.org/entities/Relationship/"""

    id: str
    following: bool
    showing_reblogs: bool
    notifying: bool
    languages: list[str] | None
    followed_by: bool
    blocking: bool
    blocked_by: bool
    muting: bool
    muting_notifications: bool
    muting_expires_at: str | None
    requested: bool
    requested_by: bool
    domain_blocking: bool = False
    endorsed: bool = False
    note: str = ""


class DomainBlockPreview(Struct):
    """What ends when a member blocks a server."""

    following_count: int
    followers_count: int


class MediaAttachment(Struct):
    """https://docs.joinmastodon.org/entities/MediaAttachment/; `url` is null while it is processed."""

    id: str
    type: Literal["unknown", "image", "gifv", "video", "audio"]
    url: str | None
    preview_url: str | None
    remote_url: str | None
    meta: dict[str, Any] | None
    description: str | None
    blurhash: str | None
    preview_remote_url: str | None = None


class Mention(Struct):
    """An account named in a post."""

    id: str
    username: str
    url: str
    acct: str


class StatusTag(Struct):
    """A hashtag in a post."""

    name: str
    url: str


class Application(Struct):
    """The app a post was written with."""

    name: str
    website: str | None


QuotePolicyWord = Literal["public", "followers", "following", "unsupported_policy"]


class QuoteApproval(Struct):
    """Who may quote a post, at once or when the author has agreed; and whether the viewer could."""

    automatic: list[QuotePolicyWord]
    manual: list[QuotePolicyWord]
    current_user: Literal["automatic", "manual", "denied", "unknown"]


QuoteState = Literal[
    "pending",
    "accepted",
    "rejected",
    "revoked",
    "deleted",
    "unauthorized",
    "blocked_account",
    "blocked_domain",
    "muted_account",
]


class Quote(Struct):
    """https://docs.joinmastodon.org/entities/Quote/"""

    state: QuoteState
    quoted_status: Status | None = None
    # Instead of it, in a status that is quoted itself (ShallowQuote).
    quoted_status_id: str | UnsetType | None = UNSET


class StatusThread(Struct):
    """The discussion of a group that a status is in (ours). `id` is that of its first status."""

    id: str
    group_id: str
    title: str
    locked: bool
    answered: bool


class StatusItem(Struct):
    """What a status is more than its text, to be read whole at `/api/v1/events/:id` and its like."""

    kind: Literal["resource", "event", "opportunity"]
    id: str
    url: str


class StatusBody(Struct):
    """What a post shows whoever looks, and which changes with its version."""

    id: str
    uri: str
    url: str | None
    created_at: str
    edited_at: str | None
    content: str
    visibility: Visibility
    sensitive: bool
    spoiler_text: str
    language: str | None
    media_attachments: list[MediaAttachment]
    mentions: list[Mention]
    tags: list[StatusTag]
    emojis: list[CustomEmoji]
    application: Application | UnsetType = UNSET
    tagged_collections: list[Collection] = []
    thread: StatusThread | UnsetType = UNSET
    item: StatusItem | UnsetType = UNSET


class PreviewCardAuthor(Struct):
    """https://docs.joinmastodon.org/entities/PreviewCardAuthor/; `account` is an account that was made already."""

    name: str
    url: str
    account: Raw | None


class PreviewCard(Struct):
    """https://docs.joinmastodon.org/entities/PreviewCard/"""

    url: str
    title: str
    description: str
    language: str | None
    type: Literal["link", "photo", "video"]
    authors: list[PreviewCardAuthor]
    author_name: str
    author_url: str
    provider_name: str
    provider_url: str
    html: str
    width: int
    height: int
    image: str | None
    image_description: str
    embed_url: str
    blurhash: str | None
    published_at: str | None
    missing_attribution: bool | None = None


class CollectionItem(Struct):
    """https://docs.joinmastodon.org/entities/CollectionItem/; an account that has left is not named."""

    id: str
    state: Literal["pending", "accepted", "rejected", "revoked"]
    created_at: str
    account_id: str | UnsetType = UNSET


class Collection(Struct):
    """https://docs.joinmastodon.org/entities/Collection/"""

    id: str
    account_id: str
    uri: str
    url: str | None
    name: str
    description: str
    language: str | None
    local: bool
    sensitive: bool
    discoverable: bool
    tag: StatusTag | None
    created_at: str
    updated_at: str
    item_count: int
    items: list[CollectionItem]


class WrappedCollection(Struct):
    """A collection."""

    collection: Collection


class Collections(Struct):
    """Several."""

    collections: list[Collection]


class WrappedCollectionItem(Struct):
    """Somebody in a collection."""

    collection_item: CollectionItem


class CollectionWithAccounts(Struct):
    """https://docs.joinmastodon.org/entities/CollectionWithAccounts/; its owner comes first."""

    accounts: list[Account]
    collection: Collection


class PollOption(Struct):
    """A choice; without a count while totals are hidden."""

    title: str
    votes_count: int | None


class Poll(Struct):
    """https://docs.joinmastodon.org/entities/Poll/"""

    id: str
    expires_at: str | None
    expired: bool
    multiple: bool
    votes_count: int
    voters_count: int | None
    options: list[PollOption]
    emojis: list[CustomEmoji] = []
    voted: bool | UnsetType = UNSET
    own_votes: list[int] | UnsetType = UNSET


class FilterKeyword(Struct):
    """https://docs.joinmastodon.org/entities/FilterKeyword/"""

    id: str
    keyword: str
    whole_word: bool


class FilterStatus(Struct):
    """https://docs.joinmastodon.org/entities/FilterStatus/"""

    id: str
    status_id: str


class Filter(Struct, kw_only=True):
    """https://docs.joinmastodon.org/entities/Filter/; what is in it is left out where a status names it."""

    id: str
    title: str
    context: list[str]
    expires_at: str | None
    filter_action: Literal["warn", "hide", "blur"]
    keywords: list[FilterKeyword] | UnsetType = UNSET
    statuses: list[FilterStatus] | UnsetType = UNSET


class FilterResult(Struct):
    """https://docs.joinmastodon.org/entities/FilterResult/"""

    filter: Filter
    keyword_matches: list[str] | None
    status_matches: list[str] | None


class SingleFilter(Struct):
    """https://docs.joinmastodon.org/entities/V1_Filter/"""

    id: str
    phrase: str
    context: list[str]
    expires_at: str | None
    irreversible: bool
    whole_word: bool


class List(Struct):
    """https://docs.joinmastodon.org/entities/List/"""

    id: str
    title: str
    replies_policy: Literal["followed", "list", "none"]
    exclusive: bool


class Status(StatusBody, kw_only=True):
    """https://docs.joinmastodon.org/entities/Status/"""

    account: Account
    in_reply_to_id: str | None
    in_reply_to_account_id: str | None
    replies_count: int
    reblogs_count: int
    favourites_count: int
    quotes_count: int
    quote: Quote | None
    quote_approval: QuoteApproval
    reblog: Status | None
    poll: Poll | None
    card: PreviewCard | None
    text: str | UnsetType | None = UNSET
    favourited: bool | UnsetType = UNSET
    reblogged: bool | UnsetType = UNSET
    muted: bool | UnsetType = UNSET
    bookmarked: bool | UnsetType = UNSET
    pinned: bool | UnsetType = UNSET
    filtered: list[FilterResult] | UnsetType = UNSET


class Context(Struct):
    """What comes before and after a post."""

    ancestors: list[Status]
    descendants: list[Status]


class StatusSource(Struct):
    """What the author typed."""

    id: str
    text: str
    spoiler_text: str


class ScheduledPoll(Struct):
    """A poll to come, as it was asked for; `expires_in` are seconds from the publication."""

    options: list[str]
    expires_in: int
    multiple: bool
    hide_totals: bool


class ScheduledParams(Struct):
    """What was sent for a status that is to be published later."""

    text: str
    visibility: Visibility
    media_ids: list[str] | None
    sensitive: bool | None
    spoiler_text: str | None
    in_reply_to_id: int | None
    language: str | None
    application_id: int
    poll: ScheduledPoll | None
    quoted_status_id: str | None
    quote_approval_policy: Literal["public", "followers", "nobody"] | None
    scheduled_at: None = None
    idempotency: str | None = None
    with_rate_limit: bool = False


class ScheduledStatus(Struct):
    """https://docs.joinmastodon.org/entities/ScheduledStatus/"""

    id: str
    scheduled_at: str
    params: ScheduledParams
    media_attachments: list[MediaAttachment]


class TranslationOption(Struct):
    """A choice of a poll, translated."""

    title: str


class TranslationPoll(Struct):
    """A poll, translated."""

    id: str
    options: list[TranslationOption]


class TranslationAttachment(Struct):
    """The alt text of an attachment, translated."""

    id: str
    description: str


class Translation(Struct):
    """https://docs.joinmastodon.org/entities/Translation/"""

    content: str
    spoiler_text: str
    language: str
    detected_source_language: str
    provider: str
    media_attachments: list[TranslationAttachment]
    poll: TranslationPoll | None


class EditPollOption(Struct):
    """A choice as it was."""

    title: str


class EditPoll(Struct):
    """A poll as it was."""

    options: list[EditPollOption]


class StatusEdit(Struct):
    """A post as it was; the last one is as it is."""

    content: str
    spoiler_text: str
    sensitive: bool
    created_at: str
    account: Account
    media_attachments: list[MediaAttachment]
    emojis: list[CustomEmoji]
    quote: Quote | None
    poll: EditPoll | UnsetType = UNSET


class Report(Struct):
    """https://docs.joinmastodon.org/entities/Report/"""

    id: str
    action_taken: bool
    action_taken_at: str | None
    category: str
    comment: str
    forwarded: bool
    created_at: str
    status_ids: list[str] | None
    rule_ids: list[str] | None
    collection_ids: list[str] | None
    target_account: Account


class Notification(Struct):
    """https://docs.joinmastodon.org/entities/Notification/"""

    id: str
    type: str
    group_key: str
    created_at: str
    account: Account
    status: Status | UnsetType | None = UNSET
    report: Report | UnsetType = UNSET
    event: dict[str, Any] | UnsetType = UNSET
    moderation_warning: dict[str, Any] | UnsetType = UNSET
    filtered: bool | UnsetType = UNSET
    fallback: dict[str, Any] | UnsetType = UNSET


class Count(Struct):
    """How many."""

    count: int


class Marker(Struct):
    """How far a member has read."""

    last_read_id: str
    version: int
    updated_at: str


class TagUse(Struct):
    """How much a hashtag was used on one day, which begins at `day` (seconds since 1970 UTC)."""

    day: str
    uses: str
    accounts: str


class FeaturedTag(Struct):
    """https://docs.joinmastodon.org/entities/FeaturedTag/"""

    id: str
    name: str
    url: str
    statuses_count: str
    last_status_at: str | None


class Tag(Struct):
    """https://docs.joinmastodon.org/entities/Tag/"""

    id: str
    name: str
    url: str
    history: list[TagUse]
    following: bool | UnsetType = UNSET
    featuring: bool | UnsetType = UNSET


class Search(Struct):
    """https://docs.joinmastodon.org/entities/Search/"""

    accounts: list[Account]
    statuses: list[Status]
    hashtags: list[Tag]
    collections: list[Collection] = []


class Preferences(Struct):
    """https://docs.joinmastodon.org/entities/Preferences/"""

    visibility: Visibility = field(name="posting:default:visibility")
    sensitive: bool = field(name="posting:default:sensitive")
    language: str | None = field(name="posting:default:language")
    quote_policy: Literal["public", "followers", "nobody"] = field(name="posting:default:quote_policy")
    expand_media: str = field(name="reading:expand:media", default="default")
    expand_spoilers: bool = field(name="reading:expand:spoilers", default=False)
    autoplay_gifs: bool = field(name="reading:autoplay:gifs", default=False)


class WebPushSubscription(Struct):
    """https://docs.joinmastodon.org/entities/WebPushSubscription/"""

    id: str
    endpoint: str
    standard: bool
    server_key: str
    alerts: dict[str, bool]
    policy: str


class Profile(Struct):
    """One's own profile as typed, and as shown (`formatted_…`)."""

    id: str
    display_name: str
    note: str
    fields: list[Field]
    avatar: str | None
    avatar_static: str | None
    avatar_description: str
    header: str | None
    header_static: str | None
    header_description: str
    locked: bool
    bot: bool
    hide_collections: bool | None
    discoverable: bool | None
    indexable: bool
    formatted_note: str
    formatted_fields: list[Field]
    show_media: bool = True
    show_media_replies: bool = True
    show_featured: bool = True
    attribution_domains: list[str] = []
    featured_tags: list[FeaturedTag] = []


class FamiliarFollowers(Struct):
    """Whom one follows among those who follow an account."""

    id: str
    accounts: list[Account]
