"""Actor documents of members, groups and the instance itself, and the stub that a key's address serves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from activitypub.identifiers import ActorUris
from activitypub.jsonld import ACTOR_CONTEXT, REACTION_CONTEXT
from activitypub.values import format_time

ActorKind = Literal["Person", "Group", "Organization", "Application", "Service"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A picture of ours: an avatar, a header, a thumbnail or a custom emoji."""

    url: str
    media_type: str
    alt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileField:
    """One line of a profile; ``value_html`` is sanitised."""

    name: str
    value_html: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EmojiTag:
    """A custom emoji (FEP-9098). ``shortcode`` is without colons."""

    shortcode: str
    uri: str
    icon: Media
    updated: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFields:
    """What only a group has (FEP-1b12). ``description`` is one plain line, as Lemmy wants it; ``language`` a BCP 47 tag.

    ``members_only`` says that what is said in the group is for its members, ``downvotes`` that it counts them.
    """

    description: str | None = None
    posting_restricted_to_mods: bool = False
    sensitive: bool = False
    members_only: bool = False
    downvotes: bool = True
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorFields:
    """What an actor document is built from. HTML is sanitised, ``hashtags`` are ``(name, href)``.

    ``handle_host`` is the domain of the handle, which may differ from that of the addresses
    (FEP-2c59). ``can_feature`` are the actors and collections of actors whose wish to put the account
    into a collection is granted (FEP-7aa9). ``ed25519_multibase`` is a Multikey (FEP-521a), or ``None`` while there is none.
    """

    kind: ActorKind
    uris: ActorUris
    username: str
    handle_host: str
    public_key_pem: str
    ed25519_multibase: str | None = None
    name: str = ""
    summary_html: str = ""
    source_markdown: str | None = None
    published: datetime | None = None
    updated: datetime | None = None
    icon: Media | None = None
    image: Media | None = None
    fields: Sequence[ProfileField] = ()
    emojis: Sequence[EmojiTag] = ()
    hashtags: Sequence[tuple[str, str]] = ()
    also_known_as: Sequence[str] = ()
    moved_to: str | None = None
    manually_approves_followers: bool = False
    discoverable: bool = False
    indexable: bool = False
    show_media: bool = True
    show_media_replies: bool = True
    show_featured: bool = True
    attribution_domains: Sequence[str] = ()
    can_feature: Sequence[str] = ()
    memorial: bool = False
    suspended: bool = False
    group: GroupFields | None = None
    upcoming_events: str | None = None
    resources: str | None = None
    directory: str | None = None


def actor(fields: ActorFields) -> dict[str, Any]:
    """A person, group, organisation or service."""
    uris = fields.uris
    document: dict[str, Any] = {
        "@context": ACTOR_CONTEXT,
        "id": uris.id,
        "type": fields.kind,
        "preferredUsername": fields.username,
        "webfinger": f"{fields.username}@{fields.handle_host}",
        "name": fields.name,
        "summary": fields.summary_html,
        "url": uris.page,
        "inbox": uris.inbox,
        "outbox": uris.outbox,
        "followers": uris.followers,
        "following": uris.following,
        "featured": uris.featured,
        "featuredTags": uris.featured_tags,
        "featuredCollections": uris.featured_collections,
        "endpoints": {"sharedInbox": uris.shared_inbox},
        "manuallyApprovesFollowers": fields.manually_approves_followers,
        "discoverable": fields.discoverable,
        "indexable": fields.indexable,
        "showFeatured": fields.show_featured,
        "showMedia": fields.show_media,
        "showRepliesInMedia": fields.show_media_replies,
        # Who may put this account into a collection without being asked again (FEP-7aa9).
        "interactionPolicy": {"canFeature": {"automaticApproval": list(fields.can_feature)}},
        "attachment": [
            {"type": "PropertyValue", "name": field.name, "value": field.value_html}
            for field in fields.fields
        ],
        "tag": [
            *(emoji_tag(emoji) for emoji in fields.emojis),
            *({"type": "Hashtag", "name": f"#{name}", "href": href} for name, href in fields.hashtags),
        ],
        "alsoKnownAs": list(fields.also_known_as),
        **_keys(fields),
    }
    if fields.published is not None:
        document["published"] = format_time(fields.published)
    if fields.updated is not None:
        document["updated"] = format_time(fields.updated)
    if fields.icon is not None:
        document["icon"] = image(fields.icon)
    if fields.image is not None:
        document["image"] = image(fields.image)
    if fields.source_markdown is not None:
        document["source"] = {"content": fields.source_markdown, "mediaType": "text/markdown"}
    if fields.moved_to is not None:
        document["movedTo"] = fields.moved_to
    if fields.attribution_domains:
        document["attributionDomains"] = list(fields.attribution_domains)
    # Sent only when true: a key that nearly always says "no" is weight on every document.
    if fields.memorial:
        document["memorial"] = True
    if fields.suspended:
        document["suspended"] = True
    if fields.upcoming_events is not None:
        document["upcomingEvents"] = fields.upcoming_events
    if fields.resources is not None:
        document["resources"] = fields.resources
    if fields.group is not None:
        # FEP-1b12 "Group moderation": attributedTo is the moderators collection.
        document["attributedTo"] = uris.moderators
        document["postingRestrictedToMods"] = fields.group.posting_restricted_to_mods
        document["sensitive"] = fields.group.sensitive
        document["membersOnly"] = fields.group.members_only
        document["downvotes"] = fields.group.downvotes
        if fields.group.description is not None:
            document["description"] = fields.group.description
        if fields.group.language is not None:
            # Lemmy's shape: a list of what has both keys.
            document["language"] = [{"identifier": fields.group.language, "name": fields.group.language}]
    return document


def instance_actor(fields: ActorFields) -> dict[str, Any]:
    """The server's own actor, which signs what it fetches. It follows and is followed by nobody.

    It has no profile, and RFC 9421 is announced with FEP-844e.
    """
    uris = fields.uris
    return {
        "@context": ACTOR_CONTEXT,
        "id": uris.id,
        "type": "Application",
        "preferredUsername": fields.username,
        "webfinger": f"{fields.username}@{fields.handle_host}",
        "name": fields.name,
        "summary": fields.summary_html,
        "url": uris.page,
        "inbox": uris.inbox,
        "outbox": uris.outbox,
        "endpoints": {"sharedInbox": uris.shared_inbox},
        "manuallyApprovesFollowers": True,
        "discoverable": False,
        "indexable": False,
        "implements": [
            {
                "href": "https://datatracker.ietf.org/doc/html/rfc9421",
                "name": "RFC-9421: HTTP Message Signatures",
            }
        ],
        **({"resources": fields.resources} if fields.resources is not None else {}),
        **({"upcomingEvents": fields.upcoming_events} if fields.upcoming_events is not None else {}),
        **({"directory": fields.directory} if fields.directory is not None else {}),
        **_keys(fields),
    }


def image(media: Media) -> dict[str, Any]:
    """An ``Image`` with its alt text in ``name`` and in ``summary``, because readers differ."""
    document: dict[str, Any] = {"type": "Image", "mediaType": media.media_type, "url": media.url}
    if media.alt:
        document["name"] = document["summary"] = media.alt
    return document


def emoji(emoji: EmojiTag) -> dict[str, Any]:
    """A custom emoji as a document of its own (FEP-9098)."""
    return {"@context": REACTION_CONTEXT, **emoji_tag(emoji)}


def emoji_tag(emoji: EmojiTag) -> dict[str, Any]:
    """A custom emoji as a tag (FEP-9098)."""
    document: dict[str, Any] = {
        "id": emoji.uri,
        "type": "Emoji",
        "name": f":{emoji.shortcode}:",
        "icon": image(emoji.icon),
    }
    if emoji.updated is not None:
        document["updated"] = format_time(emoji.updated)
    return document


def _keys(fields: ActorFields) -> dict[str, Any]:
    uris = fields.uris
    keys: dict[str, Any] = {"publicKey": _public_key(uris, fields.public_key_pem)}
    if fields.ed25519_multibase is not None:
        keys["assertionMethod"] = [
            {
                "id": uris.ed25519_key,
                "type": "Multikey",
                "controller": uris.id,
                "publicKeyMultibase": fields.ed25519_multibase,
            }
        ]
    return keys


def _public_key(uris: ActorUris, pem: str) -> dict[str, Any]:
    return {"id": uris.main_key, "owner": uris.id, "publicKeyPem": pem}
