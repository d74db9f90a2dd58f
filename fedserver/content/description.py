"""How a web page wants to be shown when somebody links to it.

Read from what pages offer for that, the more deliberate first: schema.org in JSON-LD, Open Graph and the older
``twitter:`` names, then plain HTML. Every text is a stranger's: cut, cleaned, and never markup.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from fedserver.content import page
from fedserver.content.page import Element
from fedserver.content.text import clean_line, language_tag

TITLE_CHARS_MAX: Final = 300
DESCRIPTION_CHARS_MAX: Final = 1_000
NAME_CHARS_MAX: Final = 200
ADDRESS_CHARS_MAX: Final = 2_000
PIXELS_MAX: Final = 10_000

_ARTICLES: Final = (
    "NewsArticle",
    "Article",
    "BlogPosting",
    "ScholarlyArticle",
    "LearningResource",
    "Course",
    "Event",
)


@dataclass(frozen=True, slots=True)
class Description:
    """A page as it describes itself. Texts are plain, "" where it says nothing; addresses are whole.

    `author_handle` is what ``fediverse:creator`` names (``@name@domain``), believed by nobody yet.
    `oembed_url` leads to more of it (https://oembed.com). `published_at` is in milliseconds.
    """

    url: str
    title: str
    description: str = ""
    language: str = ""
    image_url: str = ""
    image_alt: str = ""
    width: int = 0
    height: int = 0
    player_url: str = ""
    player_width: int = 0
    player_height: int = 0
    provider_name: str = ""
    author_name: str = ""
    author_url: str = ""
    author_handle: str = ""
    oembed_url: str = ""
    published_at: int | None = None


def describe(html: str, page_url: str) -> Description:
    """Read a page that was found at `page_url`. It takes time: call it in a thread."""
    found = _Found(page_url)
    for element in page.elements(html):
        found.take(element)
    said, graph = found.said, found.graph
    author = _first(graph.get("author"))
    provider = _first(graph.get("publisher"))
    player = found.address(said.get("twitter:player", "") or said.get("og:video:secure_url", ""))
    return Description(
        url=found.canonical(),
        title=_line(said.get("og:title"), graph.get("headline"), graph.get("name"), said.get("twitter:title"), found.title, limit=TITLE_CHARS_MAX),
        description=_line(
            said.get("og:description"), graph.get("description"), said.get("twitter:description"), said.get("description"),
            limit=DESCRIPTION_CHARS_MAX,
        ),
        language=language_tag(said.get("og:locale", "") or page.language(html)) or "",
        image_url=found.address(said.get("og:image:secure_url", "") or said.get("og:image", "") or said.get("twitter:image", "")),
        image_alt=_line(said.get("og:image:alt"), said.get("twitter:image:alt"), limit=DESCRIPTION_CHARS_MAX),
        width=_pixels(said.get("og:image:width")),
        height=_pixels(said.get("og:image:height")),
        player_url=player if player.startswith("https://") else "",
        player_width=_pixels(said.get("twitter:player:width") or said.get("og:video:width")),
        player_height=_pixels(said.get("twitter:player:height") or said.get("og:video:height")),
        provider_name=_line(said.get("og:site_name"), provider.get("name"), limit=NAME_CHARS_MAX),
        author_name=_line(author.get("name"), said.get("author"), limit=NAME_CHARS_MAX),
        author_url=found.address(_text(author.get("url")) or said.get("article:author", "")),
        author_handle=_line(said.get("fediverse:creator"), limit=NAME_CHARS_MAX),
        oembed_url=found.oembed_url,
        published_at=_instant(said.get("article:published_time") or _text(graph.get("datePublished"))),
    )  # fmt: skip


class _Found:
    """What has been read so far: of each name what came first."""

    def __init__(self, page_url: str) -> None:
        self.page_url = page_url
        self.said: dict[str, str] = {}
        self.graph: Mapping[str, Any] = {}
        self.title = ""
        self.oembed_url = ""
        self._canonical = ""

    def take(self, element: Element) -> None:
        attributes = element.attributes
        if element.name == "title":
            self.title = self.title or element.text
        elif element.name == "meta":
            name = attributes.get("property") or attributes.get("name") or attributes.get("itemprop") or ""
            self.said.setdefault(name.lower(), attributes.get("content", ""))
        elif element.name == "link":
            rel = attributes.get("rel", "").lower().split()
            if "canonical" in rel:
                self._canonical = self._canonical or attributes.get("href", "")
            elif "alternate" in rel and attributes.get("type") == "application/json+oembed":
                self.oembed_url = self.oembed_url or self.address(attributes.get("href", ""))
        elif element.name == "script" and attributes.get("type") == "application/ld+json" and not self.graph:
            self.graph = _article(element.text)

    def address(self, value: str) -> str:
        """A whole address, or "" when there is none that can be shown."""
        found = page.absolute(self.page_url, value) if value.strip() else None
        return found if found and len(found) <= ADDRESS_CHARS_MAX else ""

    def canonical(self) -> str:
        """Where the page says it lives: believed within its own host, and not when all pages name the front page."""
        said = self.address(self._canonical) or self.address(self.said.get("og:url", ""))
        theirs, here = urlsplit(said), urlsplit(self.page_url)
        if theirs.hostname != here.hostname or (theirs.path in ("", "/") and here.path not in ("", "/")):
            return self.page_url
        return said


def _article(text: str) -> Mapping[str, Any]:
    """The first thing in JSON-LD that is something to read or to attend."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    for one in _things(value):
        types = one.get("@type")
        if any(kind in _ARTICLES for kind in (types if isinstance(types, list) else [types])):
            return one
    return {}


def _things(value: Any) -> Sequence[Mapping[str, Any]]:
    if isinstance(value, dict) and isinstance(value.get("@graph"), list):
        value = value["@graph"]
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]


def _first(value: Any) -> Mapping[str, Any]:
    """A person or organisation, which may be a list or nothing but a name."""
    if isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, dict) else {"name": value}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _line(*said: Any, limit: int) -> str:
    for one in said:
        line = clean_line(_text(one))
        if line:
            return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
    return ""


def _pixels(value: Any) -> int:
    text = str(value or "").strip().removesuffix("px")
    return min(int(text), PIXELS_MAX) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def _instant(value: str) -> int | None:
    try:
        when = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return int(when.timestamp() * 1000) if 1990 <= when.year <= 2200 else None
