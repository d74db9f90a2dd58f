"""Everything that is shown as a post: one struct for notes, articles, polls, events, videos and more."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from activitypub.audience import Visibility, visibility_of
from activitypub.errors import Malformed, Unsupported
from activitypub.identifiers import same_origin
from activitypub.names import ACTIVITY_TYPES, COLLECTION_TYPES, KEY_TYPES, LINK_TYPES, POST_TYPES, is_public
from activitypub.values import (
    first,
    flag,
    id_of,
    ids_of,
    language_of,
    language_tag,
    number,
    objects_of,
    one_or_many,
    parse_time,
    string,
    text_of,
    type_of,
    types_of,
)
from activitypub.vocabulary.actor import actor_kind
from activitypub.vocabulary.event import Event, read_event
from activitypub.vocabulary.opportunity import Opportunity, read_opportunity
from activitypub.vocabulary.parts import (
    NAME_CHARS_MAX,
    Attachment,
    Emoji,
    Hashtag,
    Mention,
    Picture,
    attachments,
    emojis,
    hashtags,
    media_links,
    mentions,
    object_links,
    page_address,
    picture,
    web_address,
)
from activitypub.vocabulary.resource import Report, Resource, read_report, read_resource

POLL_OPTIONS_MAX: Final = 500
COLLECTIONS_MAX: Final = 20

_MEDIA_TYPES: Final = frozenset({"Video", "Audio", "Image", "Document"})
_QUOTE_REL: Final = "https://misskey-hub.net/ns#_misskey_quote"


class PollOption(msgspec.Struct, frozen=True, kw_only=True):
    """One choice; ``votes`` is ``None`` while the author's server does not tell."""

    name: str
    votes: int | None = None


class Poll(msgspec.Struct, frozen=True, kw_only=True):
    """The choices of a ``Question`` (FEP-9967). ``closed`` says that it was over when this was read."""

    options: tuple[PollOption, ...]
    multiple: bool
    end_time: datetime | None = None
    closed: bool = False
    closed_at: datetime | None = None
    voters_count: int | None = None


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """A post as another server describes it. HTML is as received, not sanitised.

    ``kind`` is the type there. ``summary`` is a content warning on a ``Note`` or ``Question`` and an
    abstract on everything else. ``quote`` is the quoted post's address, by software that asks nobody if it
    ``quote_is_legacy``; ``quote_automatic`` and ``quote_manual`` are who may quote this one, ``None`` when
    nothing was said (FEP-044f). ``wall_of`` is whose collection it was posted to (FEP-400e). ``resource`` is what it describes
    as a learning resource, ``report`` what an answer says of the use of one.
    """

    id: str
    kind: str
    attributed_to: str
    url: str | None = None
    content_html: str | None = None
    name: str | None = None
    summary: str | None = None
    sensitive: bool = False
    language: str | None = None
    published: datetime | None = None
    updated: datetime | None = None
    in_reply_to: str | None = None
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    mentions: tuple[Mention, ...] = ()
    hashtags: tuple[Hashtag, ...] = ()
    collections: tuple[str, ...] = ()
    emojis: tuple[Emoji, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    image: Picture | None = None
    poll: Poll | None = None
    context: str | None = None
    conversation: str | None = None
    replies: str | None = None
    likes: str | None = None
    shares: str | None = None
    quote: str | None = None
    quote_is_legacy: bool = False
    quote_authorization: str | None = None
    quote_automatic: tuple[str, ...] | None = None
    quote_manual: tuple[str, ...] | None = None
    source: str | None = None
    source_media_type: str | None = None
    comments_enabled: bool = True
    wall_of: str | None = None
    resource: Resource | None = None
    report: Report | None = None
    event: Event | None = None
    opportunity: Opportunity | None = None

    @property
    def is_vote(self) -> bool:
        """Whether this may be a vote: the caller still asks if the parent is a poll with that option.

        Not by missing content: snac2 adds ``<br>``. A vote is only ever sent to the poll's author.
        """
        return (
            self.kind == "Note"
            and self.name is not None
            and self.in_reply_to is not None
            and not self.attachments
            and not any(is_public(uri) for uri in (*self.to, *self.cc))
        )

    def visibility(self, followers_uri: str | None = None) -> Visibility:
        """What its addressing means; see ``audience.visibility_of``."""
        return visibility_of(self.to, self.cc, followers_uri)


class Tombstone(msgspec.Struct, frozen=True, kw_only=True):
    """What remains of a deleted object."""

    id: str
    former_type: str | None = None
    deleted: datetime | None = None


def read_post(
    document: dict[str, Any],
    *,
    author: str | None = None,
    to: Sequence[str] = (),
    cc: Sequence[str] = (),
) -> Post:
    """The post in a normalised document.

    ``author``, ``to`` and ``cc`` are those of the activity around it and stand in for what is missing.
    Raises ``Malformed`` without an id or an author and for an author of another origin (FEP-fe34), and
    ``Unsupported`` for what is no post: an actor, activity, collection, link, key or tombstone.
    A type nobody knows is read like any other (FEP-2277).
    """
    kind = post_kind(document)
    if kind is None:
        raise Unsupported(f"{type_of(document)} is not a post")
    uri = web_address(document.get("id"))
    if uri is None:
        raise Malformed("a post without id")
    attributed_to, of_group = _author(document)
    attributed_to = attributed_to or author
    if attributed_to is None:
        raise Malformed("a post without attributedTo")
    if not same_origin(uri, attributed_to):
        raise Malformed("the author of a post lives at another origin")
    post_to, post_cc = ids_of(document, "to", "bto"), ids_of(document, "cc", "bcc")
    if not post_to and not post_cc:
        post_to, post_cc = tuple(to), tuple(cc)
    name = text_of(document, "name")
    source = next(objects_of(document, "source"), {})
    policy = _quote_policy(document)
    files = attachments(document)
    return Post(
        id=uri,
        kind=kind,
        attributed_to=attributed_to,
        url=page_address(document.get("url")),
        content_html=text_of(document, "content"),
        name=name[:NAME_CHARS_MAX] if name else None,
        summary=text_of(document, "summary"),
        sensitive=flag(document.get("sensitive")) or False,
        language=_language(document),
        published=parse_time(document.get("published")),
        updated=parse_time(document.get("updated")),
        in_reply_to=id_of(document.get("inReplyTo")),
        to=post_to,
        cc=post_cc,
        audience=ids_of(document, "audience") or of_group,
        mentions=mentions(document),
        hashtags=hashtags(document),
        collections=_collections(document),
        emojis=emojis(document),
        attachments=(*files, *media_links(document)) if kind in _MEDIA_TYPES else files,
        image=picture(document.get("image")),
        poll=_poll(document),
        context=id_of(document.get("context")),
        conversation=id_of(document.get("conversation")),
        replies=web_address(document.get("replies")),
        likes=web_address(document.get("likes")),
        shares=web_address(document.get("shares")),
        quote=_quote(document),
        quote_is_legacy="quote" not in document,
        quote_authorization=web_address(document.get("quoteAuthorization")),
        quote_automatic=None if policy is None else ids_of(policy, "automaticApproval", "always"),
        quote_manual=None if policy is None else ids_of(policy, "manualApproval", "approvalRequired"),
        source=string(source.get("content")),
        source_media_type=string(source.get("mediaType")),
        comments_enabled=flag(document.get("commentsEnabled")) is not False,
        wall_of=_owner_of_target(document),
        resource=read_resource(document),
        report=read_report(document),
        event=read_event(document) if kind == "Event" else None,
        opportunity=read_opportunity(document),
    )


def _author(document: dict[str, Any]) -> tuple[str | None, tuple[str, ...]]:
    """Who wrote it, and the group for which. Mobilizon attributes what is a group's to the group, and names the person in
    `actor`."""
    attributed_to, actor = web_address(document.get("attributedTo")), web_address(document.get("actor"))
    if attributed_to is None or actor is None or actor == attributed_to:
        return attributed_to or actor, ()
    return actor, (attributed_to,)


def _owner_of_target(document: dict[str, Any]) -> str | None:
    target = first(document.get("target"))
    return web_address(target.get("attributedTo")) if type(target) is dict else None


def _collections(document: dict[str, Any]) -> tuple[str, ...]:
    """Addresses of the collections of accounts that the text links to (FEP-7aa9)."""
    found = (
        web_address(tag.get("id"))
        for tag in objects_of(document, "tag")
        if "FeaturedCollection" in types_of(tag)
    )
    return tuple(uri for uri in found if uri is not None)[:COLLECTIONS_MAX]


def post_kind(document: dict[str, Any]) -> str | None:
    """The type under which a document is read as a post, or ``None`` if it is something else."""
    types = types_of(document)
    for kind in types:
        if kind in POST_TYPES:
            return kind
    not_a_post = ACTIVITY_TYPES | COLLECTION_TYPES | LINK_TYPES | KEY_TYPES | {"Tombstone"}
    if not types or not_a_post.intersection(types) or actor_kind(document) is not None:
        return None
    return types[0]


def read_tombstone(document: dict[str, Any]) -> Tombstone:
    """The tombstone in a normalised document; raises ``Malformed`` without an id."""
    uri = id_of(document)
    if uri is None:
        raise Malformed("a tombstone without id")
    former_type = first(document.get("formerType"))
    return Tombstone(
        id=uri,
        former_type=former_type if type(former_type) is str else type_of(former_type),
        deleted=parse_time(document.get("deleted")),
    )


def _language(document: dict[str, Any]) -> str | None:
    for name in ("content", "name", "summary"):
        tag = language_of(document, name)
        if tag is not None:
            return tag
    # Lemmy: {"identifier", "name"}; PeerTube the same; Mobilizon: inLanguage.
    for name in ("language", "inLanguage"):
        value = first(document.get(name))
        tag = language_tag(value.get("identifier") if type(value) is dict else value)
        if tag is not None:
            return tag
    return None


def _quote(document: dict[str, Any]) -> str | None:
    # The order is Mastodon's, so that both show the same post when a document contradicts itself.
    for name in ("quote", "_misskey_quote", "quoteUrl", "quoteUri"):
        uri = web_address(document.get(name))
        if uri is not None:
            return uri
    for href, rel in object_links(document):
        if rel == _QUOTE_REL or rel.rpartition("#")[2] in ("_misskey_quote", "quote", "quoteUrl", "quoteUri"):
            return href
    return None


def _quote_policy(document: dict[str, Any]) -> dict[str, Any] | None:
    policy = next(objects_of(document, "interactionPolicy"), {})
    return next(objects_of(policy, "canQuote"), None)


def _poll(document: dict[str, Any]) -> Poll | None:
    multiple = bool(one_or_many(document.get("anyOf")))
    options: list[PollOption] = []
    for item in objects_of(document, "anyOf" if multiple else "oneOf"):
        name = text_of(item, "name")
        if name is not None and len(options) < POLL_OPTIONS_MAX:
            replies = next(objects_of(item, "replies"), {})
            options.append(PollOption(name=name[:NAME_CHARS_MAX], votes=number(replies.get("totalItems"))))
    if not options:
        return None
    closed = first(document.get("closed"))
    return Poll(
        options=tuple(options),
        multiple=multiple,
        end_time=parse_time(document.get("endTime")),
        # ActivityStreams vocabulary: a boolean, a time, or an object; all but false mean closed.
        closed=closed is not None and closed is not False,
        closed_at=parse_time(closed),
        voters_count=number(document.get("votersCount")),
    )
