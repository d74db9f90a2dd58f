"""People, groups and servers as their actor documents describe them, and their keys."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from activitypub.errors import Malformed, Unsupported
from activitypub.names import ACTIVITY_TYPES, ACTOR_TYPES, COLLECTION_TYPES, POST_TYPES
from activitypub.values import (
    flag,
    id_of,
    ids_of,
    language_tag,
    objects_of,
    one_or_many,
    parse_time,
    string,
    text_of,
    type_of,
    types_of,
)
from activitypub.vocabulary.parts import (
    NAME_CHARS_MAX,
    Emoji,
    Hashtag,
    Picture,
    emojis,
    hashtags,
    page_address,
    picture,
    web_address,
)

SUMMARY_CHARS_MAX: Final = 20_000
FIELDS_MAX: Final = 50
FIELD_CHARS_MAX: Final = 2047
ALIASES_MAX: Final = 256
KEYS_MAX: Final = 10
ATTRIBUTION_DOMAINS_MAX: Final = 256


class PublicKey(msgspec.Struct, frozen=True, kw_only=True):
    """A PEM key as ``publicKey`` lists it; ``owner`` is the actor that must list it in return."""

    id: str
    owner: str
    pem: str


class Multikey(msgspec.Struct, frozen=True, kw_only=True):
    """A key in ``assertionMethod`` (FEP-521a); ``controller`` is the actor that must list it in return."""

    id: str
    controller: str
    multibase: str


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a profile; ``value_html`` is not yet sanitised."""

    name: str
    value_html: str


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Whose wish is granted at once, and whose is considered: actors, and collections of actors."""

    automatic: tuple[str, ...] = ()
    manual: tuple[str, ...] = ()


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """An actor as another server describes it. HTML is as received, not sanitised.

    ``kind`` is the type there: one of five known ones, or any other with an inbox and an outbox.
    ``moderators`` is a group's moderators collection (FEP-1b12), ``members_only`` says that what is said in it
    is for its members, and ``downvotes`` whether it counts them; ``webfinger`` is ``user@host``
    (FEP-2c59). ``None`` for ``discoverable``, ``indexable`` and ``can_feature`` (FEP-7aa9) means that
    nothing was said.
    """

    id: str
    kind: str
    inbox: str
    preferred_username: str
    outbox: str | None = None
    shared_inbox: str | None = None
    followers: str | None = None
    following: str | None = None
    featured: str | None = None
    featured_tags: str | None = None
    moderators: str | None = None
    webfinger: str | None = None
    name: str | None = None
    summary_html: str | None = None
    description: str | None = None
    url: str | None = None
    published: datetime | None = None
    updated: datetime | None = None
    icon: Picture | None = None
    image: Picture | None = None
    fields: tuple[Field, ...] = ()
    emojis: tuple[Emoji, ...] = ()
    hashtags: tuple[Hashtag, ...] = ()
    public_keys: tuple[PublicKey, ...] = ()
    multikeys: tuple[Multikey, ...] = ()
    also_known_as: tuple[str, ...] = ()
    moved_to: str | None = None
    manually_approves_followers: bool = False
    discoverable: bool | None = None
    indexable: bool | None = None
    memorial: bool = False
    suspended: bool = False
    sensitive: bool = False
    posting_restricted_to_mods: bool = False
    members_only: bool = False
    downvotes: bool = True
    language: str | None = None
    upcoming_events: str | None = None
    featured_collections: str | None = None
    show_media: bool = True
    show_media_replies: bool = True
    show_featured: bool = True
    attribution_domains: tuple[str, ...] = ()
    can_feature: Policy | None = None


def read_actor(document: dict[str, Any]) -> Actor:
    """The actor in a normalised document.

    Raises ``Malformed`` without ``id``, ``inbox`` or a user name, and ``Unsupported`` for a document
    of another kind. A type nobody knows is an actor if it has an inbox and an outbox (FEP-2277).
    """
    kind = actor_kind(document)
    if kind is None:
        raise Unsupported(f"{type_of(document)} is not an actor")
    uri = web_address(document.get("id"))
    inbox = web_address(document.get("inbox"))
    if uri is None or inbox is None:
        raise Malformed(f"an actor without {'id' if uri is None else 'inbox'}")
    webfinger = string(document.get("webfinger"))
    if webfinger is not None:
        webfinger = webfinger.removeprefix("acct:").removeprefix("@")
    username = string(document.get("preferredUsername")) or (webfinger or "").partition("@")[0]
    if not username:
        raise Malformed("an actor without preferredUsername")
    name = text_of(document, "name")
    summary = text_of(document, "summary")
    endpoints = next(objects_of(document, "endpoints"), {})
    public_keys, multikeys = read_keys(document)
    return Actor(
        id=uri,
        kind=kind,
        inbox=inbox,
        preferred_username=username[:NAME_CHARS_MAX],
        outbox=web_address(document.get("outbox")),
        # Old peers put it beside the inbox (delete storms came of senders that then missed it).
        shared_inbox=web_address(endpoints.get("sharedInbox") or document.get("sharedInbox")),
        followers=web_address(document.get("followers")),
        following=web_address(document.get("following")),
        featured=web_address(document.get("featured")),
        featured_tags=web_address(document.get("featuredTags")),
        moderators=web_address(document.get("attributedTo") or document.get("moderators"))
        if kind == "Group"
        else None,
        webfinger=webfinger,
        name=name[:NAME_CHARS_MAX] if name else None,
        summary_html=summary[:SUMMARY_CHARS_MAX] if summary else None,
        description=string(document.get("description")),
        url=page_address(document.get("url")),
        published=parse_time(document.get("published")),
        updated=parse_time(document.get("updated")),
        icon=picture(document.get("icon")),
        image=picture(document.get("image")),
        fields=tuple(_fields(document)),
        emojis=emojis(document),
        hashtags=hashtags(document),
        public_keys=public_keys,
        multikeys=multikeys,
        also_known_as=ids_of(document, "alsoKnownAs")[:ALIASES_MAX],
        moved_to=web_address(document.get("movedTo")),
        manually_approves_followers=flag(document.get("manuallyApprovesFollowers")) or False,
        discoverable=flag(document.get("discoverable")),
        indexable=flag(document.get("indexable")),
        memorial=flag(document.get("memorial")) or False,
        suspended=flag(document.get("suspended")) or False,
        sensitive=flag(document.get("sensitive")) or False,
        posting_restricted_to_mods=flag(document.get("postingRestrictedToMods")) or False,
        members_only=flag(document.get("membersOnly")) or False,
        downvotes=flag(document.get("downvotes")) is not False,
        language=_language(document),
        upcoming_events=web_address(document.get("upcomingEvents")),
        featured_collections=web_address(document.get("featuredCollections")),
        show_media=flag(document.get("showMedia")) is not False,
        show_media_replies=flag(document.get("showRepliesInMedia")) is not False,
        show_featured=flag(document.get("showFeatured")) is not False,
        attribution_domains=tuple(
            one for one in one_or_many(document.get("attributionDomains")) if type(one) is str
        )[:ATTRIBUTION_DOMAINS_MAX],
        can_feature=_policy(document, "canFeature"),
    )


def _language(document: dict[str, Any]) -> str | None:
    """The first language that a group names, as Lemmy does: ``{identifier, name}``, or a list of them."""
    tags = (language_tag(one.get("identifier")) for one in objects_of(document, "language"))
    return next((tag for tag in tags if tag is not None), None)


def _policy(document: dict[str, Any], name: str) -> Policy | None:
    """One part of an ``interactionPolicy``; ``None`` where nothing is said."""
    policy = next(objects_of(document, "interactionPolicy"), {})
    said = next(objects_of(policy, name), None)
    if said is None:
        return None
    return Policy(automatic=ids_of(said, "automaticApproval"), manual=ids_of(said, "manualApproval"))


def actor_kind(document: dict[str, Any]) -> str | None:
    """The actor type of a document, or ``None`` if it does not describe an actor."""
    types = types_of(document)
    for kind in types:
        if kind in ACTOR_TYPES:
            return kind
    if not types or (ACTIVITY_TYPES | COLLECTION_TYPES | POST_TYPES).intersection(types):
        return None
    return types[0] if id_of(document.get("inbox")) and id_of(document.get("outbox")) else None


def read_keys(document: dict[str, Any]) -> tuple[tuple[PublicKey, ...], tuple[Multikey, ...]]:
    """The keys in an actor, in a stub that only holds ``publicKey``, or in a key of its own.

    GoToSocial answers a key's address with a stub and others with the bare key, so the caller fetches
    the ``owner`` afterwards and believes only what the owner's own document lists (FEP-fe34). Keys
    beyond ``KEYS_MAX`` of each kind are passed over, and so are those without id, owner or material.
    """
    public_keys: dict[str, PublicKey] = {}
    multikeys: dict[str, Multikey] = {}
    for key in (document, *objects_of(document, "publicKey"), *objects_of(document, "assertionMethod")):
        uri = web_address(key.get("id"))
        pem, multibase = string(key.get("publicKeyPem")), string(key.get("publicKeyMultibase"))
        owner = web_address(key.get("owner") or key.get("controller"))
        if owner is None and key is not document:
            owner = web_address(document.get("id"))
        if uri is None or owner is None:
            continue
        if pem is not None and len(public_keys) < KEYS_MAX:
            public_keys[uri] = PublicKey(id=uri, owner=owner, pem=pem)
        if multibase is not None and len(multikeys) < KEYS_MAX:
            multikeys[uri] = Multikey(id=uri, controller=owner, multibase=multibase)
    return tuple(public_keys.values()), tuple(multikeys.values())


def _fields(document: dict[str, Any]) -> Iterator[Field]:
    for item in one_or_many(document.get("attachment"))[:FIELDS_MAX]:
        # Mastodon's prefix for schema.org is misspelt, and others have copied or mended it.
        if (
            type(item) is not dict
            or (type_of(item) or "").rpartition(":")[2].rpartition("#")[2] != "PropertyValue"
        ):
            continue
        name = text_of(item, "name")
        value = string(item.get("value") or item.get("schema:value") or item.get("http://schema.org#value"))
        if name is not None:
            yield Field(name=name[:FIELD_CHARS_MAX], value_html=(value or "")[:FIELD_CHARS_MAX])
