"""oEmbed (https://oembed.com): what other sites offer to embed, and what we offer them.

Of what others send only pictures and players are taken, and of a player only where its frame leads: markup of
theirs is never shown.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from html import escape, unescape
from typing import Any, Final, Literal

from fedserver.content import page
from fedserver.content.html import excerpt
from fedserver.content.text import clean_line
from fedserver.context import Server
from fedserver.errors import Unreachable
from fedserver.page_cards import PostCard
from fedserver.site import Site

log = logging.getLogger("fedserver.oembed")

BYTES_MAX: Final = 1 << 17
TYPES: Final = frozenset({"application/json", "application/json+oembed", "text/json", "text/javascript"})
TEXT_CHARS_MAX: Final = 300
MARKUP_CHARS_MAX: Final = 8_000  # in which the frame must begin: looking for it costs their square
PIXELS_MAX: Final = 10_000
WIDTH: Final = 600
HEIGHT: Final = 420
CACHE_SECONDS: Final = 86_400

_FRAME: Final = re.compile(
    r"<iframe\b[^>]{0,4000}?\ssrc\s*=\s*(?:\"([^\"]{1,2000})\"|'([^']{1,2000})')", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Embed:
    """What a site offers: a picture (``photo``), a player (``video``), or no more than the link."""

    type: Literal["link", "photo", "video"]
    title: str
    author_name: str
    author_url: str
    provider_name: str
    image_url: str
    player_url: str
    width: int
    height: int


async def fetch_embed(server: Server, url: str) -> Embed | None:
    """Ask an endpoint that a page named; None when there is no use in its answer."""
    try:
        found = await server.http.get(
            url, accept="application/json", max_bytes=BYTES_MAX, content_types=TYPES
        )
    except Unreachable as error:
        log.info("No oEmbed of %s: %s", url, error.reason)
        return None
    if found.status != 200:
        return None
    try:
        return read_embed(json.loads(found.body), found.url)
    except (ValueError, RecursionError):
        return None


def read_embed(value: Any, url: str) -> Embed | None:
    """An answer (oEmbed 2.3.4) as far as we use it; None when it is none or its type is not shown (``rich``)."""
    if not isinstance(value, dict) or value.get("type") not in ("link", "photo", "video"):
        return None
    kind: Literal["link", "photo", "video"] = value["type"]
    image = _address(value.get("url"), url) if kind == "photo" else ""
    markup = value.get("html") if kind == "video" else None
    frame = _FRAME.search(markup[:MARKUP_CHARS_MAX]) if isinstance(markup, str) else None
    player = _address(unescape(frame[1] or frame[2]), url) if frame else ""
    if (kind == "photo" and not image) or (kind == "video" and not player.startswith("https://")):
        kind, player = "link", ""
    return Embed(
        type=kind,
        title=_line(value.get("title")),
        author_name=_line(value.get("author_name")),
        author_url=_address(value.get("author_url"), url),
        provider_name=_line(value.get("provider_name")),
        image_url=image or _address(value.get("thumbnail_url"), url),
        player_url=player,
        width=_pixels(value.get("width")),
        height=_pixels(value.get("height")),
    )


def offer(site: Site, card: PostCard, width: int, height: int | None) -> dict[str, Any]:
    """Our answer for a post: a frame that shows it, `width` and at the most `height` CSS pixels large."""
    embedded = f"{site.origin}{card.path}/embed"
    return {
        "type": "rich",
        "version": "1.0",
        "title": f"{card.author.name}: {card.title or card.summary or excerpt(card.html, 80)}",
        "author_name": card.author.name,
        "author_url": card.author.url,
        "provider_name": site.settings.title,
        "provider_url": f"{site.origin}/",
        "cache_age": CACHE_SECONDS,
        "html": (
            f'<iframe src="{escape(embedded)}" width="{width}" height="{height or HEIGHT}" frameborder="0" '
            f'title="{escape(card.author.name)}" loading="lazy" sandbox="allow-popups allow-popups-to-escape-sandbox">'
            "</iframe>"
        ),
        "width": width,
        "height": height or HEIGHT,
    }


def frame(player_url: str, width: int, height: int) -> str:
    """The frame for a player: it may run, but not touch the page around it."""
    return (
        f'<iframe src="{escape(player_url)}" width="{width or 480}" height="{height or 270}" frameborder="0" '
        'sandbox="allow-scripts allow-same-origin allow-popups allow-forms allow-presentation" allowfullscreen></iframe>'
    )


def _address(value: Any, url: str) -> str:
    found = page.absolute(url, value) if isinstance(value, str) and value.strip() else None
    return found if found and len(found) <= 2_000 else ""


def _line(value: Any) -> str:
    return clean_line(value)[:TEXT_CHARS_MAX] if isinstance(value, str) else ""


def _pixels(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 6:
        value = int(value)
    return (
        min(value, PIXELS_MAX) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
    )
