"""Public posts as Atom feeds (RFC 4287), for readers that know no federation: those of a profile here, and how any is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from xml.etree import ElementTree as ET

from aiohttp import web

from fedserver import profiles, reading
from fedserver.content.formulas import as_tex
from fedserver.content.html import excerpt
from fedserver.content.xml import as_bytes, xml_safe
from fedserver.errors import NotFound
from fedserver.page_cards import PostCard
from fedserver.reading import AccountPosts, Window
from web import auth, keys, replies

ENTRIES_MAX: Final = 20
TITLE_CHARS_MAX: Final = 80
ATOM: Final = "application/atom+xml; charset=utf-8"
_NS: Final = "http://www.w3.org/2005/Atom"

ET.register_namespace("", _NS)


@dataclass(frozen=True, slots=True)
class Head:
    """What a feed says of itself. `path` is the page whose feed it is; without an `author` each entry names its own."""

    uri: str
    title: str
    subtitle: str
    path: str
    created_at: int
    author: str = ""
    icon: str = ""


async def atom(request: web.Request) -> web.StreamResponse:
    """What anybody may read of a member here, the newest first; whoever asks."""
    server = keys.server(request)
    profile = await profiles.by_handle(server, auth.ANONYMOUS, request.match_info["handle"])
    if not profile.person.local:
        raise NotFound
    leaf = await reading.of_account(
        server,
        auth.ANONYMOUS,
        profile.person.id,
        Window(limit=ENTRIES_MAX),
        AccountPosts(exclude_replies=True, exclude_boosts=True),
    )
    person = profile.person
    head = Head(
        person.uri, person.name, excerpt(profile.note_html, 300), person.path, profile.created_at,
        author=person.name, icon=person.avatar,
    )  # fmt: skip
    return answer(request, head, leaf.cards)


def answer(request: web.Request, head: Head, cards: list[PostCard]) -> web.StreamResponse:
    """The feed with these posts, each with who wrote it unless the feed has one author."""
    body = _feed(head, cards, keys.server(request).config.origin)
    response = web.Response(body=body, headers={"Content-Type": ATOM, "Cache-Control": "public, max-age=300"})
    return replies.conditional(request, response)


def _feed(head: Head, cards: list[PostCard], origin: str) -> bytes:
    feed = ET.Element(_name("feed"))
    _text(feed, "id", head.uri)
    _text(feed, "title", head.title)
    _text(feed, "subtitle", head.subtitle)
    changed = (card.edited_at or card.created_at for card in cards)
    _text(feed, "updated", instant(max(changed, default=head.created_at)))
    _link(feed, "self", f"{origin}{head.path}/feed.atom", "application/atom+xml")
    _link(feed, "alternate", f"{origin}{head.path}", "text/html")
    if head.author:
        _author(feed, head.author, f"{origin}{head.path}")
    if head.icon:
        _text(feed, "icon", head.icon)
    for card in cards:
        entry = _entry(feed, card)
        if not head.author:
            _author(entry, card.author.name, card.author.url)
    return as_bytes(feed)


def _author(parent: ET.Element, name: str, address: str) -> None:
    author = ET.SubElement(parent, _name("author"))
    _text(author, "name", name)
    _text(author, "uri", address)


def _entry(feed: ET.Element, card: PostCard) -> ET.Element:
    entry = ET.SubElement(feed, _name("entry"))
    if card.language:
        entry.set("{http://www.w3.org/XML/1998/namespace}lang", card.language)
    shown = card.title or card.summary or excerpt(card.html, TITLE_CHARS_MAX) or "…"
    _text(entry, "id", card.uri)
    _text(entry, "title", shown)
    _text(entry, "published", instant(card.created_at))
    _text(entry, "updated", instant(card.edited_at or card.created_at))
    _link(entry, "alternate", card.url, "text/html")
    _link(entry, "alternate", card.uri, "application/activity+json")
    if card.summary:
        _text(entry, "summary", card.summary)
    # What is behind a content warning stays behind it: feeds cannot fold a text.
    if card.title or not card.summary:
        content = ET.SubElement(entry, _name("content"), type="html")
        content.text = xml_safe(as_tex(card.html))
    for picture in card.pictures:
        if picture.url and not card.sensitive:
            _link(entry, "enclosure", picture.url, "")
    return entry


def _name(name: str) -> str:
    return f"{{{_NS}}}{name}"


def _text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, _name(name)).text = xml_safe(text)


def _link(parent: ET.Element, relation: str, address: str, kind: str) -> None:
    link = ET.SubElement(parent, _name("link"), rel=relation, href=xml_safe(address))
    if kind:
        link.set("type", kind)


def instant(at_ms: int) -> str:
    """As RFC 3339 writes it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


routes = [web.get("/@{handle:[^/]+}/feed.atom", atom)]
