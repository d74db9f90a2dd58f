"""Posts: notes, articles, link pages and polls, a vote, and the tombstone that remains.

A learning resource is a ``page`` with the keys that ``builders.resource`` makes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from activitypub.builders.actor import EmojiTag, Media, emoji_tag, image
from activitypub.jsonld import (
    EVENT_CONTEXT,
    OPPORTUNITY_CONTEXT,
    POST_CONTEXT,
    RESOURCE_CONTEXT,
    STAMP_CONTEXT,
    Context,
)
from activitypub.names import LD_JSON
from activitypub.values import format_time

TITLE_CHARS_MAX: Final = 200
"""Lemmy refuses longer titles."""

_QUOTE_REL: Final = "https://misskey-hub.net/ns#_misskey_quote"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAttachment:
    """An uploaded file. ``focus`` is ``(x, y)``, each from -1 to 1; ``icon`` a picture that stands for it."""

    url: str
    media_type: str
    alt: str | None = None
    width: int | None = None
    height: int | None = None
    blurhash: str | None = None
    focus: tuple[float, float] | None = None
    icon: Media | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkAttachment:
    """A page elsewhere that the post is about."""

    href: str
    media_type: str = "text/html"
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """Choices and their votes. ``closed_at`` is set once it is over."""

    options: Sequence[tuple[str, int]]
    multiple: bool
    end_time: datetime | None
    voters_count: int
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PostFields:
    """What a post is built from; HTML is sanitised.

    ``mentions`` are ``(actor uri, "@user@host")``, ``hashtags`` ``(name without #, address)``,
    ``collections`` ``(uri, name)`` of collections of accounts (FEP-7aa9). ``url`` is
    the page, ``uri`` the object. ``audience`` is the one group it is posted into, or ``None``.
    ``summary`` is a content warning on a note or poll, and an abstract (HTML) on everything else.
    ``can_quote`` and ``can_quote_after_approval`` are actor or collection addresses (FEP-044f); neither
    means that only the author may. ``published`` and ``updated`` carry a zone; ``updated`` is only given
    for an edit, because without it an ``Update`` is taken for a refresh of poll results. ``resource`` has the keys
    of a learning resource, or of an answer that tells of its use (`builders.resource`), ``event`` those of an event, ``opportunity`` those of an
    opportunity; a post has one of them at most.
    """

    uri: str
    url: str
    attributed_to: str
    to: Sequence[str]
    cc: Sequence[str]
    published: datetime
    content_html: str
    name: str | None = None
    summary: str | None = None
    language: str | None = None
    source_markdown: str | None = None
    sensitive: bool = False
    updated: datetime | None = None
    in_reply_to: str | None = None
    audience: str | None = None
    mentions: Sequence[tuple[str, str]] = ()
    hashtags: Sequence[tuple[str, str]] = ()
    collections: Sequence[tuple[str, str]] = ()
    emojis: Sequence[EmojiTag] = ()
    attachments: Sequence[FileAttachment | LinkAttachment] = ()
    image: Media | None = None
    context: str | None = None
    replies: str | None = None
    likes: str | None = None
    shares: str | None = None
    quote: str | None = None
    quote_authorization: str | None = None
    can_quote: Sequence[str] = ()
    can_quote_after_approval: Sequence[str] = ()
    comments_enabled: bool = True
    resource: Mapping[str, Any] = field(default_factory=dict)
    event: Mapping[str, Any] = field(default_factory=dict)
    opportunity: Mapping[str, Any] = field(default_factory=dict)


def note(fields: PostFields) -> dict[str, Any]:
    """A short post. Raises ``ValueError`` if it has a title: readers would lose it (NodeBB#14187)."""
    if fields.name is not None:
        raise ValueError("a titled post is an article")
    return _post("Note", fields)


def article(fields: PostFields) -> dict[str, Any]:
    """A titled text (FEP-b2b8).

    Raises ``ValueError`` without title or summary: Mastodon shows those two and the link, and no content.
    """
    document = _titled("Article", fields)
    document["preview"] = {
        "type": "Note",
        "content": f"<p><strong>{_escape(fields.name)}</strong></p>{fields.summary}",
    }
    return document


def page(fields: PostFields) -> dict[str, Any]:
    """A link with a title; the first attachment is the link. Raises as ``article`` does."""
    return _titled("Page", fields)


def event(fields: PostFields) -> dict[str, Any]:
    """An event (FEP-8a8e), with the keys that `builders.event` makes. Raises as ``article`` does."""
    return _titled("Event", fields)


def question(fields: PostFields, poll: Poll) -> dict[str, Any]:
    """A poll (FEP-9967)."""
    document = _post("Question", fields)
    if fields.name is not None:
        document["name"] = fields.name[:TITLE_CHARS_MAX]
    document["anyOf" if poll.multiple else "oneOf"] = [
        {"type": "Note", "name": name, "replies": {"type": "Collection", "totalItems": votes}}
        for name, votes in poll.options
    ]
    document["votersCount"] = poll.voters_count
    # PieFed fails on a missing key.
    document["endTime"] = None if poll.end_time is None else format_time(poll.end_time)
    if poll.closed_at is not None:
        document["closed"] = format_time(poll.closed_at)
    return document


def vote(
    uri: str, *, voter: str, poll: str, poll_author: str, choice: str, published: datetime
) -> dict[str, Any]:
    """One choice in a poll elsewhere: no content, and to the poll's author alone."""
    return {
        "@context": POST_CONTEXT,
        "id": uri,
        "type": "Note",
        "attributedTo": voter,
        "name": choice,
        "inReplyTo": poll,
        "published": format_time(published),
        "to": [poll_author],
        "cc": [],
    }


def tombstone(uri: str, *, former_type: str, deleted: datetime | None = None) -> dict[str, Any]:
    """What a deleted object's address answers, and what a ``Delete`` carries."""
    document: dict[str, Any] = {
        "@context": POST_CONTEXT,
        "id": uri,
        "type": "Tombstone",
        "formerType": former_type,
    }
    if deleted is not None:
        document["deleted"] = format_time(deleted)
    return document


def stamp(uri: str, *, author: str, quoting_post: str, quoted_post: str) -> dict[str, Any]:
    """The author's consent to be quoted (FEP-044f ``QuoteAuthorization``)."""
    return {
        "@context": STAMP_CONTEXT,
        "id": uri,
        "type": "QuoteAuthorization",
        "attributedTo": author,
        "interactingObject": quoting_post,
        "interactionTarget": quoted_post,
    }


def _titled(kind: str, fields: PostFields) -> dict[str, Any]:
    if not fields.name or not fields.summary:
        raise ValueError(f"a {kind} needs a title and a summary")
    document = _post(kind, fields)
    document["name"] = fields.name[:TITLE_CHARS_MAX]
    document["mediaType"] = "text/html"
    return document


def _post(kind: str, fields: PostFields) -> dict[str, Any]:
    """What all of them share. Lists are always lists: Pixelfed and Lemmy fail on a single object."""
    document: dict[str, Any] = {
        "@context": _context(fields),
        "id": fields.uri,
        "type": kind,
        "attributedTo": fields.attributed_to,
        "url": fields.url,
        "content": fields.content_html,
        "summary": fields.summary,
        "sensitive": fields.sensitive,
        "inReplyTo": fields.in_reply_to,
        "published": format_time(fields.published),
        "to": list(fields.to),
        "cc": list(fields.cc),
        "tag": _tags(fields),
        "attachment": [_attachment(attachment) for attachment in fields.attachments],
        # FEP-044f: an empty list would leave the policy open; the author alone means nobody else.
        "interactionPolicy": {
            "canQuote": {
                "automaticApproval": list(fields.can_quote)
                or ([] if fields.can_quote_after_approval else [fields.attributed_to]),
                "manualApproval": list(fields.can_quote_after_approval),
            }
        },
    }
    if fields.language is not None:
        document["contentMap"] = {fields.language: fields.content_html}
    if fields.source_markdown is not None:
        document["source"] = {"content": fields.source_markdown, "mediaType": "text/markdown"}
    if fields.updated is not None:
        document["updated"] = format_time(fields.updated)
    if fields.context is not None:
        document["context"] = document["conversation"] = fields.context
    optional = {
        "audience": fields.audience,
        "replies": fields.replies,
        "likes": fields.likes,
        "shares": fields.shares,
        "quoteAuthorization": fields.quote_authorization,
    }
    document |= {name: value for name, value in optional.items() if value is not None}
    if fields.image is not None:
        document["image"] = image(fields.image)
    if fields.quote is not None:
        document |= {
            "quote": fields.quote,
            "quoteUri": fields.quote,
            "quoteUrl": fields.quote,
            "_misskey_quote": fields.quote,
        }
    if not fields.comments_enabled:
        document["commentsEnabled"] = False
    return {**document, **fields.resource, **fields.event, **fields.opportunity}


def _context(fields: PostFields) -> Context:
    if fields.resource:
        return RESOURCE_CONTEXT
    if fields.opportunity:
        return OPPORTUNITY_CONTEXT
    return EVENT_CONTEXT if fields.event else POST_CONTEXT


def _tags(fields: PostFields) -> list[dict[str, Any]]:
    tags: list[dict[str, Any]] = [
        {"type": "Mention", "href": href, "name": handle} for href, handle in fields.mentions
    ]
    tags += ({"type": "Hashtag", "href": href, "name": f"#{name}"} for name, href in fields.hashtags)
    tags += ({"type": "FeaturedCollection", "id": uri, "name": name} for uri, name in fields.collections)
    tags += (emoji_tag(emoji) for emoji in fields.emojis)
    if fields.quote is not None:
        # FEP-e232.
        tags.append(
            {
                "type": "Link",
                "mediaType": LD_JSON,
                "rel": _QUOTE_REL,
                "href": fields.quote,
                "name": f"RE: {fields.quote}",
            }
        )
    return tags


def _attachment(attachment: FileAttachment | LinkAttachment) -> dict[str, Any]:
    if isinstance(attachment, LinkAttachment):
        link = {"type": "Link", "href": attachment.href, "mediaType": attachment.media_type}
        return link if attachment.name is None else {**link, "name": attachment.name}
    document: dict[str, Any] = {
        "type": "Document",
        "mediaType": attachment.media_type,
        "url": attachment.url,
        "name": attachment.alt,
    }
    # GoToSocial (2025) reads the description from summary, everyone else from name.
    if attachment.alt is not None:
        document["summary"] = attachment.alt
    if attachment.width is not None and attachment.height is not None:
        document |= {"width": attachment.width, "height": attachment.height}
    if attachment.blurhash is not None:
        document["blurhash"] = attachment.blurhash
    if attachment.focus is not None:
        document["focalPoint"] = list(attachment.focus)
    if attachment.icon is not None:
        document["icon"] = image(attachment.icon)
    return document


def _escape(text: str | None) -> str:
    return (text or "").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
