"""HTML that others wrote as Markdown: made safe first, and again when the Markdown becomes a post."""

from __future__ import annotations

import re
from html import unescape
from typing import Final

from fedserver.content.html import sanitise_article, to_text

_MARKUP: Final = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]{0,20}(?:\s[^<>]{0,2000})?/?>")
_REFERENCE: Final = re.compile(r"&(?:[a-zA-Z]{2,10}|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")


def markdown_of(html: str) -> str:
    """The Markdown for HTML. Raises TooLarge for more than an article may have."""
    # Brings a parser of its own, which nothing else needs.
    from markdownify import markdownify

    return str(markdownify(sanitise_article(html), heading_style="atx", bullets="-"))


def has_markup(text: str) -> bool:
    """Whether a text that should be plain was written as HTML: it has tags or character references."""
    return _MARKUP.search(text) is not None or _REFERENCE.search(text) is not None


def text_of(html: str) -> str:
    """HTML of any kind as plain text. Raises TooLarge for more than an article may have."""
    return to_text(sanitise_article(html)) if _MARKUP.search(html) else unescape(html)
