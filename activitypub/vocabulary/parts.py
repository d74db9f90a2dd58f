"""What actors and posts are made of: pictures, attachments, emoji, mentions and hashtags."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from activitypub.identifiers import origin_of
from activitypub.names import is_activitypub_media_type
from activitypub.values import (
    first,
    flag,
    id_of,
    number,
    objects_of,
    one_or_many,
    parse_time,
    string,
    text_of,
    type_of,
    types_of,
)

ALT_TEXT_CHARS_MAX: Final = 10_000
ATTACHMENTS_MAX: Final = 64
TAGS_MAX: Final = 500
NAME_CHARS_MAX: Final = 2048


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """An avatar, header or thumbnail."""

    url: str
    media_type: str | None = None
    alt: str | None = None


class Emoji(msgspec.Struct, frozen=True, kw_only=True):
    """A custom emoji (FEP-9098). ``shortcode`` is without colons."""

    shortcode: str
    url: str
    media_type: str | None = None
    id: str | None = None
    updated: datetime | None = None


class Mention(msgspec.Struct, frozen=True, kw_only=True):
    """Someone named in a post; ``name`` is as written there, often ``@user@host``."""

    href: str
    name: str | None = None


class Hashtag(msgspec.Struct, frozen=True, kw_only=True):
    """A hashtag (FEP-eb48). ``name`` is without the ``#``, in the author's spelling."""

    name: str
    href: str | None = None


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """Something shown with a post. ``kind`` is its type there; ``Link`` is a page, not a file.

    ``focus`` is ``(x, y)``, each from -1 to 1, the point that cropping must keep.
    """

    kind: str
    url: str
    media_type: str | None = None
    alt: str | None = None
    width: int | None = None
    height: int | None = None
    duration: str | None = None
    blurhash: str | None = None
    focus: tuple[float, float] | None = None
    icon: Picture | None = None
    sensitive: bool = False


def web_address(value: Any) -> str | None:
    """The first http(s) address in a string, object or list; ``None`` for anything else."""
    for item in one_or_many(value):
        uri = id_of(item)
        if uri is not None and origin_of(uri) is not None:
            return uri
    return None


def media_type(value: Any) -> str | None:
    """A media type in lower case without parameters, or ``None``."""
    text = string(value)
    if text is None or text.count("/") != 1 or len(text) > 127:
        return None
    return text.partition(";")[0].strip().lower()


def page_address(value: Any) -> str | None:
    """Of ``url`` in any of its forms the one a person opens: text/html, or else the first usable."""
    fallback = None
    for item in one_or_many(value):
        uri = web_address(item)
        if uri is None:
            continue
        if type(item) is not dict or media_type(item.get("mediaType")) == "text/html":
            return uri
        fallback = fallback or uri
    return fallback


def picture(value: Any) -> Picture | None:
    """An ``icon`` or ``image``: an object, an address, or a list of which the first usable counts."""
    for item in one_or_many(value):
        if type(item) is not dict:
            uri = web_address(item)
            if uri is not None:
                return Picture(url=uri)
            continue
        link = first(item.get("url") or item.get("href") or item.get("id"))
        uri = web_address(link)
        if uri is not None:
            inner = link.get("mediaType") if type(link) is dict else None
            return Picture(
                url=uri,
                media_type=media_type(item.get("mediaType") or inner),
                alt=alt_text(item),
            )
    return None


def alt_text(item: dict[str, Any]) -> str | None:
    """A description for who cannot see it. GoToSocial (2025) puts it into ``summary``."""
    text = text_of(item, "name") or text_of(item, "summary")
    return text[:ALT_TEXT_CHARS_MAX] if text else None


def emojis(document: dict[str, Any]) -> tuple[Emoji, ...]:
    """The custom emoji among the tags, each shortcode once."""
    found: dict[str, Emoji] = {}
    for tag in _tags(document):
        if "Emoji" not in {name.rpartition(":")[2] for name in types_of(tag)}:
            continue
        name = (text_of(tag, "name") or "").strip(":")
        icon = picture(tag.get("icon"))
        if name and icon is not None and name not in found:
            found[name] = Emoji(
                shortcode=name[:NAME_CHARS_MAX],
                url=icon.url,
                media_type=icon.media_type,
                id=id_of(tag.get("id")),
                updated=parse_time(tag.get("updated")),
            )
    return tuple(found.values())


def mentions(document: dict[str, Any]) -> tuple[Mention, ...]:
    """The mentions among the tags, each actor once."""
    found: dict[str, Mention] = {}
    for tag in _tags(document):
        if type_of(tag) == "Mention":
            href = web_address(tag.get("href"))
            if href is not None and href not in found:
                found[href] = Mention(href=href, name=text_of(tag, "name"))
    return tuple(found.values())


def hashtags(document: dict[str, Any]) -> tuple[Hashtag, ...]:
    """The hashtags among the tags; Lemmy's ``href`` may be missing, Misskey's name may lack the ``#``."""
    found: dict[str, Hashtag] = {}
    for tag in _tags(document):
        if "Hashtag" not in {name.rpartition(":")[2] for name in types_of(tag)}:
            continue
        name = (text_of(tag, "name") or "").strip().lstrip("#").strip()
        if name and name.casefold() not in found:
            found[name.casefold()] = Hashtag(name=name[:NAME_CHARS_MAX], href=web_address(tag.get("href")))
    return tuple(found.values())


def object_links(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """``(href, rel)`` of the tags that link to another object (FEP-e232)."""
    for tag in _tags(document):
        href = web_address(tag.get("href"))
        kind = string(tag.get("mediaType"))
        if (
            type_of(tag) == "Link"
            and href is not None
            and kind is not None
            and is_activitypub_media_type(kind)
        ):
            for rel in one_or_many(tag.get("rel")) or [""]:
                yield href, rel if type(rel) is str else ""


def attachments(document: dict[str, Any]) -> tuple[Attachment, ...]:
    """Files and links of a post; what has no usable address is dropped, and so are profile fields."""
    found: list[Attachment] = []
    for item in one_or_many(document.get("attachment"))[:ATTACHMENTS_MAX]:
        attachment = _attachment(item)
        if attachment is not None:
            found.append(attachment)
    return tuple(found)


def _attachment(item: Any) -> Attachment | None:
    if type(item) is not dict:
        uri = web_address(item)
        return None if uri is None else Attachment(kind="Link", url=uri)
    kind = type_of(item) or "Document"
    link = first(item.get("url") or item.get("href"))
    uri = web_address(link)
    if uri is None or kind == "PropertyValue":
        return None
    inner = link if type(link) is dict else {}
    return Attachment(
        kind=kind,
        url=uri,
        media_type=media_type(item.get("mediaType") or inner.get("mediaType")),
        alt=alt_text(item),
        width=number(item.get("width")) or number(inner.get("width")),
        height=number(item.get("height")) or number(inner.get("height")),
        duration=string(item.get("duration")),
        blurhash=string(item.get("blurhash")),
        focus=_focus(item.get("focalPoint")),
        icon=picture(item.get("icon")),
        sensitive=flag(item.get("sensitive")) or False,
    )


def media_links(document: dict[str, Any]) -> tuple[Attachment, ...]:
    """The playable files a Video, Audio or Image names in ``url``, PeerTube's nested playlists included."""
    found: list[Attachment] = []
    for item in objects_of(document, "url"):
        for link in (item, *objects_of(item, "tag")):
            kind = media_type(link.get("mediaType"))
            uri = web_address(link.get("href"))
            if uri is not None and kind is not None and kind.partition("/")[0] in ("image", "video", "audio"):
                found.append(
                    Attachment(
                        kind="Document",
                        url=uri,
                        media_type=kind,
                        width=number(link.get("width")),
                        height=number(link.get("height")),
                        duration=string(document.get("duration")),
                        icon=picture(document.get("icon")),
                    )
                )
    return tuple(found[:ATTACHMENTS_MAX])


def _focus(value: Any) -> tuple[float, float] | None:
    if type(value) is dict:
        value = value.get("@list")
    if type(value) is not list or len(value) != 2 or not all(type(axis) in (int, float) for axis in value):
        return None
    x, y = (min(1.0, max(-1.0, float(axis))) for axis in value)
    return x, y


def _tags(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for tag in one_or_many(document.get("tag"))[:TAGS_MAX]:
        if type(tag) is dict:
            yield tag
