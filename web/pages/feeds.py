"""A profile's public posts as an Atom feed (RFC 4287), for readers that know no federation."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from xml.etree import ElementTree as ET

from aiohttp import web

from fedserver import profiles, reading
from fedserver.content.formulas import as_tex
from fedserver.content.html import excerpt
from fedserver.errors import NotFound
from fedserver.page_cards import PostCard
from fedserver.profiles import Profile
from fedserver.reading import AccountPosts, Window
from web import auth, keys, replies

ENTRIES_MAX: Final = 20
TITLE_CHARS_MAX: Final = 80
ATOM: Final = "application/atom+xml; charset=utf-8"
_NS: Final = "http://www.w3.org/2005/Atom"

ET.register_namespace("", _NS)


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
    body = _feed(profile, leaf.cards, server.config.origin)
    response = web.Response(body=body, headers={"Content-Type": ATOM, "Cache-Control": "public, max-age=300"})
    return replies.conditional(request, response)


def _feed(profile: Profile, cards: list[PostCard], origin: str) -> bytes:
    person = profile.person
    feed = ET.Element(_name("feed"))
    _text(feed, "id", person.uri)
    _text(feed, "title", person.name)
    _text(feed, "subtitle", excerpt(profile.note_html, 300))
    _text(
        feed,
        "updated",
        _instant(max((card.edited_at or card.created_at for card in cards), default=profile.created_at)),
    )
    _link(feed, "self", f"{origin}{person.path}/feed.atom", "application/atom+xml")
    _link(feed, "alternate", f"{origin}{person.path}", "text/html")
    author = ET.SubElement(feed, _name("author"))
    _text(author, "name", person.name)
    _text(author, "uri", f"{origin}{person.path}")
    if person.avatar:
        _text(feed, "icon", person.avatar)
    for card in cards:
        _entry(feed, card)
    body: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return body


def _entry(feed: ET.Element, card: PostCard) -> None:
    entry = ET.SubElement(feed, _name("entry"))
    if card.language:
        entry.set("{http://www.w3.org/XML/1998/namespace}lang", card.language)
    shown = card.title or card.summary or excerpt(card.html, TITLE_CHARS_MAX) or "…"
    _text(entry, "id", card.uri)
    _text(entry, "title", shown)
    _text(entry, "published", _instant(card.created_at))
    _text(entry, "updated", _instant(card.edited_at or card.created_at))
    _link(entry, "alternate", card.url, "text/html")
    _link(entry, "alternate", card.uri, "application/activity+json")
    if card.summary:
        _text(entry, "summary", card.summary)
    # What is behind a content warning stays behind it: feeds cannot fold a text.
    if card.title or not card.summary:
        content = ET.SubElement(entry, _name("content"), type="html")
        content.text = _xml_safe(as_tex(card.html))
    for picture in card.pictures:
        if picture.url and not card.sensitive:
            _link(entry, "enclosure", picture.url, "")


def _name(name: str) -> str:
    return f"{{{_NS}}}{name}"


def _text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, _name(name)).text = _xml_safe(text)


def _link(parent: ET.Element, relation: str, address: str, kind: str) -> None:
    link = ET.SubElement(parent, _name("link"), rel=relation, href=_xml_safe(address))
    if kind:
        link.set("type", kind)


def _instant(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _xml_safe(text: str) -> str:
    """Without the characters that XML 1.0 has no way to write (§2.2)."""
    return "".join(
        char
        for char in text
        if char in "\t\n" or " " <= char <= "\ud7ff" or "\ue000" <= char <= "\ufffd" or char > "\uffff"
    )


routes = [web.get("/@{handle:[^/]+}/feed.atom", atom)]
